/**
 * Which engine a kernel takes for a device, and why, in words.
 *
 * The rows are tried in order; the first that applies decides. Source: Linux arch/x86/kernel/pci-dma.c
 * (pci_iommu_alloc, pci_swiotlb_detect), arch/arm64/mm/dma-mapping.c (arch_setup_dma_ops), include/xen/arm/swiotlb-xen.h
 * (xen_swiotlb_detect), drivers/xen/grant-dma-ops.c; D3 for guests that no address is known to.
 */
import type { MemoryModel } from "../../xen/guest_kernel.js";
import { allAddresses } from "../device.js";
import type { DmaDevice } from "../engine.js";
import type { EngineName } from "./engines.js";

/** What a kernel knows of the machine when it decides. */
export interface Platform {
  readonly arch: "x86" | "arm" | "ia64";
  readonly model: MemoryModel;
  /** 0 is the control domain, and a machine without a hypervisor. */
  readonly domain: number;
  /**
   * What Xen says of the domain's own pages: XENFEAT_direct_mapped, XENFEAT_not_direct_mapped, or neither, as Xen
   * before 2021.
   */
  readonly directMapped?: "direct" | "not-direct" | "unsaid";
  /** `swiotlb=` of the command line. */
  readonly swiotlb: "auto" | "force" | "noforce";
  /** One more than the highest byte address of memory. */
  readonly memoryEnd: number;
  /** The memory of this guest is encrypted: devices reach only what is shared. */
  readonly encrypted?: boolean;
  /**
   * This kernel bounces small buffers of devices that are not coherent (arm64 since 6.5), and has a pool for that however
   * low its memory lies. Source: Linux arch/arm64/mm/init.c, arch_mm_preinit.
   */
  readonly smallBuffersBounce?: boolean;
  /** How this kernel uses the IOMMU before its devices; left out: there is none. */
  readonly iommu?: "translating" | "pass-through";
  /** A PV guest other than dom0 has PCI devices, or was booted to have some. */
  readonly passthrough?: boolean;
}

export interface Selected {
  readonly engine: EngineName;
  /** Every streaming mapping bounces. */
  readonly force: boolean;
  /** One sentence or two. */
  readonly because: string;
}

interface SelectionRow {
  readonly engine: EngineName;
  /** @returns why it applies, or null. */
  readonly applies: (p: Platform, d: DmaDevice) => string | null;
}

const fourGiB = 2 ** 32;

const selection: readonly SelectionRow[] = [
  {
    engine: "grant",
    applies: (_p, d) =>
      d.grantBackend === undefined
        ? null
        : `Domain ${d.grantBackend} serves this device (xen,grant-dma), so its addresses are grants; ` +
          "this goes before every other choice.",
  },
  {
    engine: "swiotlb-xen-x86",
    applies: (p) => {
      if (p.model !== "p2m" || !(p.domain === 0 || p.passthrough)) return null;
      const who = p.domain === 0 ? "dom0" : "a guest with PCI devices";
      return `A paravirtualised ${p.arch} kernel, ${who}: its frames lie anywhere and it knows where, so it translates, and bounces what does not lie in one piece.`;
    },
  },
  {
    engine: "swiotlb-xen-arm",
    applies: (p, d) => {
      if (p.model !== "p==m" || p.arch !== "arm" || p.directMapped === "not-direct") return null;
      if ((p.directMapped ?? "unsaid") === "unsaid" && p.domain !== 0) return null;
      const how =
        p.directMapped === "direct"
          ? "Xen says that this domain is mapped directly"
          : "Xen says nothing of direct mapping and this is dom0, which older Xen always maps directly";
      const iommu = d.behindIommu
        ? " That the device is behind an IOMMU changes nothing: this choice comes after it."
        : "";
      return `${how}: own pages are where they are numbered, pages of other domains must be translated.${iommu}`;
    },
  },
  {
    engine: "iommu",
    applies: (p, d) => {
      if (p.model !== "native" || p.iommu !== "translating") return null;
      const domain =
        "An IOMMU stands before the devices and the kernel uses it, so each mapping has an address of the device's domain.";
      return d.untrusted === true
        ? `${domain} The device is not trusted: what shares a page with other memory bounces, and each address is flushed when it is unmapped.`
        : domain;
    },
  },
  {
    engine: "software-iommu",
    applies: (p) =>
      p.model === "vp+hypercall"
        ? "Machine frames are hidden from this guest and no IOMMU translates, so its DMA layer asks the hypervisor for each page."
        : null,
  },
  {
    engine: "swiotlb",
    applies: (p, d) => {
      const ground = groundOf(p, d);
      if (p.encrypted) return `${ground} Memory is encrypted, so all DMA goes through the shared pool.`;
      if (p.swiotlb === "force") return `${ground} swiotlb=force: all DMA goes through the pool.`;
      if (p.swiotlb === "noforce") return null;
      if (p.memoryEnd <= fourGiB) {
        return hasSmallPool(p) && !d.coherent
          ? `${ground} All memory lies below 4 GiB, so the pool is a small one: for small buffers of devices that do not see the cache, as this one.`
          : null;
      }
      return `${ground} Memory reaches above 4 GiB, so there is a pool for devices that do not.`;
    },
  },
  {
    engine: "direct",
    applies: (p, d) => {
      const why =
        p.swiotlb === "noforce"
          ? "swiotlb=noforce: there is no pool"
          : hasSmallPool(p)
            ? "all memory lies below 4 GiB: the pool is for small buffers of devices that do not see the cache"
            : "all memory lies below 4 GiB: there is no pool";
      const short =
        p.memoryEnd - 1 > Math.min(d.mask, d.busLimit === 0 ? allAddresses : d.busLimit)
          ? ", and what the device does not reach is refused"
          : "";
      return `${groundOf(p, d)} ${why[0]!.toUpperCase()}${why.slice(1)}${short}.`;
    },
  },
];

/** Decide as the kernels do. The last row always applies. */
export function selectEngine(platform: Platform, device: DmaDevice): Selected {
  for (const row of selection) {
    const because = row.applies(platform, device);
    if (because === null) continue;
    const pools = row.engine !== "direct" && row.engine !== "grant";
    return {
      engine: row.engine,
      force: pools && (platform.swiotlb === "force" || platform.encrypted === true),
      because,
    };
  }
  throw new Error("unreachable: the last row always applies");
}

const hasSmallPool = (p: Platform): boolean => p.arch === "arm" && p.smallBuffersBounce === true;

/** What the addresses of this kernel are, where no engine of its own kind serves it. */
function groundOf(p: Platform, d: DmaDevice): string {
  switch (p.model) {
    case "native":
      return d.behindIommu
        ? "No hypervisor; the IOMMU in front of the device passes addresses through."
        : "No hypervisor: physical addresses are the bus's.";
    case "vp+iommu":
      return "The hypervisor has set up an IOMMU that translates this guest's own addresses, so the guest needs nothing of its own.";
    case "vp":
      return "Machine frames are hidden and nothing translates them, so the bus address of no page is known: what goes through the DMA API is refused, and a driver that goes past it reaches memory of others.";
    case "p==m":
      return p.directMapped === "not-direct"
        ? "Xen says that this domain is not mapped directly, so an IOMMU translates for it."
        : "This domain's pages are where they are numbered.";
    case "p2m":
      return "A paravirtualised guest without PCI devices: its virtual devices take grants, not bus addresses.";
    case "vp+hypercall":
      return "Machine frames are hidden.";
  }
}
