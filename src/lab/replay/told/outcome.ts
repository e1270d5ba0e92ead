/**
 * What a replay found, as data: the terminal, JSON, HTML and Perfetto reports all print this.
 *
 * Times are microseconds of the recording's clock, sizes bytes, addresses numbers (exact below 2^53).
 */

import type { InitialPool } from "../contracts/initial_pool.js";
import type { PoolAddresses } from "../contracts/pool_addresses.js";
import type { IovaOutcome } from "../iova/iova_model.js";
import type { Shows } from "../machine/shows.js";
import type { WhatIf } from "../other_pools/setting.js";
import type { XenOutcome } from "../xen/outcome.js";
import type { Failure } from "./failure.js";

export type { WhatIf };

export interface DeviceOutcome {
  readonly name: string;
  /** Driver when the log says it ("nvme"), else null. */
  readonly driver: string | null;
  /** 2^n of the DMA mask seen in swiotlb_bounced (64 = all); null when none was seen. */
  readonly maskBits: number | null;
  readonly minAlignMask: number;
  /** Where minAlignMask and boundary come from. */
  readonly alignmentFrom: "driver" | "addresses" | "assumed" | "described";
  /** Segment boundary in bytes (a power of two), 0 = none. */
  readonly boundary: number;
  readonly maps: number;
  readonly direct: number;
  readonly bounced: number;
  readonly translated: number;
  readonly failed: number;
  /** Bytes of all mappings, and of those that bounced. */
  readonly bytes: number;
  readonly bouncedBytes: number;
  /** Most slots held at once, and slots held at the end. */
  readonly slotsPeak: number;
  readonly slotsNow: number;
  /** Mappings alive at the end. */
  readonly live: number;
  /** Why mappings of this device bounced, in words, with counts. */
  readonly why: readonly { readonly words: string; readonly count: number }[];
}

/** Occupancy over time: bin i covers from + i * width to from + (i + 1) * width microseconds. */
export interface Timeline {
  readonly from: number;
  readonly width: number;
  /** Most and fewest slots in use during each bin. */
  readonly most: Uint32Array;
  readonly fewest: Uint32Array;
  /** Failed mappings in each bin. */
  readonly failures: Uint32Array;
}

/**
 * Slots by time. Cell [row * columns + column] is 1 + the index of the device that held those slots, 0 = free.
 * Slot sets that were never used have no rows.
 */
export interface SlotMap {
  readonly columns: number;
  readonly rows: number;
  /** First slot of each row, ascending. */
  readonly rowSlots: Uint32Array;
  readonly slotsPerRow: number;
  /** Column c begins at from + c * width microseconds. */
  readonly from: number;
  readonly width: number;
  readonly cells: Uint8Array;
}

export interface InferredPool {
  readonly base: number;
  readonly slots: number;
  readonly areas: number;
  readonly profile: string;
  readonly forced: boolean;
  /** The recording begins with a pool that is in use. */
  readonly late: boolean;
  /** Where its bytes lie on the bus, unless they follow each other as they do in memory. */
  readonly addresses?: PoolAddresses;
  /** How it stood when the recording began, where that was found out. */
  readonly initial?: InitialPool;
}

export interface MachineInferred {
  readonly kernel: string | null;
  readonly cpus: number;
  /** null when no swiotlb pool was seen. */
  readonly swiotlb: InferredPool | null;
  /** Which of the above (dotted names) were inferred from addresses rather than read from the log or command line. */
  readonly inferred: readonly string[];
  /** Where each fact comes from, in words. */
  readonly evidence: readonly string[];
}

export interface Exact {
  /** Bounced mappings whose address the recording shows, and how many of them the model chose at the same address. */
  readonly compared: number;
  readonly equal: number;
  /** Times the model had to be set to the kernel's state; 0 = it ran freely from start to end. */
  readonly corrections: number;
  /** Allocations moved within their recorded interval to find the order in which CPUs searched. */
  readonly reordered: number;
  /** Mappings of which it was predicted whether they bounce, and how many predictions were right. */
  readonly decisions: { readonly compared: number; readonly equal: number };
  /** Refusals that the model made too, of those the recording shows. */
  readonly refusals: { readonly compared: number; readonly equal: number };
  /** The first mismatches: what the kernel chose, what the model did. */
  readonly mismatches: readonly {
    readonly time: number;
    readonly device: number;
    readonly size: number;
    readonly kernel: number;
    readonly model: number | null;
  }[];
  readonly note: string | null;
}

/** Mappings asked for of which the recording does not show what became. */
export interface UnknownBecause {
  readonly words: string;
  readonly count: number;
  /** They were under way where the recording ends or lost events: nothing else is doubtful. */
  readonly underWay: boolean;
}

