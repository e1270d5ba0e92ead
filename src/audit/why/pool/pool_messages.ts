/**
 * Messages about bounce buffers other than "buffer is full", each with what it means.
 *
 * Source: Linux kernel/dma/swiotlb.c, kernel/dma/direct.h, drivers/iommu/dma-iommu.c, drivers/xen/swiotlb-xen.c,
 * arch/x86/mm/mem_encrypt.c.
 */
import { countWords, plural } from "../../../base/count_words.js";
import { hex } from "../../../base/hex.js";
import { mappingBytesMax, setSlots, slotBytes } from "../../../spec/swiotlb/sizes.js";
import { bytesInWords, slotsInWords } from "../../words/quantity.js";
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import type { LogLine } from "../log_line.js";
import { absence } from "./absence.js";
import { explainFull, remedies } from "./full_pool.js";
import { belowFour } from "./larger_pool.js";
import { overflowMessages } from "./overflow.js";
import type { PoolMessage } from "./pool_message.js";

function withoutPool(machine: MachineContext, lead: string, evidence: string): Diagnosis {
  const why = absence(machine);
  return {
    kind: "absent",
    cause: `${lead} ${why.cause}`,
    evidence: why.evidence || evidence,
    do: why.do,
    remedy: remedies.absent,
    limitedIn: /swiotlb|iommu_dma|dma_direct/,
  };
}

const smallerAtBoot = (machine: MachineContext): string =>
  `Ask for less (each halving is tried down to 1 MiB), give the guest more memory${belowFour(machine)}, or free it: ` +
  "crashkernel=…,high, a smaller cma=, fewer huge pages reserved at boot.";

