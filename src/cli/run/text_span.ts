/** When a recording begins and ends, from the first and last bytes of its text, without reading it. */
import type { ByteSource } from "../../read/bytes.js";

export interface Span {
  /** Seconds of the recording's clock. */
  readonly from: number;
  readonly to: number;
}

const looked = 65536;
const stamp = /\[\d{1,5}\] (?:\S{3,12} +)? *(\d{1,9}\.\d{6,9}): /g;

/** @returns null for a recording that is no text, or has no time stamps at both its ends. */
export function spanOf(source: ByteSource): Span | null {
  const head = times(source, 0);
  const tail = times(source, Math.max(0, source.size - looked));
  const from = head[0];
  const to = tail.at(-1);
  return from === undefined || to === undefined ? null : { from, to };
}

function times(source: ByteSource, at: number): number[] {
  const bytes = new Uint8Array(looked);
  const length = source.read(at, bytes);
  const text = new TextDecoder().decode(bytes.subarray(0, length));
  return [...text.matchAll(stamp)].map((m) => Number(m[1]));
}
