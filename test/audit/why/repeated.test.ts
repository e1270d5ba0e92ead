/** Verdicts are kept for faults that come again: what a fault is told to be does not hang on those before it. */
import { expect, test } from "vitest";
import { explainLog } from "../../../src/audit/index.js";

/** Faults of one device, most of which differ from another in one thing. */
const families: Readonly<Record<string, readonly string[]>> = {
  vtd: [
    "DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0x10000000 [fault reason 0x06] PTE Read access is not set",
    "DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0x10000000 [fault reason 0x0c] non-zero reserved fields in PTE",
    "DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0x10000000 [fault reason 0x02] Present bit in context entry is clear",
    "DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0x10000000 [fault reason 0x04] Access beyond MGAW",
    "DMAR: [DMA Write NO_PASID] Request device [03:00.0] fault addr 0x10000000 [fault reason 0x05] PTE Write access is not set",
    "DMAR: [DMA Write NO_PASID] Request device [03:00.0] fault addr 0xfee00000 [fault reason 0x05] PTE Write access is not set",
    "DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0xfee00000 [fault reason 0x06] PTE Read access is not set",
    "DMAR: [DMA Read PASID 0x5] Request device [03:00.0] fault addr 0x10000000 [fault reason 0x71] SM: Present bit in first-level paging entry is clear",
    "DMAR: [INTR-REMAP] Request device [03:00.0] fault index 0x22 [fault reason 0x22] Present field in the IRTE entry is clear",
    "DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0x7bb2c000 [fault reason 0x06] PTE Read access is not set\nDMAR: Dump dmar1 table entries for IOVA 0x7bb2c000\nDMAR: pte level: 1, pte value: 0x0000000123456002",
    "DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0x7bb2c000 [fault reason 0x06] PTE Read access is not set\nDMAR: Dump dmar1 table entries for IOVA 0x7bb2c000\nDMAR: pte level: 1, pte value: 0x0000000000000000",
  ],
  xen: [
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=03:00.0 domain=0x001a address=0x1000 flags=0x0020]",
    "(XEN) AMD-Vi: IO_PAGE_FAULT: 0000:03:00.0 d26 addr 0000000000001000 flags 0x20 PR",
    "(XEN) [VT-D]DMAR:[DMA Read] Request device [0000:03:00.0] fault addr 10000000",
    "DMAR: [DMA Read] Request device [03:00.0] fault addr 10000000 [fault reason 06] PTE Read access is not set",
    "(XEN) DMAR: [DMA Read] Request device [03:00.0] fault addr 10000000 [fault reason 06] PTE Read access is not set",
  ],
  amdvi: [
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=03:00.0 domain=0x001a address=0x1000 flags=0x0020]",
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=03:00.0 domain=0x001a address=0x1000 flags=0x0100]",
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=03:00.0 domain=0x001a address=0x1000 flags=0x0050]",
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=03:00.0 domain=0x001a address=0x1000 flags=0x0008]",
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=03:00.0 domain=0x001a address=0x1000]",
    "AMD-Vi: Event logged [IO_PAGE_FAULT device=03:00.0 domain=0x001a address=0xfee00000 flags=0x0020]",
    "AMD-Vi: Event logged [INVALID_DEVICE_REQUEST device=03:00.0 pasid=0x00000 address=0x1000 flags=0x0020]",
    "AMD-Vi: Event logged [PAGE_TAB_HARDWARE_ERROR device=03:00.0 pasid=0x0000 address=0x1000 flags=0x0020]",
    "AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=03:00.0 pasid=0x00000 address=0x1000 flags=0x0020]\nAMD-Vi: DTE[0]: 6000000000000e03\nAMD-Vi: DTE[1]: 0000000000000001",
    "AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=03:00.0 pasid=0x00000 address=0x1000 flags=0x0020]\nAMD-Vi: DTE[0]: 0000000000000000\nAMD-Vi: DTE[1]: 0000000000000000",
  ],
  smmuv3: [0x10, 0x13, 0x11, 0x02, 0x04, 0x08, 0x09, 0x0a].flatMap((event) =>
    ["0x00000000ffff0000", "0x0000000008090040"].map((address) =>
      [
        `arm-smmu-v3 9050000.smmuv3: event 0x${event.toString(16).padStart(2, "0")} received:`,
        `arm-smmu-v3 9050000.smmuv3: \t0x00000100000000${event.toString(16).padStart(2, "0")}`,
        "arm-smmu-v3 9050000.smmuv3: \t0x0000000000000000",
        `arm-smmu-v3 9050000.smmuv3: \t${address}`,
        "arm-smmu-v3 9050000.smmuv3: \t0x0000000000000000",
      ].join("\n"),
    ),
  ),
  smmuv2: ["0x402", "0x408", "0x404", "0x410"].flatMap((fsr) =>
    ["0x540003", "0x540013"].map(
      (fsynr) =>
        `arm-smmu 15000000.iommu: Unhandled context fault: fsr=${fsr}, iova=0xfd7ff000, fsynr=${fsynr}, cbfrsynra=0x19c3, cb=10`,
    ),
  ),
};

/** Kinds that an answer tells: of findings, and of lines of another cause that are part of one. */
const kindsOf = (log: string): string[] =>
  explainLog(log.split("\n")).flatMap((f) => [
    f.kind,
    ...[...f.evidence.matchAll(/\(((?:dmar|amdvi|smmuv[23])-[a-z-]+);/g)].map((m) => m[1]!),
  ]);

test.each(Object.entries(families))("%s: any two faults of one device are told as each of them alone", (_, faults) => {
  const alone = faults.map((f) => kindsOf(f)[0]!);
  expect(new Set(alone).size).toBeGreaterThan(2);
  for (const [i, a] of faults.entries()) {
    for (const [j, b] of faults.entries()) {
      const together = kindsOf(`${a}\n${b}\n${a}`).toSorted();
      expect([...new Set(together)], `${i}, then ${j}`).toEqual([...new Set([alone[i]!, alone[j]!])].toSorted());
    }
  }
});

const unmapped = "06] PTE Read access is not set";
const reserved = "0c] non-zero reserved fields in PTE";

test("the same fault is one finding, however many other devices came in between", () => {
  const of = (device: number, reason: string) =>
    `DMAR: [DMA Read NO_PASID] Request device [${(device >> 3).toString(16).padStart(2, "0")}:00.${device & 7}] fault addr 0x1000 [fault reason 0x${reason}`;
  const log = [...Array(40).keys()].flatMap((n) => [of(0x18, unmapped), of(0x20 + n, unmapped), of(0x18, reserved)]);
  const found = explainLog(log);
  expect(found.length).toBe(42);
  expect(found.filter((f) => f.device === "03:00.0").map((f) => [f.kind, f.count])).toEqual([
    ["dmar-unmapped-or-permission", 40],
    ["dmar-bad-table", 40],
  ]);
});

test("500 findings are kept, and how many further lines there were is told", () => {
  const line = (n: number) =>
    `nvme 0000:${n.toString(16).padStart(2, "0")}:00.0: swiotlb buffer is full (sz: 4096 bytes)`;
  const of = (count: number) => explainLog([...Array(count).keys()].map(line));
  expect(
    of(500)
      .map((f) => f.evidence)
      .some((e) => e.includes("further lines")),
  ).toBe(false);
  const found = of(503);
  expect(found.length).toBe(500);
  expect(found.at(-1)!.evidence).toMatch(/\. 3 further lines of other kinds are not listed$/);
  expect(found.slice(0, -1).some((f) => f.evidence.includes("further lines"))).toBe(false);
});
