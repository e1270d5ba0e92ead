/** Fault lines of VT-d, AMD-Vi and SMMUv3: reason, device, address, and what they mean. */
import { expect, test } from "vitest";
import { explainLine, explainLog } from "../../../src/audit/index.js";
import { faultReasons } from "../../../src/spec/vtd/fault_reasons.js";
import { writtenDown } from "./written_down.js";

const arm = "arm-smmu-v3 9050000.smmuv3: ";
const record = (...words: string[]): string =>
  [`${arm}event ${words[0]} received:`, ...words.slice(1).map((w) => `${arm}\t${w}`)].join("\n");

/** Lines, kind, device, parts of cause and evidence. */
const rows: readonly (readonly [string, string, string, string | null, readonly string[]])[] = [
  [
    "VT-d, today's form",
    "[    5.1] DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0x7c000000 [fault reason 0x06] PTE Read access is not set",
    "dmar-unmapped-or-permission",
    "00:02.0",
    ["read from 0x7c000000", "fault reason 0x6", "allows reading"],
  ],
  [
    "VT-d, with PASID",
    "DMAR: [DMA Write PASID 0x1a] Request device [6a:01.0] fault addr 0xffffe000 [fault reason 0x71] SM: Present bit in first-level paging entry is clear",
    "dmar-unmapped",
    "6a:01.0",
    ["write to 0xffffe000 with PASID 0x1a", "first-stage"],
  ],
  [
    "VT-d, decimal reason",
    "DMAR:[DMA Write] Request device [03:00.0] fault addr ffe00000 [fault reason 05] PTE Write access is not set",
    "dmar-unmapped-or-permission",
    "03:00.0",
    ["write to 0xffe00000", "fault reason 0x5"],
  ],
  [
    "VT-d, decimal reason of two digits",
    "DMAR: [DMA Read] Request device [03:00.0] fault addr fee00000 [fault reason 12] non-zero reserved fields in PTE",
    "dmar-bad-table",
    "03:00.0",
    ["fault reason 0xc", "interrupt messages"],
  ],
  [
    "VT-d, two lines",
    "DMAR:[DMA Read] Request device [00:1f.2] fault addr 3000 \nDMAR:[fault reason 02] Present bit in context entry is clear",
    "dmar-no-entry",
    "00:1f.2",
    ["read from 0x3000", "context entry"],
  ],
  [
    "VT-d, first of two lines",
    "DMAR:[DMA Read] Request device [00:1f.2] fault addr 3000",
    "dmar-unknown",
    "00:1f.2",
    ["next line"],
  ],
  [
    "VT-d, second of two lines",
    "DMAR:[fault reason 02] Present bit in context entry is clear",
    "dmar-no-entry",
    null,
    ["context entry"],
  ],
  [
    "VT-d, interrupt, decimal",
    "DMAR: INTR-REMAP: Request device [[f0:1f.7] fault index 1c [fault reason 34] Present field in the IRTE entry is clear",
    "dmar-interrupt",
    "f0:1f.7",
    ["index 0x1c", "fault reason 0x22", "entry is not present"],
  ],
  [
    "VT-d, interrupt, hexadecimal",
    "DMAR: [INTR-REMAP] Request device [f0:1f.7] fault index 0x0 [fault reason 0x26] Blocked an interrupt request due to source-id verification failure",
    "dmar-interrupt",
    "f0:1f.7",
    ["another device"],
  ],
  [
    "VT-d, reserved reason",
    "DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0x1000 [fault reason 0xf0] Unknown",
    "dmar-unknown",
    "00:02.0",
    ["0xf0 is reserved"],
  ],
  [
    "VT-d, all ones",
    "DMAR: [DMA Write NO_PASID] Request device [00:02.0] fault addr 0xffffffffffff0000 [fault reason 0x05]",
    "dmar-unmapped-or-permission",
    "00:02.0",
    ["mapping that had failed"],
  ],
  ["VT-d, status: flush queue", "DMAR: DRHD: handling fault status reg 40", "dmar-command", null, ["in time (ITE)"]],
  ["VT-d, status: fault", "DMAR: DRHD: handling fault status reg 3", "dmar-status", null, ["PFO", "PPF"]],

  [
    "AMD-Vi, not present",
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:02:00.0 domain=0x0000 address=0x64a7f000 flags=0x0020]",
    "amdvi-unmapped",
    "0000:02:00.0",
    ["address 0x64a7f000", "not present", "RW: set, undefined"],
  ],
  [
    "AMD-Vi, no permission to write",
    "nvme 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000e address=0xfff00000 flags=0x0070]",
    "amdvi-permission",
    "0000:01:00.0",
    ["not for writing", "PE:", "RW: a write"],
  ],
  [
    "AMD-Vi, no permission to read",
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=02:00.0 domain=0x001a address=0x00000000fffc8000 flags=0x0050]",
    "amdvi-permission",
    "02:00.0",
    ["not for reading", "RW: a read", "0xfffc8000"],
  ],
  [
    "AMD-Vi, reserved bits",
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=02:00.0 domain=0x001a address=0xfffc8000 flags=0x0090]",
    "amdvi-bad-table",
    "02:00.0",
    ["reserved bits"],
  ],
  [
    "AMD-Vi, interrupt",
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=02:00.0 domain=0x001a address=0xfffffffdf8000000 flags=0x0008]",
    "amdvi-interrupt",
    "02:00.0",
    ["carry interrupts"],
  ],
  [
    "AMD-Vi, translation request",
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=02:00.0 domain=0x001a address=0x1000 flags=0x0100]",
    "amdvi-unmapped",
    "02:00.0",
    ["asked for the translation"],
  ],
  [
    "AMD-Vi, unknown flag",
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=02:00.0 domain=0x001a address=0x1000 flags=0x0800]",
    "amdvi-unmapped",
    "02:00.0",
    ["bits 0x800 not decoded"],
  ],
  [
    "AMD-Vi, device table",
    "AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=0000:00:00.0 pasid=0x00000 address=0xfffffffdf8000000 flags=0x0a00]",
    "amdvi-bad-table",
    "0000:00:00.0",
    ["device table entry"],
  ],
  [
    "AMD-Vi, flush",
    "AMD-Vi: Event logged [IOTLB_INV_TIMEOUT device=0000:0b:00.0 address=0x100230a40]",
    "amdvi-command",
    "0000:0b:00.0",
    ["did not answer"],
  ],
  ["AMD-Vi, waiting", "AMD-Vi: Completion-Wait loop timed out", "amdvi-command", null, ["COMPLETION_WAIT"]],
  [
    "AMD-Vi, newer than the table",
    "AMD-Vi: Event logged [SOMETHING_NEW device=0000:0b:00.0]",
    "amdvi-unknown",
    "0000:0b:00.0",
    ["SOMETHING_NEW"],
  ],

  [
    "SMMUv3, read",
    record("0x10", "0x0000000800000010", "0x0000020800000000", "0x00000000ffffe000", "0x0000000000000000"),
    "smmuv3-unmapped",
    "stream 0x8",
    ["F_TRANSLATION", "00:01.0", "0xffffe000", "an unprivileged read of data, stage 1"],
  ],
  [
    "SMMUv3, write with substream, stage 2, stalled",
    record("0x13", "0x0000010000003813", "0x0000028280000000", "0x0000004212345000", "0x0000000000000000"),
    "smmuv3-permission",
    "stream 0x100",
    ["substream 0x3", "0x4212345000", "a privileged write of data, stage 2", "stalled"],
  ],
  [
    "SMMUv3, instruction, while the table was read",
    record("0x0b", "0x000000080000000b", "0x0000010c00000000", "0x0000000000001000", "0x0"),
    "smmuv3-table-access",
    "stream 0x8",
    ["read of instructions", "while the page table was read"],
  ],
  [
    "SMMUv3, no stream table entry",
    record("0x04", "0x0000001000000004", "0x0000000000000000"),
    "smmuv3-no-entry",
    "stream 0x10",
    ["C_BAD_STE"],
  ],
  [
    "SMMUv3, first line alone",
    `${arm}event 0x10 received:`,
    "smmuv3-unmapped",
    "9050000.smmuv3",
    ["words are missing"],
  ],
  [
    "SMMUv3, reserved event",
    record("0x77", "0x0000000800000077", "0x0000000000000000", "0x0000000000000000", "0x0000000000000000"),
    "smmuv3-unknown",
    "stream 0x8",
    ["0x77 is reserved"],
  ],
  [
    "SMMUv3, decoded",
    `${arm}event: F_TRANSLATION client: 0000:01:00.0 sid: 0x100 ssid: 0x0 iova: 0xffff0000 ipa: 0x0\n${arm}unpriv data write s1 "Input address caused fault" stag: 0x0`,
    "smmuv3-unmapped",
    "0000:01:00.0",
    ["address 0xffff0000", "stream 0x100"],
  ],
  [
    "SMMUv3, decoded, of no device",
    `${arm}event: C_BAD_STREAMID client: (unassigned sid) sid: 0x1a0 ssid: 0x0`,
    "smmuv3-no-entry",
    "stream 0x1a0",
    ["no device the kernel knows", "01:14.0"],
  ],
  [
    "SMMUv3, table fetch",
    `${arm}event: F_CD_FETCH client: 0000:01:00.0 sid: 0x100 ssid: 0x0 fetch_addr: 0x4212340`,
    "smmuv3-table-access",
    "0000:01:00.0",
    ["reading the table at 0x4212340"],
  ],
  [
    "SMMUv3, refused command",
    `${arm}CMDQ error (cons 0x01000010): Illegal command`,
    "smmuv3-command",
    "9050000.smmuv3",
    ["Illegal command"],
  ],
  [
    "SMMUv3, global",
    `${arm}unexpected global error reported (0x00000101), this could be serious`,
    "smmuv3-global",
    "9050000.smmuv3",
    ["CMDQ_ERR", "SFM_ERR"],
  ],
];

