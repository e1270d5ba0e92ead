/**
 * The search of one area as the kernel walks it: slot by slot, with its steps, its wrap and its end condition.
 *
 * This is the definition that the index (room_index.ts) must agree with, and what serves the rare masks that the index
 * does not know. Source: Linux kernel/dma/swiotlb.c, swiotlb_search_pool_area.
 */
import { slotBytes } from "../../spec/swiotlb/sizes.js";
import type { PoolRules } from "./profile.js";
import type { Request } from "./request.js";

/** The slots of a pool as the walk sees them. */
export interface SlotRuns {
  /** Bus address of slot 0. */
  readonly start: number;
  readonly areaSlots: number;
  /** Free slots from `slot` to the end of the run, of its slot set or of the pool; 0 when it is taken. */
  freeRun(slot: number): number;
}

/** The walk never met its end condition (only with the rule `countsSteps` off). */
export const endless = -2;

/**
 * @param areaFirst first slot of the area
 * @param index where the walk begins, relative to the area
 * @param rules of which countsSteps and startAligned are the walk's
 * @returns the first slot of a place that fits, -1 when there is none, or `endless`.
 */
export function plainSearch(
  pool: SlotRuns,
  request: Request,
  areaFirst: number,
  index: number,
  rules: PoolRules,
): number {
  const { areaSlots, start } = pool;
  const { countsSteps } = rules;
  const { slots, stride, zeroMask, sameMask, same, compares, boundarySlots } = request;
  const base = boundarySlots === 0 ? start : start % (boundarySlots * slotBytes);
  const baseSlots = Math.ceil(base / slotBytes);
  const aligned = Math.ceil(index / stride) * stride;
  const begin = !rules.startAligned ? index : aligned < areaSlots ? aligned : 0;
  let at = begin;
  for (let checked = 0, wraps = 0; checked < areaSlots || !countsSteps; ) {
    const slot = areaFirst + at;
    const low = (base + slot * slotBytes) | 0;
    const fits = (low & zeroMask) === 0 && (!compares || (low & sameMask) === same);
    if (fits && pool.freeRun(slot) >= slots && fitsBoundary(baseSlots + slot, slots, boundarySlots)) return slot;
    const step = fits ? stride : 1;
    checked += step;
    at += step;
    if (at >= areaSlots) {
      at = 0;
      wraps++;
    }
    if (countsSteps) continue;
    // Each walk from slot 0 is the same: one that does not meet its beginning never will.
    if (at === begin) return -1;
    if (wraps === 2) return endless;
  }
  return -1;
}

/** Whether `count` slots from `at`, both counted from a boundary, stay before the next one. */
export function fitsBoundary(at: number, count: number, boundarySlots: number): boolean {
  return boundarySlots === 0 || (at % boundarySlots) + count <= boundarySlots;
}
