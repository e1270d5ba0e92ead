/**
 * What a recording can show of mappings at all, and in words why no more.
 *
 * Source: Linux include/trace/events/dma.h (dma:* came with 6.12), swiotlb.h (swiotlb_bounced with 3.12).
 */

/**
 * mappings: each mapping and what became of it. requests: `swiotlb_bounced` alone, written before the slots are searched
 * for. nothing: no event that could show either.
 */
export type Shows = "mappings" | "requests" | "nothing";

const howTo = "record with trace-cmd record -e dma -e swiotlb -e iommu, or boot with trace_event=dma,swiotlb,iommu";

/** Why the recording has no dma:* events. @param kernel its release; null when nothing says it */
export function noMappingsWords(kernel: string | null): string {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,4})/.exec(kernel ?? "") ?? [];
  if (major === undefined) {
    return `the recording has no dma:* events: kernels before 6.12 write none, later ones do when asked (${howTo})`;
  }
  const has = Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 12);
  return has
    ? `dma:* events were not switched on, which this kernel (${kernel}) could write: ${howTo}`
    : `this kernel (${kernel}) has no dma:* events, which came with 6.12: only requests to bounce are recorded`;
}
