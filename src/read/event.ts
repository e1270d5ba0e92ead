/**
 * Events of a recording, in columns.
 *
 * A reader fills a batch at a time, merged by time over all CPUs; what follows reads numbers only. The same recording
 * read from trace.dat and from text fills the same columns.
 *
 * Source of the fields: Linux include/trace/events/dma.h, swiotlb.h, iommu.h, intel_iommu.h.
 */
import type { Names } from "./names.js";
import type { Warnings } from "./unreadable.js";

/** What an event says. One kind for every generation of a tracepoint's name and fields. */
export const EventKind = {
  /** An event of no kind below: counted, and no column but time, cpu and task is filled. */
  other: 0,
  /** swiotlb:swiotlb_bounced: written before the slots are searched, on the CPU that searches. */
  bounced: 1,
  /** dma_map_page, dma_map_resource, dma_map_phys. A failed one has dma = -1. */
  map: 2,
  /** dma_unmap_page, dma_unmap_resource, dma_unmap_phys: written after the slots were released. */
  unmap: 3,
  /** dma_map_sg: one event for the list. */
  mapList: 4,
  /** dma_map_sg_err: its list holds physical addresses. */
  mapListError: 5,
  /** dma_unmap_sg: written before the slots are released; physical addresses only. */
  unmapList: 6,
  /** dma_alloc, dma_alloc_pages, dma_alloc_sgt: coherent and other allocations. Failed: dma = -1 or 0. */
  alloc: 7,
  /** dma_free, dma_free_pages, dma_free_sgt. */
  free: 8,
  syncForCpu: 9,
  syncForDevice: 10,
  syncListForCpu: 11,
  syncListForDevice: 12,
  /** iommu:map: no device, no domain. dma = iova, phys = paddr. */
  iommuMap: 13,
  /** iommu:unmap: dma = iova. */
  iommuUnmap: 14,
  /** iommu:attach_device_to_domain: the device's requests are translated as its new domain says from now on. */
  iommuDevice: 15,
  /** iommu:io_page_fault. dma = iova, attrs = its flags (bit 0: a write). */
  iommuFault: 16,
  /** A `LOST n EVENTS` marker: size = how many, 0 when the recording does not say. */
  lost: 17,

  // Probes of a Xen domain's kernel; `probes.ts` says which names they have. Frames are shown as the addresses of their
  // first bytes.
  /**
   * The domain's frame `phys` stands for machine frame `dma` from now on (-1: none); `attrs` is a `FrameKind`. Where
   * `size` is known, so do the frames of as many bytes.
   */
  xenFrame: 18,
  /**
   * Grants were mapped: listDma their machine frames, listSize their status (0 = mapped), listPhys who granted what, and
   * after as many entries where each was mapped in the domain's own addresses (NaN: not one of those).
   */
  xenGrants: 19,
  /** The pages of the same batch: listPhys the domain's frames, in the same order. physTotal = how many in all. */
  xenGrantPages: 20,
  /** Grants were unmapped from these pages: listPhys. physTotal = how many in all. */
  xenUngrantPages: 21,
  /** `size` bytes from `phys` are to become machine-contiguous, below 2^mask; and the answer, `size` (0 = done). */
  xenRegion: 22,
  xenRegionMade: 23,
  /** They are given back to scattered frames. */
  xenRegionEnd: 24,
  /** xen_swiotlb_map_phys is called; and its answer, `dma`. Also for entries of lists, which have no event of their own. */
  xenMap: 25,
  xenMapped: 26,
  /** The pool is searched for a buffer; and its answer, `dma` in the domain's own addresses. Slots are released. */
  xenSearch: 27,
  xenSearched: 28,
  xenReleased: 29,
  /** Grants were unmapped from these of the domain's own addresses: listPhys. physTotal = how many in all. */
  xenUngrants: 30,
  /** xen_swiotlb_unmap_phys is called, xen_swiotlb_sync_single_for_cpu, _for_device: `dma`, `size`, `direction`. */
  xenUnmap: 31,
  xenSyncForCpu: 32,
  xenSyncForDevice: 33,
  /** Answer of xen_arch_need_swiotlb, `size`: not 0 where a mapping must bounce for the architecture's own reason. */
  xenNeed: 34,
  /** The CPU maintains its own cache for `size` bytes at `phys`, before a device's access and after it. */
  cacheForDevice: 35,
  cacheForCpu: 36,
  /** The same is asked of the hypervisor for `size` bytes at bus address `dma`. */
  xenCacheForDevice: 37,
  xenCacheForCpu: 38,
  /** One call of it, within one frame: `attrs` 1 cleans, 2 invalidates; and its answer, `size` (0 = done). */
  xenFlush: 39,
  xenFlushed: 40,

  // Of the Intel driver's caches; `mask` is the kind of cache (0 IOTLB, 1 device TLB, 2 and 3 the same of nested domains), `size` the
  // domain's id in its unit. Whose cache it is (a unit's or a device's) is left out: a unit is no device that masters the bus.
  /** intel_iommu:cache_tag_assign: a domain's translations may be in this cache from now on; `attrs`: for so many of its devices; `phys`: of this PASID. */
  cacheAssigned: 41,
  /** intel_iommu:cache_tag_unassign, `attrs`: until now for so many; `phys`: of this PASID. */
  cacheUnassigned: 42,
  /**
   * intel_iommu:cache_tag_flush_range: from byte `dma` to byte `phys`, 0 and -1 for all. cache_tag_flush_all (6.12 has it):
   * all; both are absent, and `attrs` is as of cacheAssigned.
   */
  cacheFlushed: 43,
  /** intel_iommu:qi_submit: a descriptor for a unit's queue; `descriptorWords` gives its words. */
  descriptor: 44,

  /** iommu:detach_device_from_domain (before 6.2), add_device_to_group, remove_device_from_group. */
  iommuDetached: 45,
  iommuJoined: 46,
  iommuLeft: 47,
} as const;
export type EventKind = (typeof EventKind)[keyof typeof EventKind];

