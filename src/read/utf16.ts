/**
 * Text in UTF-16 behind its byte order mark, as PowerShell's `>` writes a log: told by its first bytes, and handed on as
 * UTF-8, which is all that readers know. Source: Unicode Standard, 23.8 (byte order mark).
 */
import { memorySource } from "./bytes.js";
import type { Unpacked } from "./packed.js";
import { Unreadable } from "./unreadable.js";

/** It is converted in memory, so it may not be larger. */
const bytesMax = 2 ** 30;
const pieceBytes = 1 << 20;
/** Characters behind the mark that must be a text's, most of them ASCII: memory may begin with the two bytes of the mark. */
const looked = 32;
/** Tab, new line, form feed, carriage return, escape (colours of dmesg). */
const controls: ReadonlySet<number> = new Set([9, 10, 12, 13, 27]);

/** @returns the source as it is, or of UTF-16 its text as UTF-8. @throws Unreadable for more than 1 GiB of UTF-16 */
export function asUtf8<S extends Unpacked>(source: S): S | Unpacked {
  const encoding = encodingOf(source);
  if (encoding === null) return source;
  if (source.size > bytesMax) {
    throw new Unreadable(source.name, "", `at most ${bytesMax} bytes of UTF-16`, `${source.size}`);
  }
  const decoder = new TextDecoder(encoding);
  const encoder = new TextEncoder();
  const piece = new Uint8Array(pieceBytes);
  const pieces: Uint8Array[] = [];
  for (let at = 0; ; ) {
    const got = source.read(at, piece);
    at += got;
    pieces.push(encoder.encode(decoder.decode(piece.subarray(0, got), { stream: got > 0 })));
    if (got === 0) break;
  }
  const text = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of pieces) {
    text.set(part, end);
    end += part.length;
  }
  return { ...memorySource(source.name, text), damage: source.damage };
}

function encodingOf(source: Unpacked): "utf-16le" | "utf-16be" | null {
  const bytes = new Uint8Array(2 + 2 * looked);
  const held = source.read(0, bytes);
  const view = new DataView(bytes.buffer);
  const mark = view.getUint16(0);
  if (held < 4 || (mark !== 0xfffe && mark !== 0xfeff)) return null;
  let ascii = 0;
  let others = 0;
  for (let at = 2; at + 2 <= held; at += 2) {
    const unit = view.getUint16(at, mark === 0xfffe);
    if ((unit >= 0x20 && unit < 0x7f) || controls.has(unit)) ascii++;
    else if (unit >= 0xa0 && unit < 0xfffe) others++;
    else return null;
  }
  if (others >= ascii) return null;
  return mark === 0xfffe ? "utf-16le" : "utf-16be";
}
