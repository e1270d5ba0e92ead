/** What the audit of a recording answers. Times are seconds of the recording's clock, sizes bytes. */

import type { DomainChanges } from "./changes/change.js";
import type { Invalidations } from "./invalidation/invalidations.js";

/** Mappings of one kind that were alive at the end. */
export interface AliveGroup {
  readonly device: string;
  readonly kind: string;
  readonly direction: string;
  readonly attrs: number;
  /** Bytes of one mapping (of a whole list). */
  readonly size: number;
  readonly count: number;
  readonly bytes: number;
  /** When the oldest of them was mapped. */
  readonly since: number;
  /** True when their number kept growing through the recording: a leak. */
  readonly growing: boolean;
  readonly evidence: string;
}

export interface BrokenRule {
  /** Stable name: a key of `rules`. */
  readonly rule: string;
  readonly device: string;
  readonly time: number;
  /** One sentence that names the mappings concerned. */
  readonly detail: string;
  /** The kind of event whose absence it relies on; null where the events that are there show it alone. */
  readonly relies: "maps" | null;
}

/** What this recording cannot be asked. */
export interface Unjudged {
  readonly devices: readonly string[];
  readonly what: string;
  readonly why: string;
}

/** Accesses of a device that an IOMMU refused. */
export interface DeviceFaults {
  readonly device: string;
  readonly count: number;
  readonly writes: number;
  /** null where no line has a time. */
  readonly first: number | null;
  readonly last: number | null;
  /** Different pages of 4 KiB, counted up to a limit. */
  readonly pages: number;
  /** Of an address that had been unmapped a moment before, and of one that was mapped. */
  readonly afterUnmap: number;
  readonly whileMapped: number;
  /** Only the kernel's log tells of them; `first` and `last` are then of its clock. */
  readonly fromLog: boolean;
  /** What was used when, and what is known of the address: the ends of sentences whose subject is the device. */
  readonly examples: readonly string[];
}

/** What a device can reach beyond what was mapped for it. */
export interface DeviceExposure {
  readonly device: string;
  /** "pages": an IOMMU gives it whole pages. "everything": no translation was seen. "pool": only bounce buffers. */
  readonly reach: "pages" | "everything" | "pool" | "unknown";
  readonly mappings: number;
  /** Mappings that do not begin or do not end at a page's edge. */
  readonly partial: number;
  /** Bytes outside mappings, inside their first and last pages: summed over all, and the most at any one time. */
  readonly bytes: number;
  readonly bytesPeak: number;
  /** Times that a page held another live mapping: of another device, or for another direction. */
  readonly foreign: number;
  readonly examples: readonly string[];
  readonly words: string;
}

export interface AuditCounts {
  readonly events: number;
  readonly maps: number;
  readonly lists: number;
  readonly allocations: number;
  readonly unmaps: number;
  readonly syncs: number;
  /** Mappings and allocations that the kernel refused. */
  readonly failed: number;
  /** Unmaps, frees and syncs of what was mapped before the recording began, as far as can be told. */
  readonly before: number;
  readonly lost: number;
}

export interface AuditResult {
  /** Seconds of the first and the last event; null when there was none. */
  readonly from: number | null;
  readonly to: number | null;
  readonly counts: AuditCounts;
  /** Groups that grow: leaks. The longest first. */
  readonly leaks: readonly AliveGroup[];
  /** The other groups alive at the end: rings, caches, buffers in flight. */
  readonly alive: readonly AliveGroup[];
  /** The first ones of each rule; `violationTotals` counts all. */
  readonly violations: readonly BrokenRule[];
  readonly violationTotals: readonly { readonly rule: string; readonly count: number }[];
  readonly exposure: readonly DeviceExposure[];
  readonly faults: readonly DeviceFaults[];
  /** Unmappings against what caches were told to forget; absent where the recording has neither. */
  readonly invalidations?: Invalidations;
  /** Devices that were given another domain; absent where none was given any. */
  readonly domainChanges?: DomainChanges;
  /** What cannot be judged of which devices, because events are missing that would have to be there. */
  readonly unjudged: readonly Unjudged[];
  /** Devices of which it is not known what is alive. */
  readonly aliveUnknown: readonly string[];
  /** What the recording could not answer, and limits that were met. */
  readonly notes: readonly string[];
  /** Rules that no recording shows. */
  readonly unknowable: readonly { readonly rule: string; readonly why: string }[];
}
