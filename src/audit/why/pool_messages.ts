/**
 * Messages about bounce buffers other than "buffer is full", each with what it means.
 *
 * Source: Linux kernel/dma/swiotlb.c, kernel/dma/direct.h, drivers/iommu/dma-iommu.c, drivers/xen/swiotlb-xen.c,
 * arch/x86/mm/mem_encrypt.c.
 */
import { mappingBytesMax, slotBytes } from "../../spec/swiotlb/sizes.js";
import type { MachineContext } from "./context.js";
import type { Verdict } from "./finding.js";
import { explainFull } from "./full_pool.js";
import type { LogLine } from "./log_line.js";
import { bytesInWords, hex, slotsInWords } from "./words.js";

interface Message {
  readonly pattern: RegExp;
  readonly explain: (m: RegExpExecArray, line: LogLine, machine: MachineContext) => Verdict | readonly Verdict[];
}

const noPool =
  'Look for "software IO TLB" in the boot log: a pool that was switched off (swiotlb=noforce) says nothing, one that ' +
  "could not be allocated does. Take swiotlb=noforce away, or ask for a smaller pool.";

const smallerAtBoot =
  "Ask for less (each halving is tried down to 1 MiB), give the guest more memory below 4 GiB, or free it: " +
  "crashkernel=…,high, a smaller cma=, fewer huge pages reserved at boot.";

function outOfReach(m: RegExpExecArray): Verdict {
  return {
    kind: "absent",
    cause: "The buffer lies where the device cannot reach, and there is no pool to bounce it through.",
    evidence:
      `the buffer is at ${m[1]} (${bytesInWords(Number(m[2]))}); the device reaches ` +
      `0x${m[3]}${limitInWords(m[4]!)}`,
    do: noPool,
  };
}

const messages: readonly Message[] = [
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
      explainFull({ size: Number(m[1]), total: null, used: null, driver: line.driver }, machine).map((v) =>
        m[2] === undefined ? v : { ...v, device: m[2] },
      ),
  },
  {
    pattern: /Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer/,
    explain: () => ({
      kind: "absent",
      cause:
        "The device needs a bounce buffer and there is no pool: it was switched off, or could not be allocated at " +
        "boot.",
      evidence: "the message is written only when the pool does not exist",
      do: noPool,
    }),
  },
  {
    pattern:
      /swiotlb addr (0x[0-9a-f]{1,16})\+(\d{1,15}) overflow \(mask ([0-9a-f]{1,16}), bus limit ([0-9a-f]{1,16})\)/,
    explain: (m, _line, machine) => ({
      kind: "mask",
      cause: "The pool itself lies where the device cannot reach: bouncing does not help this device.",
      evidence:
        `the bounce buffer is at ${m[1]} (${bytesInWords(Number(m[2]))})${poolInWords(machine)}; the device reaches ` +
        `0x${m[3]}${limitInWords(m[4]!)}`,
      do:
        "The device's DMA mask is below the pool: a pool allocated anywhere (confidential guests), or a device with " +
        "less than 32 bits. Check the mask the driver sets; give the device a restricted pool (restricted-dma-pool " +
        "in the device tree) it can reach, or an IOMMU.",
    }),
  },
  {
    pattern: /DMA addr (0x[\da-f]{1,16})\+(\d{1,15}) overflow \(mask ([\da-f]{1,16}), bus limit ([\da-f]{1,16})\)/,
    explain: outOfReach,
  },
  {
    // Kernels around 5.0.
    pattern: /overflow (0x[\da-f]{1,16})\+(\d{1,15}) of DMA mask ([\da-f]{1,16}) bus limit ([\da-f]{1,16})/,
    explain: outOfReach,
  },
  {
    pattern: /Buffer overflow detected\. Allocation size: (\d{1,15})\. Mapping size: (\d{1,15})/,
    explain: (m) => ({
      kind: "buffer-overflow",
      cause:
        "A driver syncs or unmaps more bytes than it mapped. The kernel cut the copy short, so that no one else's " +
        "data was overwritten; the rest of the data is missing.",
      evidence: `${m[1]} bytes are left of the mapping at that place, ${m[2]} were to be copied`,
      do:
        "It is a bug of the driver in the call trace below the line: report it there. A recording with " +
        "trace_event=dma,swiotlb names the mapping.",
    }),
  },
  {
    pattern: /DMA bounce buffers are inactive, unable to map unaligned transaction/,
    explain: () => ({
      kind: "absent",
      cause:
        "An untrusted device (an external port) may not see whole pages for a small buffer, and there is no pool to " +
        "bounce it through.",
      evidence: "the message is written only when the pool does not exist",
      do: noPool,
    }),
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
    pattern: /(?:No low mem|[Cc]annot allocate (?:SWIOTLB )?buffer|swiotlb\w*: Failed to allocate \d+ bytes)/,
    explain: (m) => ({
      kind: "no-low-memory",
      cause:
        "No pool could be allocated at boot: it needs one contiguous piece of memory, below 4 GiB unless the guest " +
        "is confidential.",
      evidence: `"${m[0]}"`,
      do: smallerAtBoot,
    }),
  },
  {
    pattern: /only able to allocate (\d{1,6}) MB/,
    explain: (m) => ({
      kind: "no-low-memory",
      cause:
        "The pool became smaller than asked for: not enough contiguous memory was free when it was allocated late.",
      evidence: `${m[1]} MiB were allocated`,
      do: smallerAtBoot,
    }),
  },
  {
    pattern: /bounce buffer size adjusted (\d{1,12}) -> (\d{1,12}) slabs/,
    explain: (m) => ({
      kind: "no-low-memory",
      cause:
        "The pool became smaller than asked for: no contiguous piece of memory below 4 GiB was large enough, so the " +
        "kernel halved it until one was.",
      evidence: `${slotsInWords(Number(m[1]))} asked for, ${slotsInWords(Number(m[2]))} allocated`,
      do: smallerAtBoot,
    }),
  },
  {
    pattern: /bounce buffer size roundup to (\d{1,8})MB/,
    explain: (m) => ({
      kind: "rounded-up",
      cause:
        `The pool was enlarged to ${m[1]} MiB: each area (one for each CPU unless set) needs at least 128 ` +
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
    pattern: /Restricted DMA pool must be accessible within the linear mapping/,
    explain: () => ({
      kind: "restricted-pool",
      cause: "The device tree puts a restricted DMA pool into memory that the kernel does not map directly.",
      evidence: "the pool was refused",
      do: "Move the reserved-memory node below the limit of the linear mapping, and take no-map away.",
    }),
  },
];

function poolInWords(machine: MachineContext): string {
  const { poolStart, poolEnd } = machine;
  return poolStart === null || poolEnd === null ? "" : `, the pool from ${hex(poolStart)} to ${hex(poolEnd)}`;
}

const limitInWords = (limit: string): string => (/^0*$/.test(limit) ? "" : `, its bus 0x${limit}`);

/** @returns the verdicts for one line; empty for a line that is about something else. */
export function explainPoolMessage(line: LogLine, machine: MachineContext): readonly Verdict[] {
  for (const message of messages) {
    const m = message.pattern.exec(line.text);
    if (m === null) continue;
    const said = message.explain(m, line, machine);
    return Array.isArray(said) ? (said as readonly Verdict[]) : [said as Verdict];
  }
  return [];
}
