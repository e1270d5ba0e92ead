/**
 * Lists that were refused, with how often each was tried: a driver that cannot do without begins again with the same
 * buffer at once (usb_sg_wait does, in a loop without end).
 */
import type { Operation } from "../contracts/operation.js";
import type { RefusedTries } from "./outcome.js";

/** What is tried again after longer is another request (microseconds). */
export const pauseMax = 1_000_000;
/** Lists followed at once, and told one by one. */
const openMax = 4096;
const toldMax = 100;

interface Row {
  readonly device: number;
  readonly from: number;
  to: number;
  tries: number;
}

export class TryCounter {
  readonly #open = new Map<string, Row>();
  /** First entry of the list that each task has under way. */
  readonly #firsts = new Map<number, Operation>();
  readonly #again: Row[] = [];
  #lists = 0;
  #tries = 0;

  /** An entry of a list that was refused in the end. */
  entry(op: Operation): void {
    if (!this.#firsts.has(op.task)) this.#firsts.set(op.task, op);
    if (op.listEnd) this.#firsts.delete(op.task);
  }

  /** The list of this entry was refused, at this entry. */
  refused(op: Operation): void {
    const first = this.#firsts.get(op.task) ?? op;
    this.#firsts.delete(op.task);
    this.#tries++;
    const key = `${first.device} ${first.orig} ${first.size}`;
    const known = this.#open.get(key);
    if (known !== undefined && op.at - known.to <= pauseMax) {
      if (known.tries++ === 1) this.#again.push(known);
      known.to = op.at;
      return;
    }
    this.#lists++;
    if (this.#open.size >= openMax) this.#open.clear();
    this.#open.set(key, { device: first.device, from: op.at, to: op.at, tries: 1 });
  }

  get tries(): number {
    return this.#tries;
  }

  finish(): RefusedTries {
    const again = [...this.#again].sort((a, b) => b.tries - a.tries).slice(0, toldMax);
    return { lists: this.#lists, tries: this.#tries, again };
  }
}
