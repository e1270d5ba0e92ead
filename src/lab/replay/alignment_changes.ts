/**
 * When a device's min_align_mask changed, told from the low bits that its bounces kept.
 *
 * The address of a bounce has the buffer's low 11 bits under the mask and zeros elsewhere, in whatever order CPUs
 * searched: a mask that explains all bounces so far and not the next one has been changed. Drivers do that when they
 * are bound anew. Source: Linux kernel/dma/swiotlb.c, swiotlb_align_offset.
 */
import { slotBytes } from "../../spec/swiotlb/sizes.js";
import type { Operation } from "./operation.js";

/** A device whose low bits fit no mask for longer is not one that changes its mask. */
const changesMax = 16;
/** A kept bit of its own proves nothing: the same low bits by chance. */
const provesMin = 2;

/**
 * @param ops   bounces in the order in which they began, addresses as the pool's own
 * @param masks that a device may have
 * @returns for each device the times (microseconds) from which another mask held; empty where one mask explains all.
 */
export function maskChanges(ops: readonly Operation[], masks: readonly number[]): number[][] {
  const changes: number[][] = [];
  const fitting: (readonly number[])[] = [];
  for (const op of ops) {
    if (op.unmap || !(op.address >= 0) || op.device < 0) continue;
    const orig = op.orig % slotBytes;
    const kept = op.address % slotBytes;
    if (bits(orig) < provesMin) continue;
    const fits = masks.filter((mask) => (orig & mask) === kept);
    if (fits.length === 0) continue;
    const before = fitting[op.device] ?? masks;
    const both = before.filter((mask) => fits.includes(mask));
    if (both.length === 0) (changes[op.device] ??= []).push(op.lo);
    fitting[op.device] = both.length === 0 ? fits : both;
  }
  return changes.map((times) => (times !== undefined && times.length <= changesMax ? times : []));
}

function bits(n: number): number {
  let count = 0;
  for (let rest = n; rest !== 0; rest &= rest - 1) count++;
  return count;
}
