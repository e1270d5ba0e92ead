/**
 * How drivers did it before the DMA API: a buffer's physical address is written into the device as it is
 * (virt_to_bus). Right where physical and bus addresses are the same and the device reaches all of memory; wrong
 * everywhere else, and nobody notices when it is.
 *
 * Source: D3, drivers that bypass the DMA API; Linux Documentation/core-api/bus-virt-phys-mapping.rst of 2.6.
 */
import { frameBytes } from "../../base/frame.js";
import type { Coherent, DmaApi, ListEntry, MappedList } from "../dma/index.js";
import type { GuestKernel } from "../xen/index.js";

/** What a disk's driver asks of whoever makes its buffers reachable. */
export type DmaCalls = Pick<DmaApi, "alloc" | "free" | "mapList" | "mapRequest" | "unmapList">;

const orderOf = (size: number): number => Math.ceil(Math.log2(Math.max(1, size / frameBytes)));

export class PhysicalAddresses implements DmaCalls {
  readonly #kernel: GuestKernel;
  /** Lists that went to the device, without the DMA layer having seen them. */
  lists = 0;

  constructor(kernel: GuestKernel) {
    this.#kernel = kernel;
  }

  alloc(size: number): Coherent | null {
    const page = this.#kernel.allocPages(orderOf(size));
    if (page === null) return null;
    const phys = page * frameBytes;
    this.#kernel.memory.write(phys, new Uint8Array(size));
    return { phys, bus: phys };
  }

  free(at: Coherent, size: number): void {
    this.#kernel.freePages(Math.floor(at.phys / frameBytes) as Parameters<GuestKernel["freePages"]>[0], orderOf(size));
  }

  mapList(entries: readonly ListEntry[]): MappedList {
    this.lists++;
    const segments = entries.map(({ phys, size }) => ({ bus: phys, size }));
    return { entries, parts: [], segments, count: segments.length, error: 0, refused: null, refusedPart: null };
  }

  mapRequest(entries: readonly ListEntry[]): MappedList {
    return this.mapList(entries);
  }

  unmapList(): void {}
}
