/**
 * The records of one CPU's pages, in order, as `CpuStream` goes through them: as far as a block of undamaged pages reaches.
 * All places are addresses in memory.
 */

import { advance, stop } from "../shared/stop";
import { since } from "./clock";

/** A stream's state: the host sets it, and reads it when the stream is left to it. */
export class Stream {
  /** Next event header, and the end of the page's events. */
  at: u32 = 0;
  end: u32 = 0;
  /** Next page, and the end of the block's pages. */
  page: u32 = 0;
  blockEnd: u32 = 0;
  cpu: u32 = 0;
  /** High word of the page's time stamp. */
  pageHigh: u32 = 0;
  /** The event that is next: its time in nanoseconds since the clock's first, its record. */
  time: f64 = 0;
  record: u32 = 0;
  /** Negative when it is a loss, which has no record. */
  recordBytes: i32 = 0;
}

// Types of an event header; those between are the words of data that follow. Source: Linux include/linux/ring_buffer.h.
const longRecord = 0;
const padding = 29;
const timeExtend = 30;
const timeStamp = 31;
const commitMask: u32 = 0x07ffffff;
const missedEvents: u32 = 0x80000000;

let pageBytes: u32 = 0;
let commitAt: u32 = 0;
let dataAt: u32 = 0;

export function setLayout(bytes: u32, commit: u32, data: u32): void {
  pageBytes = bytes;
  commitAt = commit;
  dataAt = data;
}

/** Go to the next event. @returns false when the host has to, from where it then stands. */
export function next(s: Stream): bool {
  while (true) {
    const at = s.at;
    if (at + 4 > s.end) {
      if (!nextPage(s)) return stop(advance);
      continue;
    }
    const head = load<u32>(at);
    const type = head & 31;
    const delta = head >>> 5;
    if (type - 1 < 28) {
      const end = at + 4 + (type << 2);
      if (end > s.end) return stop(advance);
      s.at = end;
      s.time += <f64>delta;
      s.record = at + 4;
      s.recordBytes = type << 2;
      return true;
    }
    if (type === padding && delta === 0) {
      s.at = s.end;
      continue;
    }
    if (at + 8 > s.end) return stop(advance);
    if (special(s, at, type, delta)) return true;
    if (s.at === at) return stop(advance);
  }
}

/** A header with a word behind it. @returns whether it is that of a record; the stream stays before a damaged one. */
function special(s: Stream, at: u32, type: u32, delta: u32): bool {
  const word = load<u32>(at, 4);
  if (type === timeExtend) {
    s.time += <f64>word * 0x08000000 + <f64>delta;
    s.at = at + 8;
  } else if (type === timeStamp) {
    // 59 bits of an absolute time; the five above are those of the page.
    s.time = since(<f64>(s.pageHigh & 0xf8000000) + <f64>(word >>> 5), <f64>(((word & 31) << 27) | delta));
    s.at = at + 8;
  } else if (word >= 4 && word <= s.end - at - 4) {
    s.at = at + 4 + word;
    s.time += <f64>delta;
    s.record = at + 8;
    s.recordBytes = word - 4;
    return type === longRecord;
  }
  return false;
}

/** Begin the block's next page. @returns false when there is none, or it is damaged or has lost events. */
function nextPage(s: Stream): bool {
  const page = s.page;
  const left = s.blockEnd - page;
  if (left < dataAt) return false;
  const room = min(pageBytes, left);
  const commit = load<u32>(page + commitAt);
  const bytes = commit & commitMask;
  if (bytes > room - dataAt || (commit & missedEvents) !== 0) return false;
  s.page = page + room;
  s.pageHigh = load<u32>(page, 4);
  s.time = since(<f64>s.pageHigh, <f64>load<u32>(page));
  s.at = page + dataAt;
  s.end = s.at + bytes;
  return true;
}
