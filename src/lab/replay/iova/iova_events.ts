/**
 * Operations on addresses out of a recording's events, in the order in which they were carried out.
 *
 * An address is chosen before its pages are mapped, and `iommu:map` is written page by page before the event of the DMA
 * API: the first of them is the moment of the choice. It is given back after the pages are unmapped; `dma_unmap_*` is
 * written after that. What stands between the two in the recording is of other CPUs, or of interrupts.
 *
 * Source: Linux drivers/iommu/dma-iommu.c, __iommu_dma_map, iommu_dma_map_sg, __iommu_dma_unmap; kernel/dma/mapping.c.
 */
import { frameBytes } from "../../../base/frame.js";
import { type EventBatch, EventKind, failedAddress } from "../../../read/event.js";
import { threadOf } from "../../../read/thread.js";
import { IovaKind, type IovaOf, type IovaOperation, type IovaSink } from "./iova_operation.js";

/** An operation whose place in the order is known before all of it is. */
interface Open {
  kind: IovaKind;
  cpu: number;
  device: number;
  iova: number;
  /** End of what was mapped or unmapped so far. */
  end: number;
  of: IovaOf;
  time: number;
  isKnown: boolean;
}

/** Operations that wait for one whose event has not come. */
const waitingMax = 4096;

/** Of a device or of the domain that one is nested in. */
const isIotlb = (cache: number) => cache === 0 || cache === 2;

/** Bytes of the longest range that the kernel allocates at an address: it aligns each to its own length. Source: alloc_iova_fast. */
function longestAt(iova: number): number {
  if (iova === 0) return Number.POSITIVE_INFINITY;
  let bytes = frameBytes;
  while (iova % (bytes * 2) === 0) bytes *= 2;
  return bytes;
}

const down = (address: number) => address - (address % frameBytes);
const up = (address: number) => down(address + frameBytes - 1);

export class IovaEvents {
  readonly #sink: IovaSink;
  readonly #waiting: Open[] = [];
  /** What a task, in one context, mapped or unmapped and no event of the DMA API has named yet. */
  readonly #mapping = new Map<number, Open>();
  readonly #unmapping = new Map<number, Open>();
  /** Addresses of lists by device and first buffer: the event of their end has no other. */
  readonly #lists = new Map<number, Map<number, Open>>();
  /** A domain's number in its unit, and a device that is in it: caches are assigned right before a device is attached. */
  #domain = -1;
  readonly #deviceOf = new Map<number, number>();
  /** The list whose end a task has announced. */
  readonly #ending = new Map<number, Open>();

  constructor(sink: IovaSink) {
    this.#sink = sink;
  }

  feed(batch: EventBatch): void {
    for (let i = 0; i < batch.count; i++) this.#event(batch, i);
  }

  finish(): void {
    for (const open of this.#waiting) open.isKnown = true;
    this.#drain();
  }

  #event(b: EventBatch, i: number): void {
    // A task that is interrupted goes on with what it did.
    const who = threadOf(b, i);
    switch (b.kind[i]) {
      case EventKind.iommuDevice:
        this.#attached(b, i);
        break;
      case EventKind.cacheAssigned:
        this.#domain = b.size[i]!;
        break;
      case EventKind.cacheFlushed:
        this.#flushed(b, i);
        break;
      case EventKind.iommuMap:
        this.#closeUnmapping(who);
        this.#mapped(who, b, i);
        break;
      case EventKind.iommuUnmap:
        this.#closeUnmapping(who);
        this.#unmapped(who, b, i);
        break;
      case EventKind.map:
      case EventKind.alloc: {
        this.#closeUnmapping(who);
        const of = b.kind[i] === EventKind.map ? "single" : "coherent";
        if (b.dma[i] !== failedAddress) this.#named(who, b, i, of, down(b.dma[i]!), up(b.dma[i]! + b.size[i]!));
        break;
      }
      case EventKind.mapList:
        this.#closeUnmapping(who);
        this.#list(who, b, i);
        break;
      case EventKind.unmap:
      case EventKind.free:
        this.#freed(who, b, i, down(b.dma[i]!), up(b.dma[i]! + b.size[i]!));
        break;
      case EventKind.unmapList:
        this.#closeUnmapping(who);
        this.#listEnded(who, b, i);
        break;
    }
  }

