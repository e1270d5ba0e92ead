/** Frames read before, up to a number of bytes. A hit costs a few array reads; nothing is ever written over. */
import { frameBytes, type Mfn } from "../../base/frame.js";

const ways = 4;
const pageBytes = frameBytes;

export class FrameCache {
  readonly #frames: Float64Array;
  readonly #words: (Uint32Array | undefined)[];
  /** 1 for what was asked for since the set's last replacement. */
  readonly #used: Uint8Array;
  readonly #shift: number;
  readonly #load: (m: Mfn) => Uint32Array | undefined;

  /**
   * @param bytes how much to keep, rounded down to a power of two, at least four frames
   * @param load reads a frame that is not kept; what it returns is kept, undefined is not
   */
  constructor(bytes: number, load: (m: Mfn) => Uint32Array | undefined) {
    const setsLg2 = Math.min(20, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes / pageBytes / ways)))));
    const slots = 2 ** setsLg2 * ways;
    this.#frames = new Float64Array(slots).fill(-1);
    this.#words = new Array<Uint32Array | undefined>(slots).fill(undefined);
    this.#used = new Uint8Array(slots);
    this.#shift = 32 - setsLg2;
    this.#load = load;
  }

  /** @returns the frame's words: the same ones for as long as it is kept. */
  get(m: Mfn): Uint32Array | undefined {
    const frames = this.#frames;
    const set = this.#setOf(m);
    for (let slot = set; slot < set + ways; slot++) {
      if (frames[slot] === m) {
        this.#used[slot] = 1;
        return this.#words[slot];
      }
    }
    const words = this.#load(m);
    if (words !== undefined) {
      const slot = this.#replaceable(set);
      frames[slot] = m;
      this.#words[slot] = words;
      this.#used[slot] = 1;
    }
    return words;
  }

  /** Tables often stand at round addresses: the low bits alone would send them all to one set. */
  #setOf(m: number): number {
    if (this.#shift === 32) return 0;
    return (Math.imul(m ^ (m / 2 ** 32), 0x9e3779b1) >>> this.#shift) * ways;
  }

  #replaceable(set: number): number {
    for (let slot = set; slot < set + ways; slot++) if (this.#used[slot] === 0) return slot;
    this.#used.fill(0, set, set + ways);
    return set;
  }
}
