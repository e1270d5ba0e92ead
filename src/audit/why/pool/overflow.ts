/**
 * Messages of an address that a device cannot reach, of all generations.
 *
 * Who writes them decides what they mean. `NAME: overflow … of device mask` (x86 up to 4.16: nommu_map_single,
 * nommu_map_sg; 4.16 to 4.20: dma_direct_map_page and its like) is written where nothing bounces. `overflow … of DMA
 * mask … bus mask|limit` (5.0 to 5.5) is written after any bounce that failed. `DMA addr … overflow` (5.6 on) is written
 * where bouncing is off. `swiotlb addr … overflow` is of a bounce buffer itself.
 * Source: Linux arch/x86/kernel/pci-nommu.c, lib/dma-direct.c, kernel/dma/direct.c, kernel/dma/direct.h, kernel/dma/swiotlb.c.
 */
import { plural } from "../../../base/count_words.js";
import { hex } from "../../../base/hex.js";
import { mappingBytesMax, setSlots, slotBytes } from "../../../spec/swiotlb/sizes.js";
import { bytesInWords } from "../../words/quantity.js";
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import { remedies } from "./full_pool.js";
import type { PoolMessage } from "./pool_message.js";

interface Overflow {
  readonly address: number;
  readonly size: number;
  /** The last address that the device reaches; null where the line does not say. */
  readonly mask: number | null;
  /** The same of the bus in front of it; 0 is none. */
  readonly bus: number;
}

const read = (m: RegExpExecArray): Overflow => ({
  address: Number.parseInt(m[1]!, 16),
  size: Number(m[2]),
  mask: m[3] === undefined ? null : Number.parseInt(m[3], 16),
  bus: m[4] === undefined ? 0 : Number.parseInt(m[4], 16),
});

/** What the address goes beyond. */
function exceeded(o: Overflow, what: string): string {
  const where = `${what} is at ${hex(o.address)} (${bytesInWords(o.size)})`;
  const end = o.address + o.size - 1;
  const mask = o.mask !== null && end > o.mask ? `the device's DMA mask ${reach(o.mask)}` : null;
  const bus = o.bus !== 0 && end > o.bus ? `the bus limit ${reach(o.bus)}` : null;
  if (mask !== null && bus !== null) return `${where}, beyond ${mask} and ${bus}`;
  if (mask !== null) return `${where}, beyond ${mask}`;
  if (bus !== null) {
    return (
      `${where}, beyond ${bus}: a limit of the bus in front of the device (dma-ranges of the device tree)` +
      `${o.mask === null ? "" : `, not of the device, which reaches ${reach(o.mask)}`}`
    );
  }
  return o.mask === null ? where : `${where}; the device reaches ${reach(o.mask)}`;
}

/** A mask of 64 bits is beyond what a number holds exactly. */
const reach = (last: number): string =>
  last >= 2 ** 64 ? "all of 64 bits" : `${hex(last)} (${bytesInWords(last + 1)})`;

const reachAll =
  "Let the driver set a wider DMA mask if the device can do more, give the device an IOMMU, or correct dma-ranges in the " +
  "device tree if the bus can do more.";
const reachBehindBus =
  "Give the device an IOMMU, or correct dma-ranges in the device tree if the bus can do more; the device's own mask is wide enough.";

/** What lets the device reach the buffer: who is the limit, that one has to change. */
function widen(o: Overflow): string {
  const end = o.address + o.size - 1;
  return o.mask !== null && end <= o.mask && o.bus !== 0 && end > o.bus ? reachBehindBus : reachAll;
}

function nothingBounces(o: Overflow, where: string, cure: string): Diagnosis {
  return {
    kind: "absent",
    cause: `The buffer lies where the device cannot reach, and nothing bounces: ${where}`,
    evidence: exceeded(o, "the buffer"),
    do: cure,
    limitedIn: /dma_direct|nommu/,
  };
}

/** A 5.0 to 5.5 kernel: the bounce failed, and the line does not say why. */
function bounceFailed(o: Overflow): Diagnosis {
  const slots = Math.ceil(o.size / slotBytes);
  const never = o.size > mappingBytesMax;
  const where = exceeded(o, "the buffer"),
    size = `${bytesInWords(o.size)} are ${plural(slots, "slot")}`;
  return {
    kind: never ? "too-large" : "not-bounced",
    cause: never
      ? `The buffer lies where the device cannot reach, and bouncing failed. At ${plural(slots, "slot")} of at most ${setSlots} the ` +
        "request can never fit into the pool, however large that is; whether there was a pool, or room in it, the line " +
        "does not say."
      : "The buffer lies where the device cannot reach, and bouncing failed: there is no pool, it was full, or it lies " +
        "where the device cannot reach either. This line of kernels 5.0 to 5.5 does not say which.",
    evidence: `${where}; ${size}${never ? `, more than ${setSlots}` : ""}`,
    do: never
      ? `Make the requests smaller (256 KiB at most). ${widen(o)}`
      : `Look for "swiotlb buffer is full" just before, and for "software IO TLB" in the boot log. ${widen(o)}`,
    remedy: remedies[never ? "smaller-requests" : "absent"],
    limitedIn: /dma_direct|swiotlb/,
    echo: `The next line is the same event: ${where}`,
  };
}

