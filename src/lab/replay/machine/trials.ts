/** A machine is tried: how many of the kernel's bounce addresses would its pool have chosen too? */
import { u64High, u64Low } from "../../../base/u64.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import { Pool, type Profile } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import { isEnd, mappingOf, none } from "../contracts/operation.js";
import { ContiguousAddresses } from "../contracts/pool_addresses.js";
import type { Carried } from "../contracts/sinks.js";
import { Ordering } from "../order/ordering.js";
import type { Sample } from "./sample.js";

export interface Shape {
  readonly base: number;
  readonly slots: number;
  readonly areas: number;
  readonly profile: Profile;
}

export interface TrialScore {
  readonly compared: number;
  readonly equal: number;
}

/**
 * A plain replay in the recording's own order, the model set to the kernel's state after every mapping: what machines
 * and alignments are tried with before the true order is looked for.
 * @param limit mappings compared at most, and mappings predicted wrongly before the machine is given up
 * @param other called for each compared mapping before the model is set, to try other alignments on the same state
 */
export function trialAsRecorded(
  shape: Shape,
  { maps, ops }: Sample,
  alignments: Alignments,
  limit: { readonly compared: number; readonly wrong: number },
  other?: (pool: Pool, m: number, kernel: number) => void,
): TrialScore {
  const pool = new Pool({ start: shape.base, slots: shape.slots, areas: shape.areas, profile: shape.profile });
  const bytes = shape.slots * slotBytes;
  /** Offset of each mapping on the pool, and of each allocation by its first slot. */
  const offsets = new Float64Array(maps.count).fill(none);
  const heads = new Float64Array(shape.slots).fill(none);
  let compared = 0,
    equal = 0;
  for (const op of ops) {
    const m = mappingOf(op);
    if (isEnd(op)) {
      const offset = offsets[m]!;
      if (offset === none) continue;
      offsets[m] = none;
      heads[pool.headAt(offset)] = none;
      pool.unmap(offset, keptBits(offset));
      continue;
    }
    const kernel = maps.address[m]! - shape.base;
    if (!(maps.address[m]! >= 0)) continue;
    if (compared >= limit.compared || compared - equal > limit.wrong) break;
    const orig = maps.orig[m]!,
      size = maps.size[m]!,
      time = maps.time[m]!,
      d = maps.device[m]!;
    const high = u64High(orig),
      low = u64Low(orig);
    compared++;
    // A bounce outside speaks against this machine as a wrong prediction does.
    if (kernel < 0 || kernel >= bytes) continue;
    const mam = alignments.minAlignMask(d, time),
      am = alignments.allocAlignMask(d);
    if (pool.find(maps.cpu[m]!, high, low, size, mam, am, alignments.boundarySlots(d, time)) === kernel) equal++;
    other?.(pool, m, kernel);
    clear(pool, heads, kernel, size);
    if (!pool.place(kernel, high, low, size, keptBits(kernel), 0)) continue;
    offsets[m] = kernel;
    heads[pool.headAt(kernel)] = kernel;
  }
  return { compared, equal };
}

/**
 * The same with the true order looked for: slower, and fair to machines whose CPUs race.
 * @param limit operations tried
 */
export function trialInFoundOrder(shape: Shape, sample: Sample, alignments: Alignments, limit: number): TrialScore {
  const pool = new Pool({ start: shape.base, slots: shape.slots, areas: shape.areas, profile: shape.profile });
  const maps = sample.maps.copy();
  let compared = 0;
  let equal = 0;
  const sink = {
    mapped(m: number, c: Carried) {
      if (!(maps.address[m]! >= 0)) return;
      compared++;
      if (c.agrees && c.kernel >= 0) equal++;
    },
    unmapped() {},
    released() {},
  };
  const addresses = new ContiguousAddresses(shape.base, shape.slots * slotBytes);
  const ordering = new Ordering({ maps, pool, alignments, addresses, sink, unseen: false });
  const tried = new Uint8Array(2 * maps.count);
  for (const op of sample.ops.slice(0, limit)) {
    // An end whose mapping is not among those tried says nothing.
    if (isEnd(op) && tried[op - 1] === 0) continue;
    const previous = maps.previous[op]!;
    if (previous !== none && tried[previous] === 0) maps.previous[op] = none;
    tried[op] = 1;
    ordering.push(op);
  }
  ordering.finish(Number.POSITIVE_INFINITY);
  return { compared, equal };
}

/** Bits below a slot that a bounce kept show in its address, whatever the device's mask is. */
function keptBits(offset: number): number {
  return offset % slotBytes === 0 ? 0 : 0x7ff;
}

function clear(pool: Pool, heads: Float64Array, offset: number, size: number): void {
  const first = Math.floor(offset / slotBytes),
    last = Math.floor((offset + size - 1) / slotBytes);
  for (let slot = first; slot <= last && slot < pool.slots; slot++) {
    const head = pool.ownerHead(slot);
    const at = head < 0 ? none : heads[head]!;
    if (at !== none) pool.unmap(at, keptBits(at));
  }
}
