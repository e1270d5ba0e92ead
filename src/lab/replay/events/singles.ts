/** Searches, single mappings and their unmappings. The release of a single mapping comes before its event. */
import { type EventBatch, failedAddress } from "../../../read/event.js";
import { mapping, type Operation, Outcome, unmapping } from "../contracts/operation.js";
import { endedBy, type Joining, printedBy } from "./joining.js";
import { resolve } from "./pending_searches.js";

/** Slots are about to be searched for. */
export function bounced(j: Joining, b: EventBatch, i: number): void {
  const searches = j.pending.of(b, i);
  const last = searches[searches.length - 1];
  // The next search of the same code has begun: the one before is over.
  if (last !== undefined && last.context === b.context[i]! && Number.isNaN(last.hi)) {
    last.hi = b.time[i]!;
    last.hiEvent = j.event;
  }
  const op = mapping({
    time: b.time[i]!,
    event: j.event,
    cpu: b.cpu[i]!,
    device: b.device[i]!,
    task: b.task[i]!,
    context: b.context[i]!,
    orig: b.dma[i]!,
    size: b.size[i]!,
    mask: b.mask[i]!,
    forced: b.forced[i] === 1,
    bounced: true,
  });
  j.sink.push(op);
  if (j.showsOutcomes) searches.push(op);
  else resolve(op, Outcome.unknown, op.lo, j.event);
}

export function map(j: Joining, b: EventBatch, i: number): void {
  const searches = j.pending.of(b, i);
  const address = b.dma[i]!,
    phys = b.phys[i]!,
    size = b.size[i]!;
  const at = searchOf(j, searches, b, i);
  let op: Operation;
  if (at >= 0) {
    op = searches[at]!;
    searches.splice(at, 1);
    j.pending.refuseOlder(searches, at, op, j.event);
  } else {
    op = j.unasked(b, i, phys, size, address);
    j.pending.refuseOlder(searches, searches.length, op, j.event);
    j.sink.push(op);
  }
  op.direction = b.direction[i]!;
  op.attrs = b.attrs[i]!;
  op.cpuAfter = b.cpu[i]!;
  const original = printedBy(op);
  if (!Number.isNaN(phys)) op.orig = phys;
  resolve(op, address === failedAddress ? Outcome.refused : address, b.time[i]!, j.event);
  j.locate(op, original);
  if (address === failedAddress) return;
  op.id = j.ids.take();
  const early = j.early.take(op.address, op.device, op.size);
  if (early === null) j.live.add(address, op);
  else j.endEarly(op, early);
}

function searchOf(j: Joining, searches: readonly Operation[], b: EventBatch, i: number): number {
  if (searches.length === 0) return -1;
  const [phys, address] = [b.phys[i]!, b.dma[i]!];
  const made = { device: b.device[i]!, context: b.context[i]!, size: b.size[i]!, phys, address };
  const at = j.isDirect(phys, address) ? -1 : j.buffers.searchOf(searches, made);
  return at >= 0 ? at : j.buffers.movedSearchOf(searches, made);
}

export function unmap(j: Joining, b: EventBatch, i: number, lane: number): void {
  const address = b.dma[i]!;
  let of = j.live.take(address, b.device[i]!);
  if (of === null && !j.tellsOrphans) {
    j.early.add(address, { ...endedBy(b, i), size: b.size[i]! });
    return;
  }
  of ??= unseenMapping(b, i);
  const time = b.time[i]!;
  const lo = Math.max(j.releases.earliest(lane, time), of.lo);
  j.sink.push(
    unmapping(of, {
      cpu: b.cpu[i]!,
      task: b.task[i]!,
      context: b.context[i]!,
      lo,
      hi: time,
      loEvent: j.releases.eventBefore(lane),
      hiEvent: j.event,
      at: time,
    }),
  );
  j.ids.give(of.id);
}

/** A mapping of before the recording, of which nothing is known but its end. */
function unseenMapping(b: EventBatch, i: number): Operation {
  const size = b.size[i]!;
  const who = { time: Number.NEGATIVE_INFINITY, event: -1, cpu: 0, device: -1, task: -1, context: 255 };
  const op = mapping({ ...who, orig: Number.NaN, size, mask: Number.NaN, forced: false, bounced: true });
  op.address = b.dma[i]!;
  return op;
}
