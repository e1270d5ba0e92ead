/**
 * The rules of the DMA API that a recording can show, and those that it cannot.
 *
 * Source: Linux Documentation/core-api/dma-api.rst and the checks of kernel/dma/debug.c, whose words the texts follow
 * in meaning.
 */

interface Rule {
  readonly says: string;
  /**
   * What must not be missing from the recording for the accusation to hold: "maps" = every mapping of the device left
   * an event. null where the events that are there show it alone.
   */
  readonly relies: "maps" | null;
}

const shown = (says: string): Rule => ({ says, relies: null });
const unlessMapped = (says: string): Rule => ({ says, relies: "maps" });

/** Rule names are stable: programs compare them. */
export const rules = {
  "unmap-error-value": shown("the value of a failed mapping was unmapped"),
  "double-unmap": unlessMapped("something was unmapped that was already unmapped"),
  "unmap-size": unlessMapped("unmapped with another size than mapped"),
  "unmap-direction": unlessMapped("unmapped with another direction than mapped"),
  "unmap-kind": unlessMapped("unmapped with another kind of call than mapped"),
  "unmap-entries": unlessMapped("a list was unmapped with another number of entries than mapped"),
  "map-over-live": unlessMapped("mapped at a bus address that already leads to other memory"),
  "map-direction": shown("mapped with direction NONE"),
  "reuse-before-flush": shown("an address was mapped again while a cache may have translated what it was before"),
  "domain-change-order": shown(
    "a device's domain changed, and caches were not told to forget the old one as hardware asks",
  ),
  "domain-number-again": shown("a domain's number served again while a cache may have held what it translated before"),
  overlap: unlessMapped("two mappings that a device may write share memory"),
  "bounce-size": shown("a bounce buffer of more than 256 KiB was asked for"),
  "sync-error-value": shown("the value of a failed mapping was synced"),
  "sync-unmapped": unlessMapped("something was synced after it was unmapped"),
  "sync-outside": unlessMapped("synced beyond the end of the mapping"),
  "sync-direction": unlessMapped("synced with another direction than mapped"),
  "sync-for-cpu": unlessMapped("synced for the CPU as data from the device, and the device may only read"),
  "sync-for-device": unlessMapped("synced for the device as data to it, and the device may only write"),
  "sync-entries": unlessMapped("a list was synced with another number of entries than mapped"),
} as const satisfies Readonly<Record<string, Rule>>;
export type RuleName = keyof typeof rules;

/** What no recording of the dma, swiotlb and iommu events shows, and why. */
export const unknowable: readonly { readonly rule: string; readonly why: string }[] = [
  {
    rule: "a driver let go of its device with mappings alive",
    why: "no event says when a driver is unbound; mappings alive at the end are listed instead",
  },
  { rule: "dma_mapping_error() was never called", why: "checking a result leaves no event" },
  {
    rule: "memory of the stack, of vmalloc, or of the kernel image was mapped",
    why: "events carry physical addresses, and virtual ones only hashed",
  },
  { rule: "coherent memory was freed with another CPU address", why: "virtual addresses are hashed" },
  {
    rule: "a list entry is longer than the device takes, or crosses its segment boundary",
    why: "max_segment_size and the boundary mask of a device are not in any event",
  },
  { rule: "the device's alignment was not kept", why: "min_align_mask is not in any event" },
  {
    rule: "a sync is missing, or the CPU touched memory that the device owned",
    why: "accesses of the CPU leave no event, and syncs that the kernel skips leave none either",
  },
  {
    rule: "the device used an address after it was unmapped, and no fault came of it",
    why: "accesses of devices leave no event; only a fault of an IOMMU does",
  },
  { rule: "mappings made by dma_iova_link() and its like", why: "that interface writes no dma events" },
  { rule: "a dma_map_sg() that failed", why: "the kernel writes no event for it in the usual cases" },
];
