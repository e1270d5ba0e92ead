/**
 * When a device's min_align_mask changed, told from the low bits that its bounces kept.
 *
 * The address of a bounce has the buffer's low 11 bits under the mask and zeros elsewhere, in whatever order CPUs
 * searched: a mask that explains all bounces so far and not the next one has been changed. Drivers do that when they
 * are bound anew. Source: Linux kernel/dma/swiotlb.c, swiotlb_align_offset.
 */
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import { granted, type Sample } from "./sample.js";

/** A device whose low bits fit no mask for longer is not one that changes its mask. */
const changesMax = 16;

/**
 * @param sample bounces, addresses as the pool's own
 * @param masks that a device may have, at most 31
 * @returns for each device the times (microseconds) from which another mask held; empty where one mask explains all.
 */
export function maskChanges(sample: Sample, masks: readonly number[]): number[][] {
  const changes: number[][] = [];
  /** Bit k is set while mask k explains the device's bounces since its last change. */
  const fitting: number[] = [];
  const { device, time, orig: origOf, address } = sample.maps;
  for (const m of granted(sample)) {
    const d = device[m]!;
    if (d < 0) continue;
    const orig = origOf[m]! % slotBytes;
    // One bit alone proves nothing: it may be the same by chance.
    if ((orig & (orig - 1)) === 0) continue;
    const kept = address[m]! % slotBytes;
    let fits = 0;
    for (let k = 0; k < masks.length; k++) if ((orig & masks[k]!) === kept) fits |= 1 << k;
    if (fits === 0) continue;
    const both = (fitting[d] ?? -1) & fits;
    if (both === 0) (changes[d] ??= []).push(time[m]!);
    fitting[d] = both === 0 ? fits : both;
  }
  return changes.map((times) => (times !== undefined && times.length <= changesMax ? times : []));
}
