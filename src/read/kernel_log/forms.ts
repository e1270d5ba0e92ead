/**
 * The messages of DMA as the kernel formats them: by these a line that ends inside a message is known.
 *
 * `%d` stands for decimal digits, `%x` for hexadecimal ones with or without 0x, `%s` for a word, `%n` for letters and
 * underscores, `%t` for any text, up to what follows it in the form. Source: Linux kernel/dma/{swiotlb,direct,debug}.c, lib/swiotlb.c,
 * drivers/iommu/{intel,amd,arm,virtio-iommu}; Xen xen/drivers/passthrough.
 */
const forms: readonly string[] = [
  "swiotlb buffer is full (sz: %d bytes), total %d (slots), used %d (slots)",
  "swiotlb addr %x+%d overflow (mask %x, bus limit %x).",
  "swiotlb: coherent allocation failed for device %s size=%d",
  "swiotlb: coherent allocation failed, size=%d",
  "hwdev DMA mask = %x, dev_addr = %x",
  "DMA: Out of SW-IOMMU space for %d bytes at device %s",
  "DMA addr %x+%d overflow (mask %x, bus limit %x).",
  "overflow %x+%d of DMA mask %x bus limit %x",
  "overflow %x+%d of DMA mask %x bus mask %x",
  "overflow %x+%d of device mask %x bus mask %x",
  "Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer",
  "Buffer overflow detected. Allocation size: %d. Mapping size: %d.",
  "DMA bounce buffers are inactive, unable to map unaligned transaction.",
  "Device bounce map: %x@%x dir %d --- failed",
  "software IO TLB: mapped [mem %x-%x] (%dMB)",
  "software IO TLB: area num %d.",
  "software IO TLB: SWIOTLB bounce buffer size adjusted %d -> %d slabs",
  "software IO TLB: SWIOTLB bounce buffer size roundup to %dMB",
  "software IO TLB: Memory encryption is active and system is using DMA bounce buffers",
  "software IO TLB: tearing down default memory pool",
  "Failed to get contiguous memory for DMA from Xen!",
  "device driver has pending DMA allocations while released from device [count=%d]",
  "One of leaked entries details: [device address=%x] [size=%d bytes] [mapped with %n] [mapped as %s]",
  "One of leaked entries details: [size=%d bytes] [mapped with %n] [mapped as %s]",
  "device driver tries to free an invalid DMA memory address",
  "device driver tries to free DMA memory it has not allocated [device address=%x] [size=%d bytes]",
  "device driver tries to sync DMA memory it has not allocated [device address=%x] [size=%d bytes]",
  "device driver frees DMA memory with different size [device address=%x] [map size=%d bytes] [unmap size=%d bytes]",
  "device driver frees DMA memory with wrong function [device address=%x] [size=%d bytes] [mapped as %s] [unmapped as %s]",
  "device driver frees DMA memory with different CPU address [device address=%x] [size=%d bytes] [cpu alloc address=%x] [cpu free address=%x]",
  "device driver frees DMA memory with different direction [device address=%x] [size=%d bytes] [mapped with %s] [unmapped with %s]",
  "device driver frees DMA sg list with different entry count [map count=%d] [unmap count=%d]",
  "device driver failed to check map error[device address=%x] [size=%d bytes] [mapped as %s]",
  "device driver maps memory from stack [addr=%x]",
  "device driver maps memory from kernel text or rodata [addr=%x] [len=%d]",
  "device driver syncs DMA memory outside allocated range [device address=%x] [allocation size=%d bytes] [sync offset+size=%d]",
  "device driver syncs DMA memory with different direction [device address=%x] [size=%d bytes] [mapped with %s] [synced with %s]",
  "mapping sg segment longer than device claims to support [len=%d] [max=%d]",
  "mapping sg segment across boundary [start=%x] [end=%x] [boundary=%x]",
  "cpu touching an active dma mapped cacheline [cln=%x]",
  "exceeded %d overlapping mappings of cacheline %x",
  "cacheline tracking EEXIST, overlapping mappings aren't supported",
  "[DMA %n] Request device [%s] fault addr %x [fault reason %x] %t",
  "[DMA %n] Request device [%s] fault addr %x, iommu reg = %x",
  "[DMA %n] Request device [%s] PASID %x fault addr %x [fault reason %x] %t",
  "[DMA %n NO_PASID] Request device [%s] fault addr %x [fault reason %x] %t",
  "[DMA %n PASID %x] Request device [%s] fault addr %x [fault reason %x] %t",
  "INTR-REMAP: Request device [%s] fault index %x [fault reason %x] %t",
  "INTR-REMAP: Request device [[%s] fault index %x",
  "[INTR-REMAP] Request device [%s] fault index %x [fault reason %x] %t",
  "DMAR: DRHD: handling fault status reg %x",
  "DMAR: VT-d detected Invalidation Queue Error: Reason %x",
  "DMAR: VT-d detected Invalidation Time-out Error: SID %x",
  "DMAR: VT-d detected Invalidation Completion Error: SID %x",
  "DMAR: ERROR: DMA PTE for vPFN %x already set (to %x not %x)",
  "DMAR: intel_iommu_map: iommu width (%d) is not sufficient for the mapped address (%x)",
  "DMAR: QI HEAD: %t qw0 = %x, qw1 = %x",
  "DMAR: QI PRIOR: %t qw0 = %x, qw1 = %x",
  "DMAR: Dump %s table entries for IOVA %x",
  "DMAR: scalable mode root entry: hi %x, low %x",
  "DMAR: context entry: hi %x, low %x",
  "[VT-D]DMAR: reason %x - %t",
  "[VT-D]INTR-REMAP: Request device [%s] fault index %x",
  "[VT-D]INTR-REMAP: reason %x - %t",
  "print_vtd_entries: iommu #%d dev %s gmfn %x",
  "AMD-Vi: Event logged [%n device=%s domain=%x address=%x flags=%x]",
  "AMD-Vi: Event logged [%n device=%s pasid=%x address=%x flags=%x]",
  "AMD-Vi: Event logged [%n device=%s address=%x flags=%x]",
  "AMD-Vi: Event logged [%n device=%s address=%x]",
  "AMD-Vi: Event logged [%n domain=%x address=%x flags=%x]",
  "AMD-Vi: Event logged [%n address=%x flags=%x]",
  "AMD-Vi: Event logged [%n address=%x]",
  "AMD-Vi: IO_PAGE_FAULT: %s d%d addr %x flags %x %t",
  "IO_PAGE_FAULT device=%s domain=%x address=%x flags=%x]",
  "event: %n client: %s sid: %x ssid: %x iova: %x ipa: %x",
  "event: %n client: %s sid: %x ssid: %x fetch_addr: %x",
  "event %x received:",
  "CMDQ error (cons %x): %t",
  "CMD_SYNC timeout at %x [hwprod %x, hwcons %x]",
  "unexpected global error reported (%x), this could be serious",
  "Unhandled context fault: fsr=%x, iova=%x, fsynr=%x, cbfrsynra=%x, cb=%d",
  "Unhandled context fault: fsr=%x, iova=%x, fsynr=%x, cb=%d",
  "GFSR %x, GFSYNR0 %x, GFSYNR1 %x, GFSYNR2 %x",
  "page fault from EP %d at %x [%t",
  "translation fault: status:%x stream:%d code:%x (%t) at %x",
];

