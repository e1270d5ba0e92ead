/** Makes tables and links them, for a mapper. */
import { frameBytes } from "../base/frame.js";
import type { MemoryView } from "../mem/view.js";
import type { EntryCursor } from "./cursor.js";
import type { LeafTemplates } from "./leaf_templates.js";
import type { WalkPlan } from "./plan.js";
import { skipsOver } from "./walk.js";

const pageBytes = frameBytes;

/** Memory that tables are built in. */
export interface TableMemory extends MemoryView {
  /** One store of 64 bits, as two words. @param address a multiple of 8 */
  store64(address: number, low: number, high: number): void;
  /**
   * So many stores of 64 bits, one behind the other in one frame: the lower word of each, of 32 bits, is by `step` greater
   * than the one before, and the upper words are alike. Left out: by `store64` each.
   */
  storeRun64?(address: number, count: number, low: number, high: number, step: number): void;
}

/**
 * Gives `frameCount` neighbouring frames of zeros that the memory holds, aligned to their number.
 * @returns the first frame
 */
export type AllocateFrames = (frameCount: number) => number;

export interface TableMakerOptions {
  readonly plan: WalkPlan;
  readonly memory: TableMemory;
  readonly leaves: LeafTemplates;
  readonly allocate: AllocateFrames;
  /** Levels whose address bits are zero are left out, where the format can. */
  readonly skips: boolean;
}

export class TableMaker {
  /** First frames of the tables made so far. */
  readonly made: number[] = [];
  readonly #o: TableMakerOptions;
  readonly #frameCount: number;

  constructor(o: TableMakerOptions) {
    this.#o = o;
    this.#frameCount = 2 ** (o.plan.format.granuleLg2 - 12);
  }

  /** @returns byte address of a new table */
  take(): number {
    const frame = this.#o.allocate(this.#frameCount);
    this.made.push(frame);
    return frame * pageBytes;
  }

  /** A table beneath an empty entry, as low as it may be and not below `target`. */
  add({ level, address }: EntryCursor, low: number, high: number, target: number): void {
    const { plan, skips } = this.#o;
    let next = level - 1;
    if (skips && plan.nextLevel)
      for (next = target; next < level - 1 && skipsOver(plan, level, next, low, high); ) next++;
    this.link(address, level, next, this.take());
  }

  /** A table between an entry and the lower table that it skips to. */
  insert({ level, address, low, high }: EntryCursor): void {
    const table = this.take();
    this.#o.memory.store64(table, low, high);
    this.link(address, level, level - 1, table);
  }

  /** Let the entry at an address point to a table. */
  link(address: number, level: number, next: number, table: number): void {
    const { low, high } = this.#o.leaves.pointer(level, next, table);
    this.#o.memory.store64(address, low, high);
  }
}
