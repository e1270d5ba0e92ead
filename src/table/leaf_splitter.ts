/**
 * Makes smaller leaves of large ones, which translate as before: what must come first when only a part is unmapped.
 *
 * Between two stores each address is translated by the old entry or by a new one that leads to the same place. Marks that
 * hardware has set in the large leaf (accessed, dirty) are not carried over.
 */
import type { EntryCursor } from "./cursor.js";
import type { LeafTemplates } from "./leaf_templates.js";
import { Kind, Row, rowLength, type WalkPlan } from "./plan.js";
import type { Allow } from "./root.js";
import type { TableMaker, TableMemory } from "./table_maker.js";
import { granted, leafAddress } from "./walk.js";

const perHalf = 2 ** -32;

export interface LeafSplitterOptions {
  readonly plan: WalkPlan;
  readonly memory: TableMemory;
  readonly leaves: LeafTemplates;
  readonly maker: TableMaker;
}

export class LeafSplitter {
  readonly #o: LeafSplitterOptions;

  constructor(o: LeafSplitterOptions) {
    this.#o = o;
  }

  /** Of the leaf at hand, larger than a page: leaves of the next smaller size of a level. @param size bytes of it */
  split({ level, low, high, address }: EntryCursor, size: number): void {
    const { plan, maker } = this.#o;
    const allow = (granted(plan, Kind.leaf, low, high) & 3) as Allow;
    const span = this.#span(level);
    const count = size / span;
    const first = Math.floor(leafAddress(plan, level, low, high) / size) * size;
    const at = address - (address % (count * 8));
    for (let n = 0; n < count; n++) {
      const to = first + n * span;
      // No entry of AMD-Vi has a leaf of 512 GiB: see `LeafSizes`.
      if (count > 1 && level <= 2) this.#store(at + n * 8, level, to, allow);
      else maker.link(at + n * 8, level, level - 1, this.#filled(level - 1, to, allow));
    }
  }

  /** Of the leaves that a bit joins with the one at hand: single ones. @param count entries of such a run */
  unjoin({ words, at, address, level }: EntryCursor, count: number): void {
    const { leaves, memory } = this.#o;
    const bit = leaves.joined(level);
    const before = (address / 8) % count;
    for (let n = -before; n < count - before; n++) {
      const [low, high] = [words[at + n + n]! | 0, words[at + n + n + 1]! | 0];
      if (((low & bit.low) | (high & bit.high)) !== 0)
        memory.store64(address + n * 8, low & ~bit.low, high & ~bit.high);
    }
  }

  /** @returns byte address of a table that maps all of its range to what begins at `first` */
  #filled(level: number, first: number, allow: Allow): number {
    const { plan, leaves, maker } = this.#o;
    const table = maker.take();
    const span = this.#span(level);
    for (let n = 0; n <= plan.indexMask; n++) {
      const to = first + n * span;
      if (leaves.isLeaf(level)) this.#store(table + n * 8, level, to, allow);
      else maker.link(table + n * 8, level, level - 1, this.#filled(level - 1, to, allow));
    }
    return table;
  }

  #store(address: number, level: number, to: number, allow: Allow): void {
    const leaf = this.#o.leaves.need(level, allow);
    const high = (to * perHalf) | 0;
    this.#o.memory.store64(address, leaf.lowOf(to | 0, high), leaf.highOf(high));
  }

  #span(level: number): number {
    return 2 ** this.#o.plan.rows[level * rowLength + Row.shift]!;
  }
}
