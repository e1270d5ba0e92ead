/** Where memory stands in a file: pieces of bytes, in any order, overlapping or not. */
import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import type { ByteSource } from "../bytes.js";
import type { Warnings } from "../unreadable.js";

const pageBytes = frameBytes;

/** `bytes` bytes of memory from physical `address` on, in the file from byte `fileOffset` on. */
export interface Piece {
  readonly fileOffset: number;
  readonly address: number;
  readonly bytes: number;
}

/** Images of more pieces than this are read to here. */
export const piecesMax = 2 ** 20;
/** Physical addresses have at most 52 bits (x86-64, Armv8); from 2^53 on a double is not exact. */
export const addressMax = 2 ** 53;

/**
 * Keep of each piece what the file holds and what can be addressed. A frame that the file's end cuts is left out.
 * What is left out is warned of once each: not by piece, as there may be a million.
 */
export function heldPieces(pieces: readonly Piece[], source: ByteSource, warnings: Warnings): Piece[] {
  let missing = 0;
  let beyond = 0;
  const held: Piece[] = [];
  for (const p of pieces) {
    if (!(p.bytes > 0)) continue;
    if (!(p.address + p.bytes <= addressMax)) {
      beyond++;
      continue;
    }
    let bytes = Math.min(p.bytes, Math.max(0, source.size - p.fileOffset));
    if (bytes < p.bytes) bytes = Math.max(0, bytes - ((p.address + bytes) % pageBytes));
    missing += p.bytes - bytes;
    if (bytes > 0) held.push({ fileOffset: p.fileOffset, address: p.address, bytes });
  }
  if (missing > 0) {
    warnings.add(
      `offset ${hex(source.size)}`,
      `expected ${hex(missing)} more bytes of memory, found the end of the file; their frames are left out`,
    );
  }
  if (beyond > 0) {
    warnings.add("", `expected addresses below 2^53, found ${beyond} segments beyond; they are left out`);
  }
  return held;
}