/** In what kind of code an event was written. */
export const Context = { task: 0, softirq: 1, hardirq: 2, nmi: 3, unknown: 255 } as const;

/** `dma` of a mapping that failed: DMA_MAPPING_ERROR, all ones. */
export const failedAddress = -1;

/** Direction codes are the kernel's (enum dma_data_direction); 255 when the event has none. */
export const unknownDirection = 255;

/** Where a column of so many bytes lies: in which memory, and at which byte of it. */
export type ColumnLay = (column: string, bytes: number) => [memory: ArrayBuffer, at: number];

const ownMemory: ColumnLay = (_, bytes) => [new ArrayBuffer(bytes), 0];

/**
 * A batch of events. Element i of each column belongs to event i of `count`.
 *
 * Addresses are doubles, exact below 2^53; all ones is -1, an absent one NaN. A column that an event's kind does not
 * fill holds: device -1, direction 255, dma, phys, size and mask NaN, lists of length 0.
 */
export class EventBatch {
  readonly capacity: number;
  /** The columns of lists where they were laid; null for those in memory of their own, which may stay what they grow to. */
  readonly #laid: readonly [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>] | null;
  count = 0;
  readonly kind: Uint8Array;
  /** Microseconds of the recording's clock, rounded to whole ones as ftrace prints them unless it prints more. */
  readonly time: Float64Array;
  readonly cpu: Uint16Array;
  /** Number of "comm-pid" in the source's `tasks`; -1 unknown. */
  readonly task: Int32Array;
  /** A `Context`. */
  readonly context: Uint8Array;
  /** Number of the device's name in the source's `devices`. */
  readonly device: Int32Array;
  readonly direction: Uint8Array;
  /** DMA_ATTR_* bits as the kernel numbers them (1 << 1 is WEAK_ORDERING), flags of a fault; 0 when there are none. */
  readonly attrs: Uint32Array;
  /** Bus address or IOVA. For `bounced`: the translated original address (the event's dev_addr). */
  readonly dma: Float64Array;
  readonly phys: Float64Array;
  /** Bytes. */
  readonly size: Float64Array;
  /** For `bounced`: the device's DMA mask (2^64 for 64 ones). */
  readonly mask: Float64Array;
  /** For `bounced`: 1 FORCE, 0 NORMAL. */
  readonly forced: Uint8Array;
  /** Lists: event i has dmaCount[i] entries of `listDma` and `listSize` from dmaFirst[i], physCount[i] of `listPhys`. */
  readonly dmaFirst: Uint32Array;
  readonly dmaCount: Uint32Array;
  readonly physFirst: Uint32Array;
  readonly physCount: Uint32Array;
  /** Entries the list really had, when more than were recorded (the kernel records 128 at most since 2026). */
  readonly physTotal: Uint32Array;
  listDma: Float64Array<ArrayBuffer>;
  listSize: Float64Array<ArrayBuffer>;
  listPhys: Float64Array<ArrayBuffer>;
  /** How much of the list columns this batch uses. */
  listDmaUsed = 0;
  listPhysUsed = 0;

  /** @param lay where the columns lie, when they are not to be memory of their own; `listEntries` the room for lists. */
  constructor(capacity = 8192, lay: ColumnLay = ownMemory, listEntries = 1024) {
    this.capacity = capacity;
    this.kind = new Uint8Array(...lay("kind", capacity), capacity);
    this.time = new Float64Array(...lay("time", 8 * capacity), capacity);
    this.cpu = new Uint16Array(...lay("cpu", 2 * capacity), capacity);
    this.task = new Int32Array(...lay("task", 4 * capacity), capacity);
    this.context = new Uint8Array(...lay("context", capacity), capacity);
    this.device = new Int32Array(...lay("device", 4 * capacity), capacity);
    this.direction = new Uint8Array(...lay("direction", capacity), capacity);
    this.attrs = new Uint32Array(...lay("attrs", 4 * capacity), capacity);
    this.dma = new Float64Array(...lay("dma", 8 * capacity), capacity);
    this.phys = new Float64Array(...lay("phys", 8 * capacity), capacity);
    this.size = new Float64Array(...lay("size", 8 * capacity), capacity);
    this.mask = new Float64Array(...lay("mask", 8 * capacity), capacity);
    this.forced = new Uint8Array(...lay("forced", capacity), capacity);
    this.dmaFirst = new Uint32Array(...lay("dmaFirst", 4 * capacity), capacity);
    this.dmaCount = new Uint32Array(...lay("dmaCount", 4 * capacity), capacity);
    this.physFirst = new Uint32Array(...lay("physFirst", 4 * capacity), capacity);
    this.physCount = new Uint32Array(...lay("physCount", 4 * capacity), capacity);
    this.physTotal = new Uint32Array(...lay("physTotal", 4 * capacity), capacity);
    this.listDma = new Float64Array(...lay("listDma", 8 * listEntries), listEntries);
    this.listSize = new Float64Array(...lay("listSize", 8 * listEntries), listEntries);
    this.listPhys = new Float64Array(...lay("listPhys", 8 * listEntries), listEntries);
    this.#laid = lay === ownMemory ? null : [this.listDma, this.listSize, this.listPhys];
  }

