/** Events from one batch to the end of another, with the list entries that belong to them. */
import type { EventBatch } from "../event.js";

const columns = ["kind", "time", "cpu", "task", "context", "device", "direction", "attrs"] as const;
const columnsOfSome = ["dma", "phys", "size", "mask", "forced", "dmaCount", "physCount", "physTotal"] as const;

/** Append events [first, first + count) of `from` to `to`, which has room for them. */
export function copyEvents(from: EventBatch, first: number, count: number, to: EventBatch): void {
  if (count === 0) return;
  const at = to.count;
  for (const name of columns) to[name].set(from[name].subarray(first, first + count), at);
  for (const name of columnsOfSome) to[name].set(from[name].subarray(first, first + count), at);
  copyLists(from, first, count, to, at);
  to.count += count;
}

function copyLists(from: EventBatch, first: number, count: number, to: EventBatch, at: number): void {
  const last = first + count - 1;
  const dma = from.dmaFirst[first]!;
  const phys = from.physFirst[first]!;
  const dmaEnd = from.dmaFirst[last]! + from.dmaCount[last]!;
  const physEnd = from.physFirst[last]! + from.physCount[last]!;
  const dmaShift = to.listDmaUsed - dma;
  const physShift = to.listPhysUsed - phys;
  to.listDma = withRoom(to.listDma, dmaEnd + dmaShift);
  to.listSize = withRoom(to.listSize, dmaEnd + dmaShift);
  to.listPhys = withRoom(to.listPhys, physEnd + physShift);
  to.listDma.set(from.listDma.subarray(dma, dmaEnd), to.listDmaUsed);
  to.listSize.set(from.listSize.subarray(dma, dmaEnd), to.listDmaUsed);
  to.listPhys.set(from.listPhys.subarray(phys, physEnd), to.listPhysUsed);
  for (let i = 0; i < count; i++) {
    to.dmaFirst[at + i] = from.dmaFirst[first + i]! + dmaShift;
    to.physFirst[at + i] = from.physFirst[first + i]! + physShift;
  }
  to.listDmaUsed = dmaEnd + dmaShift;
  to.listPhysUsed = physEnd + physShift;
}

function withRoom(column: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  if (column.length >= length) return column;
  const more = new Float64Array(2 ** Math.ceil(Math.log2(length)));
  more.set(column);
  return more;
}
