/**
 * The causes of a "full" pool: which of them the numbers of the message prove, allow or exclude, one row a cause, tried from
 * the top.
 *
 * Source: Linux kernel/dma/swiotlb.c (swiotlb_tbl_map_single, swiotlb_search_pool_area, mem_used).
 */

import { countWords, plural } from "../../../base/count_words.js";
import { mappingBytesMax, setSlots, slotBytes } from "../../../spec/swiotlb/sizes.js";
import { bytesInWords, percent, slotsInWords } from "../../words/quantity.js";
import type { MachineContext } from "../context.js";
import { absence } from "./absence.js";
import { largerPool } from "./larger_pool.js";

/** What one line says. */
export interface FullMessage {
  /** Bytes, rounded as the kernel rounds them. */
  readonly size: number;
  /** Slots; null in kernels whose message has no totals. */
  readonly total: number | null;
  readonly used: number | null;
  readonly driver: string | null;
}

/** A request in slots against the pool; `total` and `used` are known in every row below the one for old messages. */
export interface Request extends FullMessage {
  readonly slots: number;
  readonly total: number;
  readonly used: number;
  readonly free: number;
}

export interface Row {
  readonly kind: string;
  readonly applies: (r: Request, machine: MachineContext) => boolean;
  readonly evidence: (r: Request, machine: MachineContext) => string;
  readonly cause: string | ((machine: MachineContext) => string);
  readonly remedy: (r: Request, machine: MachineContext) => string;
  /** Rows with the same remedy are one finding of a device. */
  readonly cure: "larger-pool" | "smaller-requests" | "constraint" | "absent";
  /** A row that leaves room for a second cause lets the rows after it speak. */
  readonly alsoLater?: boolean;
}

/** NVMe keeps an address's offset within 4 KiB (min_align_mask 0xfff), which costs it two slots of every set. */
const nvmeBytesMax = mappingBytesMax - 4096;
/** The in-slot part of that offset is inside the printed size. */
const nvmePrintedMax = nvmeBytesMax + slotBytes - 1;

/**
 * Share of a pool from which on it counts as full although slots are left. What remains there lies in pieces under
 * any load, so that more room helps and a different arrangement does not. A judgement, and said as one.
 */
const nearlyFull = 0.9;

const isNearlyFull = (r: Request): boolean => r.used >= r.total * nearlyFull;

const numbers = (r: Request): string =>
  `${bytesInWords(r.size)} = ${plural(r.slots, "slot")} ${r.slots === 1 ? "was" : "were"} asked for; ${countWords(r.used)} of ${slotsInWords(r.total)} ` +
  `were in use (${percent(r.used, r.total)}), ${countWords(r.free)} free`;

function largerOrLeak(r: Request, machine: MachineContext): string {
  return (
    `${largerPool(r.total * 2, machine)} If \`used\` keeps growing under a steady load, a driver leaks: record with ` +
    "trace_event=dma,swiotlb and look at the leaks."
  );
}

/** What to do about a request that no pool can hold. */
export const smallerRequests =
  "Make the requests smaller, the pool cannot help: cap the driver's segment size (dma_max_mapping_size() tells it " +
  "the limit; for a disk, lower /sys/block/DISK/queue/max_sectors_kb), update the driver if it ignores the limit, " +
  "or keep the device from bouncing: give it an IOMMU, a 64-bit DMA mask, or memory that it can reach.";

/** Neither is enough alone: a request beyond the limit fails in any pool, and its pieces need as many slots. */
export const afterSmaller =
  "Second, after the requests are smaller: alone this does not let the request in, and smaller requests alone find hardly any " +
  "room.";

const constraintDo =
  "A larger pool is no cure. Record with trace_event=dma,swiotlb, which shows the device's mask and what it asked for; " +
  "look at its DMA mask, min_align_mask and segment boundary. For a device behind an IOMMU on an external port update " +
  "the kernel first. Single lines in a burst of load may be left alone.";

/** The cause of a request beyond the limit. */
export const neverFits =
  "The request can never fit. The pool hands out at most 256 KiB in one piece, and this one is larger; the " +
  'kernel says "full" although it is not, and a larger pool changes nothing.';

