/**
 * An engine makes a buffer reachable for a device: the contract that the discussion of 2010 asked for, with what the
 * years since added. The slot table itself never sees a bus address; an engine owns translation and policy.
 *
 * Source: D0 (struct swiotlb_engine: name, bounds, slab count, overflow, is_swiotlb_buffer with the bus address,
 * dma_capable with the contiguity walk); Linux kernel/dma/direct.h and drivers/xen/swiotlb-xen.c for map to alloc.
 */
import type { Direction } from "../../spec/dma/direction.js";
import type { Mapped } from "./mapped.js";
import type { Refusal } from "./refusal.js";

/** What an engine may know of a device. `plainDevice` fills in what most devices are. */
export interface DmaDevice {
  /** `0000:00:03.0`. */
  readonly bdf: string;
  /** Highest address that streaming mappings may use; 2^bits - 1. 0: the driver never set one. */
  readonly mask: number;
  readonly coherentMask: number;
  /** Highest address that the path to the device carries; 0 = no limit. */
  readonly busLimit: number;
  /** Low address bits that a bounce must keep. */
  readonly minAlignMask: number;
  /** Segment boundary in bytes, a power of two; 2^64 = none. */
  readonly boundary: number;
  readonly maxSegmentBytes: number;
  readonly maxSegments: number;
  /** The device's accesses see CPU caches. */
  readonly coherent: boolean;
  /** Behind an IOMMU that translates for this domain. */
  readonly behindIommu: boolean;
  /**
   * It may be anybody's, such as one behind an external port: an IOMMU engine lets it see no byte beside its buffers.
   * Left out: trusted. Source: Linux include/linux/pci.h, untrusted.
   */
  readonly untrusted?: boolean;
  /** The domain that serves this device when its node names one (`xen,grant-dma`): bus addresses are then grants. */
  readonly grantBackend?: number;
}

/** A mapping, or a part of one, as unmap and sync are given it. */
export interface MappedRange {
  readonly bus: number;
  readonly size: number;
  readonly direction: Direction;
  /** Attribute bits, `DMA_ATTR_*`. */
  readonly attributes: number;
}

/** Memory that CPU and device share. */
export interface Coherent {
  readonly phys: number;
  readonly bus: number;
}

/** What an engine makes of lists beyond mapping entry by entry. */
export interface ListPolicy {
  /** An entry whose pages are no neighbours on the bus becomes several segments. False: it bounces or is refused. */
  readonly splits: boolean;
  /** Neighbours on the bus become one segment. False: as many segments as entries, as dma-direct and Xen have it. */
  readonly merges: boolean;
}

export interface EnginePool {
  readonly start: number;
  readonly end: number;
  readonly slabCount: number;
  /** Slots in use now, and the most there were. */
  readonly used: number;
  readonly hiwater: number;
}

/** A list that has one range of addresses. */
export interface JoinedList {
  /** For each entry, where it is. */
  readonly mapped: readonly Mapped[];
  readonly segments: readonly { readonly bus: number; readonly size: number }[];
  /** All of it: what is unmapped at once. */
  readonly range: { readonly bus: number; readonly size: number };
}

/** How an engine maps a list as a whole. */
export interface ListJoiner {
  /** Whether this device's lists are joined: otherwise they are mapped entry by entry. */
  joins(device: DmaDevice): boolean;
  map(
    device: DmaDevice,
    entries: readonly { readonly phys: number; readonly size: number }[],
    direction: Direction,
    attributes: number,
  ): JoinedList | Refusal;
  /** The range goes; entries were synced before. */
  unmap(device: DmaDevice, range: { readonly bus: number; readonly size: number }): void;
}

/** Addresses that were taken before anything is behind them. Source: Linux struct dma_iova_state. */
export interface IovaRange {
  /** Its first byte lies in its page where that of the first buffer does. */
  readonly bus: number;
  readonly size: number;
}

/** One buffer of such a range. */
export interface LinkCall {
  readonly phys: number;
  /** Where in the range it begins. */
  readonly offset: number;
  readonly size: number;
  readonly direction: Direction;
  readonly attributes: number;
}

/**
 * Mapping in two steps: addresses first, then buffer by buffer what is behind them, without a list of both.
 *
 * Source: Linux drivers/iommu/dma-iommu.c since 6.16 (dma_iova_try_alloc, dma_iova_link, dma_iova_unlink, dma_iova_free,
 * dma_iova_destroy). dma_iova_sync has no counterpart: it tells units that keep what is not mapped, and none here does.
 */
export interface RangeLinker {
  /** @param phys of the first buffer @returns null: this device is mapped in one step, or no address is left */
  tryAlloc(device: DmaDevice, phys: number, size: number): IovaRange | null;
  /** @returns null, or why not: then nothing more leads anywhere. Only the first buffer may begin inside a page. */
  link(device: DmaDevice, range: IovaRange, call: LinkCall): Refusal | null;
  /** Buffers that were linked are the driver's again; the addresses stay taken. */
  unlink(device: DmaDevice, range: IovaRange, o: Omit<LinkCall, "phys">): void;
  /** The addresses of a range in which nothing is linked are given back. */
  free(device: DmaDevice, range: IovaRange): void;
  /** Both at once. @param linked bytes from the first on that were linked */
  destroy(
    device: DmaDevice,
    range: IovaRange,
    o: Omit<LinkCall, "phys" | "offset" | "size"> & { linked: number },
  ): void;
}

export interface Engine {
  readonly name: string;
  /** Left out: everything is mapped in one step. */
  readonly ranges?: RangeLinker;
  /** Left out: lists are mapped entry by entry. */
  readonly joiner?: ListJoiner;
  /** The bounce pool: CPU-side bounds as physical addresses, half open, and its slots; null for engines without one. */
  readonly pool: EnginePool | null;
  /** `fallback`: the buffer that kernels handed out until 2018 when the pool was full. `refuse`: today's error. */
  readonly overflow: "fallback" | "refuse";
  readonly lists: ListPolicy;
  /** Does a bus address that `map` returned mean failure? What dma_mapping_error() answers. */
  isError(bus: number): boolean;
  /** Is this bus address inside our bounce buffer? A foreign page's never is, whatever its reverse lookup says. */
  isBounceBuffer(device: DmaDevice, bus: number): boolean;
  /** May the device use this range: mask, limit, and page by page contiguity of the bus addresses. */
  capable(device: DmaDevice, bus: number, phys: number, size: number): boolean;
  map(device: DmaDevice, phys: number, size: number, direction: Direction, attributes: number): Mapped;
  unmap(device: DmaDevice, range: MappedRange): void;
  syncForCpu(device: DmaDevice, range: MappedRange): void;
  syncForDevice(device: DmaDevice, range: MappedRange): void;
  /** Zeroed memory that CPU and device share. @returns null when it cannot be had. */
  allocCoherent(device: DmaDevice, size: number): Coherent | null;
  freeCoherent(device: DmaDevice, at: Coherent & { readonly size: number }): void;
  maxMappingBytes(device: DmaDevice): number;
  /** A mask that no address of this engine would fit is refused (-EIO). */
  supportsMask(mask: number): boolean;
  /** May two neighbouring pages become one segment: are they neighbours on the bus? */
  mergeable(first: number, second: number): boolean;
}
