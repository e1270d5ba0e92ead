/** Why the kernel bounced a mapping, in words. */
import type { Operation } from "../contracts/operation.js";

/** @param forced whether the pool is forced, whatever the event printed */
export function whyBounced(op: Operation, forced: boolean): string {
  if (op.forced || forced) return "the pool is forced: every mapping bounces";
  const seen = op.onBus?.seen ?? Number.NaN;
  const end = (Number.isNaN(seen) ? op.orig : seen) + op.size - 1;
  if (op.onBus?.straddles === true && !(end > op.mask))
    return "the buffer's pages do not follow each other on the machine";
  if (end > op.mask) return `the buffer lies above the device's ${Math.round(Math.log2(op.mask + 1))}-bit mask`;
  if (op.onBus?.small === true) return "a small buffer of a device that is not coherent: it shares a cache line";
  if (Number.isNaN(op.mask)) return "why is not recorded: there is no swiotlb_bounced event";
  return "the device could reach the buffer: an unaligned buffer of a device that is not coherent, or behind an IOMMU";
}
