/** How long unmapped memory stayed reachable after its driver could use it again. */

/** Lengths that are kept for their median. */
const keptMax = 2 ** 20;

export interface ReachableAfterUnmap {
  /** Unmappings whose memory stayed reachable, of so many of which both moments are known. */
  readonly count: number;
  readonly of: number;
  /** Seconds; null where none did. */
  readonly median: number | null;
  readonly max: number | null;
  /** Bytes times seconds, summed. */
  readonly byteSeconds: number;
}

export class Reach {
  #of = 0;
  #count = 0;
  #max = 0;
  #sum = 0;
  #kept = new Float64Array(1024);

  /** @param microseconds from when its driver had it until no cache did; 0 or less: never reachable */
  add(microseconds: number, bytes: number): void {
    this.#of++;
    if (!(microseconds > 0)) return;
    if (this.#count === this.#kept.length && this.#count < keptMax) {
      const more = new Float64Array(this.#count * 2);
      more.set(this.#kept);
      this.#kept = more;
    }
    if (this.#count < this.#kept.length) this.#kept[this.#count] = microseconds;
    this.#count++;
    this.#max = Math.max(this.#max, microseconds);
    this.#sum += microseconds * bytes;
  }

  finish(): ReachableAfterUnmap {
    const [count, of] = [this.#count, this.#of];
    if (count === 0) return { count, of, median: null, max: null, byteSeconds: 0 };
    const kept = this.#kept.slice(0, Math.min(count, this.#kept.length)).sort();
    const median = kept[Math.floor((kept.length - 1) / 2)]! / 1e6;
    return { count, of, median, max: this.#max / 1e6, byteSeconds: this.#sum / 1e6 };
  }
}
