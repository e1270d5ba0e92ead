/** What each event's text must show before it is believed. */
import { EventKind } from "../event.js";
import { type TracedKind, type TracedSystem, tracepoints, unsetDirection } from "../tracepoints.js";
import { Role } from "./words.js";

/** How an event's fields begin. */
export const Opening = {
  /** `0000:00:03.0 dir=...` (dma), `dev=0000:00:03.0 ...` (intel_iommu before 5.7). */
  device: 0,
  /** `dev_name: 0000:00:03.0 dma_mask=...` */
  label: 1,
  /** `IOMMU: iova=...`, `IOMMU:driver device iova=...` */
  iommu: 2,
  /** Words in their order, hardly a key among them: `dmar0/dmar0 type iotlb did 2 pasid 0 ref 1` (intel_iommu from 6.9 on). */
  words: 3,
} as const;

/** One event name: its kind, how its fields begin, and the bits `1 << Role` that make it whole. */
export interface EventForm {
  readonly kind: EventKind;
  readonly opening: number;
  readonly required: number;
  /** One event for each entry of a list: its single address and size are a list of one. */
  readonly entry: boolean;
  /** The event's direction may be memory that was never set. */
  readonly direction: "set" | "unset" | "coherent";
}

const bits = (...list: readonly (keyof typeof Role)[]) => list.reduce((all, role) => all | (1 << Role[role]), 0);

const single = bits("device", "direction", "dma", "size");
const byKind: Readonly<Record<TracedKind, number>> = {
  [EventKind.bounced]: bits("device", "mask", "dma", "size"),
  [EventKind.map]: single | bits("phys", "attrs"),
  [EventKind.unmap]: single | bits("attrs"),
  [EventKind.mapList]: bits("device", "direction", "dmaList", "sizeList", "physList", "attrs"),
  [EventKind.mapListError]: bits("device", "direction", "physList", "attrs"),
  [EventKind.unmapList]: bits("device", "direction", "physList", "attrs"),
  // The first form of dma_alloc and dma_free (6.12) has no direction.
  [EventKind.alloc]: bits("device", "dma", "size", "attrs"),
  [EventKind.free]: bits("device", "dma", "size", "attrs"),
  [EventKind.syncForCpu]: single,
  [EventKind.syncForDevice]: single,
  [EventKind.syncListForCpu]: bits("device", "direction", "dmaList", "sizeList"),
  [EventKind.syncListForDevice]: bits("device", "direction", "dmaList", "sizeList"),
  [EventKind.iommuMap]: bits("dma", "phys", "size"),
  [EventKind.iommuUnmap]: bits("dma", "size"),
  [EventKind.iommuDevice]: bits("device"),
  [EventKind.iommuDetached]: bits("device"),
  [EventKind.iommuJoined]: bits("device"),
  [EventKind.iommuLeft]: bits("device"),
  [EventKind.iommuFault]: bits("device", "dma"),
  // Words by their places, not keys.
  [EventKind.cacheAssigned]: 0,
  [EventKind.cacheUnassigned]: 0,
  [EventKind.cacheFlushed]: 0,
  [EventKind.descriptor]: 0,
};

/** Events of the Intel driver before 5.7 have neither direction nor attributes, and one event for each list entry. */
const intel: Readonly<Record<string, number>> = {
  map_single: bits("device", "dma", "phys", "size"),
  bounce_map_single: bits("device", "dma", "phys", "size"),
  unmap_single: bits("device", "dma", "size"),
  bounce_unmap_single: bits("device", "dma", "size"),
  map_sg: bits("device", "dma", "phys", "size"),
  bounce_map_sg: bits("device", "dma", "phys", "size"),
  unmap_sg: bits("device", "dma", "size"),
};

const special: Readonly<Record<string, number>> = {
  ...intel,
  dma_alloc_sgt: bits("device", "direction", "dma", "size", "physList", "attrs"),
  dma_free_sgt: bits("device", "direction", "dma", "size", "physList"),
};

const openings: Readonly<Record<TracedSystem, number>> = {
  dma: Opening.device,
  intel_iommu: Opening.device,
  swiotlb: Opening.label,
  iommu: Opening.iommu,
};

const { cacheAssigned, cacheUnassigned, cacheFlushed, descriptor } = EventKind;
const inWords: ReadonlySet<number> = new Set([cacheAssigned, cacheUnassigned, cacheFlushed, descriptor]);

/** Forms by number, and the number of each name. */
export const forms: readonly EventForm[] = tracepoints.map((t) => ({
  kind: t.kind,
  opening: inWords.has(t.kind) ? Opening.words : openings[t.system],
  required: special[t.name] ?? byKind[t.kind],
  entry: t.name in intel && (t.kind === EventKind.mapList || t.kind === EventKind.unmapList),
  direction: t.name === "dma_alloc" ? "coherent" : unsetDirection.has(t.name) ? "unset" : "set",
}));

export const formNames = tracepoints.map((t, i) => [t.name, i] as const);
