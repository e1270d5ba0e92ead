/**
 * A domain as the DMA API uses it: addresses of its own for pages, given back when nothing translates them any more.
 *
 * Source: Linux drivers/iommu/dma-iommu.c (iommu_dma_alloc_iova, __iommu_dma_map, __iommu_dma_unmap; dma_iova_try_alloc and
 * its like, where addresses are taken first and linked later).
 */
import { frameBytes } from "../../../base/frame.js";
import type { MemoryView } from "../../../mem/view.js";
import { Allow, formats, type Mapper, Need, type TraceStep, trace } from "../../../table/index.js";
import { DomainSpace, FlushQueue, perCpuQueue } from "../iova/index.js";
import type { DomainFlushes } from "../ports.js";
import type { ListPiece } from "./joined_list.js";

/** When an address may be used again: after its flush, or after a flush of all, later. */
export type UnmapPolicy = "strict" | "lazy";

/** Bytes that are no addresses of a domain; both ends included. */
export interface ReservedRange {
  readonly first: number;
  readonly last: number;
}

export interface DmaDomainOptions {
  readonly mapper: Mapper;
  /** In which its tables stand. */
  readonly memory: MemoryView;
  readonly flushes: DomainFlushes;
  readonly policy: UnmapPolicy;
  /** What devices' writes there mean is not for its tables to say: interrupt messages, above all. */
  readonly reserved: readonly ReservedRange[];
  /** The unit keeps that there was nothing, or is the shadow of another: it is told of what is mapped too. Default: not. */
  readonly tellsOfMaps?: boolean;
  /** Told when the flush queue's timer must be set. */
  readonly setTimer?: () => void;
}

export class DmaDomain {
  readonly #space = new DomainSpace();
  readonly #mapper: Mapper;
  readonly #flushes: DomainFlushes;
  readonly #queue: FlushQueue | null;
  readonly #setTimer: () => void;
  readonly #memory: MemoryView;
  readonly #tellsOfMaps: boolean;
  #mapped = 0;

  constructor(o: DmaDomainOptions) {
    this.#mapper = o.mapper;
    this.#memory = o.memory;
    this.#flushes = o.flushes;
    this.#tellsOfMaps = o.tellsOfMaps ?? false;
    this.#setTimer = o.setTimer ?? (() => undefined);
    for (const { first, last } of o.reserved) this.#space.reserve(first, last);
    const release = (cpu: number, first: number, frames: number) => this.#space.free(cpu, first, frames);
    this.#queue =
      o.policy === "lazy" ? new FlushQueue({ flushAll: () => o.flushes.flushAll(), release }, perCpuQueue) : null;
  }

  /** Addresses that are mapped, and those that wait for a flush. */
  get counts(): { readonly mapped: number; readonly waiting: number } {
    return { mapped: this.#mapped, waiting: this.#queue?.length ?? 0 };
  }

  /**
   * @param limit the last byte that the device reaches
   * @returns the address on the bus; -1 when there is none
   */
  map(
    cpu: number,
    o: { readonly phys: number; readonly size: number; readonly allow: Allow; readonly limit: number },
  ): number {
    const inside = o.phys % frameBytes;
    const bytes = Math.ceil((inside + o.size) / frameBytes) * frameBytes;
    const first = this.#space.alloc(cpu, bytes / frameBytes, Math.min(o.limit, this.#last), true);
    if (first < 0) return -1;
    this.#mapper.map(first * frameBytes, o.phys - inside, bytes, this.#expressible(o.allow));
    this.#tell(first * frameBytes, bytes);
    this.#mapped++;
    return first * frameBytes + inside;
  }

  /**
   * All buffers in one range.
   * @returns its first address; -1 when there is none
   */
  mapPieces(
    cpu: number,
    o: {
      readonly pieces: readonly Pick<ListPiece, "at" | "phys" | "bytes">[];
      readonly bytes: number;
      readonly allow: Allow;
      readonly limit: number;
    },
  ): number {
    const first = this.#space.alloc(cpu, o.bytes / frameBytes, Math.min(o.limit, this.#last), true) * frameBytes;
    if (first < 0) return -1;
    for (const { at, phys, bytes } of o.pieces) this.#mapper.map(first + at, phys, bytes, this.#expressible(o.allow));
    this.#tell(first, o.bytes);
    this.#mapped++;
    return first;
  }

  /**
   * Addresses alone, which lead nowhere yet.
   * @param o.bytes whole pages; @param o.limit the last byte that the device reaches
   * @returns the first of them; -1 when there are none
   */
  allocate(cpu: number, o: { readonly bytes: number; readonly limit: number }): number {
    const first = this.#space.alloc(cpu, o.bytes / frameBytes, Math.min(o.limit, this.#last), true);
    if (first < 0) return -1;
    this.#mapped++;
    return first * frameBytes;
  }

  /** Let whole pages of such addresses lead to memory. */
  link(address: number, o: { readonly phys: number; readonly bytes: number; readonly allow: Allow }): void {
    this.#mapper.map(address, o.phys, o.bytes, this.#expressible(o.allow));
    this.#tell(address, o.bytes);
  }

  /** They lead nowhere again. This is flushed at once, lazy or not: the addresses may be linked anew. */
  unlink(address: number, bytes: number): void {
    this.#mapper.unmap(address, bytes);
    this.#flushes.flush(address / frameBytes, (address + bytes) / frameBytes - 1, true);
  }

  /** Give back addresses that lead nowhere. */
  free(cpu: number, address: number, bytes: number): void {
    this.#mapped--;
    this.#space.free(cpu, address / frameBytes, bytes / frameBytes);
  }

  unmap(cpu: number, address: number, size: number): void {
    const inside = address % frameBytes;
    const first = (address - inside) / frameBytes;
    const frames = Math.ceil((inside + size) / frameBytes);
    this.#mapper.unmap(first * frameBytes, frames * frameBytes);
    this.#mapped--;
    if (this.#queue === null) {
      this.#flushes.flush(first, first + frames - 1, true);
      this.#space.free(cpu, first, frames);
    } else if (this.#queue.queue(cpu, first, frames)) {
      this.#setTimer();
    }
  }

  /** Source: Linux drivers/iommu/intel/cache.c, cache_tag_flush_range_np (caching mode). */
  #tell(address: number, bytes: number): void {
    if (this.#tellsOfMaps) this.#flushes.flush(address / frameBytes, (address + bytes) / frameBytes - 1, true);
  }

  /** Where no entry can refuse reads, who may write may read: as Linux's formats do. */
  #expressible(allow: Allow): Allow {
    const { levels } = formats[this.#mapper.root.format];
    return levels[0]!.leaf!.grants.read === true && allow === Allow.write ? Allow.readWrite : allow;
  }

  /** The last byte that it has an address for: of those that are extended by their sign, the lower half is used. */
  get #last(): number {
    const { inputBits, upper } = this.#mapper.root;
    return 2 ** (upper === "sign" ? inputBits - 1 : inputBits) - 1;
  }

  /** The physical address behind one of a mapping, as its table says; -1 when it is not mapped. Source: iommu_iova_to_phys. */
  physOf(address: number): number {
    return this.#mapper.translate(address);
  }

  /** The walk of its table to an address, entry by entry. */
  trace(address: number): readonly TraceStep[] {
    const { root } = this.#mapper;
    return trace(this.#memory, root, BigInt(address), Need.none).steps;
  }

  /** The flush queue's timer is due. */
  timedOut(cpu: number): void {
    if (this.#queue?.waiting === true) this.#queue.timedOut(cpu);
  }

  get isTimerSet(): boolean {
    return this.#queue?.waiting ?? false;
  }
}
