/**
 * Probes that a recording of a Xen domain may have beside tracepoints: kprobe events by the names they were given, and
 * the argument of each that fills a column.
 *
 * The functions probed: Linux drivers/xen/swiotlb-xen.c (xen_swiotlb_map_phys), kernel/dma/swiotlb.c
 * (swiotlb_tbl_map_single), arch/x86/xen/p2m.c (set_phys_to_machine, set_foreign_p2m_mapping,
 * clear_foreign_p2m_mapping), arch/x86/xen/mmu_pv.c (xen_create_contiguous_region). Events of the kernel's tracer for
 * probes belong to a system that whoever recorded chose, so that the name alone counts.
 */
import { EventKind } from "./event.js";

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
  /** Entries of the batch: `physTotal`. What is listed beyond is not of the batch. */
  count: 10,
  /** The same for entry k, named with k at the end. */
  bus: 11,
  status: 12,
  domain: 13,
  reference: 14,
  /** A `struct page *`: the frame it stands for. */
  page: 15,
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
  { name: "set_p2m", kind: EventKind.xenFrame, args: { pfn: R.pfn, mfn: R.entry }, needed: [R.pfn, R.entry] },
  {
    name: "setforeign_ops",
    kind: EventKind.xenGrants,
    args: { count: R.count, bus: R.bus, st: R.status, dom: R.domain, ref: R.reference },
    needed: [R.count],
  },
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
];

export const probeNames: ReadonlySet<string> = new Set(probes.map((p) => p.name));

/** Roles whose argument's name ends with the number of its entry. */
export const isEntry = (role: ProbeRole): boolean => role >= R.bus;
/** Entries of a batch that a probe can show. */
export const entriesMax = 64;
