/**
 * Frames that hold grant entries and status words, and what a gate needs to find one of them.
 * Source: Xen common/grant_table.c (gnttab_grow_table, gnttab_populate_status_frames).
 */
import { frameBytes, type Mfn } from "../../../base/frame.js";
import type { Memory } from "../../../mem/memory.js";
import type { Domain } from "./domain.js";
import { type FrameTable, FrameType } from "./frame_table.js";
import type { EntryPlace } from "./gate_reading.js";

const pageBytes = frameBytes;

/** What grant tables need of the hypervisor that keeps them. */
export interface GrantKeeper {
  readonly memory: Memory;
  readonly frames: FrameTable;
  /** A frame of its heap for a domain. @returns null when there is none. */
  allocateHeap(d: Domain): Mfn | null;
  giveUp(m: Mfn): void;
  frameOfGfn(d: Domain, gfn: number): number;
  domain(id: number): Domain | undefined;
}

/** Let a table grow. @returns false when the limit or memory says no; what was added stays. */
export function addGrantFrames(h: GrantKeeper, d: Domain, frames: number): boolean {
  const g = d.grants;
  while (g.shared.length < frames) {
    if (g.shared.length >= g.framesMax) return false;
    const m = heapFrame(h, d);
    if (m === null) return false;
    g.shared.push(m);
    if (g.version === 2 && !addStatusFrames(h, d)) return false;
  }
  return true;
}

export function addStatusFrames(h: GrantKeeper, d: Domain): boolean {
  const g = d.grants;
  while (g.status.length < g.statusFramesNeeded) {
    const m = heapFrame(h, d);
    if (m === null) return false;
    g.status.push(m);
  }
  return true;
}

/** A frame of the hypervisor's heap, zeroed, that it shares with a domain; not one of the domain's pages. */
function heapFrame(h: GrantKeeper, d: Domain): Mfn | null {
  const m = h.allocateHeap(d);
  if (m === null) return null;
  h.frames.getType(m, FrameType.writable);
  h.memory.fill(m * pageBytes, pageBytes, 0);
  return m;
}

/** Give a heap frame back; others' references keep it until they are dropped. */
export function dropHeapFrame(h: GrantKeeper, m: Mfn): void {
  h.frames.putType(m);
  h.giveUp(m);
}

/** Where an entry lies, for the gate that reads it by itself. */
export function entryPlace(h: GrantKeeper, d: Domain, ref: number): EntryPlace {
  return new Place(h, d, ref);
}

class Place implements EntryPlace {
  readonly version: 1 | 2;
  readonly granter: number;
  readonly address: number;
  readonly #h: GrantKeeper;
  readonly #d: Domain;

  constructor(h: GrantKeeper, d: Domain, ref: number) {
    this.#h = h;
    this.#d = d;
    this.version = d.grants.version;
    this.granter = d.id;
    const at = ref * (this.version === 1 ? 8 : 16);
    this.address = (d.grants.shared[Math.floor(at / pageBytes)] ?? 0) * pageBytes + (at % pageBytes);
  }

  frameOf(gfn: number): number {
    return this.#h.frameOfGfn(this.#d, gfn);
  }

  elsewhere(domain: number, ref: number): EntryPlace | null {
    const next = this.#h.domain(domain);
    return next === undefined || ref >= next.grants.entryCount ? null : new Place(this.#h, next, ref);
  }
}
