/**
 * The block front end of a guest: it grants the pages of each request to the back end, asks through the ring, and takes
 * the grants back when the answer has come.
 *
 * Source: Linux drivers/block/xen-blkfront.c (blkif_queue_rw_req, blkif_interrupt, blkif_completion).
 */

import { frameBytes, type Pfn } from "../../base/frame.js";
import { u64, u64High, u64Low } from "../../base/u64.js";
import { BlkOp, BlkStatus, blkEntryBytes, blkSegmentsMax, sectorsPerPage } from "../../spec/xen/blkif.js";
import type { Grants, Guest } from "../xen/index.js";
import { type BlkifSegment, blkWords, parseResponse, putSegment, requestWords, segmentWords } from "./blkif_entry.js";
import { type Lent, PersistentPages } from "./persistent_pages.js";
import { FrontRing } from "./ring.js";

/** What a guest's program asks: sectors of the disk to or from pages of the guest. */
export interface BlkJob {
  readonly toDisk: boolean;
  readonly sector: number;
  /** Pages in order; all of each is used but before `first` in the first one and after the last sector in the last. */
  readonly pages: readonly Pfn[];
  /** First sector in the first page, 0 to 7. */
  readonly first: number;
  readonly sectors: number;
  done(ok: boolean): void;
}

interface Pending {
  readonly job: BlkJob;
  readonly refs: number[];
  /** Pages of segments of an indirect request, with their grants. */
  readonly tables: readonly Pfn[];
  /** Pages that stand for the job's own, where grants stay; empty where they do not. */
  readonly lent: readonly Lent[];
}

export interface BlkFrontOptions {
  readonly guest: Guest;
  readonly grants: Grants;
  /** Domain of the back end. */
  readonly backend: number;
  /** Segments of one request; above 11 it names pages of segments. */
  readonly segmentsMax?: number;
  /** Copy data through pages that stay granted. */
  readonly persistent?: boolean;
}

export class BlkFront {
  readonly ringPage: Pfn;
  readonly ringRef: number;
  readonly #guest: Guest;
  readonly #grants: Grants;
  readonly #backend: number;
  readonly #ring: FrontRing;
  readonly #segmentsMax: number;
  readonly #persistent: PersistentPages | null;
  readonly #waiting: BlkJob[] = [];
  readonly #pending = new Map<number, Pending>();
  /** Grants that the back end still held when they should have ended. */
  readonly #closing: { readonly ref: number; readonly page: Pfn | null }[] = [];
  #nextId = 1;
  #unpublished = false;
  /** Told when the other end asked to be: the event channel. */
  notify: () => void = () => {};

  constructor(o: BlkFrontOptions) {
    this.#guest = o.guest;
    this.#grants = o.grants;
    this.#backend = o.backend;
    this.#segmentsMax = o.segmentsMax ?? blkSegmentsMax;
    this.#persistent = o.persistent === true ? new PersistentPages(o.guest, o.grants, o.backend) : null;
    this.ringPage = o.grants.takeShared();
    this.#ring = new FrontRing(o.guest.memory, this.ringPage * frameBytes, blkEntryBytes);
    this.ringRef = o.grants.grant(o.backend, this.ringPage, false);
  }

  get idle(): boolean {
    return this.#waiting.length === 0 && this.#pending.size === 0 && this.#closing.length === 0;
  }