function poolOutOfReach(o: Overflow, machine: MachineContext): Diagnosis {
  const { poolStart, poolEnd } = machine;
  const pool =
    poolStart === null || poolEnd === null ? "" : `; the pool lies from ${hex(poolStart)} to ${hex(poolEnd)}`;
  const isHigh = o.address >= 2 ** 32;
  // The address is the bus's: a limit of the bus beyond the mask tells that its addresses are not the processor's.
  const isShifted = isHigh && o.mask !== null && o.mask < 2 ** 32 && o.bus > o.mask;
  if (isShifted) {
    return {
      kind: "mask",
      cause:
        `The bounce buffer's address on the bus lies where the device cannot reach. The bus's limit, ${hex(o.bus)}, is ` +
        "beyond the device's mask: it mostly shifts memory to high addresses of its own (dma-ranges), so that a device " +
        "of 32 bits reaches no memory at all, wherever the pool lies.",
      evidence: `${exceeded(o, "the bounce buffer")}${pool}`,
      do:
        "Shift the bus's window down, so that memory begins at bus address 0 (dma-ranges in the device tree; on a Raspberry " +
        "Pi the overlay pcie-32bit-dma), or let the driver set a wider mask if the device can do more.",
    };
  }
  return {
    kind: "mask",
    cause: isHigh
      ? "The pool itself lies where the device cannot reach, above 4 GiB: bouncing does not help this device. So it is " +
        "on machines without memory below 4 GiB (many Arm boards), where the kernel places it below the highest limit " +
        "that firmware states for any bus, and in confidential guests, where it may lie anywhere."
      : "The pool itself lies where the device cannot reach: bouncing does not help this device, which has fewer than " +
        "32 address bits, or sits behind a bus that has.",
    evidence: `${exceeded(o, "the bounce buffer")}${pool}`,
    do:
      (isHigh
        ? "Correct the limits that firmware states (dma-ranges in the device tree, _DMA or IORT in ACPI), by which the " +
          "kernel places its low zone and the pool; "
        : "Check the DMA mask that the driver sets; ") +
      "give the device a restricted pool that it reaches (restricted-dma-pool in the device tree), or an IOMMU.",
  };
}

const number = "(?:0x)?([0-9a-f]{1,16})";

export const overflowMessages: readonly PoolMessage[] = [
  {
    pattern: new RegExp(
      `swiotlb addr ${number}\\+(\\d{1,15}) overflow \\(mask ${number}, bus (?:limit|mask) ${number}\\)`,
    ),
    explain: (m, _line, machine) => poolOutOfReach(read(m), machine),
  },
  {
    pattern: new RegExp(`DMA addr ${number}\\+(\\d{1,15}) overflow \\(mask ${number}, bus (?:limit|mask) ${number}\\)`),
    explain: (m) =>
      nothingBounces(
        read(m),
        "there is no pool, or bouncing is switched off, or the address is another device's registers, which never " +
          "bounce.",
        'Look for "software IO TLB" in the boot log: a pool that was switched off (swiotlb=noforce) says nothing, one ' +
          `that could not be allocated does. Take swiotlb=noforce away, or ask for a smaller pool. ${reachAll}`,
      ),
  },
  {
    pattern: new RegExp(`overflow ${number}\\+(\\d{1,15}) of DMA mask ${number}(?: bus (?:limit|mask) ${number})?`),
    explain: (m) => bounceFailed(read(m)),
  },
  {
    pattern: new RegExp(`nommu_map_\\w{1,10}: overflow ${number}\\+(\\d{1,15})(?: of device mask ${number})?`),
    explain: (m) =>
      nothingBounces(
        read(m),
        "this kernel maps directly, without a pool (built without SWIOTLB, or the pool is off).",
        "Boot with iommu=soft or swiotlb=force if the kernel has a pool; else build it with CONFIG_SWIOTLB (and for PAE " +
          "kernels use a 64-bit one), or keep memory below the limit with mem=.",
      ),
  },
  {
    pattern: new RegExp(`overflow ${number}\\+(\\d{1,15}) of device mask ${number}(?: bus mask ${number})?`),
    explain: (m) =>
      nothingBounces(
        read(m),
        "the direct mapping of kernels 4.16 to 4.20 has no pool in its path.",
        "Use a kernel from 5.0 on, whose direct mapping bounces; with this one boot with swiotlb=force or iommu=soft (x86), " +
          `if it was built with a pool. ${reachAll}`,
      ),
  },
];
