/** Refusals that have the same reason, told once: how many there were, and the first of them. */
import type { Refusal, RefusalReason } from "../../../sw/engine/index.js";

/** Mappings of one device that were refused for one reason, of one class of sizes. */
export interface RefusalGroup {
  readonly reason: RefusalReason;
  /** Each stands for a list of buffers that was refused as a whole. */
  readonly list: boolean;
  readonly count: number;
  /** Bytes, of the smallest and the largest. */
  readonly sizeLeast: number;
  readonly sizeMost: number;
  readonly examples: readonly RefusedMapping[];
}

export interface RefusedMapping {
  /** Which mapping of its device it was, from 1 on. */
  readonly map: number;
  readonly phys: number;
  /** Bytes. */
  readonly size: number;
  readonly words: string;
}

/** Largest bytes of each class of sizes: a page, a usual request, the largest mapping of a pool, and beyond. */
const sizeClasses = [4096, 65536, 262144, Number.POSITIVE_INFINITY];
const examplesMax = 3;

type Open<T> = { -readonly [K in keyof T]: T[K] };

export class RefusalGroups {
  readonly #groups = new Map<string, Open<RefusalGroup> & { readonly examples: RefusedMapping[] }>();

  add(why: Refusal, list: boolean, at: Omit<RefusedMapping, "words">): void {
    const { size } = at;
    const key = `${why.reason} ${list} ${sizeClasses.findIndex((most) => size <= most)}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { reason: why.reason, list, count: 0, sizeLeast: size, sizeMost: size, examples: [] };
      this.#groups.set(key, group);
    }
    group.count++;
    group.sizeLeast = Math.min(group.sizeLeast, size);
    group.sizeMost = Math.max(group.sizeMost, size);
    if (group.examples.length < examplesMax) group.examples.push({ ...at, words: why.words });
  }

  /** The largest first; of equal ones the one that began earlier. */
  sorted(): RefusalGroup[] {
    return [...this.#groups.values()].sort((a, b) => b.count - a.count || a.examples[0]!.map - b.examples[0]!.map);
  }
}