const messages: readonly PoolMessage[] = [
  {
    pattern:
      /swiotlb buffer is full \(sz: ?(\d{1,15}) bytes\)(?:, total (\d{1,12}) \(slots\), used (\d{1,20}) \(slots\))?/,
    explain: (m, line, machine) => {
      const total = m[2] === undefined ? null : Number(m[2]),
        used = m[3] === undefined ? null : Number(m[3]);
      return explainFull({ size: Number(m[1]), total, used, driver: line.driver }, machine);
    },
  },
  {
    pattern: /Out of SW-IOMMU space for (\d{1,15}) bytes(?: at device ([\w:.-]{1,60}))?/,
    explain: (m, line, machine) =>
      explainFull({ size: Number(m[1]), total: null, used: null, driver: line.driver }, machine).map((v) => ({
        ...v,
        ...(m[2] === undefined ? {} : { device: m[2] }),
        echo: "The next line is the caller's report of the same event",
      })),
  },
  {
    pattern: /PCI-DMA: Out of IOMMU space for (\d{1,15}) bytes/,
    explain: (m) => ({
      kind: "gart-full",
      cause:
        "The window of AMD's GART, which old AMD machines use as an IOMMU for 32-bit devices, has no free run of pages: " +
        "it is too small for this load, or mappings leak.",
      evidence: `${bytesInWords(Number(m[1]))} were to be mapped`,
      do:
        "Make the window larger (the AGP aperture in the firmware's setup, or iommu=memaper=2 on the command line), or use " +
        "bounce buffers instead (iommu=soft). If it fills again, look for a leak: record with trace_event=dma.",
    }),
  },
  {
    pattern: /swiotlb: coherent allocation failed(?: for device ([\w:.-]{1,60}))?,? size=(\d{1,15})/,
    explain: (m) => explainCoherent(Number(m[2]), m[1]),
  },
  {
    pattern: /hwdev DMA mask = 0x([0-9a-f]{1,16}), dev_addr = 0x([0-9a-f]{1,16})/,
    explain: (m) => {
      const mask = BigInt(`0x${m[1]}`),
        address = BigInt(`0x${m[2]}`);
      const beyond = address > mask;
      return {
        kind: "coherent-mask",
        cause: beyond
          ? "Coherent memory was taken from the pool, as no other was free within the device's coherent mask, and the pool lies " +
            "beyond that mask as well."
          : "Coherent memory was taken from the pool and then refused, although its address begins within the device's coherent " +
            "mask: its end lies beyond, or the kernel judged it wrongly.",
        evidence: `the pool's memory is at ${hex(address)}, the device reaches ${hex(mask)}`,
        do: beyond
          ? "Let the driver set a wider coherent mask if the device can do more, or free memory that it reaches. A larger pool changes nothing."
          : "Update the kernel. A larger pool changes nothing.",
        remedy: "pool coherent-mask",
        limitedIn: /swiotlb/,
      };
    },
  },
  {
    pattern: /Device bounce map: ([0-9a-f]{1,16})@([0-9a-f]{1,16}) dir ([0-3]) --- failed/,
    explain: (m) => {
      const size = Number.parseInt(m[1]!, 16);
      const what =
        `${bytesInWords(size)} (${plural(size, "byte")}) at 0x${m[2]}, ${directions[Number(m[3])]!}, for an untrusted device ` +
        "behind the IOMMU";
      return {
        kind: "untrusted-bounce",
        cause:
          "A buffer of an untrusted device (an external port) shares a page with other data. The IOMMU bounces such " +
          "buffers to whole pages, and could not: the pool had no room, or the mapping behind it failed.",
        evidence: `it was to map ${what}`,
        do:
          "Look at the swiotlb line beside it, if there is one. Kernels from 5.4 on do this for VT-d, and the first of " +
          "them had bugs here: update the kernel before anything else.",
        remedy: remedies.constraint,
        echo: `The next line is the same event, seen from the IOMMU: ${what}`,
      };
    },
  },
  {
    pattern: /Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer/,
    explain: (_m, _line, machine) =>
      withoutPool(
        machine,
        "The device needs a bounce buffer and there is no pool.",
        "the message is written only when the pool does not exist",
      ),
  },
  {
    pattern: /Buffer overflow detected\. Allocation size: (\d{1,15})\. Mapping size: (\d{1,15})/,
    explain: (m) => ({
      kind: "buffer-overflow",
      cause:
        "A driver syncs or unmaps more bytes than it mapped. The kernel cut the copy short, so that no one else's " +
        "data was overwritten; the rest of the data is missing.",
      evidence: `${plural(Number(m[1]), "byte")} ${Number(m[1]) === 1 ? "is" : "are"} left of the mapping at that place, ${countWords(Number(m[2]))} were to be copied`,
      do:
        "It is a bug of the driver in the call trace below the line: report it there. A recording with " +
        "trace_event=dma,swiotlb names the mapping.",
    }),
  },
  {
    pattern: /DMA bounce buffers are inactive, unable to map unaligned transaction/,
    explain: (_m, _line, machine) =>
      withoutPool(
        machine,
        "An untrusted device (an external port) may not see whole pages for a small buffer, and there is no pool to " +
          "bounce it through.",
        "the message is written only when the pool does not exist",
      ),
  },
  {
    pattern: /Failed to allocate new pool/,
    explain: () => ({
      kind: "growth-failed",
      cause: "The pool was to grow (CONFIG_SWIOTLB_DYNAMIC) and no contiguous memory was free for the new part.",
      evidence: "allocation of a further pool failed; a transient one may still have served the request",
      do: "Give a larger pool at boot (swiotlb=SLOTS, 2 KiB each), when memory is still in one piece.",
    }),
  },
  {
    pattern: /(?:No low mem|[Cc]annot allocate (?:SWIOTLB )?buffer|swiotlb\w*: Failed to (?:allocate|remap)\b)/,
    explain: (m, _line, machine) => ({
      kind: "no-low-memory",
      cause:
        "No pool could be allocated at boot: it needs one contiguous piece of memory, below 4 GiB unless the guest " +
        "is confidential.",
      evidence: `"${m[0]}"`,
      do: smallerAtBoot(machine),
    }),
  },
  {
    pattern: /only able to allocate (\d{1,6}) MB/,
    explain: (m, _line, machine) => ({
      kind: "no-low-memory",
      cause:
        "The pool became smaller than asked for: not enough contiguous memory was free when it was allocated late.",
      evidence: `${countWords(Number(m[1]))} MiB were allocated`,
      do: smallerAtBoot(machine),
    }),
  },
  {
    pattern: /bounce buffer size adjusted (\d{1,12}) -> (\d{1,12}) slabs/,
    explain: (m, _line, machine) => ({
      kind: "no-low-memory",
      cause:
        `The pool became smaller than asked for: no contiguous piece of memory${belowFour(machine)} was large enough, ` +
        "so the kernel halved it until one was.",
      evidence: `${slotsInWords(Number(m[1]))} asked for, ${slotsInWords(Number(m[2]))} allocated`,
      do: smallerAtBoot(machine),
    }),
  },
  {
    pattern: /bounce buffer size roundup to (\d{1,8})MB/,
    explain: (m) => ({
      kind: "rounded-up",
      cause:
        `The pool was enlarged to ${countWords(Number(m[1]))} MiB: each area (one for each CPU unless set) needs at least 128 ` +
        `slots, and the size is made a power of two.`,
      evidence: `"${m[0]}"`,
      do: "Nothing, unless memory is short: name the areas (swiotlb=SLOTS,AREAS) to keep it smaller.",
      notice: true,
    }),
  },
  {
    pattern: /Alloc alignment may prevent fulfilling requests with max mapping_size/,
    explain: () => ({
      kind: "alignment",
      cause:
        "A caller asks for an alignment that leaves no room for the largest request the kernel promises: such " +
        "requests may fail in an empty pool.",
      evidence: "alignment and the device's offset rule together exceed a slot set of 256 KiB",
      do: "Report it to the driver or IOMMU code in the call trace; smaller requests still work.",
    }),
  },
  {
    pattern: /Memory encryption is active and system is using DMA bounce buffers/,
    explain: () => ({
      kind: "encrypted-memory",
      cause:
        "Devices cannot read encrypted memory, so every DMA of this machine is copied through the pool. That is " +
        "normal for a confidential guest.",
      evidence: "memory encryption is on",
      do: "Nothing is wrong. Expect cost for every transfer, and watch the pool: it must hold all buffers in flight.",
      notice: true,
    }),
  },
  {
    pattern: /Failed to get contiguous memory for DMA from Xen/,
    explain: () => ({
      kind: "no-machine-memory",
      cause:
        "The pool of a paravirtualised Xen guest must lie in contiguous machine memory, and Xen had none: machine " +
        "memory is in pieces.",
      evidence:
        `"Failed to get contiguous memory for DMA from Xen"; each 256 KiB ` +
        `(${mappingBytesMax / slotBytes} slots) needs one piece`,
      do:
        "Ask for a smaller pool (swiotlb=1024 is 2 MiB), start the guest before others take the memory, or run it as " +
        "PVH or HVM, which need no such memory.",
    }),
  },
  {
    pattern: /Invalid sizes \(mapping: (\d{1,15}) bytes, alloc: (\d{1,15}) bytes\)/,
    explain: (m) => ({
      kind: "buffer-overflow",
      cause: "A caller asks to bounce more bytes than it lets the pool allocate: a bug of the code in the call trace.",
      evidence: `${plural(Number(m[1]), "byte")} to be mapped, ${countWords(Number(m[2]))} to be allocated`,
      do: "Report it to the developers of the IOMMU or DMA code in the call trace.",
    }),
  },
  {
    pattern: /(?:DMA map|call) on device without dma_mask/,
    explain: () => ({
      kind: "no-mask",
      cause: "A driver maps a buffer for a device that has no DMA mask: it never said what the device can reach.",
      evidence: "the mapping was refused for that alone",
      do: "It is a bug of the driver in the call trace, or of the code that makes its device: it must set dma_mask.",
    }),
  },
  {
    pattern: /Restricted DMA pool must be accessible within the linear mapping/,
    explain: () => ({
      kind: "restricted-pool",
      cause: "The device tree puts a restricted DMA pool into memory that the kernel does not map directly.",
      evidence: "the pool was refused",
      do: "Move the reserved-memory node below the limit of the linear mapping, and take no-map away.",
    }),
  },
  ...overflowMessages,
];