  /** Whether all columns lie where they were laid: those of lists do no longer when they had to grow. */
  get inPlace(): boolean {
    return this.#laid !== null && this.listDma === this.#laid[0] && this.listPhys === this.#laid[2];
  }

  /** Forget all events; the columns stay allocated, where they were laid. */
  clear(): void {
    this.count = 0;
    if (this.#laid !== null) [this.listDma, this.listSize, this.listPhys] = this.#laid;
    this.listDmaUsed = 0;
    this.listPhysUsed = 0;
  }

  /** Begin event `count` with every column at its absent value. @returns its index; the caller increments `count`. */
  blank(): number {
    const i = this.count;
    this.kind[i] = EventKind.other;
    this.task[i] = -1;
    this.context[i] = Context.unknown;
    this.device[i] = -1;
    this.direction[i] = unknownDirection;
    this.attrs[i] = 0;
    this.dma[i] = Number.NaN;
    this.phys[i] = Number.NaN;
    this.size[i] = Number.NaN;
    this.mask[i] = Number.NaN;
    this.forced[i] = 0;
    this.dmaFirst[i] = this.listDmaUsed;
    this.dmaCount[i] = 0;
    this.physFirst[i] = this.listPhysUsed;
    this.physCount[i] = 0;
    this.physTotal[i] = 0;
    return i;
  }

  /** Append one entry to the bus half of the list of event i, the last one begun. */
  pushDma(i: number, dma: number, size: number): void {
    if (this.listDmaUsed === this.listDma.length) {
      this.listDma = grown(this.listDma);
      this.listSize = grown(this.listSize);
    }
    this.listDma[this.listDmaUsed] = dma;
    this.listSize[this.listDmaUsed++] = size;
    this.dmaCount[i]!++;
  }

  /** Append one entry to the physical half of the list of event i, the last one begun. */
  pushPhys(i: number, phys: number): void {
    if (this.listPhysUsed === this.listPhys.length) this.listPhys = grown(this.listPhys);
    this.listPhys[this.listPhysUsed++] = phys;
    this.physCount[i]!++;
  }
}

function grown(column: Float64Array): Float64Array<ArrayBuffer> {
  const more = new Float64Array(column.length * 2);
  more.set(column);
  return more;
}

export type SourceFormat = "trace.dat" | "ftrace" | "perf-script";

/** A recording being read. `next` may be called until it returns false; everything else is then complete. */
export interface EventSource {
  readonly format: SourceFormat;
  /** Release of the kernel that was recorded ("7.2.13+deb14-amd64"), when the recording itself says it. */
  readonly kernel: string | null;
  /** CPUs of the machine as the recording's header says, else the highest one seen plus one so far. */
  readonly cpus: number;
  /** The clock's name when the recording says it ("local", "mono", ...). */
  readonly clock: string | null;
  /** Whether the clock counts something else than time ("x86-tsc", "counter"); known once the first event was read. */
  readonly ticks: boolean;
  readonly devices: Names;
  readonly tasks: Names;
  readonly warnings: Warnings;
  /** Whether this is a part of a recording's text, which states neither how many CPUs there are nor what was lost. */
  readonly excerpt: boolean;
  /**
   * Why events may be missing anywhere in it although none is said to be lost there, as a sentence; null where nothing tells
   * of that. Complete when all is read.
   */
  readonly holes: string | null;
  /** Entries that its header counts and it has not: lines that were filtered or cut out. Complete when all is read. */
  readonly absent: number;
  /** Events lost while recording, as far as said; unknown numbers count as 1. */
  readonly lost: number;
  /** The batch that `next` fills with the least work: it may lie where the events are made. Any other is good, too. */
  readonly batch: EventBatch;
  /** Fraction of the input read so far, 0 to 1, for a progress bar. */
  readonly progress: number;
  /**
   * Fill the batch with the next events, in order of time over all CPUs.
   * @returns false when there are no more; the batch is then empty.
   * @throws Unreadable when the rest makes no sense.
   */
  next(batch: EventBatch): boolean;
}
