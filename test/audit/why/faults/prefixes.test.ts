/** What stands before a fault line changes neither its kind nor its device. */
import { expect, test } from "vitest";
import { explainLog } from "../../../../src/audit/index.js";

const prefixes = [
  "",
  "[   55.123456] ",
  "    [   55.1] ",
  "\t[55.1] ",
  "[  +0.000108] ",
  "11:35:15 kernel: ",
  "[2017-10-23 09:08:16.331] [   55.000000] ",
  "Jun 15 11:59:16   kernel: ",
  "<3> [55.5] ",
  "<3>[   55.5] ",
  "[Di Mai  4 12:00:00 2021] ",
  "Tue 2021-05-04 12:00:00 CEST host kernel: ",
  "1620122400.123456 host kernel: ",
  "<3>1 2021-05-04T12:00:00.123Z host kernel - - - ",
  "&gt; ",
  "> > ",
  "kern.log:",
  "node-1    | ",
  "2024-05-04T12:00:00,123456+02:00 ",
  "May  4 12:00:00 host ",
  "May  4 12:00:00 host kernel: [   55.1] ",
  "kern  :err   : [   55.1] ",
  "[   55.1][  T123] ",
  "[   55.1] [    C3] ",
];

const lines = [
  "DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0x9c000000 [fault reason 0x06] PTE Read access is not set",
  "DMAR: VT-d detected Invalidation Time-out Error: SID 5300",
  "DMAR: ERROR: DMA PTE for vPFN 0xf1f80 already set (to f1f80003 not 12bea5803)",
  "nvme 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000e address=0xfff00000 flags=0x0070]",
  "iommu ivhd1: AMD-Vi: Event logged [INVALID_DEVICE_REQUEST device=0000:00:00.0 pasid=0x00000 address=0xfffffffdf8000000 flags=0x0a00]",
  "AMD-Vi: Completion-Wait loop timed out",
  "AMD-Vi: [Firmware Bug]: : IOAPIC[4] not in IVRS table",
  "arm-smmu 15000000.iommu: Unhandled context fault: fsr=0x402, iova=0xfd7ff000, fsynr=0x540003, cbfrsynra=0x19c3, cb=10",
  "arm-smmu 15000000.iommu: \tGFSR 0x00000002, GFSYNR0 0x00000002, GFSYNR1 0x00000043, GFSYNR2 0x00000000",
  "arm-smmu-v3 arm-smmu-v3.0.auto: event: C_BAD_STREAMID client: (unassigned sid) sid: 0x900 ssid: 0x0",
  "arm-smmu-v3 arm-smmu-v3.0.auto: CMDQ error (cons 0x01000022): Illegal command",
  "virtio_iommu virtio0: page fault from EP 32 at 0x103231000 []",
  "apple-dart 285810000.iommu: translation fault: status:0x800c0002 stream:0 code:0x2 (NO PGD FOR IOVA) at 0xfd68be00",
  "rk_iommu ff8f3f00.iommu: Page fault at 0x00000000fb400000 of type read",
  "exynos-sysmmu 14650000.sysmmu: 14450000.mixer: PAGE FAULT occurred at 0x20800000",
  "mtk-iommu 10205000.iommu: fault type=0x5 iova=0xfcff0001 pa=0x0 larb=0 port=0 layer=1 read",
  "DMAR: DRHD: handling fault status reg 10",
];

const records = [
  [
    "arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:",
    "arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000018000000010",
    "arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000020800000000",
    "arm-smmu-v3 arm-smmu-v3.0.auto: \t0x00000000ffffe000",
    "arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000000000000",
  ],
  ["AMD-Vi: Event logged [", "IO_PAGE_FAULT device=05:00.0 domain=0x0012 address=0x00000000ff6101b0 flags=0x0070]"],
  [
    "DMAR: [DMA Write NO_PASID] Request device [03:00.0] fault addr 0x7bb2c000 [fault reason 0x05] PTE Write access is not set",
    "DMAR: Dump dmar1 table entries for IOVA 0x7bb2c000",
    "DMAR: pte level: 1, pte value: 0x0000000123456001",
  ],
];

const said = (log: readonly string[]) => explainLog(log).map((f) => [f.kind, f.device]);

test.each([...lines.map((line) => [line]), ...records])("%s", (...log) => {
  const plain = said(log);
  expect(plain.length).toBe(1);
  for (const prefix of prefixes) expect([prefix, said(log.map((line) => prefix + line))]).toEqual([prefix, plain]);
});
