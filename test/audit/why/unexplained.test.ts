/** Lines that no rule knows: every word of trouble and every mark by which they are seen, and what makes a line harmless. */
import { expect, test } from "vitest";
import { explainLine, nothingKnown } from "../../../src/audit/index.js";

/** The words that a line was taken for trouble by; null: nothing is said of it. */
function seenBy(line: string): string | null {
  const found = explainLine(line, nothingKnown).filter((f) => f.kind === "unexplained");
  return found.length === 0 ? null : found.map((f) => f.evidence).join("; ");
}

const words = [
  "error|errors|failed|failure|fails|fault|faults|faulted|timed out|timedout|time out|timeout|time-out|overflow|overflowed|invalid",
  "illegal|unable|cannot|can't|could not|couldn't|not sufficient|refused|rejected|rejecting|denied|abort|aborted|unexpected|unhandled|corrupt",
  "corrupted|corruption|out of|no memory|stuck|hung|conflict|already set|all ones|not enough|exceeds|exceeded|mismatch|bad|broken",
].flatMap((some) => some.split("|"));

test("every word of trouble, in small letters and as a sentence begins", () => {
  const capital = (word: string) => word[0]!.toUpperCase() + word.slice(1);
  const always = new Set(["not sufficient", "stuck", "hung", "already set", "all ones", "broken"]);
  expect(words.length).toBeGreaterThan(45);
  for (const word of words) {
    expect(seenBy(`widget: ${word} here, IOMMU`)).toBe(`the words "${word}" beside "IOMMU"`);
    const begun = always.has(word) ? null : `the words "${capital(word)}" beside "IOMMU"`;
    expect(seenBy(`widget: ${capital(word)} here, IOMMU`)).toBe(begun);
    expect(seenBy(`widget: x${word}x here, IOMMU`)).toBe(null);
  }
});

test.each([
  "FAULT",
  "FAULTS",
  "ERROR",
  "ERRORS",
  "TIMEOUT",
  "OVERFLOW",
  "[Firmware Bug]",
  "Disabling interrupt remapping",
])("%s", (word) => {
  expect(seenBy(`widget: ${word} here, IOMMU`)).toBe(`the words "${word}" beside "IOMMU"`);
});

test.each([
  ...[
    "DMAR",
    "AMD-Vi",
    "VT-d",
    "INTR-REMAP",
    "swiotlb",
    "IO TLB",
    "SW-IOMMU",
    "DMA-API:",
    "IOMMU",
    "iommu",
    "smmu",
    "SMMU",
  ],
  ...["sysmmu", "ipmmu", "apple-dart"],
])("the mark %s", (mark) => {
  expect(seenBy(`widget ${mark} in fault`)).toBe(`the words "fault" beside "${mark}"`);
});

/** Harmless, and the same line but for what makes it so. */
const rows: readonly (readonly [string, string])[] = [
  ["IOMMU: bad word in the command line", "IOMMU: bad word in the order"],
  ["AMD-Vi: bad: IOMMUv2 functionality not available", "AMD-Vi: bad: IOMMUv2 functionality"],
  ["AMD-Vi: Unable to read/write to IOMMU perf counter.", "AMD-Vi: Unable to read IOMMU perf counter."],
  ["AMD-Vi: Unable to write to IOMMU perf counter.", "AMD-Vi: Unable to writ to IOMMU perf counter."],
  ["AMD-Vi: Unknown option - 'bad'", "AMD-Vi: Unknown word - 'bad'"],
  ["AMD-Vi: PRI will be broken", "AMD-Vi: PRI is broken"],
  ["AMD-Vi: EFR mismatch. Use IVHD EFR (0x1 : 0x2)", "AMD-Vi: EFR mismatch. Use both"],
  ["iommu: failed, falling back to wired irqs", "iommu: failed, falling down to wired irqs"],
  ["iommu: failed, Falling back to IOMMU_DOMAIN_DMA", "iommu: failed, falling back to none"],
  ["iommu: bad hardware, applying workaround", "iommu: bad hardware, working"],
  ["iommu: Failed to find handle for ACPI object \\_SB", "iommu: Failed to find ACPI object \\_SB"],
  ["qemu@a.b-c[1234567890]: iommu failed", "qemu@a.b-c[12345678901]: iommu failed"],
  ["q[1]: iommu failed", "on q[1]: iommu failed"],
  [`${"q".repeat(40)}[1]: iommu failed`, `${"q".repeat(41)}[1]: iommu failed`],
  ["DMAR: fault reporting enabled", "DMAR: fault reporting"],
  ["DMAR: error queue is now enabled", `DMAR: error queue ${"x".repeat(41)} enabled`],
  ["DMAR: Fault logging initialised", "DMAR: Fault logging begins"],
  ["DMAR: invalidation and fault handling initialized", "DMAR: invalidation and fault handling initialed"],
  ["smmu: allocated 65536 entries, not enough", "smmu: allocated entries, not enough"],
  ["smmu: bad: not supported by hardware", "smmu: bad: not supported by us"],
  ["smmu: bad: not supported by firmware", "smmu: bad: supported by firmware"],
  ["DMAR: bad: No RMRR found", "DMAR: bad: No RMR found"],
  ["DMAR: bad: No SATC found", "DMAR: bad: SATC found"],
  ["DMAR: bad page-request", "DMAR: bad page request"],
  ["DMAR: bad Feature", "DMAR: bad creature"],
  ['smmu: fault priv inst read s1 "x"', 'smmu: fault priv inst read s3 "x"'],
  ['smmu: fault unpriv data write s2 "x"', 'smmu: fault unpriv data move s2 "x"'],
];

test.each(rows)("%s", (harmless, alike) => {
  expect([seenBy(harmless), seenBy(alike) === null]).toEqual([null, false]);
});
