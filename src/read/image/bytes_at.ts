/** Little-endian fields of headers, read where they stand. */
import type { ByteSource } from "../bytes.js";

/** @returns `count` bytes at byte `offset`; null when the source does not hold all of them. */
export function readAt(source: ByteSource, offset: number, count: number): DataView | null {
  if (!within(source, offset, count)) return null;
  const bytes = new Uint8Array(count);
  return source.read(offset, bytes) === count ? new DataView(bytes.buffer) : null;
}

/** Whether the source's length leaves room for `count` bytes at `offset`. */
export function within(source: ByteSource, offset: number, count: number): boolean {
  return Number.isSafeInteger(offset) && offset >= 0 && offset + count <= source.size;
}

/** Text up to the first NUL, at most `max` bytes. */
export function textAt(view: DataView, at: number, max: number): string {
  let text = "";
  for (let i = 0; i < max && at + i < view.byteLength; i++) {
    const c = view.getUint8(at + i);
    if (c === 0) break;
    text += String.fromCharCode(c);
  }
  return text;
}
