/** Which memory is behind unmapped addresses that a cache may still translate, and whether it is mapped anew meanwhile. */
import { frameBytes } from "../../../base/frame.js";
import type { Unmapping } from "./unmapping.js";

/** Of one range, and in all: what is beyond is not followed. */
const pagesMax = 4096;
const heldMax = 2 ** 20;

/** Bytes of a mapping that lie side by side in memory. */
export interface Piece {
  readonly iova: number;
  readonly phys: number;
  readonly bytes: number;
}

/** The memory behind the mapped pages of one domain, by their numbers. */
export class Backing {
  readonly #frames = new Map<number, number>();

  mapped(pieces: readonly Piece[]): void {
    for (const { iova, phys, bytes } of pieces) {
      const count = Math.min(pagesMax, bytes / frameBytes);
      for (let p = 0; p < count; p++) this.#frames.set(iova / frameBytes + p, phys / frameBytes + p);
    }
  }

  /** @returns frames of what was mapped there, as far as it is known */
  unmapped(from: number, to: number): number[] {
    const frames: number[] = [];
    const end = Math.min(to, from + pagesMax * frameBytes) / frameBytes;
    for (let page = from / frameBytes; page < end; page++) {
      const frame = this.#frames.get(page);
      if (frame === undefined) continue;
      frames.push(frame);
      this.#frames.delete(page);
    }
    return frames;
  }
}

export class StillReachable {
  readonly #byFrame = new Map<number, Unmapping>();
  /** Unmappings whose memory was mapped anew before caches forgot it. */
  mappedAnew = 0;

  add(u: Unmapping, frames: readonly number[]): void {
    if (this.#byFrame.size > heldMax) this.#byFrame.clear();
    for (const frame of frames) this.#byFrame.set(frame, u);
  }

  mapped({ phys, bytes }: Piece): void {
    if (this.#byFrame.size === 0) return;
    const first = phys / frameBytes;
    const count = Math.min(pagesMax, bytes / frameBytes);
    for (let f = first; f < first + count; f++) {
      const u = this.#byFrame.get(f);
      if (u === undefined) continue;
      this.#byFrame.delete(f);
      if (u.isCovered || u.isMappedAnew) continue;
      u.isMappedAnew = true;
      this.mappedAnew++;
    }
  }
}
