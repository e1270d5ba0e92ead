/**
 * Records of all CPUs' ring buffers into columns, in order of time: what `CpuStream`, `Decoder` and `TraceDatSource` do with
 * undamaged pages of a little-endian machine, several times as fast. Anything else is left to the host, stream by stream.
 */

import { shown } from "./ring/clock";
import { decode, forgetDevice } from "./ring/decode";
import { batch, deviceSlots, devices, forgetNames } from "./ring/memory";
import { second, sink, stream, streamsLeft, topNumber } from "./ring/merge";
import { next } from "./ring/stream";
import * as column from "./shared/columns";
import { listCapacity, listDmaUsed, listPhysUsed } from "./shared/columns";
import { add } from "./shared/known_words";
import { begin, nothing, odd, reason, wordFrom, wordTo } from "./shared/stop";

export { setClock } from "./ring/clock";
export { setCommon } from "./ring/decode";
export {
  batch,
  blocks,
  heap,
  learnTask,
  planOf,
  plans,
  planWords,
  streamBytes,
  streams,
  streamsMax,
} from "./ring/memory";
export { arrange, dropTop, topNumber } from "./ring/merge";
export { setLayout } from "./ring/stream";
export * from "./shared/columns";
export { reason } from "./shared/stop";

/** More entries than the lists of one record can have, whose length has 16 bits. */
const recordEntries = 1 << 15;

/**
 * Append events to the batch until it has `most`, no stream is left, or the one at the top of the heap is for the host.
 * @returns how many events it has then.
 */
export function read(count: i32, most: i32): i32 {
  let i = count;
  begin();
  while (i < most && streamsLeft() > 0 && hasRoom()) {
    const s = stream(topNumber());
    let limit: f64 = Infinity;
    let inclusive = true;
    if (streamsLeft() > 1) {
      const other = second();
      limit = other.time;
      inclusive = s.cpu < other.cpu;
    }
    do {
      if (s.recordBytes < 0) odd();
      else if (decode(batch, i, s.record, s.recordBytes)) {
        store<f64>(batch + (i << 3), shown(s.time), column.time);
        store<u16>(batch + (i << 1), <u16>s.cpu, column.cpu);
        i++;
        next(s);
      }
    } while (reason === nothing && i < most && (s.time < limit || (inclusive && s.time === limit)) && hasRoom());
    if (reason !== nothing) break;
    sink(0);
  }
  return i;
}

/** Whether the lists of any further record have room. */
export function hasRoom(): bool {
  return listDmaUsed + recordEntries <= listCapacity && listPhysUsed + recordEntries <= listCapacity;
}

/** After the host has gone on with the stream at the top: put it where it is due. */
export function settle(): void {
  sink(0);
}

/** Remember the number of the device that `reason` asked for. */
export function learnDevice(number: i32): void {
  add(devices, deviceSlots, wordFrom, wordTo - wordFrom, number);
}

/** Forget what was learnt of a recording. */
export function forget(): void {
  forgetNames();
  forgetDevice();
}