  /** The whole of a domain, as it is flushed for addresses that are given back late. */
  #flushed(b: EventBatch, i: number): void {
    const device = this.#deviceOf.get(b.size[i]!);
    const isAll = Number.isNaN(b.dma[i]!) || (b.dma[i] === 0 && b.phys[i] === -1);
    if (device === undefined || !isAll || !isIotlb(b.mask[i]!)) return;
    const open = this.#open(IovaKind.flushed, b, i, 0, 0);
    open.device = device;
    open.isKnown = true;
    this.#drain();
  }

  #attached(b: EventBatch, i: number): void {
    if (this.#domain >= 0) this.#deviceOf.set(this.#domain, b.device[i]!);
    const open = this.#open(IovaKind.attached, b, i, 0, 0);
    open.device = b.device[i]!;
    open.isKnown = true;
    this.#drain();
  }

  #mapped(who: number, b: EventBatch, i: number): void {
    const [from, to] = [b.dma[i]!, b.dma[i]! + b.size[i]!];
    const open = this.#mapping.get(who);
    if (open !== undefined && open.end === from && to - open.iova <= longestAt(open.iova)) open.end = to;
    else {
      if (open !== undefined) open.isKnown = true;
      this.#mapping.set(who, this.#open(IovaKind.mapped, b, i, from, to));
    }
    this.#drain();
  }

  /** An event of the DMA API names what its task mapped. */
  #named(who: number, b: EventBatch, i: number, of: IovaOf, iova: number, end: number): Open | null {
    const open = this.#mapping.get(who);
    if (open === undefined || open.iova !== iova) return null;
    this.#mapping.delete(who);
    open.kind = IovaKind.alloc;
    open.of = of;
    open.device = b.device[i]!;
    if (end > open.end) open.end = end;
    open.isKnown = true;
    this.#drain();
    return open;
  }

  /** The range of a list has room between its entries: it is as long as what was mapped. */
  #list(who: number, b: EventBatch, i: number): void {
    if (b.dmaCount[i] === 0) return;
    const iova = down(b.listDma[b.dmaFirst[i]!]!);
    const open = this.#named(who, b, i, "list", iova, iova);
    if (open === null || b.physCount[i] === 0) return;
    const device = b.device[i]!;
    let lists = this.#lists.get(device);
    if (lists === undefined) this.#lists.set(device, (lists = new Map()));
    lists.set(b.listPhys[b.physFirst[i]!]!, open);
  }

  #freed(who: number, b: EventBatch, i: number, iova: number, end: number): void {
    const open = this.#unmapping.get(who);
    if (open === undefined) return;
    if (open.iova !== iova) {
      this.#closeUnmapping(who);
      return;
    }
    this.#unmapping.delete(who);
    open.kind = IovaKind.free;
    open.device = b.device[i]!;
    open.end = end;
    // The caches were flushed in between, and whoever was given an address then did not get this one.
    this.#waiting.splice(this.#waiting.indexOf(open), 1);
    this.#waiting.push(open);
    open.isKnown = true;
    this.#drain();
  }

  /** `dma_unmap_sg` is written before the list is unmapped: what its task unmaps next is the list. */
  #listEnded(who: number, b: EventBatch, i: number): void {
    const list = b.physCount[i] === 0 ? undefined : this.#lists.get(b.device[i]!)?.get(b.listPhys[b.physFirst[i]!]!);
    if (list === undefined) return;
    this.#lists.get(b.device[i]!)!.delete(b.listPhys[b.physFirst[i]!]!);
    this.#ending.set(who, list);
  }

  #unmapped(who: number, b: EventBatch, i: number): void {
    const iova = b.dma[i]!;
    const list = this.#ending.get(who);
    this.#ending.delete(who);
    const isList = list?.iova === iova;
    const open = this.#open(isList ? IovaKind.free : IovaKind.unmapped, b, i, iova, iova + b.size[i]!);
    if (!isList) {
      this.#unmapping.set(who, open);
      return;
    }
    open.device = list.device;
    open.end = list.end;
    open.isKnown = true;
    this.#drain();
  }

  /** No event of the DMA API followed: nobody is named. */
  #closeUnmapping(who: number): void {
    const open = this.#unmapping.get(who);
    if (open === undefined) return;
    this.#unmapping.delete(who);
    open.isKnown = true;
    this.#drain();
  }

  #open(kind: IovaKind, b: EventBatch, i: number, iova: number, end: number): Open {
    const open = { kind, cpu: b.cpu[i]!, device: -1, iova, end, of: null, time: b.time[i]!, isKnown: false };
    this.#waiting.push(open);
    return open;
  }

  #drain(): void {
    const waiting = this.#waiting;
    let done = 0;
    while (done < waiting.length && (waiting[done]!.isKnown || waiting.length - done > waitingMax)) {
      const { end, isKnown: _, ...op } = waiting[done++]!;
      this.#sink.operation({ ...op, bytes: end - op.iova } satisfies IovaOperation);
    }
    if (done > 0) waiting.splice(0, done);
  }
}
