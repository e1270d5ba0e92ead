/** The state of a pool at the beginning of a recording, from a dump of it: what is held, and where searches go on. */

import { u64High, u64Low } from "../../../base/u64.js";
import type { PoolFile } from "../../../read/xen/pool_file.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import { Pool } from "../../../sw/swiotlb/index.js";
import type { Held, InitialPool } from "../contracts/initial_pool.js";
import { isEnd, mappingOf, none } from "../contracts/operation.js";
import type { PoolMachine } from "../machine/machine.js";
import { granted, type Sample } from "../machine/sample.js";

/** Slots of one allocation count down by a slot's bytes, each; padding slots hold no address. */
export function initialPoolOf(file: PoolFile): InitialPool {
  const held: Held[] = [];
  const used = file.slotsUsed;
  for (let i = 0; i < used.length; ) {
    const head = used[i]!;
    let count = 1;
    for (let next = used[i + count]; next !== undefined; next = used[i + count]) {
      const goesOn = next.slot === head.slot + count && next.allocSize === head.allocSize - count * slotBytes;
      if (!goesOn || next.allocSize <= 0) break;
      count++;
    }
    let pad = 0;
    while (pad < count - 1 && Number.isNaN(used[i + pad]!.orig)) pad++;
    const first = used[i + pad]!;
    held.push({
      offset: first.slot * slotBytes,
      orig: first.orig,
      size: Math.max(1, first.allocSize),
      slots: count - pad,
    });
    i += count;
  }
  return { held, indexes: file.areas.map((a) => a.index), hiwater: file.hiwater, learnt: [] };
}

/** Without a dump: each area's first search found its slots where the area's index stood, as far as can be known. */
export function learntInitialPool(pool: PoolMachine, sample: Sample): InitialPool {
  const { address, cpu, time } = sample.maps;
  const areaSlots = Math.floor(pool.slots / pool.areas);
  const indexes = new Array<number>(pool.areas).fill(0);
  const learnt: { time: number; offset: number }[] = [];
  const seen = new Set<number>();
  for (const m of granted(sample)) {
    if (seen.size === pool.areas) break;
    const offset = address[m]! - pool.base;
    const slot = Math.floor(offset / slotBytes);
    const area = Math.floor(slot / areaSlots);
    // A search that went on to another area says nothing of where this one's searches begin.
    if (slot < 0 || area >= pool.areas || (cpu[m]! & (pool.areas - 1)) !== area || seen.has(area)) continue;
    seen.add(area);
    indexes[area] = slot - area * areaSlots;
    if (indexes[area] !== 0) learnt.push({ time: time[m]!, offset });
  }
  return { held: [], indexes, hiwater: null, learnt };
}

/** Bring an empty pool into the state. @returns what is held; what does not fit, from a damaged dump, is left out. */
export function setUp(pool: Pool, initial: InitialPool): readonly Held[] {
  const standing = initial.held.filter((h) => {
    const high = u64High(h.orig || 0);
    return pool.place(h.offset, high, u64Low(h.orig || 0), h.size, 0, 0);
  });
  initial.indexes.forEach((index, area) => {
    if (area < pool.areas && index < pool.areaSlots) pool.setAreaIndex(area, index);
  });
  pool.hiwater = pool.used;
  return standing;
}

/**
 * How a state of the pool predicts a recording's bounces, at most `most` of them: how many before the first that it does
 * not, and how many in all, the model set to the kernel's state after each that it does not.
 *
 * A state that is not the recording's beginning as a rule fails at the first bounce of an area, which may come late.
 */
export function predictedFrom(
  shape: Pick<PoolMachine, "base" | "slots" | "areas" | "profile">,
  initial: InitialPool,
  { maps, ops }: Sample,
  o: {
    readonly most: number;
    readonly minAlignMask: (device: number, time: number) => number;
    readonly boundarySlots: (device: number, time: number) => number;
  },
): { readonly first: number; readonly equal: number; readonly compared: number } {
  const pool = new Pool({ start: shape.base, slots: shape.slots, areas: shape.areas, profile: shape.profile });
  setUp(pool, initial);
  const offsets = new Float64Array(maps.count).fill(none);
  let first = 0;
  let equal = 0;
  let compared = 0;
  for (const op of ops) {
    const m = mappingOf(op);
    const device = maps.device[m]!,
      time = maps.time[m]!,
      orig = maps.orig[m]!,
      size = maps.size[m]!;
    const mam = o.minAlignMask(device, time);
    if (isEnd(op)) {
      if (offsets[m] !== none) pool.unmap(offsets[m]!, mam);
      continue;
    }
    if (!(maps.address[m]! >= 0)) continue;
    if (compared >= o.most) break;
    compared++;
    const high = u64High(orig);
    const kernel = maps.address[m]! - shape.base;
    const request = [maps.cpu[m]!, high, u64Low(orig), size, mam, 0, o.boundarySlots(device, time)] as const;
    if (pool.find(...request) === kernel) {
      if (first === compared - 1) first++;
      equal++;
      offsets[m] = pool.map(...request);
    } else if (kernel >= 0 && pool.place(kernel, high, u64Low(orig), size, mam, 0)) offsets[m] = kernel;
  }
  return { first, equal, compared };
}
