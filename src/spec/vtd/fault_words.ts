/**
 * The words that kernels and Xen print for a fault reason, for lines that lost the number.
 *
 * Source: Linux drivers/iommu/intel/dmar.c (dma_remap_fault_reasons, irq_remap_fault_reasons); scalable-mode words are
 * left out, their lines always have the number.
 */
const words: readonly (readonly [number, RegExp])[] = [
  [1, /Present bit in root entry is clear/],
  [2, /Present bit in context entry is clear/],
  [3, /Invalid context entry/],
  [4, /Access beyond MGAW/],
  [5, /PTE Write access is not set/],
  [6, /PTE Read access is not set/],
  [7, /Next page table ptr is invalid/],
  [8, /Root table address invalid/],
  [9, /Context table ptr is invalid/],
  [10, /reserved fields in RTP/],
  [11, /reserved fields in CTP/],
  [12, /reserved fields in PTE/],
  [13, /PCE for translation request specifies blocking/],
  [0x20, /reserved fields in the decoded interrupt-remapped request/],
  [0x21, /Interrupt index exceeded the interrupt-remapping table size/],
  [0x22, /Present field in the IRTE entry is clear/],
  [0x23, /Error accessing interrupt-remapping table/],
  [0x24, /reserved fields in the IRTE entry/],
  [0x25, /Blocked a compatibility format interrupt request/],
  [0x26, /Blocked an interrupt request due to source-id verification failure/],
];

/** @returns the reason's code, or null for words that stand for none. */
export function reasonOfWords(text: string): number | null {
  return words.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}
