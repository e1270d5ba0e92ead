/**
 * Probes that a recording of a Xen domain may have beside tracepoints: kprobe events by the names they were given, and
 * the argument of each that fills a column.
 *
 * The functions probed: Linux drivers/xen/swiotlb-xen.c (xen_swiotlb_map_phys and its neighbours), kernel/dma/swiotlb.c
 * (swiotlb_tbl_map_single), arch/x86/xen/p2m.c and arch/arm/xen/p2m.c (set_phys_to_machine, __set_phys_to_machine_multi,
 * set_foreign_p2m_mapping, clear_foreign_p2m_mapping), arch/x86/xen/mmu_pv.c (xen_create_contiguous_region),
 * arch/arm/xen/mm.c (xen_dma_sync_for_device, dma_cache_maint, xen_arch_need_swiotlb), arch/arm64/mm/dma-mapping.c
 * (arch_sync_dma_for_device). Events of the kernel's tracer for probes belong to a system that whoever recorded chose, so
 * that the name alone counts.
 */
import { EventKind } from "../event.js";

/** What a value of an argument becomes. */
export const ProbeRole = {
  device: 0,
  /** Addresses and numbers as they are. */
  phys: 1,
  dma: 2,
  size: 3,
  mask: 4,
  direction: 5,
  attrs: 6,
  /** A frame of the domain: `phys`. */
  pfn: 7,
  /** An entry of the P2M, with its flag bits: `dma` and `attrs`. */
  entry: 8,
  /** Pages as an order: `size` = 4096 << order. */
  order: 9,
  /** Pages as a number: `size` = 4096 * pages. */
  pages: 10,
  /** Bytes to be added to `dma`. */
  offset: 11,
  /** Entries of the batch: `physTotal`. What is listed beyond is not of the batch. */
  count: 12,
  /** The same for entry k, named with k at the end. */
  bus: 13,
  status: 14,
  domain: 15,
  reference: 16,
  /** A `struct page *`: the frame it stands for. */
  page: 17,
  /** Where the entry is mapped: the domain's own address on Arm, one of the kernel's page table on x86. */
  at: 18,
} as const;
export type ProbeRole = (typeof ProbeRole)[keyof typeof ProbeRole];

export interface Probe {
  readonly name: string;
  readonly kind: EventKind;
  readonly args: Readonly<Record<string, ProbeRole>>;
  /** Roles without which the event says nothing. */
  readonly needed: readonly ProbeRole[];
}

const R = ProbeRole;

export const probes: readonly Probe[] = [
  {
    name: "set_p2m",
    kind: EventKind.xenFrame,
    args: { pfn: R.pfn, mfn: R.entry, n: R.pages },
    needed: [R.pfn, R.entry],
  },
  {
    name: "setforeign_ops",
    kind: EventKind.xenGrants,
    args: { count: R.count, bus: R.bus, st: R.status, dom: R.domain, ref: R.reference, va: R.at },
    needed: [R.count],
  },
  { name: "clrforeign_ops", kind: EventKind.xenUngrants, args: { count: R.count, va: R.at }, needed: [R.count] },
  { name: "setforeign_pages", kind: EventKind.xenGrantPages, args: { count: R.count, pg: R.page }, needed: [R.count] },
  {
    name: "clrforeign_pages",
    kind: EventKind.xenUngrantPages,
    args: { count: R.count, pg: R.page },
    needed: [R.count],
  },
  {
    name: "contig",
    kind: EventKind.xenRegion,
    args: { pstart: R.phys, order: R.order, bits: R.mask },
    needed: [R.phys, R.order],
  },
  { name: "contig_ret", kind: EventKind.xenRegionMade, args: { ret: R.size }, needed: [R.size] },
  { name: "decontig", kind: EventKind.xenRegionEnd, args: { pstart: R.phys, order: R.order }, needed: [R.phys] },
  {
    name: "xs_map",
    kind: EventKind.xenMap,
    args: { dev: R.device, phys: R.phys, size: R.size, dir: R.direction, attrs: R.attrs },
    needed: [R.phys, R.size],
  },
  { name: "xs_map_ret", kind: EventKind.xenMapped, args: { dma: R.dma }, needed: [R.dma] },
  {
    name: "tbl_map",
    kind: EventKind.xenSearch,
    args: { phys: R.phys, size: R.size, align: R.mask, dir: R.direction },
    needed: [R.phys, R.size],
  },
  { name: "tbl_map_ret", kind: EventKind.xenSearched, args: { tlb: R.dma }, needed: [R.dma] },
  { name: "tbl_unmap", kind: EventKind.xenReleased, args: { tlb: R.dma, size: R.size }, needed: [R.dma] },
  { name: "xs_unmap", kind: EventKind.xenUnmap, args: { dma: R.dma, size: R.size, dir: R.direction }, needed: [R.dma] },
  {
    name: "xs_sync_cpu",
    kind: EventKind.xenSyncForCpu,
    args: { dma: R.dma, size: R.size, dir: R.direction },
    needed: [R.dma],
  },
  {
    name: "xs_sync_dev",
    kind: EventKind.xenSyncForDevice,
    args: { dma: R.dma, size: R.size, dir: R.direction },
    needed: [R.dma],
  },
  { name: "need_swiotlb_ret", kind: EventKind.xenNeed, args: { ret: R.size }, needed: [R.size] },
  {
    name: "arch_sync_dev",
    kind: EventKind.cacheForDevice,
    args: { phys: R.phys, size: R.size, dir: R.direction },
    needed: [R.phys],
  },
  {
    name: "arch_sync_cpu",
    kind: EventKind.cacheForCpu,
    args: { phys: R.phys, size: R.size, dir: R.direction },
    needed: [R.phys],
  },
  {
    name: "xdma_sync_dev",
    kind: EventKind.xenCacheForDevice,
    args: { handle: R.dma, size: R.size, dir: R.direction },
    needed: [R.dma],
  },
  {
    name: "xdma_sync_cpu",
    kind: EventKind.xenCacheForCpu,
    args: { handle: R.dma, size: R.size, dir: R.direction },
    needed: [R.dma],
  },
  {
    name: "cflush",
    kind: EventKind.xenFlush,
    args: { bus: R.dma, off: R.offset, len: R.size, op: R.attrs },
    needed: [R.dma],
  },
  { name: "cflush_ret", kind: EventKind.xenFlushed, args: { ret: R.size }, needed: [R.size] },
];

export const probeNames: ReadonlySet<string> = new Set(probes.map((p) => p.name));

/** Roles whose argument's name ends with the number of its entry. */
export const isEntry = (role: ProbeRole): boolean => role >= R.bus;
/** Entries of a batch that a probe can show. */
export const entriesMax = 64;
