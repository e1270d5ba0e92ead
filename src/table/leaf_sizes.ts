/** Which size a leaf has: the largest that alignment, length and format allow. */
import { Row, rowLength, type WalkPlan } from "./plan.js";

const stride = rowLength;
const perHalf = 2 ** -32;

export class LeafSizes {
  readonly #plan: WalkPlan;
  readonly #page: number;
  /** Levels that may hold leaves larger than a page, the largest first, and the bytes of such a leaf. */
  readonly #levels: readonly number[];
  readonly #bytes: readonly number[];
  readonly #anySizes: boolean;
  /** From how many bytes on more than a page is thought of. */
  readonly #largeBytes: number;

  constructor(
    plan: WalkPlan,
    isLeaf: (level: number) => boolean,
    o: { readonly superpages?: boolean; readonly encodedSizes?: boolean },
  ) {
    const { format, rows, level: top } = plan;
    const levels = Array.from({ length: top }, (_, n) => top - n);
    // Kernels do not use AMD-Vi's leaves of 512 GiB and more.
    this.#levels = levels.filter((level) => isLeaf(level) && !(format.nextLevel && level > 2));
    this.#bytes = this.#levels.map((level) => 2 ** rows[level * stride + Row.shift]!);
    this.#plan = plan;
    this.#page = format.granuleLg2;
    this.#anySizes = o.encodedSizes === true && format.nextLevel;
    const least = this.#anySizes ? 2 ** (this.#page + 1) : (this.#bytes.at(-1) ?? Number.POSITIVE_INFINITY);
    this.#largeBytes = o.superpages === false ? Number.POSITIVE_INFINITY : least;
  }

  /** @param low, high words of the input address @returns log2 of the bytes */
  largest(low: number, high: number, paddr: number, bytes: number): number {
    if (bytes < this.#largeBytes) return this.#page;
    const anyLow = low | paddr;
    const anyHigh = high | ((paddr * perHalf) | 0);
    if (this.#anySizes) return this.#encoded(anyLow, anyHigh, bytes);
    const { rows } = this.#plan;
    for (let n = 0; n < this.#levels.length; n++) {
      const row = this.#levels[n]! * stride;
      const within = (anyLow & rows[row + Row.offsetLow]!) | (anyHigh & rows[row + Row.offsetHigh]!);
      if (within === 0 && this.#bytes[n]! <= bytes) return rows[row + Row.shift]!;
    }
    return this.#page;
  }

  /** The highest level, not above this one, that may hold leaves. */
  leafLevel(level: number): number {
    for (const large of this.#levels) if (large <= level) return large;
    return 0;
  }

  /** The level whose entries a leaf of that size takes, one or several. */
  levelOf(sizeLg2: number): number {
    return ((sizeLg2 - this.#page) / this.#plan.perLevel) | 0;
  }

  /** AMD-Vi v1: any power of two. 512 GiB is left out, as processors are said to get it wrong. */
  #encoded(low: number, high: number, bytes: number): number {
    const zeros = low !== 0 ? 31 - Math.clz32(low & -low) : high !== 0 ? 63 - Math.clz32(high & -high) : 64;
    const { level, inputBits } = this.#plan;
    const sizeLg2 = Math.min(zeros, level * 9 + 20, inputBits, 47, Math.floor(Math.log2(bytes)));
    return sizeLg2 === 39 ? 38 : sizeLg2;
  }
}
