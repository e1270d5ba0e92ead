/** The lists of a record: arrays in its dynamic part, or one value of its own where the width is negative. */
import { pushDma, pushPhys } from "../shared/columns";
import { address, number } from "./numbers";
import * as slot from "./plan";

export function readLists(batch: usize, i: i32, p: usize, bytes: i32, plan: usize): void {
  readBusList(batch, i, p, bytes, plan);
  const at = load<i32>(plan, slot.listPhysAt);
  if (at < 0) return;
  const width = load<i32>(plan, slot.listPhysBytes);
  const step = abs(width);
  const end = listEnd(p, bytes, at, width);
  for (let e = listStart(p, at, width); e + step <= end; e += step) pushPhys(batch, i, entry(e, step));
}

function readBusList(batch: usize, i: i32, p: usize, bytes: i32, plan: usize): void {
  const at = load<i32>(plan, slot.listDmaAt);
  if (at < 0) return;
  const width = load<i32>(plan, slot.listDmaBytes);
  const step = abs(width);
  const end = listEnd(p, bytes, at, width);
  const sizeAt = load<i32>(plan, slot.listSizeAt);
  const sizeWidth = load<i32>(plan, slot.listSizeBytes);
  const sizeStep = abs(sizeWidth);
  let size: usize = sizeAt < 0 ? 0 : listStart(p, sizeAt, sizeWidth);
  const sizeEnd: usize = sizeAt < 0 ? 0 : listEnd(p, bytes, sizeAt, sizeWidth);
  for (let e = listStart(p, at, width); e + step <= end; e += step) {
    const known = sizeAt >= 0 && size + sizeStep <= sizeEnd;
    pushDma(batch, i, entry(e, step), known ? number(size, sizeStep) : NaN);
    size += sizeStep;
  }
}

function entry(p: usize, bytes: i32): f64 {
  return bytes === 8 ? address(p) : number(p, bytes);
}

function listStart(p: usize, at: i32, width: i32): usize {
  return width < 0 ? p + at : p + (load<u32>(p + at) & 0xffff);
}

/** Behind the last element; 0 when the record does not hold them. */
function listEnd(p: usize, bytes: i32, at: i32, width: i32): usize {
  if (width < 0) return p + at - width;
  const location = load<u32>(p + at);
  const end = <i32>((location & 0xffff) + (location >>> 16));
  return end > bytes ? 0 : p + end;
}
