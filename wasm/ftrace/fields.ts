/** The fields of an event's line into the columns of a batch, as `Fields` reads them. */
import * as column from "../shared/columns";
import { unknown } from "../shared/known_words";
import { newAttribute, newDevice, newKey, odd, unknownWord } from "../shared/stop";
import { cacheWords } from "./cache_words";
import * as word from "./letters";
import { readList } from "./lists";
import {
  address,
  behindPrefix,
  byte,
  decimal,
  decimalEnd,
  hexDigits,
  hexValue,
  isDigit,
  keyEnd,
  wordEnd,
} from "./scan";
import { findAttribute, findDevice, findKey } from "./tables";

const space = 32;
const newline = 10;
const carriageReturn = 13;
const equals = 61;
const bracket = 91;
const slash = 47;
const bar = 124;

// As `EventKind`, `Opening` and `Role` number them.
const bounced = 1;
const openingLabel = 1;
const openingIommu = 2;
const openingWords = 3;
const roleDma = 0;
const roleSize = 1;
const rolePhys = 2;
const roleDirection = 3;
const roleAttrs = 4;
const roleMask = 5;
const rolePhysList = 8;
const roleEntries = 9;
const roleDevice = 10;
/** A key that fills nothing, and a word without a value. */
const noRole = -1;
const noValue = -2;

/** Bytes of a number with 0x and sixteen digits. */
const fullNumber = 18;

/** Whether the recording has shown the form of kernels whose allocations set their direction. */
export let directionsSet: i32 = 0;

let deviceFrom: usize = 0;
let deviceTo: usize = 0;
/** A bit for each role that was seen. */
let seen: i32 = 0;
let forced: i32 = -1;
let capped: bool = false;
/** The role that `readKey` found. */
let role: i32 = noRole;

/**
 * Fill event i, which is blank, from the bytes behind its name.
 * @param form where the event's form is in memory
 * @returns the line's newline; 0 for a line that the host reads.
 */
export function fields(from: usize, form: usize, batch: usize, i: i32): usize {
  const kind = load<i32>(form);
  const opening = load<i32>(form, 4) & 3;
  if (opening === openingWords) return cacheWords(from, kind, batch, i);
  const required = load<i32>(form, 8);
  deviceFrom = deviceTo = 0;
  seen = 0;
  forced = -1;
  capped = false;
  let p = open(from, opening);
  while (p !== 0) {
    while (byte(p) === space || byte(p) === carriageReturn) p++;
    if (byte(p) === newline) break;
    p = readKey(p, kind, opening);
    if (p === 0 || role === noValue) continue;
    p = readValue(p, batch, i);
    if (p !== 0 && byte(p) !== space && byte(p) !== newline && byte(p) !== carriageReturn) p = odd();
  }
  if (p === 0) return 0;
  if (deviceTo > deviceFrom) seen |= 1 << roleDevice;
  if ((seen & required) !== required || (kind === bounced && forced === -1)) return odd();
  return finish(p, load<i32>(form, 4) >> 2, batch, i);
}

/** What comes before the first key. @returns behind it, 0 when it is not as the event's `Opening` says. */
function open(from: usize, opening: i32): usize {
  let p = from;
  while (byte(p) === space) p++;
  if (opening === openingLabel) {
    if (load<i64>(p) !== word.dev_name || load<u16>(p, 8) !== word.colon) return odd();
    p += 10;
  } else if (opening === openingIommu) {
    return load<i32>(p) === word.IOMM && load<u16>(p, 4) === word.U ? p + 6 : odd();
  } else if (byte(p) === bracket) return odd();
  while (byte(p) === space) p++;
  const end = keyEnd(p);
  if (byte(end) === equals) return p;
  deviceFrom = p;
  deviceTo = end;
  return end;
}

/** `key=`, whose role is then in `role`, or a word that needs no value. @returns behind it. */
function readKey(p: usize, kind: i32, opening: i32): usize {
  const first = load<i32>(p);
  if (first === word.dma_ || first === word.dev_) {
    const rest = load<i32>(p, 4);
    if (byte(p + 8) === equals && (rest === word.addr || rest === word.mask)) {
      role = rest === word.addr ? roleDma : roleMask;
      return p + 9;
    }
  } else if (first === word.dir) {
    role = roleDirection;
    return p + 4;
  } else if (first === word.size && byte(p + 4) === equals) {
    role = roleSize;
    return p + 5;
  } else if (first === word.attr && load<u16>(p, 4) === word.s) {
    role = roleAttrs;
    return p + 6;
  } else if (load<i64>(p) === word.phys_add && load<u16>(p, 8) === word.r) {
    role = rolePhys;
    return p + 10;
  }
  const end = keyEnd(p);
  if (byte(end) !== equals) return bareWord(p, end, kind, opening);
  role = findKey(p, end);
  return role === unknown ? unknownWord(newKey, p, end) : end + 1;
}

