/**
 * Grants mapped and unmapped, from the probes of the functions that put their frames into the P2M and take them out.
 *
 * A batch is two events, its operations and its pages, written one after the other by one task. An operation whose
 * status is not 0 changes nothing. Source: Linux arch/x86/xen/p2m.c, set_foreign_p2m_mapping.
 */

import { frameBytes } from "../../../base/frame.js";
import { u64High, u64Low } from "../../../base/u64.js";
import { type EventBatch, EventKind } from "../../../read/event.js";
import { FrameKind, type P2mTable } from "../../../read/xen/p2m_file.js";
import type { Pages } from "./page_map.js";

const pageBytes = frameBytes;
/** Grants told one by one. */
const aliveMax = 100;

interface Batch {
  readonly frames: readonly number[];
  readonly statuses: readonly number[];
  readonly granted: readonly number[];
}

/** Grants mapped and unmapped over a recording. */
export interface GrantBook {
  readonly mapped: number;
  readonly failed: number;
  readonly unmapped: number;
  /** Of batches larger than their probe shows. */
  readonly notShown: number;
  readonly unmappedUnseen: number;
  readonly aliveBefore: number;
  readonly aliveCount: number;
  /** Take event i when it is about grants. */
  see(b: EventBatch, i: number): void;
  /** @returns the domain that granted the frame behind a page, null when it is not known. */
  domainOf(pfn: number): number | null;
  /** The first of those that are mapped now. */
  alive(): AliveGrant[];
}

export interface AliveGrant {
  readonly pfn: number;
  readonly mfn: number;
  readonly domain: number | null;
  readonly reference: number | null;
}

interface Alive {
  readonly mfn: number;
  /** Domain * 2^32 + reference; NaN for a grant from before the recording. */
  readonly granted: number;
}

export class Grants implements GrantBook {
  mapped = 0;
  failed = 0;
  unmapped = 0;
  notShown = 0;
  unmappedUnseen = 0;
  readonly aliveBefore: number;
  readonly #pages: Pages;
  readonly #alive = new Map<number, Alive>();
  /** The operations whose pages come next, by CPU. */
  readonly #pending = new Map<number, Batch>();

  constructor(pages: Pages, before: P2mTable | null) {
    this.#pages = pages;
    for (const run of before?.mapped() ?? []) {
      if (run.kind !== FrameKind.foreign) continue;
      for (let k = 0; k < run.count; k++) this.#alive.set(run.pfn + k, { mfn: run.mfn + k, granted: Number.NaN });
    }
    this.aliveBefore = this.#alive.size;
  }

  see(b: EventBatch, i: number): void {
    const kind = b.kind[i];
    if (kind === EventKind.xenGrants) this.#operations(b, i);
    else if (kind === EventKind.xenGrantPages) this.#map(b, i);
    else if (kind === EventKind.xenUngrantPages) this.#unmap(b, i);
    else if (kind === EventKind.lost) this.#pending.clear();
  }

  domainOf(pfn: number): number | null {
    return domainIn(this.#alive.get(pfn)?.granted ?? Number.NaN);
  }

  get aliveCount(): number {
    return this.#alive.size;
  }

  alive() {
    return aliveList(this.#alive);
  }

  #operations(b: EventBatch, i: number): void {
    const first = b.dmaFirst[i]!;
    const physFirst = b.physFirst[i]!;
    const count = b.dmaCount[i]!;
    this.#pending.set(b.cpu[i]!, {
      frames: [...b.listDma.subarray(first, first + count)].map((bus) => Math.floor(bus / pageBytes)),
      statuses: [...b.listSize.subarray(first, first + count)],
      granted: [...b.listPhys.subarray(physFirst, physFirst + count)],
    });
  }

  #map(b: EventBatch, i: number): void {
    const batch = this.#pending.get(b.cpu[i]!);
    this.#pending.delete(b.cpu[i]!);
    const first = b.physFirst[i]!;
    const shown = Math.min(b.physCount[i]!, batch?.frames.length ?? 0);
    for (let k = 0; k < b.physCount[i]!; k++) {
      const pfn = b.listPhys[first + k]! / pageBytes;
      if (batch === undefined || k >= shown) this.#unknownFrame(pfn);
      else if (batch.statuses[k] === 0) this.#one(pfn, batch.frames[k]!, batch.granted[k]!);
      else this.failed++;
    }
    const beyond = b.physTotal[i]! - b.physCount[i]!;
    if (beyond <= 0) return;
    this.notShown += beyond;
    this.#pages.cut();
  }

  #one(pfn: number, mfn: number, granted: number): void {
    this.mapped++;
    if (Number.isNaN(pfn)) {
      this.#pages.cut();
      return;
    }
    this.#pages.set(pfn, FrameKind.foreign, mfn);
    this.#alive.set(pfn, { mfn, granted });
  }

  #unknownFrame(pfn: number): void {
    this.notShown++;
    if (Number.isNaN(pfn)) this.#pages.cut();
    else this.#pages.set(pfn, FrameKind.foreign, Number.NaN);
  }

  #unmap(b: EventBatch, i: number): void {
    const first = b.physFirst[i]!;
    for (let k = 0; k < b.physCount[i]!; k++) {
      const pfn = b.listPhys[first + k]! / pageBytes;
      if (Number.isNaN(pfn)) continue;
      this.#pages.look(pfn);
      if (this.#pages.kind === FrameKind.foreign) this.unmapped++;
      else this.unmappedUnseen++;
      this.#alive.delete(pfn);
      this.#pages.set(pfn, FrameKind.invalid, Number.NaN);
    }
    this.notShown += Math.max(0, b.physTotal[i]! - b.physCount[i]!);
  }
}

/** The first grants of a book, one by one. */
export function aliveList(alive: ReadonlyMap<number, Alive>): AliveGrant[] {
  const first: AliveGrant[] = [];
  for (const [pfn, { mfn, granted }] of alive) {
    if (first.length === aliveMax) break;
    first.push({ pfn, mfn, domain: domainIn(granted), reference: Number.isNaN(granted) ? null : u64Low(granted) });
  }
  return first;
}

/** The domain in a grant's name, domain * 2^32 + reference; null for NaN. */
export function domainIn(granted: number): number | null {
  return Number.isNaN(granted) ? null : u64High(granted);
}
