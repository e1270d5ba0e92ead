/**
 * Requests that were refused and that a driver tries again: each is asked for once, however often it is tried.
 *
 * The same buffer of the same device, asked for again soon after it was refused, is the same request; once it was
 * served, the next is another. Of a list an attempt may come further than those before it: its entries beyond them are
 * new.
 */
import type { Mappings } from "../contracts/mappings.js";

/** What is tried again after longer is another request (microseconds). */
export const pauseMax = 1_000_000;
/** Buffers remembered at once. */
const openMax = 4096;

interface Tried {
  readonly list: number;
  readonly device: number;
  readonly size: number;
  /** Latest attempt, microseconds. */
  at: number;
  /** Entries that some attempt came to. */
  entries: number;
}

export class RepeatedRequests {
  readonly #maps: Mappings;
  /** By the buffer's address, of a list that of its first entry. */
  readonly #tried = new Map<number, Tried[]>();
  /** The list that each task has under way, and how many of its entries have come. */
  readonly #lists = new Map<number, { readonly tried: Tried; come: number }>();

  constructor(maps: Mappings) {
    this.#maps = maps;
  }

  /** Whether a refused request is one that was refused before. Entries of a list come in its order. */
  isRepeated(m: number): boolean {
    const { list: isList, listEnd, task: tasks, time } = this.#maps;
    if (isList[m] === 0) {
      const tried = this.#of(m);
      return tried.entries++ > 0;
    }
    const task = tasks[m]!;
    let list = this.#lists.get(task);
    if (list === undefined) {
      list = { tried: this.#of(m), come: 0 };
      this.#lists.set(task, list);
    }
    if (listEnd[m] === 1) this.#lists.delete(task);
    list.tried.at = time[m]!;
    if (++list.come <= list.tried.entries) return true;
    list.tried.entries = list.come;
    return false;
  }

  /** This one was granted: when it is refused later, that is another request. */
  served(m: number): void {
    if (this.#tried.size === 0) return;
    const { orig, device, size } = this.#maps;
    const same = this.#tried.get(orig[m]!);
    if (same === undefined) return;
    const left = same.filter((t) => t.device !== device[m] || t.size !== size[m]);
    if (left.length === 0) this.#tried.delete(orig[m]!);
    else if (left.length < same.length) this.#tried.set(orig[m]!, left);
  }

  #of(m: number): Tried {
    const { orig, time } = this.#maps;
    const [list, device, size] = [this.#maps.list[m]!, this.#maps.device[m]!, this.#maps.size[m]!];
    const same = this.#tried.get(orig[m]!) ?? [];
    const before = same.find((t) => t.list === list && t.device === device && t.size === size);
    if (before !== undefined && time[m]! - before.at <= pauseMax) {
      before.at = time[m]!;
      return before;
    }
    if (this.#tried.size >= openMax) this.#tried.clear();
    const tried = { list, device, size, at: time[m]!, entries: 0 };
    this.#tried.set(orig[m]!, [...same.filter((t) => t !== before), tried]);
    return tried;
  }
}
