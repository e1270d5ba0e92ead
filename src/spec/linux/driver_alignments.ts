/**
 * What drivers ask of the bounce pool for their devices: the facts that no trace event prints and no device knows.
 *
 * min_align_mask: the low address bits that a bounce must keep. Segment boundary: no mapping may cross a multiple of
 * it. Only the values that change where a bounce goes are listed; every other driver has 0 and none (4 GiB or more).
 */
export interface DriverAlignment {
  readonly driver: RegExp;
  readonly minAlignMask: number;
  /** Bytes, a power of two; 0 = none that a pool below 4 GiB could cross. */
  readonly boundary: number;
  readonly source: string;
}

export const driverAlignments: readonly DriverAlignment[] = [
  {
    driver: /^nvme$/,
    minAlignMask: 0xfff,
    boundary: 0,
    source: "drivers/nvme/host/pci.c: dma_set_min_align_mask(dev, NVME_CTRL_PAGE_SIZE - 1)",
  },
  {
    driver: /^(hv_storvsc|storvsc)$/,
    minAlignMask: 0xfff,
    boundary: 0,
    source: "drivers/scsi/storvsc_drv.c: dma_set_min_align_mask(dev, HV_HYP_PAGE_SIZE - 1)",
  },
  {
    // Bus-master IDE: a physical region descriptor may not cross 64 KiB, and libata tells the SCSI layer so.
    driver: /^(ata_piix|ata_generic|pata_\w+|sata_sil|sata_via|sata_nv|sata_sis|sata_uli|sata_svw|sata_vsc|piix)$/,
    minAlignMask: 0,
    boundary: 0x10000,
    source: "include/linux/libata.h: ATA_DMA_BOUNDARY 0xffff; drivers/scsi/scsi_lib.c: dma_set_seg_boundary",
  },
];

/** No kernel before it knows a min_align_mask. Source: Linux commit 1f221a0d0dbf. */
export const minAlignMaskSince = "5.12";

/** @returns what the named driver asks for, or null when the table says nothing of it. */
export function alignmentOf(driver: string | null): DriverAlignment | null {
  if (driver === null) return null;
  return driverAlignments.find((row) => row.driver.test(driver)) ?? null;
}
