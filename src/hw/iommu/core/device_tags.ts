/**
 * Invalidations that devices have not answered yet: each has a tag, and a device answers by tags.
 *
 * Source: PCI Express 6.0, 10.3 (ATS invalidation): an answer names a vector of tags and how many answers each tag gets (0
 * means 8); a tag is free when as many came. What names a tag that is free, or another device's, is unexpected.
 */
import { type CellArray, cells, type MachineState, record } from "../../../state/index.js";

/** Requester id, of 32 bits where it is a stream's, and answers so far plus one; 0 = free. */
const width = 2;
const Word = { requester: 0, answers: 1 } as const;

/** What an answer did. */
export const Answered = { counted: 0, last: 1, unexpected: 2 } as const;
export type Answered = (typeof Answered)[keyof typeof Answered];

export class DeviceTags {
  readonly count: number;
  readonly #words: CellArray;

  /** @param count tags, at most 32 */
  constructor(state: MachineState, count: number, name = "device-TLB invalidations") {
    this.count = count;
    this.#words = state.place(
      record(name, { words: cells(count * width, "who has each tag, and answers so far") }),
    ).words;
  }

  /** @returns the tag; -1 when none is free. */
  take(requester: number): number {
    for (let tag = 0; tag < this.count; tag++) {
      if (this.#answers(tag) !== 0) continue;
      this.#words.set(tag * width + Word.requester, requester);
      this.#words.set(tag * width + Word.answers, 1);
      return tag;
    }
    return -1;
  }

  /** Whose the tag is; null when it is free. */
  requesterOf(tag: number): number | null {
    return this.#answers(tag) === 0 ? null : this.#words.get(tag * width + Word.requester);
  }

  get busyCount(): number {
    let busy = 0;
    for (let tag = 0; tag < this.count; tag++) if (this.#answers(tag) !== 0) busy++;
    return busy;
  }

  /** One answer for one tag. @param expected answers that each tag gets: 0 = 8 */
  answer(o: { readonly requester: number; readonly tag: number; readonly expected: number }): Answered {
    const { requester, tag, expected } = o;
    if (!(tag >= 0 && tag < this.count) || this.requesterOf(tag) !== requester) return Answered.unexpected;
    const came = this.#answers(tag);
    if (came % 8 !== expected % 8) {
      this.#words.set(tag * width + Word.answers, came + 1);
      return Answered.counted;
    }
    this.free(tag);
    return Answered.last;
  }

  free(tag: number): void {
    for (let n = 0; n < width; n++) this.#words.set(tag * width + n, 0);
  }

  #answers(tag: number): number {
    return this.#words.get(tag * width + Word.answers);
  }
}
