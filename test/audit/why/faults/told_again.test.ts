/** A verdict is kept for faults that come again: two that differ in what decides about them are judged one by one. */
import { expect, test } from "vitest";
import { nothingKnown } from "../../../../src/audit/why/context.js";
import { FaultReader } from "../../../../src/audit/why/faults/reader.js";
import type { Diagnosis } from "../../../../src/audit/why/finding.js";
import { splitLine } from "../../../../src/audit/why/log_line.js";

function verdictsOf(faults: readonly string[]): Diagnosis[] {
  const verdicts: Diagnosis[] = [];
  const reader = new FaultReader(nothingKnown, (_line, verdict) => void verdicts.push(verdict));
  for (const line of faults.join("\n").split("\n")) reader.read(splitLine(line)!);
  reader.end();
  return verdicts;
}

const amdEntry = (...quads: readonly string[]) =>
  [
    "AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=03:00.0 pasid=0x00000 address=0x1000 flags=0x0020]",
    ...quads.map((quad, n) => `AMD-Vi: DTE[${n}]: ${quad}`),
  ].join("\n");
const xenWalk = (...entries: readonly string[]) =>
  [
    "(XEN) AMD-Vi: IO_PAGE_FAULT: 0000:03:00.0 d26 addr 0000000012345000 flags 0x20 PR",
    ...entries.map((entry, n) => `(XEN)     L${3 - n}[048] = ${entry}`),
  ].join("\n");
const vtd =
  "DMAR: [DMA Read] Request device [03:00.0] fault addr 10000000 [fault reason 06] PTE Read access is not set";
const vtdDump = (entry: string) =>
  `${vtd}\nDMAR: Dump dmar1 table entries for IOVA 0x10000000\nDMAR: pte level: 1, pte value: 0x${entry}`;

const families: Readonly<Record<string, readonly string[]>> = {
  "Linux and Xen, one log": [vtd, `(XEN) ${vtd}`],
  "AMD's entry of a device": [
    amdEntry("6000000000000003", "0000000000000001", "2000003088b3e013", "0000000000000000"),
    amdEntry("7190000000000007", "00001001034f0002", "2000003088b3e012", "0000000000000000"),
    amdEntry("6080000000000e03", "0000000100000001", "2000003088b3e012", "0000000000000000"),
    amdEntry(),
  ],
  "a walk that Xen prints": [xenWalk("0000000000000000"), xenWalk("0000000123456001"), xenWalk()],
  "a walk that Linux prints": [vtdDump("0000000123456002"), vtdDump("0000000000000000"), vtd],
};

test.each(Object.entries(families))("%s", (_, faults) => {
  const alone = faults.map((fault) => {
    const verdicts = verdictsOf([fault]);
    expect(verdicts.length).toBe(1);
    return verdicts[0]!;
  });
  expect(new Set(alone.map((v) => JSON.stringify(v))).size).toBe(faults.length);
  for (const [i, a] of faults.entries())
    for (const [j, b] of faults.entries()) expect(verdictsOf([a, b])).toEqual([alone[i], alone[j]]);
});
