/** Where the leaves of an enumeration go, and at which addresses. */
import type { WalkPlan } from "./plan.js";
import type { Allow } from "./root.js";

/** Takes leaves in ascending order; `Ranges` is one. */
export interface LeafSink {
  /**
   * Neighbouring leaves of one size and permission, contiguous in both spaces.
   * @param bytes of all of them together
   * @param leaves how many; 0 for a further piece of a leaf that was counted
   */
  push(iova: number, paddr: number, bytes: number, allow: Allow, leaves: number): void;
}

const interruptStart = 0xfee0_0000;
const interruptEnd = 0xfef0_0000;

/** An input address with the bits above the input as the root wants them; exact for multiples of 4096. */
export function canonical({ upper, inputBits }: WalkPlan, iova: number): number {
  const above = upper === 2 || (upper === 3 && iova >= 2 ** (inputBits - 1));
  return above ? 2 ** 64 - 2 ** inputBits + iova : iova;
}

/** Puts runs where the bits above the input put them, and leaves out what ends in VT-d's interrupt range. */
export class Placed implements LeafSink {
  readonly #plan: WalkPlan;
  readonly #sink: LeafSink;

  constructor(plan: WalkPlan, sink: LeafSink) {
    this.#plan = plan;
    this.#sink = sink;
  }

  push(iova: number, paddr: number, bytes: number, allow: Allow, leaves: number): void {
    const { upper, interruptRange } = this.#plan;
    if (upper !== 1) this.#upper(iova, paddr, bytes, allow, leaves);
    else if (interruptRange) this.#visible(iova, paddr, bytes, allow, leaves);
    else this.#sink.push(iova, paddr, bytes, allow, leaves);
  }

  #upper(iova: number, paddr: number, bytes: number, allow: Allow, leaves: number): void {
    const p = this.#plan;
    const half = 2 ** (p.inputBits - 1);
    if (p.upper === 3 && iova < half && iova + bytes > half) {
      // A run over the middle of the input is two runs, far from each other.
      const below = Math.round((leaves * (half - iova)) / bytes);
      this.#visible(iova, paddr, half - iova, allow, below);
      this.#visible(canonical(p, half), paddr + half - iova, bytes - (half - iova), allow, leaves - below);
    } else this.#visible(canonical(p, iova), paddr, bytes, allow, leaves);
  }

  #visible(iova: number, paddr: number, bytes: number, allow: Allow, leaves: number): void {
    if (!this.#plan.interruptRange || paddr >= interruptEnd || paddr + bytes <= interruptStart) {
      this.#sink.push(iova, paddr, bytes, allow, leaves);
      return;
    }
    const leafBytes = bytes / leaves;
    const before = Math.max(interruptStart - paddr, 0);
    const gone = Math.min(interruptEnd - paddr, bytes);
    const counted = Math.ceil(before / leafBytes);
    if (before > 0) this.#sink.push(iova, paddr, before, allow, counted);
    if (gone < bytes) {
      const whole = leaves - Math.max(counted, Math.floor(gone / leafBytes));
      this.#sink.push(iova + gone, paddr + gone, bytes - gone, allow, whole);
    }
  }
}
