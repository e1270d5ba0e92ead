/** A line up to its event's name, as `LineHead` reads it: `  task-34      [001] d.h2.     6.929439: dma_alloc: `. */

import { odd } from "../shared/stop";
import { byte, isDigit, lineEndOr, wordEnd } from "./scan";

const space = 32;
const quote = 62;
const comment = 35;
const bracket = 91;
const closing = 93;
const point = 46;
const colon = 58;

/** What `head` found. The task is everything before the bracket. */
export let taskEnd: usize = 0;
export let cpu: i32 = 0;
/** A `Context`. */
export let context: i32 = 0;
/** Microseconds. */
export let time: f64 = 0;
export let nameFrom: usize = 0;
export let nameTo: usize = 0;

/** @returns behind the name and its colon; 0 for a line of another form, which the host reads. */
export function head(line: usize): usize {
  const first = byte(line);
  let p = lineEndOr(line, bracket);
  if (first === quote || first === comment || byte(p) !== bracket || p === line || byte(p - 1) !== space) return odd();
  taskEnd = p;
  p = readCpu(p + 1);
  if (p === 0) return odd();
  context = 255;
  if (!isDigit(byte(p))) {
    p = readFlags(p);
    if (p === 0) return odd();
  }
  p = readTime(p);
  if (p === 0 || byte(p) !== space) return odd();
  while (byte(p) === space) p++;
  nameFrom = p;
  p = wordEnd(p);
  nameTo = p - 1;
  return p - nameFrom < 2 || byte(nameTo) !== colon ? odd() : p;
}

/** `001] `. @returns behind the blanks. */
function readCpu(from: usize): usize {
  let p = from;
  let number = 0;
  for (let c = byte(p); isDigit(c) && p - from < 5; c = byte(++p)) number = number * 10 + c - 48;
  if (p === from || number > 65535 || byte(p) !== closing || byte(p + 1) !== space) return 0;
  cpu = number;
  p += 2;
  while (byte(p) === space) p++;
  return p;
}

/** `d.h2. `: the third is the context. @returns behind the blanks. */
function readFlags(from: usize): usize {
  let p = wordEnd(from);
  if (p - from < 3 || p - from > 12 || byte(p) !== space) return 0;
  const flag = byte(from + 2);
  if (flag === 46) context = 0;
  else if (flag === 115) context = 1;
  else if (flag === 104 || flag === 72) context = 2;
  else if (flag === 122 || flag === 90) context = 3;
  while (byte(p) === space) p++;
  return p;
}

/** `6.929439:`, seconds with six decimals, which all tools print unless asked for more. @returns behind the colon. */
function readTime(from: usize): usize {
  let p = from;
  let seconds = 0;
  let c = byte(p);
  for (; isDigit(c); c = byte(++p)) seconds = seconds * 10 + c - 48;
  if (p === from || p - from > 9 || c !== point) return 0;
  const decimals = p + 1;
  let fraction = 0;
  for (c = byte(++p); isDigit(c); c = byte(++p)) fraction = fraction * 10 + c - 48;
  if (p - decimals !== 6 || c !== colon) return 0;
  time = <f64>seconds * 1e6 + <f64>fraction;
  return p + 1;
}