/** A piece of a form: text, or a pattern (sticky). */
type Piece = string | RegExp;

const escaped = (word: string): string => word.replace(/[[\](){}.+*?^$|\\]/g, "\\$&");

const placeholders: Readonly<Record<string, RegExp>> = {
  "%d": /\d+/y,
  "%x": /0x$|(?:0x)?[0-9a-fA-F]+/y,
  "%s": /[^\s\]]+/y,
  "%n": /[A-Za-z_]+/y,
  "%t": /.*/y,
};

const compiled: readonly (readonly Piece[])[] = forms.map((form) => {
  const pieces = form.split(/(%[dxsnt]|\s+)/).filter((piece) => piece !== "");
  return pieces.map((piece, i) => {
    if (piece === " ") return /\s+/y;
    const next = pieces.slice(i + 1).find((later) => later !== " ");
    // Text in the midst ends where the form goes on.
    if (piece === "%t" && next !== undefined) return new RegExp(`(?:(?!${escaped(next)}).)*`, "y");
    return placeholders[piece] ?? piece;
  });
});

/** The word that each form begins with finds the place where a line may hold it. */
const byFirstWord = new Map<string, (readonly Piece[])[]>();
for (const form of compiled) {
  const word = form[0] as string;
  byFirstWord.set(word, [...(byFirstWord.get(word) ?? []), form]);
}
const firstWord = new RegExp(
  [...byFirstWord.keys()]
    .map(escaped)
    .sort((a, b) => b.length - a.length)
    .join("|"),
  "g",
);

/** How a text fits a form from some place on: not, to the text's end, or to the form's end. */
const Fit = { no: 0, cut: 1, whole: 2 } as const;
type Fit = (typeof Fit)[keyof typeof Fit];

function fitOf(form: readonly Piece[], text: string, from: number): Fit {
  let at = from;
  for (const piece of form) {
    if (at >= text.length) return at > from ? Fit.cut : Fit.no;
    if (typeof piece === "string") {
      if (text.startsWith(piece, at)) at += piece.length;
      else return piece.startsWith(text.slice(at)) ? Fit.cut : Fit.no;
    } else {
      piece.lastIndex = at;
      if (!piece.test(text)) return Fit.no;
      at = piece.lastIndex;
    }
  }
  return Fit.whole;
}

/** @returns the two as one line when the first ends inside a message and the second goes on with it; else null. */
export function joinedLines(first: string, second: string): string | null {
  // Who breaks a line by hand may write a shell's backslash at the break.
  const begin = first.trimEnd().replace(/ \\$/, ""),
    rest = second.trim();
  if (begin === "" || rest === "") return null;
  // The space at the break may be gone, or never have been; that it is gone is likelier. A comma may have moved.
  for (const joined of [`${begin} ${rest}`, `${begin}${rest.replace(/^,(?=\S)/, ", ")}`]) {
    firstWord.lastIndex = 0;
    for (let m = firstWord.exec(begin); m !== null; m = firstWord.exec(begin)) {
      const { 0: word, index } = m;
      const goesOn = (form: readonly Piece[]) =>
        fitOf(form, begin, index) === Fit.cut && fitOf(form, joined, index) !== Fit.no;
      if (byFirstWord.get(word)!.some(goesOn)) return joined;
    }
  }
  return null;
}
