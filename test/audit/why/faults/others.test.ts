/** Fault lines of virtio-iommu, Apple's DART and units of systems on a chip. */
import { expect, test } from "vitest";
import { explainLog } from "../../../../src/audit/index.js";
import { checkAll } from "./fault_case.js";

checkAll([
  {
    name: "virtio-iommu: nothing mapped; the endpoint is a requester id",
    log: `[   32.951222] viommu_fault_handler: 1330 callbacks suppressed
[   32.951702] virtio_iommu virtio0: page fault from EP 32 at 0x103231000 []`,
    findings: [["virtio-iommu-unmapped", "00:04.0"]],
    says: ["32 = 0x20", "0x103231000", "not mapped", "1,330"],
    never: ["does not tell the two apart"],
  },
  {
    name: "virtio-iommu: a write, and either cause",
    log: "virtio_iommu virtio1: page fault from EP 264 at 0xfffff000 [W]",
    findings: [["virtio-iommu-unmapped-or-permission", "01:01.0"]],
    says: ["a write", "does not tell the two apart"],
  },
  {
    name: "virtio-iommu: no domain",
    log: "virtio_iommu virtio0: domain fault from EP 8",
    findings: [["virtio-iommu-no-entry", "00:01.0"]],
    says: ["attached to no domain", "no address"],
    never: ["lspci"],
  },
  {
    name: "virtio-iommu: no reason",
    log: "virtio_iommu virtio0: unknown fault from EP 32 at 0x103231000 []",
    findings: [["virtio-iommu-unknown", "00:04.0"]],
    says: ["gives no reason", "0x103231000"],
  },
  {
    name: "DART: a walk that ends",
    log: "apple-dart 285810000.iommu: translation fault: status:0x800c0002 stream:0 code:0x2 (NO PGD FOR IOVA) at 0xfd68be00",
    findings: [["dart-unmapped", "285810000.iommu stream 0"]],
    says: ["stream 0", "0xfd68be00", "nothing is mapped"],
    never: ["iommu.passthrough"],
  },
  {
    name: "DART: a page that may not be written",
    log: "apple-dart 502f00000.iommu: translation fault: status:0x80000010 stream:3 code:0x10 (WRITE FAULT) at 0x1bf04000",
    findings: [["dart-permission", "502f00000.iommu stream 3"]],
    says: ["not for writing", "a write"],
  },
  {
    name: "DART: a stream without table",
    log: "apple-dart 502f00000.iommu: translation fault: status:0x80000001 stream:1 code:0x1 (NO TTBR FOR IOVA) at 0x1000",
    findings: [["dart-no-entry", "502f00000.iommu stream 1"]],
    says: ["no page table"],
    never: ["lspci"],
  },
  {
    name: "Exynos",
    log: "exynos-sysmmu 14650000.sysmmu: 14450000.mixer: [READ] PAGE FAULT occurred at 0x20800000",
    findings: [["iommu-unmapped", "14450000.mixer"]],
    says: ["0x20800000", "a read"],
  },
  {
    name: "Rockchip",
    log: "rk_iommu ff8f3f00.iommu: Page fault at 0x00000000fb400000 of type write",
    findings: [["iommu-unmapped", "ff8f3f00.iommu"]],
    says: ["0xfb400000", "a write", "names the unit only"],
  },
  {
    name: "MediaTek",
    log: "mtk-iommu 10205000.iommu: fault type=0x280 iova=0x4c000000 pa=0x0 master=0x2e8(larb=0 port=5) layer=1 write",
    findings: [["iommu-unmapped", "larb 0 port 5"]],
    says: ["0x4c000000", "a write"],
  },
  {
    name: "Tegra",
    log: "tegra-mc 70019000.memory-controller: display0a: read @0xfe056b40: EMEM address decode error (SMMU translation error [--S])",
    findings: [["iommu-unmapped-or-permission", "display0a"]],
    says: ["0xfe056b40", "a read"],
  },
  {
    name: "Adreno",
    log: "*** gpu fault: ttbr0=0000000116ddd000 iova=00000001000c3000 dir=WRITE type=TRANSLATION source=CP (0,0,0,1)",
    findings: [["iommu-unmapped", "gpu"]],
    says: ["0x1000c3000", "a write"],
  },
  {
    name: "RISC-V",
    log: "riscv,iommu 3010000.iommu: Fault 15 devid: 0x8 iotval: 80200000 iotval2: 0",
    findings: [["iommu-unmapped-or-permission", "00:01.0"]],
    says: ["write, first stage", "0x80200000", "a write"],
  },
  {
    name: "an endpoint's fault with an address, and then one without, are two answers",
    log: "virtio_iommu virtio0: page fault from EP 32 at 0x103231000 []\nvirtio_iommu virtio0: page fault from EP 32 []",
    findings: [
      ["virtio-iommu-unmapped", "00:04.0"],
      ["virtio-iommu-unmapped-or-permission", "00:04.0"],
    ],
    says: ["0x103231000"],
    never: ["no address"],
  },
]);

test("any text is explained: nothing throws", () => {
  const words = [
    "DMAR: ",
    "[DMA Read] Request device [",
    "00:02.0]",
    " fault addr ",
    "0xfff",
    "AMD-Vi: Event logged [",
    "IO_PAGE_FAULT ",
    "device=00:1f.7 ",
    "event 0x10 received:",
    "0x0000000000000010",
    "AMD-Vi: DTE[0]: ",
    "QI HEAD: ",
    "qw0 = 0x3, qw1 = 0x0",
    "arm-smmu-v3 x: ",
    "(XEN) ",
    "] flags=0x0a00",
    "pte level: 1, pte value: 0x3",
    "[fault reason 0x05]",
  ];
  let seed = 11;
  const draw = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
  const lines = Array.from({ length: 5_000 }, () =>
    Array.from({ length: draw(7) }, () => words[draw(words.length)]).join(""),
  );
  expect(() => explainLog(lines)).not.toThrow();
});