/** Lists that were refused, which a driver may try again and again. */
export interface RefusedTries {
  readonly lists: number;
  readonly tries: number;
  /** Lists that were tried more than once, the most tried first. Times are microseconds. */
  readonly again: readonly {
    /** Index into `devices`. */
    readonly device: number;
    readonly tries: number;
    readonly from: number;
    readonly to: number;
  }[];
}

/** Requests of one device to bounce. */
export interface DeviceRequests {
  /** Index into `devices`. */
  readonly device: number;
  readonly count: number;
  readonly bytes: number;
  /** Sizes, bytes. */
  readonly least: number;
  readonly most: number;
  /** Those that the kernel's log says were refused. */
  readonly refused: number;
  readonly why: readonly { readonly words: string; readonly count: number }[];
}

/** A request that the kernel's log says was refused. */
export interface RequestRefusal {
  /** Of the request, microseconds. */
  readonly time: number;
  readonly device: number;
  readonly size: number;
  /** Slots of the pool and those in use, as the log prints them; null where it does not. */
  readonly total: number | null;
  readonly used: number | null;
}

/** What a recording of `swiotlb_bounced` alone shows, with the log beside it. */
export interface Requests {
  readonly devices: readonly DeviceRequests[];
  /** In order of time, the first of them. */
  readonly refused: readonly RequestRefusal[];
  /** Lines of the log that tell of refusals: found again, not found among the requests, left out by the kernel. */
  readonly log: { readonly matched: number; readonly unmatched: number; readonly suppressed: number };
}

export interface ReplayOutcome {
  readonly source: {
    readonly name: string;
    readonly format: "trace.dat" | "ftrace" | "perf-script" | "machine";
    readonly kernel: string | null;
    readonly events: number;
    readonly lost: number;
    readonly cpus: number;
    /** An excerpt: neither the number of CPUs nor losses are stated. */
    readonly excerpt: boolean;
    /** Entries that its header counts and it has not; absent: all are there, or none are counted. */
    readonly absent?: number;
    /** Why events may be missing although none is said to be lost, as a sentence; absent: nothing tells of that. */
    readonly holes?: string;
    readonly from: number;
    readonly to: number;
    readonly warnings: readonly { readonly where: string; readonly what: string }[];
  };
  readonly machine: MachineInferred;
  /**
   * Each mapping counts once. Under Xen, `translated` are the domain's own pages whose machine address is another than
   * their own, `foreign` another domain's pages; a bounced one of either counts as bounced.
   */
  readonly maps: {
    readonly total: number;
    readonly direct: number;
    readonly bounced: number;
    readonly translated: number;
    readonly foreign: number;
    readonly failed: number;
    /** Asked for, and what became of it is not recorded. */
    readonly unknown: number;
  };
  /** Why it is not, with counts. */
  readonly unknownBecause?: readonly UnknownBecause[];
  /** What the recording can show of mappings at all. */
  readonly shows: Shows;
  /** Whether pool and outcomes are those of the recorded machine or of another that was asked for. */
  readonly replayedOn: "recorded" | "other";
  /** Of a recording that shows requests only; null for every other. */
  readonly requests: Requests | null;
  readonly pool: {
    readonly slots: number;
    readonly areas: number;
    readonly base: number;
    readonly used: number;
    readonly hiwater: number;
    readonly hiwaterTime: number;
    /** At least as many slots as stated were in use: of an earlier time, of an excerpt, or of some mappings more is not known. */
    readonly atLeast: boolean;
    /** False where ends of mappings are missing, all of them or those of a CPU whose events stop: then used, hiwater and what devices held are not known. */
    readonly endsRecorded?: boolean;
    /** The kernel's own counters, read after the recording; null without them, or for another pool. */
    readonly counters: { readonly used: number | null; readonly hiwater: number | null } | null;
    readonly failures: readonly Failure[];
    /** dma_map_sg lists that were refused and left no event: known by their swiotlb_bounced alone. */
    readonly refusedLists: readonly Failure[];
    /** The same, counted: different lists, and how often each was tried. */
    readonly refusedTries?: RefusedTries;
  } | null;
  readonly exact: Exact;
  /** Addresses of IOMMU domains against the kernel's allocator; null where there are none. */
  readonly iova?: IovaOutcome | null;
  /** Whether the log says that addresses are flushed as they are unmapped, or later. Absent: it does not. */
  readonly unmapPolicy?: { readonly mode: "strict" | "lazy"; readonly line: string };
  /** Of a paravirtualised Xen domain, whose bus addresses are the machine's; null for every other machine. */
  readonly xen?: XenOutcome | null;
  readonly devices: readonly DeviceOutcome[];
  readonly timeline: Timeline | null;
  readonly slotMap: SlotMap | null;
  readonly whatIf: readonly WhatIf[];
  readonly advice: {
    /** A few words: the setting, "nothing to change" ... */
    readonly what: string;
    readonly swiotlb: string | null;
    readonly because: string;
    readonly confidence: "measured" | "bounded" | "unknown";
  };
}
