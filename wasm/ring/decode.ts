/** One record into one event, by the plan of its event number, as `Decoder` does it. */
import * as column from "../shared/columns";
import { blank } from "../shared/columns";
import { find, unknown } from "../shared/known_words";
import { newDevice, newTask, odd, stop, unknownWord } from "../shared/stop";
import { readLists } from "./lists";
import { deviceSlots, devices, hostReads, notRead, planOf, plans, taskOf } from "./memory";
import { address, number, wide } from "./numbers";
import * as slot from "./plan";

let flagsAt: usize = 0;
let pidAt: usize = 0;
let commonBytes: i32 = 0;

/** Where every record has these. */
export function setCommon(flags: i32, pid: i32, leastBytes: i32): void {
  flagsAt = flags;
  pidAt = pid;
  commonBytes = leastBytes;
}

/** Fill event i, but time and cpu, from the record of `bytes` bytes at `p`. @returns false when the host has to. */
export function decode(batch: usize, i: i32, p: usize, bytes: i32): bool {
  if (bytes < commonBytes) return odd();
  const task = taskOf(load<i32>(p + pidAt));
  if (task < 0) return stop(newTask);
  const place = load<i32>(planOf + ((<i32>load<u16>(p)) << 2));
  if (place === hostReads) return odd();
  blank(batch, i);
  store<i32>(batch + (i << 2), task, column.task);
  store<u8>(batch + i, contextOf(load<u8>(p + flagsAt)), column.context);
  if (place === notRead) {
    store<u8>(batch + i, 0, column.kind);
    return true;
  }
  const plan = <usize>(plans + (place << 2));
  if (bytes < load<i32>(plan, slot.leastBytes)) return odd();
  return fields(batch, i, p, bytes, plan);
}

/** By the flags every record has: bit 3 a hard interrupt, bit 4 softirq, bit 6 NMI. */
function contextOf(flags: u32): u8 {
  if ((flags & 64) !== 0) return 3;
  if ((flags & 8) !== 0) return 2;
  return (flags & 16) !== 0 ? 1 : 0;
}

function fields(batch: usize, i: i32, p: usize, bytes: i32, plan: usize): bool {
  const by1 = batch + i;
  const by4 = batch + (i << 2);
  const by8 = batch + (i << 3);
  store<u8>(by1, load<u8>(plan, slot.kind), column.kind);
  let at = load<i32>(plan, slot.deviceAt);
  if (at >= 0) {
    const location = load<u32>(p + at);
    const offset = location & 0xffff;
    const length = <i32>(location >>> 16);
    // A name ends with a zero byte; one of no more bytes than that is none.
    if (length > 1 && <i32>offset + length <= bytes) {
      const device = deviceOf(p + offset, length);
      if (device === unknown) return unknownWord(newDevice, p + offset, p + offset + length);
      store<i32>(by4, device, column.device);
    }
  }
  at = load<i32>(plan, slot.directionAt);
  if (at >= 0) {
    const direction = load<u32>(p + at);
    if (<i64>direction <= <i64>load<i32>(plan, slot.directionMost)) store<u8>(by1, <u8>direction, column.direction);
  }
  at = load<i32>(plan, slot.attrsAt);
  if (at >= 0) store<u32>(by4, load<u32>(p + at), column.attrs);
  at = load<i32>(plan, slot.dmaAt);
  if (at >= 0) store<f64>(by8, address(p + at), column.dma);
  at = load<i32>(plan, slot.physAt);
  if (at >= 0) store<f64>(by8, address(p + at), column.phys);
  at = load<i32>(plan, slot.sizeAt);
  if (at >= 0) store<f64>(by8, wide(p + at), column.size);
  at = load<i32>(plan, slot.maskAt);
  if (at >= 0) store<f64>(by8, wide(p + at), column.mask);
  at = load<i32>(plan, slot.forcedAt);
  if (at >= 0) store<u8>(by1, <u8>(load<u8>(p + at) === 1), column.forced);
  if (load<i32>(plan, slot.more) === 1) readMore(batch, i, p, bytes, plan);
  return true;
}

/** What few events have. */
function readMore(batch: usize, i: i32, p: usize, bytes: i32, plan: usize): void {
  for (let n = load<i32>(plan, slot.narrowCount), w = plan + slot.narrow; n > 0; n--, w += 12) {
    store<f64>(batch + columnOf(load<i32>(w)) + (i << 3), number(p + load<i32>(w, 4), load<i32>(w, 8)));
  }
  const at = load<i32>(plan, slot.totalAt);
  if (at >= 0) {
    // As a typed array takes a number: its lowest 32 bits.
    store<i32>(batch + (i << 2), <i32>(<i64>number(p + at, load<i32>(plan, slot.totalBytes))), column.physTotal);
  }
  readLists(batch, i, p, bytes, plan);
}

function columnOf(numbered: i32): i32 {
  if (numbered === 0) return column.dma;
  if (numbered === 1) return column.phys;
  return numbered === 2 ? column.size : column.mask;
}

/** The device found last: the next event most often is of the same one. */
let lastBytes: i32 = -1;
let lastFirst: i64 = 0;
let lastEnd: i64 = 0;
let lastDevice: i32 = 0;

/** The host has forgotten all devices. */
export function forgetDevice(): void {
  lastBytes = -1;
}

/** @returns the number of the device with a name of `length` bytes, `unknown` for one that the host has not told. */
function deviceOf(name: usize, length: i32): i32 {
  // Of 8 to 16 bytes the first eight and the last eight are all.
  const first = load<i64>(name);
  const end = load<i64>(name + length - 8);
  if (length === lastBytes && first === lastFirst && end === lastEnd) return lastDevice;
  const device = find(devices, deviceSlots, name, length);
  if (device !== unknown && length >= 8 && length <= 16) {
    lastBytes = length;
    lastFirst = first;
    lastEnd = end;
    lastDevice = device;
  }
  return device;
}
