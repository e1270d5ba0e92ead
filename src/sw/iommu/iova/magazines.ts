/**
 * Freed addresses of one size, kept for the next request of that size: two magazines a CPU, and a depot that all share.
 *
 * Source: Linux drivers/iommu/iova.c, __iova_rcache_get, __iova_rcache_insert, iova_magazine_pop, iova_depot_push.
 */
import { magazineAddresses } from "./limits.js";

class Magazine {
  readonly frames: Float64Array;
  size = 0;

  constructor(capacity: number) {
    this.frames = new Float64Array(capacity);
  }

  /** Which address `pop` would give. @returns its index, or -1 */
  newest(limit: number): number {
    let i = this.size - 1;
    while (i >= 0 && this.frames[i]! > limit) i--;
    return i;
  }

  remove(frame: number): boolean {
    const i = this.frames.subarray(0, this.size).indexOf(frame);
    if (i < 0) return false;
    this.frames.copyWithin(i, i + 1, this.size--);
    return true;
  }

  /** The newest address that ends at or below a limit; the newest of all takes its place. @returns -1 when none does */
  pop(limit: number): number {
    const { frames } = this;
    const i = this.newest(limit);
    if (i < 0) return -1;
    const frame = frames[i]!;
    frames[i] = frames[--this.size]!;
    return frame;
  }
}

interface CpuMagazines {
  loaded: Magazine;
  previous: Magazine;
}

export interface MagazineRules {
  /** Addresses of one magazine: 127 from Linux 6.6 on, 128 before. */
  readonly addresses: number;
  /** Full magazines that the depot takes; before 6.7 32, and what is more is given back to the tree. */
  readonly depot: number;
}

export const magazinesToday: MagazineRules = { addresses: magazineAddresses, depot: Number.POSITIVE_INFINITY };

export class Magazines {
  readonly #rules: MagazineRules;
  readonly #cpus: CpuMagazines[] = [];
  readonly #depot: Magazine[] = [];

  constructor(rules: MagazineRules = magazinesToday) {
    this.#rules = rules;
  }

  /** Full magazines in the depot. */
  get depotSize(): number {
    return this.#depot.length;
  }

  /** @param limit the highest first frame that will do @returns a first frame; -1 when this CPU has none */
  take(cpu: number, limit: number): number {
    const own = this.#of(cpu);
    if (own.loaded.size === 0) {
      if (own.previous.size > 0) swap(own);
      else {
        const full = this.#depot.pop();
        if (full === undefined) return -1;
        own.loaded = full;
      }
    }
    return own.loaded.pop(limit);
  }

  /** What `take` would give; nothing changes. @returns a first frame, or -1 */
  peek(cpu: number, limit: number): number {
    const { loaded, previous } = this.#of(cpu);
    const from = loaded.size > 0 ? loaded : previous.size > 0 ? previous : (this.#depot.at(-1) ?? loaded);
    return from.frames[from.newest(limit)] ?? -1;
  }

  /** Take one address out, whoever keeps it. @returns false when nobody does */
  remove(frame: number): boolean {
    for (const own of this.#cpus) {
      if (own !== undefined && (own.loaded.remove(frame) || own.previous.remove(frame))) return true;
    }
    return this.#depot.some((m) => m.remove(frame));
  }

  /** Keep a freed address. @param overflow is given every address of a magazine that the depot does not take */
  keep(cpu: number, frame: number, overflow: (frame: number) => void): void {
    const { addresses, depot } = this.#rules;
    const own = this.#of(cpu);
    if (own.loaded.size === addresses) {
      if (own.previous.size < addresses) swap(own);
      else {
        if (this.#depot.length < depot) this.#depot.push(own.loaded);
        else drain(own.loaded, overflow);
        own.loaded = new Magazine(addresses);
      }
    }
    own.loaded.frames[own.loaded.size++] = frame;
  }

  /** Give back what every CPU keeps. */
  drainCpus(give: (frame: number) => void): void {
    for (const own of this.#cpus) {
      if (own === undefined) continue;
      drain(own.loaded, give);
      drain(own.previous, give);
    }
  }

  /** Give back the depot's magazines, down to so many: the kernel's own work every 100 ms leaves one for each CPU. */
  drainDepot(give: (frame: number) => void, keep = 0): void {
    while (this.#depot.length > keep) drain(this.#depot.pop()!, give);
  }

  #of(cpu: number): CpuMagazines {
    const { addresses } = this.#rules;
    this.#cpus[cpu] ??= { loaded: new Magazine(addresses), previous: new Magazine(addresses) };
    return this.#cpus[cpu];
  }
}

function swap(own: CpuMagazines): void {
  const { loaded } = own;
  own.loaded = own.previous;
  own.previous = loaded;
}

function drain(magazine: Magazine, give: (frame: number) => void): void {
  for (let i = 0; i < magazine.size; i++) give(magazine.frames[i]!);
  magazine.size = 0;
}
