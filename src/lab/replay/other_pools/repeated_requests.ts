/**
 * Requests that were refused and that a driver tries again: each is asked for once, however often it is tried.
 *
 * The same buffer of the same device, asked for again soon after it was refused, is the same request; once it was
 * served, the next is another. Of a list an attempt may come further than those before it: its entries beyond them are
 * new.
 */
import type { Operation } from "../contracts/operation.js";
import { pauseMax } from "../told/refused_tries.js";

/** Buffers remembered at once. */
const openMax = 4096;

interface Tried {
  readonly list: boolean;
  readonly device: number;
  readonly size: number;
  /** Latest attempt, microseconds. */
  at: number;
  /** Entries that some attempt came to. */
  entries: number;
}

export class RepeatedRequests {
  /** By the buffer's address, of a list that of its first entry. */
  readonly #tried = new Map<number, Tried[]>();
  /** The list that each task has under way, and how many of its entries have come. */
  readonly #lists = new Map<number, { readonly tried: Tried; come: number }>();

  /** Whether a refused request is one that was refused before. Entries of a list come in its order. */
  isRepeated(op: Operation): boolean {
    if (!op.list) {
      const tried = this.#of(op);
      return tried.entries++ > 0;
    }
    let list = this.#lists.get(op.task);
    if (list === undefined) {
      list = { tried: this.#of(op), come: 0 };
      this.#lists.set(op.task, list);
    }
    if (op.listEnd) this.#lists.delete(op.task);
    list.tried.at = op.at;
    if (++list.come <= list.tried.entries) return true;
    list.tried.entries = list.come;
    return false;
  }

  /** This one was granted: when it is refused later, that is another request. */
  served(op: Operation): void {
    const same = this.#tried.get(op.orig);
    if (same === undefined) return;
    const left = same.filter((t) => t.device !== op.device || t.size !== op.size);
    if (left.length === 0) this.#tried.delete(op.orig);
    else if (left.length < same.length) this.#tried.set(op.orig, left);
  }

  #of({ list, device, orig, size, at }: Operation): Tried {
    const same = this.#tried.get(orig) ?? [];
    const before = same.find((t) => t.list === list && t.device === device && t.size === size);
    if (before !== undefined && at - before.at <= pauseMax) {
      before.at = at;
      return before;
    }
    if (this.#tried.size >= openMax) this.#tried.clear();
    const tried = { list, device, size, at, entries: 0 };
    this.#tried.set(orig, [...same.filter((t) => t !== before), tried]);
    return tried;
  }
}