/** Source: Linux enum dma_data_direction. */
const directions = ["in both directions", "to the device", "from the device", "in no direction"];

/** Source: Linux lib/swiotlb.c and kernel/dma/swiotlb.c up to 4.20, swiotlb_alloc_coherent, swiotlb_alloc_buffer. */
function explainCoherent(size: number, device: string | undefined): Diagnosis {
  const slots = Math.ceil(size / slotBytes);
  const never = size > mappingBytesMax;
  const cure =
    "The driver should ask for less in one piece and fall back by itself: update the kernel (it tries smaller pages " +
    "in silence since), or see that memory is less fragmented (ask early, or set some aside with cma=). A larger pool " +
    (never ? "changes nothing." : "helps only where it is the pool that is full.");
  return {
    kind: never ? "coherent-too-large" : "coherent",
    cause:
      "A coherent allocation failed (memory that driver and device share, often a graphics driver's huge page): no " +
      "contiguous memory was free within the device's coherent mask, and the pool, which is tried next, " +
      (never ? "hands out at most 256 KiB in one piece." : "had no room for it either."),
    evidence: `${bytesInWords(size)} = ${plural(slots, "slot")}${never ? `; the limit is ${setSlots}, whatever the pool's size` : ""}`,
    do: cure,
    ...(device === undefined ? {} : { device }),
    remedy: remedies[never ? "smaller-requests" : "larger-pool"],
    limitedIn: /swiotlb/,
    echo: `The next line is the same event: a coherent allocation of ${bytesInWords(size)}, for which no contiguous memory was free`,
    echoCure: cure,
  };
}

/** What every message contains, those of overflow as well. */
const worth =
  /swiotlb|SWIOTLB|IO TLB|hwdev|SW-IOMMU|IOMMU space|overflow|bounce|allocate|low mem|mapping_size|contiguous|encryption|DMA pool|new pool|dma_mask/;

/** @returns the verdicts for one line; empty for a line that is about something else. */
export function explainPoolMessage(line: LogLine, machine: MachineContext): readonly Diagnosis[] {
  if (!worth.test(line.text)) return [];
  for (const message of messages) {
    const m = message.pattern.exec(line.text);
    if (m === null) continue;
    const said = message.explain(m, line, machine);
    return Array.isArray(said) ? (said as readonly Diagnosis[]) : [said as Diagnosis];
  }
  return [];
}
