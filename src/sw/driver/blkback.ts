/**
 * The block back end of a driver domain: it maps what a guest granted, has the disk's driver move it, and answers.
 *
 * Nothing that lies in a guest's memory is read twice: a request, and a page of segments, is copied out once, then
 * judged. A request that cannot be believed is answered with an error and touches nobody else's; a ring that cannot
 * be believed is halted.
 * Source: Linux drivers/block/xen-blkback/blkback.c (do_block_io_op, dispatch_rw_block_io, xen_blkbk_parse_indirect,
 * xen_blkbk_map, __end_block_io_op); XSA-155.
 */
import { frameBytes, type Pfn } from "../../base/frame.js";
import {
  BlkOp,
  BlkStatus,
  blkEntryBytes,
  blkIndirectSegmentsMax,
  blkSegmentsMax,
  blkSegmentsPerPage,
  sectorBytes,
  sectorsPerPage,
} from "../../spec/xen/blkif.js";
import { GrantStatus } from "../../spec/xen/grant_op.js";
import type { ListEntry } from "../dma/index.js";
import type { ForeignPage, ForeignPages, Guest } from "../xen/index.js";
import {
  type BlkifSegment,
  blkWords,
  parseRequest,
  type Request,
  responseWords,
  segmentAt,
  segmentWords,
} from "./blkif_entry.js";
import type { DiskDriver } from "./disk_driver.js";
import { type Kept, KeptGrants, type Reached } from "./kept_grants.js";
import type { RequestRefusal } from "./refusal.js";
import { BackRing } from "./ring.js";

/** Which check failed, and why in words. */
type Wrong = readonly [kind: string, why: string];

interface Done {
  readonly request: Request;
  /** Pages to unmap, and kept grants to let go. */
  readonly pages: readonly ForeignPage[];
  readonly kept: readonly Kept[];
  readonly status: BlkStatus;
}

export interface BlkBackOptions {
  readonly guest: Guest;
  readonly foreign: ForeignPages;
  readonly driver: Pick<DiskDriver, "submit">;
  /** Domain of the front end. */
  readonly frontend: number;
  readonly ringRef: number;
  /** Part of the disk that the front end sees, in sectors. */
  readonly firstSector: number;
  readonly sectors: number;
  /** May two neighbouring pages be one segment: are they neighbours on the bus? */
  readonly mergeable: (first: number, second: number) => boolean;
  /** Keep grants mapped for the next request that names them. */
  readonly persistent?: boolean;
  /** Segments of an indirect request; 0 refuses them. */
  readonly indirectMax?: number;
  /** Told of each request that is answered with an error, and why the ring is not read any more. */
  readonly refused?: (r: RequestRefusal) => void;
}

const inFlightMax = 32;
export class BlkBack {
  readonly #o: BlkBackOptions;
  readonly #ringPage: ForeignPage;
  readonly #ring: BackRing;
  readonly #done: Done[] = [];
  readonly #kept: KeptGrants;
  #inFlight = 0;
  #unpublished = false;
  /** The ring is not read any more. */
  halted = false;
  notify: () => void = () => {};

  /** @throws Error when the ring cannot be mapped: there is nothing to talk through. */
  constructor(o: BlkBackOptions) {
    this.#o = o;
    this.#kept = new KeptGrants(o.foreign);
    const [page] = o.foreign.map([{ domain: o.frontend, ref: o.ringRef, readOnly: false }]);
    if (page!.status !== GrantStatus.okay) throw new Error(`the ring of domain ${o.frontend} cannot be mapped`);
    this.#ringPage = page!;
    this.#ring = new BackRing(o.guest.memory, page!.page * frameBytes, blkEntryBytes);
  }

  get idle(): boolean {
    return this.#inFlight === 0 && !this.#unpublished && (this.halted || !this.#mayTake);
  }

  ready(): boolean {
    return (
      this.#done.length > 0 || this.#unpublished || (!this.halted && this.#inFlight < inFlightMax && this.#mayTake)
    );
  }

  /** One of: unmap and answer, show the answers, take and start a request. */
  step(): void {
    const done = this.#done.shift();
    if (done !== undefined) this.#answer(done);
    else if (this.#unpublished) {
      this.#unpublished = false;
      if (this.#ring.publish()) this.notify();
    } else this.#takeOne();
  }

  /** Let go of the ring and of kept grants. Nothing may be in flight. */
  disconnect(): void {
    this.#kept.close();
    this.#o.foreign.unmap([this.#ringPage]);
  }

  get #mayTake(): boolean {
    const { count, bogus } = this.#ring.waiting();
    return count > 0 || bogus !== null;
  }

