/**
 * The paging-structure caches: pointers to tables below the top one, so that a walk begins where the last one ended.
 *
 * They are why the page of a table that software unlinked may be read after the leaf's invalidation: an invalidation with
 * its hint (VT-d IH, SMMUv3 Leaf, AMD-Vi PDE = 0) leaves them. Source: VT-d 4.1, 6.2.4. Of nested translations none are kept.
 */
import { u64, u64High, u64Low } from "../../../base/u64.js";
import type { MachineState } from "../../../state/machine_state.js";
import { Slots } from "./slots.js";
import { isOf, type SpaceScope, spaceWord, type Tag } from "./tag.js";

const Word = { flags: 0, domain: 1, space: 2, prefix: 3, table: 5 } as const;
const width = 7;

/** Where a walk may begin. */
export interface CachedTable extends Omit<Tag, "globals"> {
  /** Level of the table that the pointer leads to, and log2 of the bytes that it translates. */
  readonly level: number;
  readonly spanLg2: number;
  /** First frame that it translates. */
  readonly frame: number;
  /** Byte address of the table. */
  readonly table: number;
  /** Rights of the entries that led to it. */
  readonly allow: number;
}

/** What an invalidation asks for; what is left out is not asked. */
export interface TableScope extends SpaceScope {
  /** Lowest level of the tables that are forgotten. */
  readonly levelMin?: number;
}

export class TableCache {
  readonly slots: Slots;
  readonly #entry = new Uint32Array(width);

  constructor(state: MachineState, count: number, name = "paging-structure cache") {
    this.slots = new Slots(state, { name, doc: "pointers to tables with their tags", count, width });
  }

  /** @returns the lowest table that a walk of this frame may begin with; null when none is cached. */
  find(tag: Omit<Tag, "globals">, frame: number): CachedTable | null {
    let best: CachedTable | null = null;
    for (let slot = 0; slot < this.slots.count; slot++) {
      if (!this.slots.isUsed(slot)) continue;
      const e = this.#at(slot);
      if (e.domain !== tag.domain || e.space !== tag.space || !covers(e, frame)) continue;
      if (best === null || e.level < best.level) best = e;
    }
    return best;
  }

  /** @param way one of `slots.ways()`; a pointer to the same place is replaced */
  fill(e: CachedTable, way: number): void {
    this.slots.clearWhere((slot) => {
      const old = this.#at(slot);
      return old.level === e.level && old.frame === e.frame && old.domain === e.domain && old.space === e.space;
    });
    const w = this.#entry;
    w[Word.flags] = 1 | (e.allow << 1) | (e.level << 4) | (e.spanLg2 << 8);
    w[Word.domain] = e.domain;
    w[Word.space] = spaceWord(e.space);
    w[Word.prefix] = u64Low(e.frame);
    w[Word.prefix + 1] = u64High(e.frame);
    w[Word.table] = u64Low(e.table);
    w[Word.table + 1] = u64High(e.table);
    this.slots.put(way, w);
  }

  invalidate(scope: TableScope): number {
    const { first = 0, last = Number.MAX_SAFE_INTEGER, granuleLg2, levelMin = 0 } = scope;
    return this.slots.clearWhere((slot) => {
      const e = this.#at(slot);
      if (!isOf(scope, e.domain, spaceWord(e.space)) || e.level < levelMin) return false;
      if (granuleLg2 !== undefined && granuleOf(e) !== granuleLg2) return false;
      return e.frame <= last && e.frame + 2 ** (e.spanLg2 - 12) - 1 >= first;
    });
  }

  #at(slot: number): CachedTable {
    const flags = this.slots.word(slot, Word.flags);
    const space = this.slots.word(slot, Word.space);
    return {
      domain: this.slots.word(slot, Word.domain),
      space: space === 0 ? null : space - 1,
      level: (flags >>> 4) & 15,
      spanLg2: flags >>> 8,
      allow: (flags >>> 1) & 3,
      frame: u64(this.slots.word(slot, Word.prefix), this.slots.word(slot, Word.prefix + 1)),
      table: u64(this.slots.word(slot, Word.table), this.slots.word(slot, Word.table + 1)),
    };
  }
}

/** A table has a granule of entries, 8 bytes each, and so have all below it. */
const granuleOf = ({ level, spanLg2 }: CachedTable) => (spanLg2 + 3 * (level + 1)) / (level + 2);

const covers = (e: CachedTable, frame: number) => frame >= e.frame && frame < e.frame + 2 ** (e.spanLg2 - 12);
