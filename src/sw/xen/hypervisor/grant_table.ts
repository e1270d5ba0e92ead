/**
 * The hypervisor's side of one domain's grants: frames that hold its entries, an active entry for each that is in use,
 * and the handles of what the domain itself has mapped.
 * Source: Xen common/grant_table.c (grant_table, active_grant_entry, grant_mapping).
 */
import { frameBytes, type Mfn } from "../../../base/frame.js";
import { grantEntryBytes, grantStatusBytes } from "../../../spec/xen/grant_entry.js";
import { grantFramesMax, maptrackEntryBytes, maptrackFramesMax } from "../../../spec/xen/limits.js";

const pageBytes = frameBytes;
const handlesPerFrame = pageBytes / maptrackEntryBytes;
export const noHandle = 0xffff_ffff;

/** Pins of an entry in use, by what they allow. */
export interface Active {
  hostRead: number;
  hostWrite: number;
  deviceRead: number;
  deviceWrite: number;
  grantee: number;
  frame: number;
  offset: number;
  length: number;
  subPage: boolean;
  /** For a grant that is passed on: whose and which; -1 otherwise. */
  passedFrom: number;
  passedRef: number;
}

/** A handle: `flags` are MapFlag bits of the halves that are still mapped; 0 is a free handle. */
export interface Tracked {
  flags: number;
  domain: number;
  ref: number;
  next: number;
}

export class GrantTable {
  version: 1 | 2 = 1;
  readonly shared: Mfn[] = [];
  readonly status: Mfn[] = [];
  readonly framesMax: number;
  readonly handlesMax: number;
  /** By reference; absent: not in use. */
  readonly active = new Map<number, Active>();
  readonly tracked: Tracked[] = [];
  firstFreeHandle = noHandle;
  /** Frames of others that handles of this domain hold, with how many do. */
  readonly heldFrames = new Map<number, number>();
  readonly heldForWriting = new Map<number, number>();
  /** Operations inside this table now: it does not change its version meanwhile. */
  readers = 0;
  /** Entries that an operation is inside of: others wait for them. */
  readonly entered = new Set<number>();

  constructor(frames = grantFramesMax, maptrackFrames = maptrackFramesMax) {
    this.framesMax = frames;
    this.handlesMax = maptrackFrames * handlesPerFrame;
  }

  get entryCount(): number {
    return (this.shared.length * pageBytes) / grantEntryBytes[this.version];
  }

  /** Status frames that the entries of version 2 need. */
  get statusFramesNeeded(): number {
    return Math.ceil((((this.shared.length * pageBytes) / grantEntryBytes[2]) * grantStatusBytes) / pageBytes);
  }

  /** @returns a handle, or `noHandle` when the limit is reached. */
  takeHandle(): number {
    if (this.firstFreeHandle === noHandle && !this.#grow()) return noHandle;
    const handle = this.firstFreeHandle;
    this.firstFreeHandle = this.tracked[handle]!.next;
    return handle;
  }

  giveHandle(handle: number): void {
    const t = this.tracked[handle]!;
    t.flags = 0;
    t.next = this.firstFreeHandle;
    this.firstFreeHandle = handle;
  }

  hold(frame: number, readOnly: boolean): void {
    count(this.heldFrames, frame, 1);
    if (!readOnly) count(this.heldForWriting, frame, 1);
  }

  letGo(frame: number, readOnly: boolean): void {
    count(this.heldFrames, frame, -1);
    if (!readOnly) count(this.heldForWriting, frame, -1);
  }

  /** Handles that hold a mapping. */
  get liveHandles(): number {
    return this.tracked.reduce((sum, t) => sum + (t.flags === 0 ? 0 : 1), 0);
  }

  #grow(): boolean {
    const from = this.tracked.length;
    if (from >= this.handlesMax) return false;
    for (let n = 0; n < handlesPerFrame; n++) {
      this.tracked.push({ flags: 0, domain: 0, ref: 0, next: n + 1 === handlesPerFrame ? noHandle : from + n + 1 });
    }
    this.firstFreeHandle = from;
    return true;
  }
}

function count(counts: Map<number, number>, frame: number, by: 1 | -1): void {
  const sum = (counts.get(frame) ?? 0) + by;
  if (sum > 0) counts.set(frame, sum);
  else counts.delete(frame);
}

export const pins = (a: Active): number => a.hostRead + a.hostWrite + a.deviceRead + a.deviceWrite;
export const writePins = (a: Active): number => a.hostWrite + a.deviceWrite;
