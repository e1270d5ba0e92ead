/**
 * XENMEM_exchange: give frames, get others of another order or width for them.
 * Source: Xen common/memory.c (memory_exchange; XSA-29, XSA-212); Linux 9074c79b62b6 for the alignment.
 */
import type { Mfn } from "../../../base/frame.js";
import { Errno } from "../../../spec/xen/errno.js";
import { exchangeOrderMax } from "../../../spec/xen/limits.js";
import { isPage } from "./cpu_map.js";
import type { Domain } from "./domain.js";
import type { Hypervisor } from "./hypervisor.js";

export interface Exchange {
  readonly in: { readonly domain: number; readonly order: number; readonly extents: ArrayLike<number> };
  readonly out: {
    readonly domain: number;
    readonly order: number;
    /** Pages that the new extents become, one for each. */
    readonly pages: ArrayLike<number>;
    /** Byte addresses below 2^bits; 0: anywhere. */
    readonly bits: number;
    /** Where the frames of the new extents are written: words from `first`, one for each extent. */
    readonly results: Results;
  };
  /** Input extents that an earlier call exchanged: a call that was preempted goes on. */
  readonly exchanged: number;
}

export interface Results {
  readonly words: Uint32Array;
  readonly first: number;
  /** The part of the words that is the caller's; all of them when absent. */
  readonly own?: { readonly first: number; readonly count: number };
}

export interface Exchanged {
  readonly status: number;
  /** Input extents exchanged so far. */
  readonly exchanged: number;
}

/**
 * @param chunkMax chunks before the call is preempted
 * @returns 0; Errno.again when it was preempted; perm, invalid, noMemory, noDomain or fault as Xen does. A chunk that
 *   fails is put back, chunks before it stay exchanged.
 */
export function exchange(h: Hypervisor, d: Domain, o: Exchange, chunkMax = Infinity): Exchanged {
  h.count("memory_exchange");
  const refused = refusal(h, d, o);
  if (refused !== 0) return { status: refused, exchanged: o.exchanged };
  const [inPer, outPer] = chunkExtents(o);
  const chunks = o.in.extents.length / inPer;
  const first = Math.floor(o.exchanged / inPer);
  for (let chunk = first, left = chunkMax; chunk < chunks; chunk++, left--) {
    if (left <= 0) return { status: Errno.again, exchanged: chunk * inPer };
    const status = exchangeChunk(h, d, o, { inFirst: chunk * inPer, inPer, outFirst: chunk * outPer, outPer });
    if (status !== 0) return { status, exchanged: chunk * inPer };
  }
  return { status: 0, exchanged: o.in.extents.length };
}

function refusal(h: Hypervisor, d: Domain, o: Exchange): number {
  const limit = exchangeOrderMax[h.arch][d.class];
  if (o.in.order > limit || o.out.order > limit) return Errno.perm;
  if (!isOrder(o.in.order) || !isOrder(o.out.order)) return Errno.invalid;
  if (!Number.isInteger(o.exchanged) || o.exchanged < 0 || o.exchanged > o.in.extents.length) return Errno.invalid;
  if (o.in.domain !== o.out.domain) return Errno.invalid;
  if (o.in.extents.length * 2 ** o.in.order !== o.out.pages.length * 2 ** o.out.order) return Errno.invalid;
  if (h.domain(o.in.domain, d) === undefined) return Errno.noDomain;
  if (h.domain(o.in.domain, d) !== d) return Errno.perm;
  // Until XSA-212 only a call that begins at its beginning had its pointers checked.
  const unchecked = h.bugs["exchange-progress-unchecked"] && o.exchanged > 0;
  if (!unchecked && !insideOwn(o.out.results, o.out.pages.length)) return Errno.fault;
  for (let n = 0; n < o.out.pages.length; n++)
    if (o.out.pages[n]! % 2 ** o.out.order !== 0 || !isPage(h, o.out.pages[n]! + 2 ** o.out.order - 1))
      return Errno.invalid;
  return 0;
}

const isOrder = (order: number): boolean => Number.isInteger(order) && order >= 0;

function insideOwn(r: Results, count: number): boolean {
  const own = r.own ?? { first: 0, count: r.words.length };
  return r.first >= own.first && r.first + count <= own.first + own.count;
}

/** A chunk is the larger of the two extents. @returns input and output extents in one. */
function chunkExtents(o: Exchange): readonly [number, number] {
  return [2 ** Math.max(0, o.out.order - o.in.order), 2 ** Math.max(0, o.in.order - o.out.order)];
}

interface Chunk {
  readonly inFirst: number;
  readonly inPer: number;
  readonly outFirst: number;
  readonly outPer: number;
}

function exchangeChunk(h: Hypervisor, d: Domain, o: Exchange, c: Chunk): number {
  const stolen = steal(h, d, o, c);
  if (stolen === null) return Errno.invalid;
  const fresh: Mfn[] = [];
  for (let n = 0; n < c.outPer; n++) {
    const m = h.free.take(o.out.order, Math.min(o.out.bits === 0 ? 64 : o.out.bits, d.addressBits));
    if (m === null) {
      for (const taken of fresh) for (let k = 0; k < 2 ** o.out.order; k++) h.free.give((taken + k) as Mfn);
      return Errno.noMemory;
    }
    fresh.push(m);
  }
  for (const m of stolen) release(h, d, m);
  fresh.forEach((m, n) => {
    const page = o.out.pages[c.outFirst + n]!;
    for (let k = 0; k < 2 ** o.out.order; k++) {
      h.assign((m + k) as Mfn, d);
      h.frames.m2p[m + k] = page + k;
      if (d.rules.translated) h.place(d, page + k, (m + k) as Mfn);
    }
    writeResult(o, c.outFirst + n, m);
  });
  return 0;
}

/** Frames of a chunk, each once, none with another reference. @returns null when one cannot be taken. */
function steal(h: Hypervisor, d: Domain, o: Exchange, c: Chunk): readonly Mfn[] | null {
  const stolen = new Set<Mfn>();
  for (let n = c.inFirst; n < c.inFirst + c.inPer; n++) {
    for (let k = 0; k < 2 ** o.in.order; k++) {
      const m = h.frameOfGfn(d, o.in.extents[n]! + k) as Mfn;
      if (!h.frames.stealable(m, d.id) || stolen.has(m)) return null;
      stolen.add(m);
    }
  }
  return [...stolen];
}

function release(h: Hypervisor, d: Domain, m: Mfn): void {
  const page = h.frames.m2p[m]!;
  // Only where the map holds no reference: a frame that was taken had one.
  if (d.map.frameOf(page) === m) d.map.clear(page);
  h.giveUp(m);
}

function writeResult(o: Exchange, extent: number, m: number): void {
  const { words, first } = o.out.results;
  words[first + extent] = m;
}
