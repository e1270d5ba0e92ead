/**
 * Why a pool cannot serve a request now: the first of the kernel's own hurdles that no place gets over.
 *
 * The message "swiotlb buffer is full" says the same for all of them. Source: Linux kernel/dma/swiotlb.c, the tests of
 * swiotlb_search_pool_area in their order.
 */
import { u64High } from "../../base/u64.js";
import { setSlots, slotBytes } from "../../spec/swiotlb/sizes.js";
import { fitsBoundary } from "./plain_search.js";
import type { Pool } from "./pool.js";
import { Request } from "./request.js";

/** What a pool lacks for a request. */
export type FullReason =
  /** There is no pool. */
  | "absent"
  /** An empty pool could not serve it: more than a slot set, counted from the first place where it may begin. */
  | "too-large"
  /** Fewer free slots in the pool than it needs. */
  | "exhausted"
  /** Enough of them, but not in any one area. */
  | "area"
  /** No run of free slots is long enough, in the areas that have enough of them. */
  | "fragmented"
  /** Such runs exist; none has it where the masks want it, or the walk's stride passes over the place. */
  | "alignment"
  /** Such places exist; in each the mapping would cross the segment boundary. */
  | "boundary";

/** The same, with the pool at that instant. */
export interface Full {
  readonly reason: FullReason;
  /** Slots that the request needs; 0 when it is larger than any mapping. */
  readonly slots: number;
  /** Free slots of the pool, and the longest run of them inside one slot set. */
  readonly free: number;
  readonly longestRun: number;
  /** A place that fits and that the walk does not look at, -1 when there is none. */
  readonly passedOver: number;
}

export interface Asked {
  readonly cpu: number;
  /** Physical address of the buffer. */
  readonly orig: number;
  readonly size: number;
  readonly minAlignMask: number;
  readonly allocAlignMask: number;
  readonly boundarySlots: number;
}

/** @returns null when the request would be served. */
export function whyFull(pool: Pool | null, asked: Asked): Full | null {
  if (pool === null) return { reason: "absent", slots: 0, free: 0, longestRun: 0, passedOver: -1 };
  const { cpu, orig, size, minAlignMask, allocAlignMask, boundarySlots } = asked;
  const high = u64High(orig);
  const low = orig >>> 0;
  if (pool.find(cpu, high, low, size, minAlignMask, allocAlignMask, boundarySlots) >= 0) return null;
  const request = new Request();
  request.resolve(pool.rules, high, low, size, minAlignMask, allocAlignMask, boundarySlots);
  const free = pool.slots - pool.used;
  const facts = { slots: request.slots, free, longestRun: pool.longestRun(), passedOver: -1 };
  const empty = request.slots === 0 ? "too-large" : whenEmpty(pool, request);
  if (empty !== "fits") return { ...facts, reason: empty };
  if (request.slots > free) return { ...facts, reason: "exhausted" };
  const place = furthest(pool, request);
  const passedOver = place.hurdle === "none" ? place.slot : -1;
  return { ...facts, passedOver, reason: place.hurdle === "none" ? "alignment" : place.hurdle };
}

/** Whether an empty pool has a slot where the masks let the request begin, and room behind it in its slot set. */
function whenEmpty(pool: Pool, request: Request): "fits" | "too-large" | "alignment" {
  const room = Math.min(setSlots, pool.slots) - request.slots;
  // Every slot set offers the same places, or (masks wider than a set) some sets offer one and always the same.
  for (let slot = 0; slot < pool.slots; slot++)
    if (aligned(pool, request, slot)) return slot % setSlots <= room ? "fits" : "too-large";
  return "alignment";
}

/** How far the best place of the pool gets: the hurdle where it fails. */
function furthest(pool: Pool, request: Request): { hurdle: FullReason | "none"; slot: number } {
  const { slots, boundarySlots } = request;
  const startSlots = boundarySlots === 0 ? 0 : (pool.start / slotBytes) % boundarySlots;
  let hurdle: FullReason = "area";
  for (let area = 0; area < pool.areas; area++) {
    if (slots > pool.areaSlots - pool.usedOf(area)) continue;
    if (hurdle === "area") hurdle = "fragmented";
    const end = (area + 1) * pool.areaSlots;
    for (let slot = area * pool.areaSlots; slot < end; slot++) {
      const run = pool.freeRun(slot);
      if (run < slots) {
        slot += Math.max(1, run) - 1;
        continue;
      }
      if (hurdle === "fragmented") hurdle = "alignment";
      if (!aligned(pool, request, slot)) continue;
      if (fitsBoundary(startSlots + slot, slots, boundarySlots)) return { hurdle: "none", slot };
      hurdle = "boundary";
    }
  }
  return { hurdle, slot: -1 };
}

/** Whether the masks let the request begin in a slot. */
function aligned(pool: Pool, request: Request, slot: number): boolean {
  const { boundarySlots, zeroMask, sameMask, same, compares } = request;
  const base = boundarySlots === 0 ? pool.start : pool.start % (boundarySlots * slotBytes);
  const low = (base + slot * slotBytes) | 0;
  return (low & zeroMask) === 0 && (!compares || (low & sameMask) === same);
}
