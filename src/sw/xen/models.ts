/**
 * The memory models as data: who knows the bus address of a page, and what follows.
 * Source: D3's vocabulary (P2M, P==M, VP) and its four cases of a DMA layer; Linux arch/x86/xen, arch/arm/xen.
 */
import type { MemoryModel } from "./guest_kernel.js";

export interface ModelRules {
  /** The hypervisor keeps gfn -> mfn; otherwise the guest's page tables hold machine frames. */
  readonly translated: boolean;
  /** How the DMA layer learns a bus address. */
  readonly bus: "table" | "tree" | "nobody" | "hypercall" | "same";
  /** The domain's memory is one run whose numbers are the machine's. */
  readonly oneToOne: boolean;
  /** What a device emits is translated by the domain's own map. */
  readonly behindIommu: boolean;
  /** Frames under a region can be exchanged for contiguous ones. */
  readonly exchanges: boolean;
}

export type XenModel = Exclude<MemoryModel, "native">;

export const models: Readonly<Record<XenModel, ModelRules>> = {
  p2m: { translated: false, bus: "table", oneToOne: false, behindIommu: false, exchanges: true },
  "p==m": { translated: true, bus: "tree", oneToOne: true, behindIommu: false, exchanges: false },
  vp: { translated: true, bus: "nobody", oneToOne: false, behindIommu: false, exchanges: false },
  "vp+hypercall": { translated: true, bus: "hypercall", oneToOne: false, behindIommu: false, exchanges: true },
  "vp+iommu": { translated: true, bus: "same", oneToOne: false, behindIommu: true, exchanges: false },
};