/** The causes, in the order in which they are tried. */
export const rows: readonly Row[] = [
  {
    kind: "too-large",
    cure: "smaller-requests",
    applies: (r) => r.size > mappingBytesMax,
    evidence: (r, machine) =>
      `${bytesInWords(r.size)} = ${plural(r.slots, "slot")} in one piece; the limit is ${setSlots} slots = ` +
      `${bytesInWords(mappingBytesMax)}, ` +
      `whatever the pool's size (${slotsInWords(r.total)}, ${countWords(r.used)} in use)${
        machine.xen ? ". Under Xen a large buffer bounces because its pages are not neighbours in machine memory" : ""
      }`,
    cause: neverFits,
    remedy: () => smallerRequests,
    alsoLater: true,
  },
  {
    kind: "absent",
    cure: "absent",
    applies: (r) => r.total === 0,
    evidence: (_r, machine) =>
      ["the pool has 0 slots", absence(machine).evidence].filter((part) => part !== "").join("; "),
    cause: (machine) => `There is no pool. ${absence(machine).cause}`,
    remedy: (_r, machine) => absence(machine).do,
  },
  {
    kind: "area-too-small",
    cure: "larger-pool",
    applies: (r, { areas }) => areas !== null && areas >= 2 && Math.floor(r.total / areas) < r.slots,
    evidence: (r, { areas }) =>
      `${numbers(r)}; the pool is split into ${plural(areas!, "area")} of ${plural(Math.floor(r.total / areas!), "slot")}`,
    cause:
      "No part of the pool is as large as the request. The pool is split among CPUs, and a request must fit into one " +
      "part.",
    remedy: (r, machine) =>
      `Enlarge the pool to at least ${setSlots} slots for each area, or name fewer areas. ${largerPool(
        Math.max(r.total, setSlots * machine.areas!),
        machine,
      )}`,
  },
  {
    kind: "exhausted",
    cure: "larger-pool",
    applies: (r) => r.size <= mappingBytesMax && r.free < r.slots,
    evidence: (r) => `${numbers(r)}: too few, wherever they lie`,
    cause:
      "The pool is used up: fewer slots are free than the request needs. Either it is too small for this load, or " +
      "mappings leak.",
    remedy: largerOrLeak,
  },
  {
    kind: "exhausted",
    cure: "larger-pool",
    applies: (r, machine) => r.size <= mappingBytesMax && isNearlyFull(r) && r.used >= fragmentedFrom(r, machine),
    evidence: numbers,
    cause:
      "The pool is nearly used up, and what is left lies in pieces. Either it is too small for this load, or " +
      "mappings leak.",
    remedy: largerOrLeak,
  },
  {
    kind: "exhausted",
    cure: "larger-pool",
    applies: isNearlyFull,
    evidence: (r) =>
      r.size > mappingBytesMax
        ? `${countWords(r.used)} of ${slotsInWords(r.total)} were in use (${percent(r.used, r.total)}), ${countWords(r.free)} free`
        : `${numbers(r)}. So many free slots would have held the request: some were given back before the message was written`,
    cause: "The pool is nearly used up. Either it is too small for this load, or mappings leak.",
    remedy: largerOrLeak,
  },
  {
    kind: "device-limit",
    cure: "smaller-requests",
    applies: (r) => r.driver === "nvme" && r.size > nvmePrintedMax,
    evidence: (r) =>
      `${numbers(r)}; the driver is nvme, which keeps the offset within a page and is promised ` +
      `${bytesInWords(nvmeBytesMax)} at most`,
    cause:
      "The request is larger than the kernel promises to this device. It needs a whole empty slot set of 256 KiB " +
      "that starts where the device wants it, and may never find one.",
    remedy: () => smallerRequests,
  },
  {
    kind: "nothing-used",
    cure: "constraint",
    applies: (r) => r.used === 0,
    evidence: numbers,
    cause:
      "The kernel says full at 0 in use, and the size is legal: the pool is not full. Either a burst had ended when " +
      "the counter was read, or no slot suits this device: the pool lies beyond its DMA mask, or its alignment and " +
      "segment boundary exclude every run.",
    remedy: () => constraintDo,
  },
  {
    kind: "constraint",
    cure: "constraint",
    applies: (r, machine) => r.used < fragmentedFrom(r, machine),
    evidence: (r, machine) =>
      `${numbers(r)}. Slots in use can block a request of ${plural(r.slots, "slot")} everywhere only from ` +
      `${countWords(fragmentedFrom(r, machine))} on: each set of ${setSlots} holds a free run of that length while fewer than ` +
      `${blockersOfSet(r)} of its slots are in use`,
    cause:
      "The pool is neither full nor in pieces: with so few slots in use a free run of that length exists. Something " +
      "else excludes it - the device's DMA mask, alignment or segment boundary -, or a burst had ended when the counter " +
      "was read (it is read after the search, without the lock), or the kernel has a bug, as some had where untrusted " +
      "devices bounce behind an IOMMU.",
    remedy: () => constraintDo,
  },
  {
    kind: "area",
    cure: "larger-pool",
    applies: (r, { areas }) => areas !== null && r.total / areas < setSlots && r.free / areas < r.slots,
    evidence: (r, { areas }) =>
      `${numbers(r)}; split over ${plural(areas!, "area")} that is ${countWords(Math.floor(r.free / areas!))} each on average. ` +
      "One line cannot show the areas themselves",
    cause:
      "Enough slots are free in the pool, but probably not in any one of its parts. The pool is split among CPUs into " +
      `parts of less than ${setSlots} slots, and a request must fit into one.`,
    remedy: (r, machine) =>
      `Use fewer areas (swiotlb=SLOTS,AREAS), or a larger pool. ${largerPool(r.total * 2, machine)}`,
  },
  {
    kind: "fragmented",
    cure: "larger-pool",
    applies: () => true,
    evidence: (r) =>
      `${numbers(r)}${r.slots === setSlots ? "; a request of 256 KiB needs a wholly empty slot set" : ""}. ` +
      "A recording shows the longest run",
    cause:
      "The pool has room, but not in one piece: a request needs neighbouring slots inside one set of 128 (256 KiB), " +
      "and small mappings are scattered over all sets. A leak of small mappings looks the same at first.",
    remedy: (r, machine) =>
      `${largerPool(r.total * 2, machine)} Smaller requests help more: lower the device's largest transfer (for ` +
      "a disk, max_sectors_kb). What size would do can be measured: record with trace_event=dma,swiotlb and replay " +
      "it.",
  },
];

/**
 * Slots in use that it takes to block one set for a request. Requests of a page and more may begin at every second slot
 * only (kernels that align them to pages), which makes blocking cheaper.
 */
function blockersOfSet(r: Request): number {
  const stride = r.size >= 4096 ? 2 : 1;
  const starts = Math.floor((setSlots - r.slots) / stride) + 1;
  return Math.min(Math.floor(setSlots / r.slots), Math.ceil(starts / Math.ceil(r.slots / stride)));
}

/** Slots in use from which on fragmentation is possible at all. */
function fragmentedFrom(r: Request, { areas }: MachineContext): number {
  if (areas !== null && r.total / areas < setSlots) return 0;
  return Math.floor(r.total / setSlots) * blockersOfSet(r);
}