/** A word without a value. @returns behind it; 0 when no format prints it there. */
function bareWord(p: usize, end: usize, kind: i32, opening: i32): usize {
  role = noValue;
  const bytes = <i32>(end - p);
  if (bytes === 0) return odd();
  if (seen === 0 && deviceTo !== 0) deviceTo = end;
  else if (kind === bounced) {
    if (forced !== -1) return odd();
    const first = load<i32>(p);
    if (bytes === 5 && first === word.FORC && byte(p + 4) === word.E) forced = 1;
    else if (bytes === 6 && first === word.NORM && load<u16>(p, 4) === word.AL) forced = 0;
    else return odd();
  } else if (opening !== openingIommu || (bytes !== 1 && bytes !== fullNumber)) return odd();
  return end;
}

/** @returns behind the value of `role`. */
function readValue(p: usize, batch: usize, i: i32): usize {
  if (role === noRole) return wordEnd(p);
  if ((seen & (1 << role)) !== 0) return odd();
  seen |= 1 << role;
  switch (role) {
    case roleDma:
    case rolePhys:
    case roleMask:
      return readAddress(p, batch + (i << 3));
    case roleSize: {
      const end = decimalEnd(p);
      if (end === 0) return odd();
      store<f64>(batch + (i << 3), decimal(p, end), column.size);
      return end;
    }
    case roleDirection:
      return readDirection(p, batch + i);
    case roleAttrs:
      return readAttributes(p, batch + (i << 2));
    case roleDevice:
      deviceFrom = p;
      deviceTo = wordEnd(p);
      return deviceTo;
    case roleEntries:
      return readEntries(p, batch + (i << 2));
    default:
      return role <= rolePhysList ? readList(p, role, batch, i) : odd();
  }
}

function readAddress(from: usize, at: usize): usize {
  const p = behindPrefix(from);
  const digits = hexDigits(p);
  if (digits === 0) return odd();
  const value = hexValue(p, digits);
  if (role === roleDma) store<f64>(at, address(value), column.dma);
  else if (role === rolePhys) store<f64>(at, address(value), column.phys);
  else store<f64>(at, <f64>value, column.mask);
  return p + digits;
}

function readDirection(p: usize, at: usize): usize {
  const end = wordEnd(p);
  const bytes = <i32>(end - p);
  const first = load<i64>(p);
  if (bytes === 11 && first === word.FROM_DEV && load<i32>(p, 7) === word.VICE) store<u8>(at, 2, column.direction);
  else if (bytes === 9 && first === word.TO_DEVIC && byte(p + 8) === word.E) store<u8>(at, 1, column.direction);
  else if (bytes === 13 && first === word.BIDIRECT && load<i64>(p, 5) === word.ECTIONAL)
    store<u8>(at, 0, column.direction);
  else return odd();
  return end;
}

/** Attributes by name, joined by `|`. */
function readAttributes(from: usize, at: usize): usize {
  let p = from;
  let bits = 0;
  while (byte(p) > space) {
    let end = p;
    while (byte(end) > space && byte(end) !== bar) end++;
    // Bits without a name are printed as a number.
    if (end === p || isDigit(byte(p))) return odd();
    const bit = findAttribute(p, end);
    if (bit === unknown) return unknownWord(newAttribute, p, end);
    bits |= 1 << bit;
    p = end;
    if (byte(p) !== bar) break;
    p++;
  }
  store<i32>(at, bits, column.attrs);
  return p;
}

/** `nents=RECORDED/REAL`, which kernels print whose allocations set their direction. */
function readEntries(p: usize, at: usize): usize {
  const recorded = decimalEnd(p);
  if (recorded === 0 || byte(recorded) !== slash) return odd();
  const end = decimalEnd(recorded + 1);
  if (end === 0) return odd();
  store<i32>(at, <i32>(<i64>decimal(recorded + 1, end)), column.physTotal);
  capped = true;
  return end;
}

/**
 * What could not be filled before all fields were read.
 * @param direction what is believed of it: 0 all, 1 nothing before kernels that set it, 2 nothing but one of coherent memory
 */
function finish(end: usize, direction: i32, batch: usize, i: i32): usize {
  if (deviceTo > deviceFrom) {
    const device = findDevice(deviceFrom, deviceTo);
    if (device === unknown) return unknownWord(newDevice, deviceFrom, deviceTo);
    store<i32>(batch + (i << 2), device, column.device);
  }
  store<u8>(batch + i, <u8>(forced === 1), column.forced);
  if (capped) directionsSet = 1;
  if (direction === 1 ? directionsSet === 0 : direction === 2 && load<u8>(batch + i, column.direction) !== 0) {
    store<u8>(batch + i, 255, column.direction);
  }
  return end;
}