test.each(rows)("%s", (_name, lines, kind, device, parts) => {
  const findings = writtenDown(explainLine(lines));
  expect(findings.map((f) => [f.kind, f.device])).toEqual([[kind, device]]);
  for (const part of parts) expect(`${findings[0]!.cause} ${findings[0]!.evidence}`).toContain(part);
  expect(findings[0]!.do).not.toBe("");
});

test("a raw record and its decoded lines are one finding, with the device's name", () => {
  const raw = record("0x10", "0x0000010000000010", "0x0000020000000000", "0x00000000ffff0000", "0x0000000000000000");
  const decoded = `${arm}event: F_TRANSLATION client: 0000:01:00.0 sid: 0x100 ssid: 0x0 iova: 0xffff0000 ipa: 0x0\n${arm}unpriv data write s1 "Input address caused fault" stag: 0x0`;
  const findings = writtenDown(explainLine(`${raw}\n${decoded}`));
  expect(findings.length).toBe(1);
  expect(findings[0]).toMatchObject({ device: "0000:01:00.0", count: 1 });
  expect(findings[0]!.evidence).toContain("write of data");
});

test("the status line gives way to the fault it announces, and repeated faults are counted", () => {
  const fault = (at: string) =>
    `[    ${at}] DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0x7c000000 [fault reason 0x06] PTE Read access is not set`;
  const findings = explainLog([
    "[    5.0] DMAR: DRHD: handling fault status reg 2",
    fault("5.100000"),
    "[    6.0] DMAR: DRHD: handling fault status reg 2",
    fault("6.500000"),
  ]);
  expect(findings).toMatchObject([{ kind: "dmar-unmapped-or-permission", count: 2, time: 5.1, lastTime: 6.5 }]);
});

