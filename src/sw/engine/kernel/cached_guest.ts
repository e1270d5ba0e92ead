/** A guest kernel whose CPU reaches memory through a cache that devices go past. */
import type { Pfn } from "../../../base/frame.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import type { Contiguous, GuestKernel, MemoryModel } from "../../xen/guest_kernel.js";
import { CpuCache } from "./cpu_cache.js";

export class CachedGuest implements GuestKernel {
  readonly cache: CpuCache;
  readonly #inner: GuestKernel;

  /** @param machine memory by bus address: where the cache writes back to */
  constructor(inner: GuestKernel, machine: ByteMemory) {
    this.#inner = inner;
    this.cache = new CpuCache({ inner: inner.memory, machine, physToBus: (phys) => inner.physToBus(phys) });
  }

  get domain(): number {
    return this.#inner.domain;
  }

  get model(): MemoryModel {
    return this.#inner.model;
  }

  get memory(): ByteMemory {
    return this.cache;
  }

  physToBus(phys: number): number {
    return this.#inner.physToBus(phys);
  }

  busToPhys(bus: number): number {
    return this.#inner.busToPhys(bus);
  }

  busToLocalPhys(bus: number): number {
    return this.#inner.busToLocalPhys(bus);
  }

  isForeign(pfn: Pfn): boolean {
    return this.#inner.isForeign(pfn);
  }

  allocPages(order: number, highest?: number): Pfn | null {
    return this.#inner.allocPages(order, highest);
  }

  freePages(first: Pfn, order: number): void {
    this.#inner.freePages(first, order);
  }

  createContiguous(phys: number, order: number, addressBits: number): Contiguous {
    return this.#inner.createContiguous(phys, order, addressBits);
  }

  destroyContiguous(phys: number, order: number): void {
    this.#inner.destroyContiguous(phys, order);
  }

  cacheFlush(bus: number, length: number, op: "clean" | "invalidate"): number {
    return this.#inner.cacheFlush(bus, length, op);
  }
}
