/**
 * Lines of a kernel log that say something about DMA, typed.
 *
 * Source of the messages: Linux kernel/dma/swiotlb.c, direct.h, debug.c, drivers/iommu/{intel,amd,arm}, as of 3.x to
 * 7.2; arch/x86/kernel/pci-dma.c.
 */
import { parseHex } from "../../base/hex.js";
import type { LogLine } from "./log_line.js";
import { namesBeforeWords } from "./names.js";
import { boundsOf, poolAreas, poolBounds } from "./pool_lines.js";

/** What a line says. `sz`, `total`, `used` and the like are null where the kernel of that time does not print them. */
export type LogFact =
  /** `swiotlb buffer is full`: sizes in bytes, the others in slots. `used` counts the whole machine. */
  | {
      readonly kind: "pool-full";
      readonly size: number | null;
      readonly total: number | null;
      readonly used: number | null;
    }
  /** The mapping that found no room, as kernels before 5.0 and some drivers report it. */
  | { readonly kind: "out-of-space"; readonly size: number }
  /** A bounce was needed and there is no pool. */
  | { readonly kind: "no-pool" }
  /** An address above what the device reaches; `bounced`: even its slot in the pool is. */
  | { readonly kind: "overflow"; readonly bounced: boolean; readonly address: number; readonly size: number }
  /** A copy longer than its allocation. */
  | { readonly kind: "copy-overflow"; readonly allocated: number; readonly mapped: number }
  /** An untrusted device's buffer could not be bounced to whole pages. */
  | { readonly kind: "bounce-inactive" }
  /** Lines that the kernel's rate limit swallowed; `of` is the function that would have written them. */
  | { readonly kind: "suppressed"; readonly of: string; readonly count: number }
  /** The pool's bounds [from, to), its areas, or why it is smaller than asked or absent. */
  | { readonly kind: "pool"; readonly from: number; readonly to: number }
  | { readonly kind: "pool-areas"; readonly areas: number }
  | { readonly kind: "pool-note" }
  /** A line of an IOMMU's fault; what it means is not decoded here. */
  | { readonly kind: "iommu-fault"; readonly unit: "vtd" | "amdvi" | "smmuv3" | "smmu" }
  | { readonly kind: "dma-debug" };

export type LogFinding = LogFact & {
  /** 1 is the first line of the file. */
  readonly line: number;
  /** Microseconds since boot; null when the line shows no such clock. */
  readonly time: number | null;
  /** `driver device:` in front of the message, null where there is none. */
  readonly driver: string | null;
  readonly device: string | null;
  /** The line as it stands in the file, cut at 4 KiB. */
  readonly raw: string;
};

type Maker = (m: RegExpExecArray) => LogFact;

const n = (digits: string | undefined): number | null => (digits === undefined ? null : Number(digits));

const patterns: readonly (readonly [RegExp, Maker])[] = [
  [
    /swiotlb buffer is full(?: \(sz: (\d{1,15}) bytes\))?(?:, total (\d{1,15}) \(slots\), used (\d{1,15}) \(slots\))?/,
    (m) => ({ kind: "pool-full", size: n(m[1]), total: n(m[2]), used: n(m[3]) }),
  ],
  [/DMA: Out of SW-IOMMU space for (\d{1,15}) bytes/, (m) => ({ kind: "out-of-space", size: Number(m[1]) })],
  [/Can not allocate SWIOTLB buffer earlier and can't now provide you/, () => ({ kind: "no-pool" })],
  [
    /(swiotlb|DMA) addr (?:0x)?([0-9a-f]{1,16})\+(\d{1,15}) overflow/,
    (m) => ({ kind: "overflow", bounced: m[1] === "swiotlb", address: parseHex(m[2]!), size: Number(m[3]) }),
  ],
  [
    /Buffer overflow detected\. Allocation size: (\d{1,15})\. Mapping size: (\d{1,15})/,
    (m) => ({ kind: "copy-overflow", allocated: Number(m[1]), mapped: Number(m[2]) }),
  ],
  [/DMA bounce buffers are inactive, unable to map unaligned/, () => ({ kind: "bounce-inactive" })],
  [
    /^((?:swiotlb|dmar|amd_iommu|iommu|arm_smmu|dma_direct|report)\w{0,60}|\w{0,40}swiotlb\w{0,40}): (\d{1,15}) callbacks suppressed/,
    (m) => ({ kind: "suppressed", of: m[1]!, count: Number(m[2]) }),
  ],
  [poolBounds, (m) => ({ kind: "pool", ...boundsOf(m) })],
  [poolAreas, (m) => ({ kind: "pool-areas", areas: Number(m[1]) })],
  [
    /software IO TLB|SWIOTLB bounce buffer size|PCI-DMA: Using software bounce buffering|restricted DMA pool|only able to allocate \d+ ?MB|Memory encryption is active and system is using DMA bounce buffers/,
    () => ({ kind: "pool-note" }),
  ],
  [/DMA-API: /, () => ({ kind: "dma-debug" })],
  [
    /DMAR:? ?\[(?:DMA|INTR)|DMAR: DRHD: handling fault|DMAR:\[(?:DMA|fault)|dmar_fault|\[VT-D\].{0,40}(?:fault|Request)/i,
    () => ({ kind: "iommu-fault", unit: "vtd" }),
  ],
  [
    /AMD-Vi: (?:Event logged|IO_PAGE_FAULT|.{0,40}(?:FAULT|ERROR|TIMEOUT))|^\s*[A-Z_]{6,40} device=[0-9a-f:.]{4,16} (?:domain|address)=/,
    () => ({ kind: "iommu-fault", unit: "amdvi" }),
  ],
  [
    /arm-smmu-v3 \S{1,60}: (?:event(?: 0x|:)|\t?0x[0-9a-f]{16}\b|.{0,80}(?:GERROR|gerror|CMDQ|EVTQ.{0,20}overflow|unexpected global error))/,
    () => ({ kind: "iommu-fault", unit: "smmuv3" }),
  ],
  [/arm-smmu \S{1,60}: .{0,40}(?:context fault|global fault)/i, () => ({ kind: "iommu-fault", unit: "smmu" })],
];

/** What every pattern above contains, so that the many other lines cost one search. */
const worth = /swiotlb|software IO TLB|SW-IOMMU|DMA|AMD-Vi|smmu|overflow|suppressed|bounce|\bdevice=|\[VT-D\]/i;

/** @returns what the line says of DMA, null when it says nothing. */
export function findingOf(line: LogLine, number: number, raw: string): LogFinding | null {
  if (!worth.test(line.message)) return null;
  for (const [pattern, make] of patterns) {
    const m = pattern.exec(line.message);
    if (m !== null) return { ...make(m), line: number, time: line.time, ...namesBeforeWords(line.message), raw };
  }
  return null;
}
