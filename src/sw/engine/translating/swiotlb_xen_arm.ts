/**
 * swiotlb-xen on Arm: a domain whose own pages lie where it believes, and pages of others do not. It translates, and
 * asks the hypervisor for cache maintenance of pages that are not its own; nothing is rearranged.
 *
 * Source: Linux arch/arm/xen/mm.c and p2m.c, drivers/xen/swiotlb-xen.c; the discussion of 2021.
 */
import { Misuse } from "../../../base/assert.js";
import type { Coherent, DmaDevice, Engine } from "../engine.js";
import type { EngineOptions } from "../options.js";
import type { DmaBuffer } from "../parts/buffer.js";
import { partsOf } from "../parts/build.js";
import { allocReachable, freeReachable } from "../parts/coherent.js";
import type { EngineParts } from "../parts/parts.js";
import { type Arch, TranslatingEngine } from "./translating_engine.js";

/** The hypervisor does not know the call. Source: ENOSYS. */
const unknownCall = -38;

export const swiotlbXenArm = {
  name: "swiotlb-xen-arm",
  title: "swiotlb-xen of a directly mapped Arm domain: translates, rearranges nothing",
  build: (o: EngineOptions): Engine => {
    const parts = partsOf(o);
    if (parts.table === null) throw new Misuse("engine-pool", "none; this engine has a pool");
    return new TranslatingEngine(new Arm(parts), { ...parts, table: parts.table });
  },
};

class Arm implements Arch {
  readonly name = "swiotlb-xen-arm";
  readonly lists = { splits: false, merges: false };
  /** A call for no bytes is the kernel's probe: anything but "unknown" means that maintenance can be asked for. */
  readonly #hasCacheCall: boolean;

  constructor(parts: EngineParts) {
    this.#hasCacheCall = parts.guest.cacheFlush(0, 0, "clean") !== unknownCall;
  }

  needsBounce(_parts: EngineParts, device: DmaDevice, o: DmaBuffer): boolean {
    return !this.#hasCacheCall && o.foreign && !device.coherent;
  }

  /** There is no reverse table: a frame is local when it is one of ours, since ours lie where they are numbered. */
  slotAt(parts: EngineParts, bus: number): number {
    const { membership } = parts.rules;
    const phys = membership === "local" ? parts.guest.busToLocalPhys(bus) : parts.guest.busToPhys(bus);
    return phys >= 0 && parts.table!.holds(phys) ? phys : -1;
  }

  allocCoherent(parts: EngineParts, device: DmaDevice, size: number): Coherent | null {
    return allocReachable(parts, device, size);
  }

  freeCoherent(parts: EngineParts, device: DmaDevice, at: Coherent & { readonly size: number }): void {
    freeReachable(parts, device, at);
  }
}