test("repeated faults say over which addresses they went", () => {
  const fault = (address: string) =>
    `AMD-Vi: Event logged [IO_PAGE_FAULT device=02:00.0 domain=0x001a address=${address} flags=0x0000]`;
  const evidence = (...at: string[]) => writtenDown(explainLog(at.map(fault)))[0]!.evidence;
  expect(evidence("0x9000", "0x10000", "0x8000")).toContain("3 lines like this one, at 0x8000 to 0x10000;");
  expect(evidence("0x9000", "0x9000")).toContain("2 lines like this one, all at 0x9000;");
});

test("two faults one after the other stay two, whatever is cut", () => {
  const raw = record("0x10", "0x0000000800000010", "0x0000020800000000");
  expect(
    explainLine(`${raw}\n${record("0x13", "0x0000000900000013", "0x0000020800000000", "0x1", "0x0")}`).map(
      (f) => f.device,
    ),
  ).toEqual(["stream 0x8", "stream 0x9"]);
  const first = "DMAR:[DMA Read] Request device [00:1f.2] fault addr 3000";
  const next =
    "DMAR: [DMA Write NO_PASID] Request device [00:02.0] fault addr 0x5000 [fault reason 0x05] PTE Write access is not set";
  expect(explainLine(`${first}\n${next}`).map((f) => [f.kind, f.device])).toEqual([
    ["dmar-unknown", "00:1f.2"],
    ["dmar-unmapped-or-permission", "00:02.0"],
  ]);
});

test("the table of VT-d reasons has the codes of both modes and of interrupt remapping, and none of the reserved ones", () => {
  const codes = Object.keys(faultReasons).map(Number);
  expect(codes.filter((c) => c < 0x20)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  expect(codes.filter((c) => c >= 0x20 && c < 0x30).length).toBe(9);
  expect(faultReasons[0x49]).toBeUndefined();
  expect(faultReasons[0x5b]!.kind).toBe("bad-table");
});
