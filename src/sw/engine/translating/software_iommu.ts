/**
 * The software IOMMU: a guest that never sees machine frames, whose DMA layer asks the hypervisor for the bus address of
 * each page. Memory is addressed as if virtual-physical were all there is; devices are addressed by the machine.
 *
 * Nothing can be asked backwards, so the engine keeps what it was told of its own pool: bus address to slot. A buffer
 * whose pages are no neighbours becomes several segments in a list, and bounces when it is mapped alone.
 * Source: D3 ("a DMA-API implementation which calls into Xen for P->Bus translation", "a simple DMA may need to be
 * translated into a scatter-gather").
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes, pfn } from "../../../base/frame.js";
import type { Coherent, DmaDevice, Engine } from "../engine.js";
import type { EngineOptions } from "../options.js";
import { partsOf } from "../parts/build.js";
import { allocReachable, freeReachable, prepare } from "../parts/coherent.js";
import { busOf, orderOf } from "../parts/contiguity.js";
import type { EngineParts } from "../parts/parts.js";
import { type Arch, TranslatingEngine } from "./translating_engine.js";

const pageBytes = frameBytes;

export const softwareIommu = {
  name: "software-iommu",
  title: "software IOMMU: each page's bus address is asked of the hypervisor",
  build: (o: EngineOptions): Engine => {
    const parts = partsOf(o);
    if (parts.table === null) throw new Misuse("engine-pool", "none; this engine has a pool");
    return new TranslatingEngine(new Asking(parts), { ...parts, table: parts.table });
  },
};

class Asking implements Arch {
  readonly name = "software-iommu";
  readonly lists = { splits: true, merges: true };
  /** Guest physical page by bus page, of the pool. */
  readonly #poolPages = new Map<number, number>();
  readonly #remapped = new Set<number>();

  constructor(parts: EngineParts) {
    const { start, slots } = parts.table!.pool;
    for (let phys = start - (start % pageBytes); phys < start + slots * 2048; phys += pageBytes)
      this.#poolPages.set(Math.floor(busOf(parts, phys) / pageBytes), phys);
  }

  needsBounce(): boolean {
    return false;
  }

  slotAt(parts: EngineParts, bus: number): number {
    const low = bus % pageBytes;
    const page = this.#poolPages.get((bus - low) / pageBytes);
    return page !== undefined && parts.table!.holds(page + low) ? page + low : -1;
  }

  /** Pages that happen to lie right; else the hypervisor is asked to exchange them. */
  allocCoherent(parts: EngineParts, device: DmaDevice, size: number): Coherent | null {
    const lucky = allocReachable(parts, device, size);
    if (lucky !== null) return lucky;
    const order = orderOf(size);
    const first = parts.guest.allocPages(order);
    if (first === null) return null;
    const phys = first * pageBytes;
    const bits = Math.min(64, Math.floor(Math.log2(device.coherentMask)) + 1);
    const made = parts.guest.createContiguous(phys, order, bits);
    if (!made.ok || made.handle + size - 1 > device.coherentMask) {
      if (made.ok) parts.guest.destroyContiguous(phys, order);
      parts.guest.freePages(pfn(first), order);
      return null;
    }
    this.#remapped.add(phys);
    return prepare(parts, device, { phys, bus: made.handle }, 2 ** order * pageBytes);
  }

  freeCoherent(parts: EngineParts, device: DmaDevice, at: Coherent & { readonly size: number }): void {
    if (this.#remapped.delete(at.phys)) parts.guest.destroyContiguous(at.phys, orderOf(at.size));
    freeReachable(parts, device, at);
  }
}
