/**
 * Which tracepoint says what: names of all generations, and the field of each that fills a column.
 *
 * Data for every reader. A reader of text needs `kind` only; a reader of binary records takes, for each column, the
 * first named field that the recording's own format has, so that one row serves several generations.
 *
 * Source: Linux include/trace/events/dma.h (6.12, 6.13, 6.18 and 2026 forms), swiotlb.h (before and since 5.18),
 * iommu.h, intel_iommu.h (5.4 to 5.6, which also traced the driver's DMA API calls); drivers/iommu/intel/trace.h.
 */
import { EventKind } from "./event.js";

/** Columns of a batch that one field of a record fills, and how. */
export type Role =
  | "device"
  | "direction"
  | "attrs"
  | "dma"
  | "phys"
  | "size"
  | "mask"
  | "forced"
  | "listDma"
  | "listSize"
  | "listPhys"
  /** Entries the list really had. */
  | "physTotal";

/** Names of fields; `NAME.low` and `NAME.high` are the halves of one of 64 bits. */
export type Fields = Readonly<Partial<Record<Role, readonly string[]>>>;

export interface Tracepoint<System extends string = TracedSystem, Kind extends EventKind = TracedKind> {
  readonly system: System;
  readonly name: string;
  readonly kind: Kind;
  readonly fields: Fields;
}

const { bounced, map, unmap, mapList, mapListError, unmapList, alloc, free } = EventKind;
const { syncForCpu, syncForDevice, syncListForCpu, syncListForDevice } = EventKind;
const { cacheAssigned, cacheUnassigned, cacheFlushed, descriptor } = EventKind;
const { iommuMap, iommuUnmap, iommuDevice, iommuFault, iommuDetached, iommuJoined, iommuLeft } = EventKind;

const who = { device: ["device", "dev_name"] };
const how = { direction: ["dir"], attrs: ["attrs"] };
const where = { dma: ["dma_addr", "addr", "dev_addr"], size: ["size"] };
const lists = { listDma: ["dma_addrs"], listSize: ["lengths"], listPhys: ["phys_addrs", "addrs"] };

const single: Fields = { ...who, ...how, ...where, phys: ["phys_addr"] };
const list: Fields = { ...who, ...how, ...lists, physTotal: ["full_nents"] };
/** An allocation has one bus address; only the scattered ones list physical pages. */
const allocation: Fields = { ...who, ...how, ...where, phys: ["phys_addr"], listPhys: ["phys_addrs"] };
const bounce: Fields = { ...who, dma: ["dev_addr"], size: ["size"], mask: ["dma_mask"] };
const group: Fields = { device: ["device"] };
const translation: Fields = { dma: ["iova"], phys: ["paddr"], size: ["size"] };
const cache: Fields = { size: ["domain_id"], mask: ["type"] };
/** Of the four quadwords the upper two are reserved, but in the private data of a response. */
const queued: Fields = { attrs: ["qw0.low"], size: ["qw0.high"], phys: ["qw1.low"], mask: ["qw1.high"] };
/** The 5.4 driver wrote one event for each entry of a list. */
const entry: Fields = { ...who, listDma: ["dev_addr"], listSize: ["size"], listPhys: ["phys_addr"] };

function rows<System extends string, Kind extends EventKind>(
  system: System,
  fields: Fields,
  kinds: Readonly<Record<string, Kind>>,
): readonly Tracepoint<System, Kind>[] {
  return Object.entries(kinds).map(([name, kind]) => ({ system, name, kind, fields }));
}

const all = [
  ...rows("dma", single, {
    dma_map_page: map,
    dma_map_resource: map,
    dma_map_phys: map,
    dma_unmap_page: unmap,
    dma_unmap_resource: unmap,
    dma_unmap_phys: unmap,
    dma_sync_single_for_cpu: syncForCpu,
    dma_sync_single_for_device: syncForDevice,
  }),
  ...rows("dma", list, {
    dma_map_sg: mapList,
    dma_map_sg_err: mapListError,
    dma_unmap_sg: unmapList,
    dma_sync_sg_for_cpu: syncListForCpu,
    dma_sync_sg_for_device: syncListForDevice,
  }),
  ...rows("dma", allocation, {
    dma_alloc: alloc,
    dma_alloc_pages: alloc,
    dma_alloc_sgt: alloc,
    dma_alloc_sgt_err: alloc,
    dma_free: free,
    dma_free_pages: free,
    dma_free_sgt: free,
  }),
  // `force` is a bool; `swiotlb_force` an enum whose 1 is SWIOTLB_FORCE.
  ...rows("swiotlb", { ...bounce, forced: ["force", "swiotlb_force"] }, { swiotlb_bounced: bounced }),
  ...rows("iommu", translation, { map: iommuMap, unmap: iommuUnmap }),
  ...rows("iommu", group, {
    attach_device_to_domain: iommuDevice,
    detach_device_from_domain: iommuDetached,
    add_device_to_group: iommuJoined,
    remove_device_from_group: iommuLeft,
  }),
  ...rows("iommu", { device: ["device"], dma: ["iova"], attrs: ["flags"] }, { io_page_fault: iommuFault }),
  ...rows(
    "intel_iommu",
    { ...cache, attrs: ["users"], phys: ["pasid"] },
    { cache_tag_assign: cacheAssigned, cache_tag_unassign: cacheUnassigned },
  ),
  ...rows("intel_iommu", { ...cache, attrs: ["users"] }, { cache_tag_flush_all: cacheFlushed }),
  ...rows("intel_iommu", { ...cache, dma: ["start"], phys: ["end"] }, { cache_tag_flush_range: cacheFlushed }),
  ...rows("intel_iommu", queued, { qi_submit: descriptor }),
  ...rows("intel_iommu", single, {
    map_single: map,
    bounce_map_single: map,
    unmap_single: unmap,
    bounce_unmap_single: unmap,
  }),
  ...rows("intel_iommu", entry, { map_sg: mapList, bounce_map_sg: mapList, unmap_sg: unmapList }),
];

/** What the rows name: a table of these is whole, and the compiler says what is missing from it. */
export type TracedSystem = (typeof all)[number]["system"];
export type TracedKind = (typeof all)[number]["kind"];

export const tracepoints: readonly Tracepoint[] = all;

/**
 * Allocations whose event declares a direction that older kernels left unset (dma.h as of 6.13 has the field and no
 * assignment). Those that cap the record of a list, which shows as a field `full_nents` of dma_map_sg, do set it.
 */
export const unsetDirection: ReadonlySet<string> = new Set(["dma_alloc", "dma_alloc_pages", "dma_alloc_sgt_err"]);

const byName = new Map(tracepoints.map((t) => [t.name, t]));

/** @returns the row of a tracepoint's name as text shows it, without its system; undefined for `other`. */
export function tracepointNamed(name: string): Tracepoint | undefined {
  return byName.get(name);
}

/** @returns the row of a tracepoint, undefined when its events are `other`. */
export function tracepoint(system: string, name: string): Tracepoint | undefined {
  const t = byName.get(name);
  return t?.system === system ? t : undefined;
}
