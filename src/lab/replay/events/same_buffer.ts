/**
 * Whether a search and a mapping are of one buffer.
 *
 * The event before a search prints a bus address of the buffer: its physical one, perhaps with an encryption bit above
 * it. Under Xen it is the machine's, of which only the place inside the page is the same.
 */
import { Context } from "../../../read/event.js";
import type { Operation } from "../contracts/operation.js";
import type { BouncesInBounds } from "./bounces_in_bounds.js";

const pageBytes = 4096;

/** A mapping as its event tells it. */
export interface Made {
  readonly device: number;
  readonly context: number;
  readonly size: number;
  readonly phys: number;
  readonly address: number;
}

export class SameBuffer {
  readonly #machineAddresses: boolean;
  readonly #inBounds: BouncesInBounds;

  /** @param machineAddresses whether bus addresses are a hypervisor's */
  constructor(machineAddresses: boolean, inBounds: BouncesInBounds) {
    this.#machineAddresses = machineAddresses;
    this.#inBounds = inBounds;
  }

  /** Whether what a search printed may be the buffer at `phys`. */
  prints(op: Operation, phys: number): boolean {
    if (Number.isNaN(phys) && op.orig > 0) return true;
    if (this.#machineAddresses) return op.orig % pageBytes === phys % pageBytes;
    return isSameAddress(op.orig, phys);
  }

  /** Whether a search is that of an entry of a list. */
  isEntry(op: Operation, device: number, phys: number, size: number): boolean {
    if (op.device !== device || !this.prints(op, phys)) return false;
    return !this.#machineAddresses || op.size === size;
  }

  /** The search of a single mapping, newest first; -1 for none. */
  searchOf(searches: readonly Operation[], m: Made): number {
    let at = searches.length - 1;
    while (at >= 0 && !this.#isSingle(searches[at]!, m)) at--;
    return at;
  }

  /** The search of a single mapping whose buffer has another bus address: nothing of the same code came between. */
  movedSearchOf(searches: readonly Operation[], m: Made): number {
    let at = searches.length - 1;
    while (at >= 0 && !sameCode(searches[at]!, m.context)) at--;
    return at >= 0 && this.isMoved(searches[at]!, m) ? at : -1;
  }

  /**
   * Whether a search may be that of a mapping whose buffer has a bus address of its own, as another domain's pages have
   * under Xen: all else agrees, and only the place inside the page is the same. What the device was given is then
   * neither the buffer's physical nor its bus address, and lies where bounces lie.
   */
  isMoved(op: Operation, m: Made): boolean {
    if (this.#machineAddresses || op.device !== m.device || op.size !== m.size || !sameCode(op, m.context))
      return false;
    if (op.orig % pageBytes !== m.phys % pageBytes || m.address === m.phys || m.address === op.orig) return false;
    return !(m.address >= 0) || this.#inBounds.mayBe(m.address);
  }

  #isSingle(op: Operation, m: Made): boolean {
    return op.device === m.device && op.size === m.size && this.prints(op, m.phys);
  }
}

/** A buffer's bus address is its physical one, perhaps with an encryption bit above it. */
export const isSameAddress = (bus: number, phys: number): boolean =>
  bus === phys || (bus > phys && (bus - phys) % 2 ** 32 === 0);

/** Whether a search was begun by the same code: a task, or an interrupt of the same kind. */
const sameCode = (op: Operation, context: number): boolean =>
  op.context === context || op.context === Context.unknown || context === Context.unknown;
