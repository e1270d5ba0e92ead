/**
 * LiME: ranges of memory one after another, each behind a header of 32 bytes.
 * Source: the format documentation of LiME 1.1 to 1.9 (`format=lime`).
 */

import { hex } from "../../base/hex.js";
import { u64At } from "../../base/u64.js";
import type { ByteSource } from "../bytes.js";
import type { Warnings } from "../unreadable.js";
import { readAt } from "./bytes_at.js";
import type { LinearParts } from "./linear_image.js";
import { type Piece, piecesMax } from "./piece.js";

/** "EMiL" in the file. */
const magic = 0x4c694d45;
const headerBytes = 32;

/** Never fails: what is no header ends the reading with a warning. The format does not say of which machine it is. */
export function readLime(source: ByteSource, warnings: Warnings): LinearParts {
  const pieces: Piece[] = [];
  for (let at = 0; at < source.size; ) {
    const stop = (expected: string, found: string) =>
      warnings.add(`offset ${hex(at)}`, `expected ${expected}, found ${found}; the rest of the file is left out`);
    const header = readAt(source, at, headerBytes);
    if (header === null) {
      stop("a LiME header", "the end of the file");
      break;
    }
    const found = header.getUint32(0, true);
    const version = header.getUint32(4, true);
    if (found !== magic || version !== 1) {
      stop("a LiME header of version 1", found === magic ? `version ${version}` : `magic ${hex(found)}`);
      break;
    }
    const first = u64At(header, 8);
    const last = u64At(header, 16);
    const bytes = last - first + 1;
    if (!(bytes > 0)) {
      stop("a range of memory", `${hex(first)} to ${hex(last)}`);
      break;
    }
    if (pieces.length === piecesMax) {
      stop(`at most ${piecesMax} ranges`, "more");
      break;
    }
    pieces.push({ fileOffset: at + headerBytes, address: first, bytes });
    at += headerBytes + bytes;
  }
  return { format: "lime", machine: null, pieces };
}
