/**
 * What the kernel of one domain knows and can ask about its own memory: the ground under the engines.
 *
 * The five memory models of the field answer the same questions differently (who knows the bus address of a page:
 * nobody, the guest, the hypervisor, an IOMMU), so engines and drivers hold this interface and no model.
 * Source: D3's four cases of a DMA-API implementation: read the P2M, do nothing, call to translate, call to map.
 */
import type { Pfn } from "../../base/frame.js";
import type { ByteMemory } from "../../mem/byte_memory.js";

/**
 * `p2m`: paravirtualised, the guest keeps a table pfn -> mfn. `p==m`: pfn and mfn are equal for its own memory.
 * `vp`: machine addresses are hidden and nothing helps. `vp+hypercall`: hidden, the DMA layer asks the hypervisor.
 * `vp+iommu`: hidden, an IOMMU translates what devices emit. `native`: no hypervisor at all.
 */
export type MemoryModel = "native" | "p2m" | "p==m" | "vp" | "vp+hypercall" | "vp+iommu";

/** Outcome of making a region contiguous. `handle` is the machine address of the region, set in both cases. */
export interface Contiguous {
  readonly ok: boolean;
  readonly handle: number;
}

/** Pages first to end - 1, which are no memory to a kernel. */
export interface PageHole {
  readonly first: number;
  readonly end: number;
}

export interface GuestKernel {
  readonly domain: number;
  readonly model: MemoryModel;
  /** CPU access by guest physical address, through what that address means at this moment. */
  readonly memory: ByteMemory;
  /** Bus address of a guest physical address as the DMA layer computes it; -1 when it cannot. */
  physToBus(phys: number): number;
  /** The plain reverse: what M2P or its like says, which for another domain's frame is that domain's number. -1: none. */
  busToPhys(bus: number): number;
  /** The reverse for pages of this domain only: -1 for foreign and I/O frames. */
  busToLocalPhys(bus: number): number;
  /** The page is another domain's, mapped here. */
  isForeign(pfn: Pfn): boolean;
  /**
   * 2^order pages that are physically consecutive, aligned to their size.
   * @param highest highest physical byte address that they may have, where the kernel keeps zones; elsewhere ignored
   * @returns null when memory is short.
   */
  allocPages(order: number, highest?: number): Pfn | null;
  freePages(first: Pfn, order: number): void;
  /**
   * Exchange the frames under 2^order pages for machine-contiguous ones below 2^addressBits. What the pages held is
   * zeroed. Models whose pages need no rearranging answer with the region's own bus address.
   */
  createContiguous(phys: number, order: number, addressBits: number): Contiguous;
  destroyContiguous(phys: number, order: number): void;
  /** Cache maintenance of one frame by bus address (GNTTABOP_cache_flush). @returns 0 or a negative status. */
  cacheFlush(bus: number, length: number, op: "clean" | "invalidate"): number;
}
