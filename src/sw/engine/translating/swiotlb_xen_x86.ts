/**
 * swiotlb-xen on x86: a paravirtualised guest that knows its machine frames. It rearranges: the pool and coherent
 * memory are made machine-contiguous by exchanging frames.
 *
 * Source: Linux drivers/xen/swiotlb-xen.c, arch/x86/xen/mmu_pv.c; reviews of 2010 and 2021 for what it must tell apart.
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes, pfn } from "../../../base/frame.js";
import type { Contiguous } from "../../xen/guest_kernel.js";
import type { Coherent, DmaDevice, Engine } from "../engine.js";
import type { EngineOptions } from "../options.js";
import { partsOf } from "../parts/build.js";
import { prepare } from "../parts/coherent.js";
import { busOf, losesAlignment, orderOf, straddles } from "../parts/contiguity.js";
import type { EngineParts } from "../parts/parts.js";
import { type Arch, TranslatingEngine } from "./translating_engine.js";

const pageBytes = frameBytes;

export const swiotlbXenX86 = {
  name: "swiotlb-xen-x86",
  title: "swiotlb-xen of a paravirtualised x86 guest: translates and rearranges",
  build: (o: EngineOptions): Engine => {
    const parts = partsOf(o);
    if (parts.table === null) throw new Misuse("engine-pool", "none; this engine has a pool");
    return new TranslatingEngine(new X86(), { ...parts, table: parts.table });
  },
};

class X86 implements Arch {
  readonly name = "swiotlb-xen-x86";
  readonly lists = { splits: false, merges: false };
  /** First pages of what was exchanged for an allocation: the page flag XenRemapped. */
  readonly #remapped = new Set<number>();

  needsBounce(): boolean {
    return false;
  }

  slotAt(parts: EngineParts, bus: number): number {
    const phys = ownPhys(parts, bus);
    return phys >= 0 && parts.table!.holds(phys) ? phys : -1;
  }

  allocCoherent(parts: EngineParts, device: DmaDevice, size: number): Coherent | null {
    const { guest, rules } = parts;
    const order = orderOf(size);
    const bytes = coherentBytes(parts, size);
    const first = guest.allocPages(order);
    if (first === null) return null;
    const phys = first * pageBytes;
    let bus = busOf(parts, phys);
    const unaligned = rules.coherentAligned && losesAlignment(guest, phys, bytes);
    if (outOfReach(parts, device, { phys, bus }, bytes) || unaligned) {
      const made = this.#contiguous(parts, phys, order, addressBits(device.coherentMask));
      if (!made.ok) {
        guest.freePages(first, order);
        return null;
      }
      bus = made.handle;
      this.#remapped.add(phys);
    }
    return prepare(parts, device, { phys, bus }, 2 ** order * pageBytes);
  }

  freeCoherent(parts: EngineParts, device: DmaDevice, at: Coherent & { readonly size: number }): void {
    const { guest, rules, log } = parts;
    const { phys, bus } = at;
    const order = orderOf(at.size);
    const reachable = !outOfReach(parts, device, at, coherentBytes(parts, at.size));
    const remapped = this.#remapped.delete(phys);
    if (rules.destroys === "created") {
      if (!reachable) {
        // What has lost its place cannot be given back safely: it stays, with a warning.
        log.say(`WARNING: coherent memory at ${bus.toString(16)} is out of reach or in pieces; it is left allocated`);
        return;
      }
      if (remapped) guest.destroyContiguous(phys, order);
    } else if (reachable === (rules.destroys === "reachable")) {
      guest.destroyContiguous(phys, order);
    }
    guest.freePages(pfn(phys / pageBytes), order);
  }

  /** The stub of kernels that are not paravirtualised reports success and leaves the handle as the caller had it: 0. */
  #contiguous(parts: EngineParts, phys: number, order: number, bits: number): Contiguous {
    if (parts.rules.contiguous === "stub") return { ok: true, handle: 0 };
    return parts.guest.createContiguous(phys, order, bits);
  }
}

/** The reverse lookup that membership rests on, as the rules have it. */
function ownPhys(parts: EngineParts, bus: number): number {
  const { guest, rules } = parts;
  if (rules.membership === "local") return guest.busToLocalPhys(bus);
  const phys = guest.busToPhys(bus);
  return rules.membership === "phys" || (phys >= 0 && guest.physToBus(phys) === bus) ? phys : -1;
}

function outOfReach(parts: EngineParts, device: DmaDevice, at: Coherent, bytes: number): boolean {
  return at.bus < 0 || at.bus + bytes - 1 > device.coherentMask || straddles(parts.guest, at.phys, bytes);
}

function coherentBytes(parts: EngineParts, size: number): number {
  const pages = parts.rules.coherentSize === "order" ? 2 ** orderOf(size) : Math.ceil(size / pageBytes);
  return pages * pageBytes;
}

/** Bits of the highest address of a mask. Source: fls64. */
function addressBits(mask: number): number {
  return Math.min(64, Math.floor(Math.log2(mask)) + 1);
}
