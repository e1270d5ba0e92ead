/**
 * Which dumps describe the domain at the beginning of a recording: chosen by what the recording itself shows, because
 * names say it only by convention.
 */
import { frameBytes } from "../../../base/frame.js";
import type { GuestP2m } from "../../../read/xen/guest_p2m_file.js";
import type { M2pTable } from "../../../read/xen/m2p_file.js";
import { FrameKind, type P2mTable } from "../../../read/xen/p2m_file.js";
import type { PoolFile } from "../../../read/xen/pool_file.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { LogFacts } from "../machine/log_facts.js";
import { chooseTree } from "./choose_tree.js";
import type { FirstLook } from "./first_look.js";
import { memoryOf, type XenMemory } from "./memory.js";
import { Owners } from "./owners.js";
import { PoolFrames } from "./pool_frames.js";
import { type Dated, mayBeBefore, whenWords, type XenFiles } from "./xen_files.js";

const pageBytes = frameBytes;

export interface XenMachine {
  readonly memory: XenMemory;
  readonly before: P2mTable | null;
  readonly after: P2mTable | null;
  readonly m2p: M2pTable | null;
  readonly guests: readonly GuestP2m[];
  readonly owners: Owners;
  /** What the pool looked like, whenever: its bounds and frames, which never change. */
  readonly pool: PoolFile | null;
  /** Dumps that may be of the pool before the recording, likeliest first; and one from its end. */
  readonly begins: readonly Dated<PoolFile>[];
  poolAfter: PoolFile | null;
  /** Which file was taken for what; the pool's beginning is chosen later, and added. */
  readonly files: { readonly name: string; readonly used: string }[];
  readonly look: FirstLook;
  readonly notes: string[];
}

export function chooseXen(files: XenFiles, look: FirstLook, log: LogFacts | null): XenMachine {
  const memory = memoryOf(files, look, log);
  const used: { name: string; used: string }[] = [...files.passedOver, ...(files.alsoRead ?? [])];
  const notes: string[] = [];
  const pool = choosePool(files, look, notes);
  const frames = pool === null ? null : framesOf(pool);
  const chosen = { files: files.p2m, look, frames, used, notes };
  const before = memory === "direct" ? chooseTree(chosen) : chooseP2m(files.p2m, look, frames, used, notes);
  const after = files.p2m.find((f) => f.when === "end") ?? files.p2m.find((f) => f.when === "later") ?? null;
  if (after !== null) {
    const what = memory === "direct" ? "tree of foreign pages" : "P2M";
    used.push({ name: after.name, used: `${what} from after the recording (${whenWords(after.when)})` });
  }
  const m2p = closest(files.m2p);
  if (m2p !== null) used.push({ name: m2p.name, used: `M2P (${whenWords(m2p.when)})` });
  for (const g of files.guests) used.push({ name: g.name, used: "P2M of a guest" });
  const poolAfter = files.pool.find((f) => f.when === "end") ?? files.pool.find((f) => f.when === "given") ?? null;
  const p2m = before?.table ?? after?.table ?? null;
  return {
    memory,
    before: before?.table ?? null,
    after: after?.table ?? null,
    m2p: m2p?.table ?? null,
    guests: files.guests,
    owners: new Owners({ p2m: memory === "direct" ? null : p2m, m2p: m2p?.table ?? null, guests: files.guests }),
    pool,
    begins: files.pool.filter((f) => mayBeBefore(f.when) && sameBounds(f.table, pool)),
    poolAfter: poolAfter !== null && sameBounds(poolAfter.table, pool) ? poolAfter.table : null,
    files: used,
    look,
    notes,
  };
}

/** Pages compared from which on a P2M that is wrong for most of them is of another machine or boot. */
const doubtedFrom = 16;

/** The dump that most first mappings agree with; of several, the one likeliest by its name. */
function chooseP2m(
  all: readonly Dated<P2mTable>[],
  look: FirstLook,
  frames: PoolFrames | null,
  used: { name: string; used: string }[],
  notes: string[],
): Dated<P2mTable> | null {
  let best: Dated<P2mTable> | null = null;
  let most = -1;
  let of = 0;
  let fewest = Number.POSITIVE_INFINITY;
  const candidates = all.filter((f) => mayBeBefore(f.when));
  for (const f of candidates) {
    let agree = 0;
    let compared = 0;
    const own = frames === null ? new Owners({ p2m: f.table, m2p: null, guests: [] }) : null;
    for (const [pfn, mfn] of look.first) {
      if (frames !== null && !Number.isNaN(frames.offsetOf(mfn * pageBytes))) continue;
      // Another page of the domain's own is most likely one of the pool.
      const other = own?.ownPfn(mfn) ?? Number.NaN;
      if (!Number.isNaN(other) && other !== pfn) continue;
      const said = f.table.frame(pfn);
      if (!Number.isNaN(said)) compared++;
      if (said === mfn) agree++;
    }
    // A dump that has already what a probe shows to change during the recording was taken after it.
    let changed = 0;
    for (const [pfn, mfn] of look.setTo) if (f.table.frame(pfn) === mfn) changed++;
    if (agree < most || (agree === most && changed >= fewest)) continue;
    best = f;
    most = agree;
    of = compared;
    fewest = changed;
  }
  if (best === null) return null;
  if (of >= doubtedFrom && most < of / 2) {
    used.push({
      name: best.name,
      used: `passed over: a P2M that agrees with ${most} of ${of} pages is of another boot`,
    });
    notes.push(`${best.name} is not used: it agrees with ${most} of ${of} pages that are mapped`);
    return null;
  }
  const others = candidates.length - 1;
  const agrees = of === 0 ? "no mapping to try it on" : `agrees with ${most} of the ${of} pages it has of those mapped`;
  const chosen = others === 0 ? "" : `, as no other of ${candidates.length} does better`;
  used.push({ name: best.name, used: `P2M from before the recording (${whenWords(best.when)}; ${agrees}${chosen})` });
  return best;
}

