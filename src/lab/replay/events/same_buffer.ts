/**
 * Whether a search and a mapping are of one buffer.
 *
 * The event before a search prints a bus address of the buffer: its physical one, perhaps with an encryption bit above
 * it. Under Xen it is the machine's, of which only the place inside the page is the same.
 */
import { frameBytes } from "../../../base/frame.js";
import { u64Low } from "../../../base/u64.js";
import { Context } from "../../../read/event.js";
import type { Mappings } from "../contracts/mappings.js";
import type { BouncesInBounds } from "./bounces_in_bounds.js";

const pageBytes = frameBytes;

export class SameBuffer {
  readonly #maps: Mappings;
  readonly #machineAddresses: boolean;
  readonly #inBounds: BouncesInBounds;

  /** @param machineAddresses whether bus addresses are a hypervisor's */
  constructor(maps: Mappings, machineAddresses: boolean, inBounds: BouncesInBounds) {
    this.#maps = maps;
    this.#machineAddresses = machineAddresses;
    this.#inBounds = inBounds;
  }

  /** Whether what a search printed may be the buffer at `phys`. */
  prints(search: number, phys: number): boolean {
    const orig = this.#maps.orig[search]!;
    if (Number.isNaN(phys) && orig > 0) return true;
    if (this.#machineAddresses) return orig % pageBytes === phys % pageBytes;
    return isSameAddress(orig, phys);
  }

  /** Whether a search is that of an entry of a list. */
  isEntry(search: number, device: number, phys: number, size: number): boolean {
    if (this.#maps.device[search] !== device || !this.prints(search, phys)) return false;
    return !this.#machineAddresses || this.#maps.size[search] === size;
  }

  /** The search of a single mapping, newest first. @returns its index, -1 for none */
  searchOf(searches: readonly number[], device: number, size: number, phys: number): number {
    const maps = this.#maps;
    let at = searches.length - 1;
    for (; at >= 0; at--) {
      const search = searches[at]!;
      if (maps.device[search] === device && maps.size[search] === size && this.prints(search, phys)) break;
    }
    return at;
  }

  /** The search of a single mapping whose buffer has another bus address: nothing of the same code came between. */
  movedSearchOf(
    searches: readonly number[],
    context: number,
    device: number,
    size: number,
    phys: number,
    address: number,
  ): number {
    let at = searches.length - 1;
    while (at >= 0 && !this.#isSameCode(searches[at]!, context)) at--;
    return at >= 0 && this.isMoved(searches[at]!, context, device, size, phys, address) ? at : -1;
  }

  /**
   * Whether a search may be that of a mapping whose buffer has a bus address of its own, as another domain's pages have
   * under Xen: all else agrees, and only the place inside the page is the same. What the device was given is then
   * neither the buffer's physical nor its bus address, and lies where bounces lie.
   */
  isMoved(search: number, context: number, device: number, size: number, phys: number, address: number): boolean {
    const maps = this.#maps;
    if (this.#machineAddresses || maps.device[search] !== device || maps.size[search] !== size) return false;
    if (!this.#isSameCode(search, context)) return false;
    const orig = maps.orig[search]!;
    if (orig % pageBytes !== phys % pageBytes || address === phys || address === orig) return false;
    return !(address >= 0) || this.#inBounds.mayBe(address);
  }

  /** Whether a search was begun by the same code: a task, or an interrupt of the same kind. */
  #isSameCode(search: number, context: number): boolean {
    const begun = this.#maps.context[search];
    return begun === context || begun === Context.unknown || context === Context.unknown;
  }
}

/** A buffer's bus address is its physical one, perhaps with an encryption bit above it. */
export const isSameAddress = (bus: number, phys: number): boolean =>
  bus === phys || (bus > phys && u64Low(bus - phys) === 0);