  /** Sectors that one request can carry whatever its first sector is. */
  get sectorsMax(): number {
    return (this.#segmentsMax - 1) * sectorsPerPage;
  }

  submit(job: BlkJob): void {
    this.#waiting.push(job);
  }

  ready(): boolean {
    return (
      this.#unpublished || (this.#waiting.length > 0 && this.#ring.free > 0) || this.#ring.hasResponse || this.#mayClose
    );
  }

  /** One of: take an answer, end a grant that was in use, show what was written, write a request. */
  step(): void {
    const words = new Uint32Array(blkWords);
    if (this.#ring.take(words)) this.#end(words);
    else if (this.#mayClose) this.#close();
    else if (this.#unpublished) {
      this.#unpublished = false;
      if (this.#ring.publish()) this.notify();
    } else this.#put(this.#waiting.shift()!);
  }

  /** Let go of the ring; the back end has unmapped it. */
  disconnect(): boolean {
    const ended = this.#persistent?.close() ?? true;
    return this.#grants.endAccessAndFree(this.ringRef, this.ringPage) && ended;
  }

  get #mayClose(): boolean {
    return this.#closing.some((c) => !this.#grants.isInUse(c.ref));
  }

  #put(job: BlkJob): void {
    const lent = this.#persistent === null ? [] : job.pages.map(() => this.#persistent!.take());
    if (job.toDisk) this.#copy(job, lent, "in");
    const own = lent.length > 0 ? [] : job.pages.map((page) => this.#grants.grant(this.#backend, page, job.toDisk));
    const refs = lent.length > 0 ? lent.map(({ ref }) => ref) : own;
    const segments = job.pages.map((_, n): BlkifSegment => {
      const first = n === 0 ? job.first : 0;
      const left = job.sectors + job.first - n * sectorsPerPage;
      return { ref: refs[n]!, first, last: Math.min(sectorsPerPage, left) - 1 };
    });
    const tables = segments.length > blkSegmentsMax ? this.#tables(segments) : [];
    const indirectRefs = tables.map((page) => this.#grants.grant(this.#backend, page, true));
    const id = this.#nextId++;
    this.#pending.set(id, { job, refs: [...own, ...indirectRefs], tables, lent });
    this.#ring.put(
      requestWords({
        operation: job.toDisk ? BlkOp.write : BlkOp.read,
        id: u64Low(id),
        idHigh: u64High(id),
        sector: job.sector,
        segmentCount: segments.length,
        segments: tables.length > 0 ? [] : segments,
        indirectRefs,
      }),
    );
    this.#unpublished = true;
  }

  #tables(segments: readonly BlkifSegment[]): Pfn[] {
    const perPage = frameBytes / (segmentWords * 4);
    const pages: Pfn[] = [];
    for (let from = 0; from < segments.length; from += perPage) {
      const page = this.#grants.takeShared();
      const words = new Uint32Array(1024);
      for (const [n, s] of segments.slice(from, from + perPage).entries()) putSegment(words, n * segmentWords, s);
      this.#guest.memory.write(page * frameBytes, new Uint8Array(words.buffer));
      pages.push(page);
    }
    return pages;
  }

  #end(words: Uint32Array): void {
    const { id, idHigh, status } = parseResponse(words);
    const number = u64(id, idHigh);
    const p = this.#pending.get(number);
    // An answer to nothing that was asked.
    if (p === undefined) return;
    this.#pending.delete(number);
    const own = p.refs.length - p.tables.length;
    p.refs.forEach((ref, n) => {
      const page = n < own ? null : p.tables[n - own]!;
      if (this.#grants.endAccess(ref)) this.#free(page);
      else this.#closing.push({ ref, page });
    });
    if (!p.job.toDisk && status === BlkStatus.okay) this.#copy(p.job, p.lent, "out");
    for (const lent of p.lent) this.#persistent!.give(lent);
    p.job.done(status === BlkStatus.okay);
  }

  /** Between the job's pages and those that stand for them: only the sectors that are asked for. */
  #copy(job: BlkJob, lent: readonly Lent[], way: "in" | "out"): void {
    lent.forEach(({ page }, n) => {
      const offset = n === 0 ? job.first * 512 : 0;
      const end = Math.min(frameBytes, (job.first + job.sectors) * 512 - n * frameBytes);
      const [from, to] = way === "in" ? [job.pages[n]!, page] : [page, job.pages[n]!];
      this.#persistent!.copy({ from, to, offset, size: end - offset });
    });
  }

  #close(): void {
    const at = this.#closing.findIndex((c) => !this.#grants.isInUse(c.ref));
    const [c] = this.#closing.splice(at, 1);
    if (this.#grants.endAccess(c!.ref)) this.#free(c!.page);
    else this.#closing.push(c!);
  }

  #free(page: Pfn | null): void {
    if (page !== null) this.#guest.freePages(page, 0);
  }
}
