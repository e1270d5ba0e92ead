/**
 * Lines of ftrace text into columns, as far as they have the forms that most lines have: what `TextSource` does with them,
 * several times as fast. At any other line it stops, and the host reads that one.
 */

import { fields } from "./ftrace/fields";
import { context, cpu, head, nameFrom, nameTo, taskEnd, time } from "./ftrace/head";
import { lineEndOr } from "./ftrace/scan";
import { findName, findTask, forms } from "./ftrace/tables";
import * as column from "./shared/columns";
import { blank, listDmaUsed, listPhysUsed, useLists } from "./shared/columns";
import { unknown } from "./shared/known_words";
import { begin, newName, newTask, odd, unknownWord } from "./shared/stop";

export { directionsSet } from "./ftrace/fields";
export { block, end, firstBatch, forget, forms, learn, secondBatch } from "./ftrace/tables";
export * from "./shared/columns";
export { reason, wordFrom, wordTo } from "./shared/stop";

/** Number of an event's name: a form's, or one of these. */
const notListed = -1;

const newline = 10;

/** Where the first line is that was not read, and how many of the lines read are of listed events. */
export let at: usize = 0;
export let known: i32 = 0;

/**
 * Read the lines of [from, to), each of which ends within, until one is for the host or the batch is full.
 * @param count events that the batch has already
 * @param most events that it may have
 * @returns how many it has then.
 */
export function read(from: usize, to: usize, batch: usize, count: i32, most: i32): i32 {
  let i = count;
  at = from;
  known = 0;
  begin();
  while (at < to && i < most) {
    const dmaUsed = listDmaUsed;
    const physUsed = listPhysUsed;
    const end = event(at, batch, i);
    if (end === 0) {
      useLists(dmaUsed, physUsed);
      break;
    }
    at = end + 1;
    i++;
  }
  return i;
}

/** Fill event i from a line. @returns its newline; 0 when the line is for the host. */
function event(line: usize, batch: usize, i: i32): usize {
  const p = head(line);
  if (p === 0) return 0;
  const task = findTask(line, taskEnd);
  if (task === unknown) return unknownWord(newTask, line, taskEnd);
  const number = findName(nameFrom, nameTo);
  if (number === unknown) return unknownWord(newName, nameFrom, nameTo);
  if (number < notListed) return odd();
  blank(batch, i);
  store<f64>(batch + (i << 3), time, column.time);
  store<u16>(batch + (i << 1), <u16>cpu, column.cpu);
  store<i32>(batch + (i << 2), task, column.task);
  store<u8>(batch + i, <u8>context, column.context);
  if (number === notListed) return lineEndOr(p, newline);
  const form = <usize>forms + ((<usize>number) << 4);
  store<u8>(batch + i, load<u8>(form), column.kind);
  const end = fields(p, form, batch, i);
  if (end !== 0) known++;
  return end;
}
