/**
 * Linux's drivers of IOMMUs: since which release, and on which architectures a machine here can have one.
 *
 * Source: git tags that first contain drivers/pci/intel-iommu.c (2.6.24), its scalable mode (5.0) and the first stage in that
 * (5.6), arch/x86/kernel/amd_iommu.c (2.6.27),
 * drivers/iommu/arm-smmu-v3.c (4.2). VT-d of ia64 (until 6.6, pages of 16 KiB) is not
 * described here.
 */

export interface IommuDriver {
  readonly since: string;
  readonly arches: readonly ("x86" | "arm" | "ia64")[];
}

export const iommuDrivers = {
  vtd: { since: "2.6.24", arches: ["x86"] },
  "vtd-scalable": { since: "5.0", arches: ["x86"] },
  amdvi: { since: "2.6.27", arches: ["x86"] },
  smmuv3: { since: "4.2", arches: ["arm"] },
} as const satisfies Readonly<Record<string, IommuDriver>>;

export type IommuKind = keyof typeof iommuDrivers;
export const iommuKinds = Object.keys(iommuDrivers) as [IommuKind, ...IommuKind[]];

/** NVMe's driver takes addresses first and links its buffers to them then (block/blk-mq-dma.c). */
export const requestsMappedSince = "6.17";

/** Tables of a VT-d unit's first stage for a kernel's own devices. */
export const firstStageSince = "5.6";

/**
 * Tables of the stage that a guest may have for itself, by a kernel's DMA layer: AMD-Vi's since amd_iommu=pgtbl_v2, SMMUv3's
 * since its driver; null: units of the kind translate once.
 */
export const guestTablesSince: Readonly<Record<IommuKind, string | null>> = {
  vtd: null,
  "vtd-scalable": firstStageSince,
  amdvi: "6.1",
  smmuv3: iommuDrivers.smmuv3.since,
};
