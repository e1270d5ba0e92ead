/**
 * What no rule explains: a line that carries a mark of an IOMMU, of the bounce pool or of DMA debugging, and a word of
 * trouble. It is listed as not explained, so that silence always means that nothing was found.
 */
import type { Diagnosis } from "../finding.js";
import type { LogLine } from "../log_line.js";

const marks =
  /DMAR\b|DMAR-IR|AMD-Vi|\[VT-D\]|VT-d|INTR-REMAP|swiotlb|IO TLB|SW-IOMMU|DMA-API:|\bIOMMU\b|(?:iommu|smmu|SMMU|sysmmu|ipmmu|apple-dart)/;

const trouble =
  /\b(?:[Ee]rrors?|[Ff]ailed|[Ff]ailure|[Ff]ails|[Ff]aults?|[Ff]aulted|[Tt]imed? ?out|[Tt]ime-?out|[Oo]verflow(?:ed)?|[Ii]nvalid|[Ii]llegal|[Uu]nable|[Cc]annot|[Cc]an't|[Cc]ould ?n[o']t|not sufficient|[Rr]efused|[Rr]ejected|[Rr]ejecting|[Dd]enied|[Aa]bort(?:ed)?|[Uu]nexpected|[Uu]nhandled|[Cc]orrupt(?:ed|ion)?|[Oo]ut of|[Nn]o memory|stuck|hung|[Cc]onflict|already set|all ones|[Nn]ot enough|[Ee]xceed(?:s|ed)|[Mm]ismatch|[Bb]ad|broken)\b|(?:\b|_)(?:FAULT|ERROR|TIMEOUT|OVERFLOW)S?\b|\[Firmware Bug\]|Disabling interrupt remapping/;

/** Lines of healthy machines that hold such words, and lines that only quote them. */
const harmless: readonly RegExp[] = [
  /ommand line/,
  /IOMMUv2 functionality not available/,
  /Unable to (?:read\/)?write to IOMMU perf counter/i,
  /Unknown option/,
  /PRI will be broken/,
  /EFR mismatch\. Use IVHD EFR/,
  /falling back to (?:wired|IOMMU_DOMAIN)/i,
  /applying workaround/,
  /Failed to find handle for ACPI object/,
  // A program writes to the kernel's log.
  /^[\w.@-]{1,40}\[\d{1,10}\]: /,
  /(?:error|fault|invalidation) (?:queue|reporting|recording|handling|interrupt|logging)\b.{0,40}(?:enabled|supported|allocated|initiali[sz]ed)/i,
  /allocated \d+ entries/,
  /not supported by (?:hardware|firmware)/,
  /No (?:RMRR|ATSR|SATC|RHSA) found/,
  /page-request|feature/i,
  // The second line of a decoded SMMUv3 event says what was tried.
  /\b(?:un)?priv (?:inst|data) (?:read|write) s[12] "/,
];

/** @returns null for a line that is of something else, or of nothing bad. */
export function explainNothing(line: LogLine): Diagnosis | null {
  const { text } = line;
  if (!marks.test(text) || !trouble.test(text) || harmless.some((pattern) => pattern.test(text))) return null;
  return {
    kind: "unexplained",
    remedy: `unexplained ${shapeOf(text)}`,
    cause:
      "Not explained here: the line is of an IOMMU or of bounce buffers and tells of trouble, and no rule knows it.",
    evidence: `the words "${trouble.exec(text)![0]}" beside "${marks.exec(text)![0]}"`,
    do: "Look the message up in the kernel's source, by its words without the numbers; the lines around it may say more.",
  };
}

/** Messages that differ in numbers only are one. */
function shapeOf(text: string): string {
  return text.replace(/0x[0-9a-f]+|\b[0-9a-f]{6,16}\b|\d+/gi, "#").slice(0, 120);
}
