/**
 * The words that most lines have, recognised four bytes at a time; every other word goes by its hash.
 *
 * A found word is returned as one number, `value + 16 * length`, so that nothing is allocated. Bytes past the line may be
 * looked at: they cannot make a word of the line, which its newline ends.
 */
import { Direction } from "../../spec/dma/direction.js";
import { Role } from "./words.js";

/** Four characters as the little-endian word that the scan compares. */
const word = (text: string) => new DataView(new TextEncoder().encode(text.padEnd(4, "\0")).buffer).getInt32(0, true);
const wordDma = word("dma_");
const wordDev = word("dev_");
const wordAddr = word("addr");
const wordMask = word("mask");
const wordDir = word("dir=");
const wordSize = word("size");
const wordAttr = word("attr");
const wordPhys = word("phys");
const wordAdd = word("_add");
const wordFrom = word("FROM");
const wordDevice = word("_DEV");
const wordIce = word("ICE");
const wordToD = word("TO_D");
const wordEvice = word("EVIC");
const wordE = word("E");

const equals = 61;
const letterR = 114;
const letterS = 115;

/** @param at where a key may begin. @returns its `Role` and the length of `key=`, -1 for another key. */
export function commonKey(bytes: Uint8Array, view: DataView, at: number): number {
  switch (view.getInt32(at, true)) {
    case wordDma:
    case wordDev: {
      if (bytes[at + 8] !== equals) return -1;
      const rest = view.getInt32(at + 4, true);
      return rest === wordAddr ? Role.dma + 16 * 9 : rest === wordMask ? Role.mask + 16 * 9 : -1;
    }
    case wordDir:
      return Role.direction + 16 * 4;
    case wordSize:
      return bytes[at + 4] === equals ? Role.size + 16 * 5 : -1;
    case wordAttr:
      return bytes[at + 4] === letterS && bytes[at + 5] === equals ? Role.attrs + 16 * 6 : -1;
    case wordPhys:
      if (view.getInt32(at + 4, true) !== wordAdd) return -1;
      return bytes[at + 8] === letterR && bytes[at + 9] === equals ? Role.phys + 16 * 10 : -1;
  }
  return -1;
}

/** @returns the code of FROM_DEVICE or TO_DEVICE and the length of the name, -1 for another one. */
export function commonDirection(view: DataView, at: number): number {
  const first = view.getInt32(at, true);
  if (
    first === wordFrom &&
    view.getInt32(at + 4, true) === wordDevice &&
    (view.getInt32(at + 8, true) & 0xffffff) === wordIce
  ) {
    return Direction.fromDevice + 16 * 11;
  }
  if (
    first === wordToD &&
    view.getInt32(at + 4, true) === wordEvice &&
    (view.getInt32(at + 8, true) & 0xff) === wordE
  ) {
    return Direction.toDevice + 16 * 9;
  }
  return -1;
}
