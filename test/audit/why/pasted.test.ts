/** Messages as mails, web pages and notes keep them: broken, quoted, indented, encoded. */
import { describe, expect, it } from "vitest";
import { explainLog } from "../../../src/audit/why/explain/explain.js";
import type { Finding } from "../../../src/audit/why/finding.js";
import { writtenDown } from "./written_down.js";

const why = (text: string): readonly Finding[] => writtenDown(explainLog(text.split("\n")));

interface Pasted {
  readonly name: string;
  readonly text: string;
  readonly kinds: readonly string[];
  readonly devices: readonly (string | null)[];
  /** What the first finding's evidence holds. */
  readonly evidence: RegExp;
}

const pasted: readonly Pasted[] = [
  {
    name: "quoted-printable text with spaces that do not break",
    text: [
      "> [=C2=A0=C2=A0 18.174802] ehci-pci 0000:00:1a.0: swiotlb buffer is full =",
      "(sz: 8=20",
      "> bytes),=C2=A0total=C2=A00=C2=A0(slots),=C2=A0used=C2=A00=C2=A0(slots)",
      "> [=C2=A0=C2=A0 18.174804] ehci-pci 0000:00:1a.0: overflow 0x0000000ffdc7=",
      "5ae8+8 of=20",
      "> DMA=C2=A0mask=C2=A0ffffffff=C2=A0bus=C2=A0mask=C2=A00",
    ].join("\n"),
    kinds: ["absent"],
    devices: ["0000:00:1a.0"],
    evidence: /0 slots.*the same event: the buffer is at 0xffdc75ae8/,
  },
  {
    name: "a record broken at a space, inside a number and at another space",
    text: [
      "May 27 14:24:22 pc kernel: iommu ivhd0: AMD-Vi: Event logged",
      "[ILLEGAL_DEV_TABLE_ENTRY device=3D0000:00:01.0 pasid=3D0x00000 address=3D0x=",
      "102e89980",
      "flags=3D0x0080]",
    ].join("\n"),
    kinds: ["amdvi-bad-table"],
    devices: ["0000:00:01.0"],
    evidence: /address 0x102e89980; flags 0x80 \(RZ/,
  },
  {
    name: "a comma that moved to the next line",
    text: "> arm-smmu 15000000.iommu: Unhandled context fault: fsr=0x402\n> ,iova=0xd65504710, fsynr=0x100011, cbfrsynra=0x0, cb=6",
    kinds: ["smmuv2-unmapped"],
    devices: ["stream 0x0"],
    evidence: /address 0xd65504710; a write/,
  },
  {
    name: "two indented lines without a clock, each whole",
    text: [
      "        apple-dart 285820000.iommu: translation fault: status:0x900c0008 stream:0 code:0x8 (NO PTE FOR IOVA) at 0x9f9c0000",
      "        apple-dart 285810000.iommu: translation fault: status:0x800c0008 stream:0 code:0x8 (NO PTE FOR IOVA) at 0x9f990000",
    ].join("\n"),
    kinds: ["dart-unmapped", "dart-unmapped"],
    devices: ["285820000.iommu stream 0", "285810000.iommu stream 0"],
    evidence: /address 0x9f9c0000/,
  },
  {
    name: "a checker's report with the device in front, broken in its bracket",
    text: ">   DMA-API: ath11k_pci 0000:03:00.0: device driver failed to check map error[device\n> address=0x00000000f3ad7000] [size=639 bytes] [mapped as single]",
    kinds: ["dma-api-unchecked"],
    devices: ["0000:03:00.0"],
    evidence: /device address 0x0*f3ad7000; size 639 bytes/,
  },
  {
    name: "a checker's report broken in its words",
    text: "DMA-API: v3d 1002000000.v3d: mapping sg segment longer than device\n claims to support [len=8290304] [max=65536]",
    kinds: ["dma-api-segment"],
    devices: ["1002000000.v3d"],
    evidence: /len 8290304; max 65536/,
  },
  {
    name: "a checker's report behind the function's name",
    text: "74626.583369: dma_debug_device_change: device driver has pending DMA allocations while released from device [count=32]",
    kinds: ["dma-api-leak"],
    devices: [null],
    evidence: /count 32/,
  },
  {
    name: "a shell's backslash at the break",
    text: ">   DMA-API: amdgpu 0000:03:00.0: cacheline tracking EEXIST, \\\n>       overlapping mappings aren't supported",
    kinds: ["dma-api-overlap"],
    devices: ["0000:03:00.0"],
    evidence: /checker reports/,
  },
  {
    name: "a line quoted by a bar",
    text: ">    | arm-smmu-v3 arm-smmu-v3.0.auto: CMD_SYNC timeout at 0x00000146\n>    | [hwprod 0x00000146, hwcons 0x00000000]",
    kinds: ["smmuv3-command"],
    devices: ["arm-smmu-v3.0.auto"],
    evidence: /CMD_SYNC/,
  },
];

describe("pasted messages", () => {
  it.each(pasted)("$name", ({ text, kinds, devices, evidence }) => {
    const found = why(text);
    expect(found.map((f) => f.kind)).toEqual(kinds);
    expect(found.map((f) => f.device)).toEqual(devices);
    expect(found[0]!.evidence).toMatch(evidence);
  });

  it("keeps the whole message as the line", () => {
    const [found] = why(pasted[1]!.text);
    expect(found!.line).toContain("address=0x102e89980 flags=0x0080]");
  });
});
