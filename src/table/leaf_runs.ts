/**
 * Neighbouring leaves of one table, stored and cleared together: what one call of map or unmap does to a table is a loop over
 * its words, and not over calls.
 */
import type { ReadonlyWords } from "../mem/view.js";
import type { EntryCursor } from "./cursor.js";
import type { LeafTemplates } from "./leaf_templates.js";
import { Kind, type WalkPlan } from "./plan.js";
import type { TableMemory } from "./table_maker.js";
import { kindOf } from "./walk.js";

/* Constants of this module's own are folded into the code. */
const { absent: isAbsent, leaf: isLeaf } = Kind;
const perHalf = 2 ** -32;

export class LeafRuns {
  /** Entries that `clear` went over. */
  passed = 0;
  readonly #plan: WalkPlan;
  readonly #memory: TableMemory;
  readonly #leaves: LeafTemplates;
  /** Bits of an entry's lower word that say what kind it is of. */
  readonly #deciding: number;

  constructor(o: { readonly plan: WalkPlan; readonly memory: TableMemory; readonly leaves: LeafTemplates }) {
    this.#plan = o.plan;
    this.#memory = o.memory;
    this.#leaves = o.leaves;
    this.#deciding = o.plan.presentMask | (o.plan.kindMask << o.plan.kindShift);
  }

  /**
   * Leaves of their level's own size, as the templates have it, from the entry at hand on up to one that is not free.
   * @param span bytes of each @param wanted entries, all of them in the frame at hand
   * @returns how many were stored
   */
  store({ words, at, address, level }: EntryCursor, paddr: number, span: number, wanted: number): number {
    const plan = this.#plan;
    const leaves = this.#leaves;
    let free = 0;
    while (free < wanted && kindOf(plan, level, words[at + free + free]! | 0) === isAbsent)
      free += alike(words, at + free + free, wanted - free, this.#deciding);
    for (let n = 0; n < free; ) {
      const to = paddr + n * span;
      const [low, high] = [to | 0, (to * perHalf) | 0];
      // Upper words are alike up to the next multiple of 4 GiB.
      const count = Math.min(free - n, Math.ceil((2 ** 32 - (low >>> 0)) / span));
      this.#put(address + n * 8, count, leaves.lowOf(low, high), leaves.highOf(high), span);
      n += count;
    }
    return free;
  }

  /**
   * Clear leaves of their level's own size from the entry at hand on, up to what is something else; empty entries are gone
   * over. @param wanted entries, all of them in the frame at hand
   * @returns how many were leaves
   */
  clear({ words, at, address, level }: EntryCursor, wanted: number): number {
    const { nextLevel, kindShift, kindMask } = this.#plan;
    let leaves = 0;
    let n = 0;
    while (n < wanted) {
      const low = words[at + n + n]! | 0;
      const kind = kindOf(this.#plan, level, low);
      if (kind !== isAbsent && (kind !== isLeaf || (nextLevel && ((low >>> kindShift) & kindMask) === 7))) break;
      const count = alike(words, at + n + n, wanted - n, this.#deciding);
      if (kind === isLeaf) {
        this.#put(address + n * 8, count, 0, 0, 0);
        leaves += count;
      }
      n += count;
    }
    this.passed = n;
    return leaves;
  }

  #put(address: number, count: number, low: number, high: number, step: number): void {
    const memory = this.#memory;
    if (count > 1 && memory.storeRun64 !== undefined) memory.storeRun64(address, count, low, high, step);
    else for (let n = 0; n < count; n++) memory.store64(address + n * 8, low + n * step, high);
  }
}

/** How many entries from the one at `at` on have the bits of a mask as it has them. */
function alike(words: ReadonlyWords, at: number, wanted: number, mask: number): number {
  const low = words[at]! | 0;
  let n = 1;
  // An index of 31 bits, as the cursor keeps them: what was reckoned as a double is slow to count with.
  let next = (at | 0) + 2;
  // Four at once: twice as fast as one by one.
  for (; n + 4 <= wanted; n += 4, next += 8) {
    const differ =
      (words[next]! ^ low) | (words[next + 2]! ^ low) | (words[next + 4]! ^ low) | (words[next + 6]! ^ low);
    if ((differ & mask) !== 0) break;
  }
  for (; n < wanted && ((words[next]! ^ low) & mask) === 0; next += 2) n++;
  return n;
}
