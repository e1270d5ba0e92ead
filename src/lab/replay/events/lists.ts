/** Lists of buffers, which are mapped by one event and unmapped by one. The release of a list comes after its event. */
import type { EventBatch } from "../../../read/event.js";
import { type Operation, Outcome, unmapping } from "../contracts/operation.js";
import { endedBy, type Joining, printedBy } from "./joining.js";
import { resolve } from "./pending_searches.js";

const pageBytes = 4096;

export function mapList(j: Joining, b: EventBatch, i: number): void {
  const searches = j.pending.of(b, i);
  const device = b.device[i]!,
    context = b.context[i]!,
    first = b.physFirst[i]!,
    count = b.physCount[i]!;
  const total = Math.max(b.physTotal[i]!, count);
  const ops: Operation[] = new Array(count);
  const phys = b.listPhys.slice(first, first + count);
  // An IOMMU made fewer bus ranges of the buffers: their own sizes are not recorded, and are taken to be equal.
  const merged = b.dmaCount[i]! !== count;
  const part = merged ? Math.ceil(bytesOf(b, i) / Math.max(1, count)) : 0;
  let at = total > count ? beyond(j, searches, b, i, total) : searches.length - 1;
  for (let k = count - 1; k >= 0; k--) {
    const dma = merged ? Number.NaN : b.listDma[b.dmaFirst[i]! + k]!;
    const size = merged ? part : b.listSize[b.dmaFirst[i]! + k]!;
    const isEntry =
      at >= 0 &&
      !j.isDirect(phys[k]!, dma) &&
      (j.buffers.isEntry(searches[at]!, device, phys[k]!, size) ||
        (!merged && j.buffers.isMoved(searches[at]!, { device, context, size, phys: phys[k]!, address: dma })));
    let op: Operation;
    if (isEntry) {
      op = searches[at]!;
      searches.splice(at--, 1);
    } else {
      op = j.unasked(b, i, phys[k]!, size, dma);
      if (j.bounceByAddress === null) j.sink.push(op);
    }
    op.direction = b.direction[i]!;
    op.attrs = b.attrs[i]!;
    op.list = true;
    op.listEnd = k === count - 1;
    op.cpuAfter = b.cpu[i]!;
    const address = merged ? (b.listDma[b.dmaFirst[i]!] ?? Outcome.unknown) : dma;
    resolve(op, address, b.time[i]!, j.event);
    if (!merged) {
      const original = printedBy(op);
      op.orig = phys[k]!;
      j.locate(op, original);
    }
    op.id = j.ids.take();
    ops[k] = op;
  }
  if (j.bounceByAddress !== null) for (const op of ops) if (Number.isNaN(op.mask)) j.sink.push(op);
  const oldest = ops.find((op) => op.bounced) ?? ops[0];
  if (oldest !== undefined) j.pending.refuseOlder(searches, at + 1, oldest, j.event);
  if (count === 0) return;
  const early = j.early.takeList(device, phys, j.now);
  if (early === null) j.live.addList(device, phys, ops);
  else for (const op of ops) j.endEarly(op, early);
}

/** Entries of a list beyond those that its event recorded: granted, at addresses that are not known. */
function beyond(j: Joining, searches: Operation[], b: EventBatch, i: number, total: number): number {
  const start = searches.length - total;
  const wanted = b.listPhys[b.physFirst[i]!]!;
  const first = searches[start];
  if (first === undefined || first.device !== b.device[i]!) return searches.length - 1;
  const isMoved = first.orig % pageBytes === wanted % pageBytes && first.size === b.listSize[b.dmaFirst[i]!];
  if (!isMoved && !j.buffers.prints(first, wanted)) return searches.length - 1;
  const recorded = start + b.physCount[i]!;
  for (const op of searches.splice(recorded)) {
    op.list = true;
    resolve(op, Outcome.granted, b.time[i]!, j.event);
    op.id = j.ids.take();
  }
  return recorded - 1;
}

export function unmapList(j: Joining, b: EventBatch, i: number, lane: number): void {
  const first = b.physFirst[i]!,
    count = b.physCount[i]!;
  if (count === 0) return;
  const ended = j.live.takeList(b.device[i]!, b.listPhys, first, count);
  if (ended.length === 0) {
    if (j.tellsOrphans) return;
    j.early.addList({ ...endedBy(b, i), phys: b.listPhys.slice(first, first + count) });
    return;
  }
  const open: Operation[] = [];
  for (const of of ended) {
    const op = unmapping(of, {
      cpu: b.cpu[i]!,
      task: b.task[i]!,
      context: b.context[i]!,
      lo: b.time[i]!,
      hi: Number.NaN,
      loEvent: j.event,
      hiEvent: -1,
      at: b.time[i]!,
    });
    op.previous = open[open.length - 1] ?? null;
    open.push(op);
    j.sink.push(op);
    j.ids.give(of.id);
  }
  j.releases.open(lane, open);
}

function bytesOf(b: EventBatch, i: number): number {
  let bytes = 0;
  for (let k = 0; k < b.dmaCount[i]!; k++) bytes += b.listSize[b.dmaFirst[i]! + k]!;
  return bytes;
}