  #takeOne(): void {
    const { bogus } = this.#ring.waiting();
    if (bogus !== null) {
      this.halted = true;
      this.#note("ring", `${bogus}. Halting ring processing`);
      return;
    }
    const words = new Uint32Array(blkWords);
    this.#ring.take(words);
    const request = parseRequest(words);
    this.#inFlight++;
    const unsupported = request.operation !== BlkOp.read && request.operation !== BlkOp.write;
    if (unsupported) {
      this.#refuse(request, ["operation", `operation ${request.operation}`], BlkStatus.unsupported);
      return;
    }
    const segments = this.#segments(request);
    const wrong = isWrong(segments) ? segments : this.#judge(request, segments);
    if (wrong !== null) this.#refuse(request, wrong);
    else this.#start(request, segments as readonly BlkifSegment[]);
  }

  /** The segments of a request: its own, or those of the pages that it names, copied out. */
  #segments(r: Request): readonly BlkifSegment[] | Wrong {
    if (r.indirectRefs.length === 0) return r.segments;
    const most = this.#o.indirectMax ?? blkIndirectSegmentsMax;
    if (r.segmentCount > most) return ["indirect segments", `${r.segmentCount} indirect segments; at most ${most}`];
    const { foreign, frontend, guest } = this.#o;
    const pages = foreign.map(r.indirectRefs.map((ref) => ({ domain: frontend, ref, readOnly: true })));
    const bad = pages.find((p) => p.status !== GrantStatus.okay);
    const segments: BlkifSegment[] = [];
    if (bad === undefined) {
      for (const { page } of pages) {
        const words = new Uint32Array(1024);
        guest.memory.read(page * frameBytes, new Uint8Array(words.buffer));
        for (let n = 0; n < blkSegmentsPerPage && segments.length < r.segmentCount; n++)
          segments.push(segmentAt(words, n * segmentWords));
      }
    }
    foreign.unmap(pages);
    return bad === undefined
      ? segments
      : ["page of segments", `a page of segments cannot be mapped (status ${bad.status})`];
  }

  #judge(r: Request, segments: readonly BlkifSegment[]): Wrong | null {
    if (segments.length === 0 || (r.indirectRefs.length === 0 && r.segmentCount > blkSegmentsMax))
      return ["segments", `${r.segmentCount} segments; 1 to ${blkSegmentsMax}`];
    let sectors = 0;
    for (const s of segments) {
      if (s.first > s.last || s.last >= sectorsPerPage)
        return ["sectors", `sectors ${s.first} to ${s.last} of a page; 0 to 7`];
      sectors += s.last - s.first + 1;
    }
    if (r.sector + sectors > this.#o.sectors)
      return ["beyond", `access to sector ${r.sector + sectors} of ${this.#o.sectors}`];
    return null;
  }

  #start(request: Request, segments: readonly BlkifSegment[]): void {
    const toDisk = request.operation === BlkOp.write;
    const { pages, own, kept } = this.#reach(segments, toDisk);
    const bad = own.find((p) => p.status !== GrantStatus.okay);
    if (bad !== undefined) {
      this.#letGo(own, kept);
      this.#refuse(request, ["grant", `a grant cannot be mapped (status ${bad.status})`]);
      return;
    }
    this.#o.driver.submit({
      toDisk,
      block: this.#o.firstSector + request.sector,
      list: this.#list(segments, pages),
      done: (error) => {
        if (error !== null) this.#note("disk", error);
        this.#done.push({ request, pages: own, kept, status: error === null ? BlkStatus.okay : BlkStatus.error });
      },
    });
  }

  /** Pages of a request; `own` are unmapped after it, `kept` stay. A page that only the disk reads is mapped read-only. */
  #reach(segments: readonly BlkifSegment[], readOnly: boolean): Reached {
    const refs = segments.map(({ ref }) => ref);
    if (this.#o.persistent === true) return this.#kept.reach(refs, (missing) => this.#map(missing, false));
    const own = this.#map(refs, readOnly);
    return { pages: own, own, kept: [] };
  }

  /** As many grants in one hypercall as a request has segments; after a failure the rest is not tried. */
  #map(refs: readonly number[], readOnly: boolean): ForeignPage[] {
    const pages: ForeignPage[] = [];
    for (let from = 0; from < refs.length; from += blkSegmentsMax) {
      const batch = refs.slice(from, from + blkSegmentsMax);
      pages.push(...this.#o.foreign.map(batch.map((ref) => ({ domain: this.#o.frontend, ref, readOnly }))));
      if (pages.some((p) => p.status !== GrantStatus.okay)) break;
    }
    return pages;
  }

  #letGo(pages: readonly ForeignPage[], kept: readonly Kept[]): void {
    this.#o.foreign.unmap(pages);
    for (const k of kept) k.busy = false;
  }

  /** Neighbours in memory and on the bus become one entry. */
  #list(segments: readonly BlkifSegment[], pages: readonly { readonly page: Pfn }[]): ListEntry[] {
    const list: ListEntry[] = [];
    segments.forEach((s, n) => {
      const phys = pages[n]!.page * frameBytes + s.first * sectorBytes;
      const size = (s.last - s.first + 1) * sectorBytes;
      const before = list.at(-1);
      const joins = before !== undefined && before.phys + before.size === phys && before.size + size <= 65536;
      if (joins && this.#o.mergeable(pages[n]!.page - 1, pages[n]!.page)) {
        list[list.length - 1] = { phys: before.phys, size: before.size + size };
      } else list.push({ phys, size });
    });
    return list;
  }

  #refuse(request: Request, [kind, why]: Wrong, status: BlkStatus = BlkStatus.error): void {
    this.#note(kind, why);
    this.#done.push({ request, pages: [], kept: [], status });
  }

  #answer({ request, pages, kept, status }: Done): void {
    this.#letGo(pages, kept);
    this.#ring.put(responseWords({ id: request.id, idHigh: request.idHigh, operation: request.operation, status }));
    this.#inFlight--;
    this.#unpublished = true;
  }

  #note(kind: string, why: string): void {
    this.#o.refused?.({ domain: this.#o.frontend, kind, why });
  }
}

const isWrong = (found: readonly BlkifSegment[] | Wrong): found is Wrong => typeof found[0] === "string";
