/** Events of the Intel driver's caches and queues, whose text is words in their order, as `cacheWords` reads them. */
import * as column from "../shared/columns";
import { odd } from "../shared/stop";
import * as word from "./letters";
import { address, behindPrefix, byte, decimal, decimalEnd, hexDigits, hexValue, isDigit, wordEnd } from "./scan";

const space = 32;
const newline = 10;
const carriageReturn = 13;
const slash = 47;
const dash = 45;
const colon = 58;
const open = 91;
const close = 93;

// As `EventKind` numbers them.
const cacheFlushed = 43;
const descriptor = 44;

const nameBytesMax: usize = 64;
const typeBytesMax: usize = 16;
const didDigitsMax: usize = 5;
const bytesMax: usize = 512;

let nameFrom: usize = 0;
let nameTo: usize = 0;

/** Fill event i from the bytes behind its name. @returns the line's newline; 0 for a line that the host reads. */
export function cacheWords(from: usize, kind: i32, batch: usize, i: i32): usize {
  let begin = from;
  while (byte(begin) === space) begin++;
  if (kind === descriptor) return submitted(begin, batch, i);
  let p = kind === cacheFlushed ? nameWithPasid(begin) : 0;
  const isRange = p !== 0;
  if (!isRange) p = nameBehindSlash(begin);
  if (p === 0 || nameTo - nameFrom > nameBytesMax || nameFrom - begin - 1 > nameBytesMax) return odd();
  if (load<i32>(p) !== word._typ || load<u16>(p, 4) !== word.e_) return odd();
  p += 6;
  const cache = wordEnd(p);
  if (cache - p === 5 && load<i32>(p) === word.iotl && byte(p + 4) === word.b) {
    store<f64>(batch + (i << 3), 0, column.mask);
  } else if (cache - p === 6 && load<i32>(p) === word.devt && load<u16>(p, 4) === word.lb) {
    store<f64>(batch + (i << 3), 1, column.mask);
  } else return odd();
  p = cache;
  if (load<i32>(p) !== word._did || byte(p + 4) !== space) return odd();
  p += 5;
  const did = decimalEnd(p);
  if (did === 0 || did - p > didDigitsMax) return odd();
  store<f64>(batch + (i << 3), decimal(p, did), column.size);
  p = isRange ? range(did, batch + (i << 3)) : users(did, kind, batch, i);
  if (p === 0) return odd();
  while (byte(p) === space || byte(p) === carriageReturn) p++;
  if (byte(p) !== newline || p - begin > bytesMax) return odd();
  return p;
}

/** `iotlb_inv dmar0: 0x500f2 0xffffd040 0x0 0x0`. */
function submitted(begin: usize, batch: usize, i: i32): usize {
  let p = wordEnd(begin);
  if (p === begin || p - begin > typeBytesMax || byte(p) !== space) return odd();
  const unit = p + 1;
  p = wordEnd(unit);
  if (p - unit < 2 || p - unit - 1 > nameBytesMax || byte(p - 1) !== colon) return odd();
  for (let q = 0; q < 4; q++) {
    if (byte(p) !== space) return odd();
    const from = p + 1;
    p = hex(from);
    if (p === 0) return odd();
    if (q > 1) continue;
    const value = hexValue(from + 2, <i32>(p - from - 2));
    if (q === 0) {
      store<u32>(batch + (i << 2), <u32>value, column.attrs);
      store<f64>(batch + (i << 3), <f64>(value >> 32), column.size);
    } else {
      store<f64>(batch + (i << 3), <f64>(value & 0xffff_ffff), column.phys);
      store<f64>(batch + (i << 3), <f64>(value >> 32), column.mask);
    }
  }
  while (byte(p) === space || byte(p) === carriageReturn) p++;
  if (byte(p) !== newline || p - begin > bytesMax) return odd();
  return p;
}

/** `dmar0/0000:00:03.0`: what stands behind the last slash. @returns behind it, 0 for another form. */
function nameBehindSlash(p: usize): usize {
  nameTo = wordEnd(p);
  nameFrom = nameTo;
  while (nameFrom > p && byte(nameFrom - 1) !== slash) nameFrom--;
  return nameFrom > p + 1 && nameTo > nameFrom ? nameTo : 0;
}

/** `dmar0 0000:00:03.0[0]`. @returns behind it, 0 for another form. */
function nameWithPasid(p: usize): usize {
  const unit = wordEnd(p);
  if (unit === p || byte(unit) !== space) return 0;
  nameFrom = unit + 1;
  const end = wordEnd(nameFrom);
  if (end - nameFrom < 4 || byte(end - 1) !== close) return 0;
  nameTo = end - 2;
  while (nameTo > nameFrom && isDigit(byte(nameTo))) nameTo--;
  return byte(nameTo) === open && nameTo > nameFrom && nameTo + 2 < end ? end : 0;
}

/** ` [0xFIRST-0xLAST] addr 0xN mask 0xN`. @returns behind it, 0 for another form. */
function range(from: usize, at: usize): usize {
  let p = from;
  if (load<u16>(p) !== word._open) return 0;
  let end = hex(p + 2);
  if (end === 0 || byte(end) !== dash) return 0;
  store<f64>(at, address(hexValue(p + 4, <i32>(end - p - 4))), column.dma);
  p = end + 1;
  end = hex(p);
  if (end === 0 || byte(end) !== close) return 0;
  store<f64>(at, address(hexValue(p + 2, <i32>(end - p - 2))), column.phys);
  p = end + 1;
  if (load<i32>(p) !== word._add || load<u16>(p, 4) !== word.r_) return 0;
  p = hex(p + 6);
  if (p === 0 || load<i32>(p) !== word._mas || load<u16>(p, 4) !== word.k_) return 0;
  return hex(p + 6);
}

/** ` pasid N ref N`. @returns behind it, 0 for another form. */
function users(p: usize, kind: i32, batch: usize, i: i32): usize {
  if (load<i32>(p) !== word._pas || load<u16>(p, 4) !== word.id || byte(p + 6) !== space) return 0;
  const pasid = decimalEnd(p + 7);
  if (pasid === 0 || load<i32>(pasid) !== word._ref || byte(pasid + 4) !== space) return 0;
  const end = decimalEnd(pasid + 5);
  if (end === 0) return 0;
  if (kind !== cacheFlushed) store<f64>(batch + (i << 3), decimal(p + 7, pasid), column.phys);
  store<u32>(batch + (i << 2), <u32>(<i64>decimal(pasid + 5, end)), column.attrs);
  return end;
}

/** `0x` and digits. @returns behind them, 0 for something else. */
function hex(p: usize): usize {
  const digits = behindPrefix(p);
  const count = digits === p ? 0 : hexDigits(digits);
  return count === 0 ? 0 : digits + count;
}