/** Pools of one boot have one place; where dumps differ, the one that bounces are seen in. */
function choosePool(files: XenFiles, look: FirstLook, notes: string[]): PoolFile | null {
  let best: PoolFile | null = null;
  let most = -1;
  for (const { table } of files.pool) {
    if (best !== null && sameBounds(table, best)) continue;
    const frames = framesOf(table);
    let inside = 0;
    for (const mfn of look.first.values()) if (!Number.isNaN(frames.offsetOf(mfn * pageBytes))) inside++;
    if (inside <= most) continue;
    if (best !== null)
      notes.push("the dumps of the pool differ in its bounds: the one that bounces are seen in is used");
    best = table;
    most = inside;
  }
  return best;
}

/** The frames of a pool in a domain that is mapped directly: its own. */
export function directFrames(bounds: { readonly start: number; readonly slots: number }): PoolFrames {
  const frames = new PoolFrames(bounds.start, bounds.slots);
  frames.learn(bounds.start / pageBytes, frames.pages, bounds.start / pageBytes);
  return frames;
}

export function framesOf(pool: PoolFile): PoolFrames {
  const frames = new PoolFrames(pool.start, pool.slots);
  for (const run of pool.runs) frames.learn(run.pfn, run.count, run.mfn);
  return frames;
}

/** The pool's frames, from its dump, the P2M, and what searches answered, in this order. */
export function allFrames(machine: XenMachine, bounds: { readonly start: number; readonly slots: number }): PoolFrames {
  if (machine.memory === "direct") return directFrames(bounds);
  const frames = new PoolFrames(bounds.start, bounds.slots);
  for (const run of machine.pool?.runs ?? []) frames.learn(run.pfn, run.count, run.mfn);
  if (frames.known === frames.pages) return frames;
  const p2m = machine.before ?? machine.after;
  if (p2m !== null) frames.learnFrom(p2m);
  for (const [pfn, mfn] of machine.look.poolPages) frames.learn(pfn, 1, mfn);
  return frames;
}

/** @returns a bus address as the domain's own, NaN when it is not the domain's memory or not known. */
export function ownAddress(machine: XenMachine, frames: PoolFrames | null): (address: number) => number {
  if (machine.memory === "direct") return (address) => address;
  const learnt = new Map<number, number>();
  for (const [pfn, mfn] of machine.look.poolPages) learnt.set(mfn, pfn);
  return (address) => {
    const offset = frames?.offsetOf(address) ?? Number.NaN;
    if (!Number.isNaN(offset)) return frames!.start + offset;
    const mfn = Math.floor(address / pageBytes);
    const own = machine.owners.ownPfn(mfn);
    const pfn = Number.isNaN(own) ? (learnt.get(mfn) ?? Number.NaN) : own;
    return pfn * pageBytes + (address % pageBytes);
  };
}

function closest<T>(all: readonly Dated<T>[]): Dated<T> | null {
  return all.find((f) => f.when === "given") ?? all.find((f) => f.when === "end") ?? all[0] ?? null;
}

function sameBounds(a: PoolFile, b: PoolFile | null): boolean {
  return b !== null && a.start === b.start && a.slots === b.slots;
}

/** Pages of the pool whose frame the M2P gives too, and those where it says the same. */
export function comparedWithM2p(frames: PoolFrames, m2p: M2pTable | null): { compared: number; equal: number } {
  let compared = 0;
  let equal = 0;
  for (let page = 0; m2p !== null && page < (frames.slots * slotBytes) / pageBytes; page++) {
    const owner = m2p.owner(frames.addressOf(page * pageBytes) / pageBytes);
    if (Number.isNaN(owner)) continue;
    compared++;
    if (owner === Math.floor(frames.start / pageBytes) + page) equal++;
  }
  return { compared, equal };
}

/** Pages that a dump from after the recording has, and that changed or are foreign: those where the model says the same. */
export function comparedAtEnd(
  after: P2mTable,
  changing: Iterable<number>,
  modelled: (pfn: number) => { readonly kind: FrameKind; readonly mfn: number },
): { compared: number; equal: number } {
  const pfns = new Set(changing);
  for (const run of after.mapped()) {
    if (run.kind === FrameKind.foreign) for (let k = 0; k < Math.min(run.count, 65536); k++) pfns.add(run.pfn + k);
  }
  let equal = 0;
  let compared = 0;
  for (const pfn of pfns) {
    const kind = after.kind(pfn);
    if (kind === FrameKind.unknown) continue;
    compared++;
    const model = modelled(pfn);
    const nothing = kind === FrameKind.invalid;
    if (model.kind === kind && (nothing || model.mfn === after.frame(pfn))) equal++;
  }
  return { compared, equal };
}

/** The same for a tree: pages that changed, or that the dump lists, of which the model knows whether they are in it. */
export function treeAtEnd(
  after: P2mTable,
  changing: Iterable<number>,
  modelled: (pfn: number) => { readonly kind: FrameKind; readonly mfn: number },
): { compared: number; equal: number } {
  const pfns = new Set(changing);
  for (const run of after.mapped()) for (let k = 0; k < Math.min(run.count, 65536); k++) pfns.add(run.pfn + k);
  let equal = 0;
  let compared = 0;
  for (const pfn of pfns) {
    const said = after.frame(pfn);
    const model = modelled(pfn);
    if (model.kind === FrameKind.unknown || Number.isNaN(model.mfn)) continue;
    compared++;
    if (model.mfn === (Number.isNaN(said) ? pfn : said)) equal++;
  }
  return { compared, equal };
}
