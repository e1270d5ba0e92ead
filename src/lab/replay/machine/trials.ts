/**
 * A plain replay in the recording's own order, the model set to the kernel's state after every mapping: what machines
 * and alignments are tried with before the true order is looked for.
 */
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import { Pool, type Profile } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import type { Operation } from "../contracts/operation.js";
import { ContiguousAddresses } from "../contracts/pool_addresses.js";
import type { Carried } from "../contracts/sinks.js";
import { Ordering } from "../order/ordering.js";

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
 * @param ops   operations in the order in which they most likely happened
 * @param limit mappings compared at most, and mappings predicted wrongly before the machine is given up
 * @param other called for each compared mapping before the model is set, to try other alignments on the same state
 */
export function trialAsRecorded(
  shape: Shape,
  ops: readonly Operation[],
  alignments: Alignments,
  limit: { readonly compared: number; readonly wrong: number },
  other?: (pool: Pool, op: Operation, kernel: number) => void,
): TrialScore {
  const pool = new Pool({ start: shape.base, slots: shape.slots, areas: shape.areas, profile: shape.profile });
  const bytes = shape.slots * slotBytes;
  const offsets = new Map<Operation, number>();
  /** Offset of each allocation by its first slot. */
  const heads = new Map<number, number>();
  let compared = 0,
    equal = 0;
  for (const op of ops) {
    if (op.unmap) {
      const offset = offsets.get(op.of!);
      if (offset === undefined) continue;
      offsets.delete(op.of!);
      heads.delete(pool.headAt(offset));
      pool.unmap(offset, keptBits(offset));
      continue;
    }
    const kernel = op.address - shape.base;
    if (!(op.address >= 0)) continue;
    if (compared >= limit.compared || compared - equal > limit.wrong) break;
    const high = Math.floor(op.orig / 2 ** 32),
      low = op.orig >>> 0,
      d = op.device;
    compared++;
    // A bounce outside speaks against this machine as a wrong prediction does.
    if (kernel < 0 || kernel >= bytes) continue;
    const mam = alignments.minAlignMask(d, op.lo),
      am = alignments.allocAlignMask(d);
    if (pool.find(op.cpu, high, low, op.size, mam, am, alignments.boundarySlots(d, op.lo)) === kernel) equal++;
    other?.(pool, op, kernel);
    clear(pool, heads, kernel, op.size);
    if (!pool.place(kernel, high, low, op.size, keptBits(kernel), 0)) continue;
    offsets.set(op, kernel);
    heads.set(pool.headAt(kernel), kernel);
  }
  return { compared, equal };
}

/**
 * The same with the true order looked for: slower, and fair to machines whose CPUs race.
 * @param limit operations tried
 */
export function trialInFoundOrder(
  shape: Shape,
  ops: readonly Operation[],
  alignments: Alignments,
  limit: number,
): TrialScore {
  const pool = new Pool({ start: shape.base, slots: shape.slots, areas: shape.areas, profile: shape.profile });
  let compared = 0;
  let equal = 0;
  const sink = {
    carried(c: Carried) {
      if (c.op.unmap || !(c.op.address >= 0)) return;
      compared++;
      if (c.agrees && !Number.isNaN(c.kernel)) equal++;
    },
    released() {},
  };
  const addresses = new ContiguousAddresses(shape.base, shape.slots * slotBytes);
  const ordering = new Ordering({ pool, alignments, addresses, sink, unseen: false });
  const copies = new Map<Operation, Operation>();
  for (const op of ops.slice(0, limit)) {
    const of = op.of === null ? null : copies.get(op.of);
    if (of === undefined) continue;
    const previous = op.previous === null ? null : (copies.get(op.previous) ?? null);
    const copy = { ...op, of, previous, done: false, offset: -1 };
    copies.set(op, copy);
    ordering.push(copy);
  }
  ordering.finish(Number.POSITIVE_INFINITY);
  return { compared, equal };
}

/** Bits below a slot that a bounce kept show in its address, whatever the device's mask is. */
function keptBits(offset: number): number {
  return offset % slotBytes === 0 ? 0 : 0x7ff;
}

function clear(pool: Pool, heads: Map<number, number>, offset: number, size: number): void {
  const first = Math.floor(offset / slotBytes),
    last = Math.floor((offset + size - 1) / slotBytes);
  for (let slot = first; slot <= last && slot < pool.slots; slot++) {
    const at = heads.get(pool.ownerHead(slot));
    if (at !== undefined) pool.unmap(at, keptBits(at));
  }
}
