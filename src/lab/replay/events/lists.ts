/** Lists of buffers, which are mapped by one event and unmapped by one. The release of a list comes after its event. */
import { frameBytes } from "../../../base/frame.js";
import type { EventBatch } from "../../../read/event.js";
import { longer } from "../contracts/columns.js";
import { beginOf, none, Outcome } from "../contracts/operation.js";
import { endedBy, type Joining, outcomeOf } from "./joining.js";

const pageBytes = frameBytes;

export function mapList(j: Joining, b: EventBatch, i: number): void {
  const { pending } = j;
  const searches = pending.of(b, i);
  const count = b.physCount[i]!;
  const total = Math.max(b.physTotal[i]!, count);
  if (j.entries.length < count) j.entries = longer(j.entries, 2 * count);
  const { entries } = j;
  let at = total > count ? beyond(j, searches, b, i, total) : searches.length - 1;
  for (let k = count - 1; k >= 0; k--) {
    if (at >= 0 && isEntry(j, searches[at]!, b, i, k)) {
      entries[k] = searches[at]!;
      pending.remove(searches, at--);
    } else entries[k] = unasked(j, b, i, k);
    listed(j, entries[k]!, b, i, k);
  }
  if (count === 0) return;
  if (j.bounceByAddress !== null) tellUnasked(j, count);
  if (at >= 0) pending.refuseOlder(searches, at + 1, oldest(j, count), j.event);
  const first = b.physFirst[i]!;
  const early = j.early.takeList(b.device[i]!, b.listPhys, first, count, j.now);
  if (early === null) j.live.addList(entries, b.listPhys, first, count);
  else for (let k = 0; k < count; k++) j.endEarly(entries[k]!, early);
}

/** An IOMMU made fewer bus ranges of the buffers: their own sizes are not recorded, and are taken to be equal. */
const isMerged = (b: EventBatch, i: number): boolean => b.dmaCount[i]! !== b.physCount[i]!;

const physOf = (b: EventBatch, i: number, k: number): number => b.listPhys[b.physFirst[i]! + k]!;

function sizeOf(b: EventBatch, i: number, k: number): number {
  if (!isMerged(b, i)) return b.listSize[b.dmaFirst[i]! + k]!;
  let bytes = 0;
  for (let n = 0; n < b.dmaCount[i]!; n++) bytes += b.listSize[b.dmaFirst[i]! + n]!;
  return Math.ceil(bytes / b.physCount[i]!);
}

/** Where entry k is on the bus; NaN where ranges are not the buffers' own. */
const addressOf = (b: EventBatch, i: number, k: number): number =>
  isMerged(b, i) ? Number.NaN : b.listDma[b.dmaFirst[i]! + k]!;

/** Whether a search is that of entry k. */
function isEntry(j: Joining, search: number, b: EventBatch, i: number, k: number): boolean {
  const phys = physOf(b, i, k),
    address = addressOf(b, i, k),
    size = sizeOf(b, i, k),
    device = b.device[i]!;
  if (j.isDirect(phys, address)) return false;
  if (j.buffers.isEntry(search, device, phys, size)) return true;
  return !isMerged(b, i) && j.buffers.isMoved(search, b.context[i]!, device, size, phys, address);
}

function unasked(j: Joining, b: EventBatch, i: number, k: number): number {
  const m = j.unasked(b, i, physOf(b, i, k), sizeOf(b, i, k), addressOf(b, i, k));
  if (j.bounceByAddress === null) j.sink.push(beginOf(m));
  return m;
}

/** What the list's event tells of entry k. */
function listed(j: Joining, m: number, b: EventBatch, i: number, k: number): void {
  const { maps } = j;
  maps.list[m] = 1;
  maps.listEnd[m] = k === b.physCount[i]! - 1 ? 1 : 0;
  if (isMerged(b, i)) {
    const address = b.dmaCount[i] === 0 ? Number.NaN : b.listDma[b.dmaFirst[i]!]!;
    j.resolve(m, b, i, outcomeOf(address), address);
    return;
  }
  const address = addressOf(b, i, k),
    original = j.printed(m);
  j.resolve(m, b, i, outcomeOf(address), address);
  maps.orig[m] = physOf(b, i, k);
  j.locate(m, original);
}

/** Where addresses tell bounces, what no event asked for is told once all entries are known, in the list's order. */
function tellUnasked({ maps, sink, entries }: Joining, count: number): void {
  for (let k = 0; k < count; k++) if (Number.isNaN(maps.mask[entries[k]!]!)) sink.push(beginOf(entries[k]!));
}

/** The list's first entry that bounced, else its first. */
function oldest({ maps, entries }: Joining, count: number): number {
  for (let k = 0; k < count; k++) if (maps.bounced[entries[k]!] === 1) return entries[k]!;
  return entries[0]!;
}

/** Entries of a list beyond those that its event recorded: granted, at addresses that are not known. */
function beyond(j: Joining, searches: number[], b: EventBatch, i: number, total: number): number {
  const { maps } = j;
  const start = searches.length - total;
  const first = searches[start];
  if (first === undefined || maps.device[first] !== b.device[i]!) return searches.length - 1;
  const wanted = physOf(b, i, 0);
  const isMoved =
    maps.orig[first]! % pageBytes === wanted % pageBytes && maps.size[first] === b.listSize[b.dmaFirst[i]!];
  if (!isMoved && !j.buffers.prints(first, wanted)) return searches.length - 1;
  const recorded = start + b.physCount[i]!;
  for (let at = recorded; at < searches.length; at++) {
    const m = searches[at]!;
    maps.list[m] = 1;
    maps.resolve(m, Outcome.beyond, b.time[i]!, j.event);
    maps.drop(m);
  }
  searches.length = recorded;
  return recorded - 1;
}

export function unmapList(j: Joining, b: EventBatch, i: number, lane: number): void {
  const first = b.physFirst[i]!,
    count = b.physCount[i]!;
  if (count === 0) return;
  let last = none;
  for (let m = j.live.takeList(b.device[i]!, b.listPhys, first, count); m !== none; ) {
    const next = j.live.next(m);
    last = endEntry(j, m, last, b, i);
    m = next;
  }
  if (last === none) {
    for (const m of j.live.takeHeld(b.listPhys, first, count)) last = endEntry(j, m, last, b, i);
  }
  if (last !== none) j.releases.open(lane, last);
  else if (!j.tellsOrphans) j.early.addList(b.listPhys.slice(first, first + count), endedBy(b, i));
}

/** One entry ends, after those before it; the joiner keeps it until its release is over. @returns its end */
function endEntry(j: Joining, m: number, previous: number, b: EventBatch, i: number): number {
  const { maps } = j;
  const op = j.ended(m, b.cpu[i]!, b.time[i]!);
  maps.lo[op] = b.time[i]!;
  maps.loEvent[op] = j.event;
  maps.follows(op, previous);
  j.sink.push(op);
  return op;
}
