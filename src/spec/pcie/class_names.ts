/**
 * Classes of functions that DMA remapping asks about, by the names that lspci prints.
 *
 * Source: PCI Code and ID Assignment Specification 1.15, section 1; the names are those of pci.ids.
 */
export const PciClass = {
  raid: 0x0104,
  hostBridge: 0x0600,
  pciBridge: 0x0604,
  iommu: 0x0806,
} as const;

const byName: Readonly<Record<string, number>> = {
  "host bridge": PciClass.hostBridge,
  "pci bridge": PciClass.pciBridge,
  iommu: PciClass.iommu,
  "raid bus controller": PciClass.raid,
};

/** The class code of a name that lspci prints. @returns null for a name that nobody asks about */
export const classOfName = (name: string | null): number | null => byName[name?.toLowerCase() ?? ""] ?? null;
