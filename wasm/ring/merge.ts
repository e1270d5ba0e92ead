/** The streams that are not done, as a heap by the time of their next event: each goes before the two beneath it. */
import { heap, streamBytes, streams } from "./memory";
import { Stream } from "./stream";

let count: i32 = 0;

export function stream(number: i32): Stream {
  return changetype<Stream>(streams + number * streamBytes);
}

export function topNumber(): i32 {
  return load<i32>(heap);
}

function at(place: i32): Stream {
  return stream(load<i32>(heap + (place << 2)));
}

export function streamsLeft(): i32 {
  return count;
}

/** Of two events at one time, the kernel takes that of the lower CPU first. */
function goesBefore(a: Stream, b: Stream): bool {
  return a.time < b.time || (a.time === b.time && a.cpu < b.cpu);
}

/** The stream that is due after the first one, of two or more. */
export function second(): Stream {
  return count > 2 && goesBefore(at(2), at(1)) ? at(2) : at(1);
}

/** Make a heap of the first `number` streams. */
export function arrange(number: i32): void {
  count = number;
  for (let i = 0; i < number; i++) store<i32>(heap + (i << 2), i);
  for (let i = number >> 1; i-- > 0; ) sink(i);
}

/** The stream at the top is done. */
export function dropTop(): void {
  count--;
  store<i32>(heap, load<i32>(heap + (count << 2)));
}

/** Let the stream at `place` sink to where it is due. */
export function sink(place: i32): void {
  if (count === 0) return;
  const moved = load<i32>(heap + (place << 2));
  const its = stream(moved);
  while (true) {
    let child = place * 2 + 1;
    if (child >= count) break;
    if (child + 1 < count && goesBefore(at(child + 1), at(child))) child++;
    if (!goesBefore(at(child), its)) break;
    store<i32>(heap + (place << 2), load<i32>(heap + (child << 2)));
    place = child;
  }
  store<i32>(heap + (place << 2), moved);
}
