/** Searches, single mappings and their unmappings. The release of a single mapping comes before its event. */
import type { EventBatch } from "../../../read/event.js";
import { beginOf, none, Outcome } from "../contracts/operation.js";
import { endedBy, type Joining, outcomeOf } from "./joining.js";

/** Slots are about to be searched for. */
export function bounced(j: Joining, b: EventBatch, i: number): void {
  const { maps } = j;
  const searches = j.pending.of(b, i);
  if (searches.length > 0) isOver(j, searches[searches.length - 1]!, b, i);
  const m = j.begun(b, i, b.dma[i]!, b.size[i]!);
  maps.mask[m] = b.mask[i]!;
  maps.forced[m] = b.forced[i] === 1 ? 1 : 0;
  maps.bounced[m] = 1;
  j.sink.push(beginOf(m));
  if (j.showsOutcomes) {
    searches.push(m);
    return;
  }
  maps.resolve(m, Outcome.unknown, maps.time[m]!, j.event);
  maps.drop(m);
}

/** The next search of the same code has begun: the one before is over. */
function isOver({ maps, event }: Joining, last: number, b: EventBatch, i: number): void {
  const op = beginOf(last);
  if (maps.context[last] !== b.context[i]! || maps.hi[op] !== Number.POSITIVE_INFINITY) return;
  maps.hi[op] = b.time[i]!;
  maps.hiEvent[op] = event;
}

export function map(j: Joining, b: EventBatch, i: number): void {
  const { maps, pending } = j;
  const searches = pending.of(b, i);
  const address = b.dma[i]!,
    phys = b.phys[i]!;
  const at = searches.length === 0 ? none : searchOf(j, searches, b, i);
  let m: number;
  if (at >= 0) {
    m = searches[at]!;
    pending.remove(searches, at);
    pending.refuseOlder(searches, at, m, j.event);
  } else {
    m = j.unasked(b, i, phys, b.size[i]!, address);
    pending.refuseOlder(searches, searches.length, m, j.event);
    j.sink.push(beginOf(m));
  }
  const original = j.printed(m);
  if (!Number.isNaN(phys)) maps.orig[m] = phys;
  j.resolve(m, b, i, outcomeOf(address), address);
  j.locate(m, original);
  if (!(address >= 0)) {
    maps.drop(m);
    return;
  }
  const early = j.early.take(address, maps.device[m]!, maps.size[m]!);
  if (early === null) j.live.add(m);
  else j.endEarly(m, early);
}

function searchOf(j: Joining, searches: readonly number[], b: EventBatch, i: number): number {
  const phys = b.phys[i]!,
    address = b.dma[i]!,
    device = b.device[i]!,
    size = b.size[i]!;
  const at = j.isDirect(phys, address) ? none : j.buffers.searchOf(searches, device, size, phys);
  return at >= 0 ? at : j.buffers.movedSearchOf(searches, b.context[i]!, device, size, phys, address);
}

export function unmap(j: Joining, b: EventBatch, i: number, lane: number): void {
  const { maps, releases } = j;
  const address = b.dma[i]!,
    time = b.time[i]!;
  let m = j.live.take(address, b.device[i]!);
  if (m === none && !j.tellsOrphans) {
    j.early.add(address, b.size[i]!, endedBy(b, i));
    return;
  }
  if (m === none) m = unseen(j, address, b.size[i]!);
  const op = j.ended(m, b.cpu[i]!, time);
  maps.lo[op] = Math.max(releases.earliest(lane, time), maps.time[m]!);
  maps.hi[op] = time;
  maps.loEvent[op] = releases.eventBefore(lane);
  maps.hiEvent[op] = j.event;
  j.letGo(m, op);
}

/** A mapping of before the recording, of which nothing is known but its end. */
function unseen({ maps }: Joining, address: number, size: number): number {
  const m = maps.addBefore(Number.NaN, size);
  maps.address[m] = address;
  return m;
}
