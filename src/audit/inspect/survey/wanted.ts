/** Frames that pointers are looked for to, by the 18 bits of their number that a pointer keeps wherever memory is mapped. */
import { frameBytes } from "../../../base/frame.js";

const pageBytes = frameBytes;

/** One bit for each number. */
export type WantedFrames = Uint8Array;

export const wantedBytes = 2 ** 18 / 8;

/** @param addresses byte addresses of frames */
export function wantedFrames(addresses: readonly number[]): WantedFrames {
  const wanted = new Uint8Array(wantedBytes);
  for (const address of addresses) {
    const frame = Math.floor(address / pageBytes) % 2 ** 18;
    wanted[frame >> 3]! |= 1 << (frame & 7);
  }
  return wanted;
}

/** @param low the lower half of what could be a pointer */
export function isWanted(wanted: WantedFrames, low: number): boolean {
  const frame = (low >>> 12) & 0x3_ffff;
  return ((wanted[frame >> 3]! >> (frame & 7)) & 1) !== 0;
}
