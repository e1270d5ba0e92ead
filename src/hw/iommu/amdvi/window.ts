/**
 * Commands that were fetched and are not done with, oldest first: an invalidation that a device did not answer yet does not
 * keep those behind it from being begun.
 */
import { u64, u64High, u64Low } from "../../../base/u64.js";
import { type CellArray, cells, type MachineState, record } from "../../../state/index.js";

/** What comes next of a command. */
export const Stage = {
  /** No command. */
  none: 0,
  carryOut: 1,
  /** It is illegal, and that is not recorded yet. */
  refuse: 2,
  /** A device was asked and has not answered. */
  asked: 3,
  /** A completion wait whose data is stored. */
  tell: 4,
} as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

export const commandWords = 4;
const Word = { stage: 0, command: 1, at: 5, tag: 7 } as const;
const width = 8;

export class CommandWindow {
  readonly size: number;
  readonly #words: CellArray;

  constructor(state: MachineState, size: number) {
    this.size = size;
    const doc =
      "of each, oldest first: what comes next, four words, its address, and the tag of the device's answer plus one";
    this.#words = state.place(record("AMD-Vi commands under way", { words: cells(size * width, doc) })).words;
  }

  get count(): number {
    let n = 0;
    while (n < this.size && this.stageOf(n) !== Stage.none) n++;
    return n;
  }

  stageOf(n: number): Stage {
    return this.#words.get(n * width + Word.stage) as Stage;
  }

  setStage(n: number, to: Stage): void {
    this.#words.set(n * width + Word.stage, to);
  }

  copyTo(n: number, command: Uint32Array): void {
    this.#words.copyTo(command, n * width + Word.command);
  }

  addressOf(n: number): number {
    return u64(this.#words.get(n * width + Word.at), this.#words.get(n * width + Word.at + 1));
  }

  setTag(n: number, tag: number): void {
    this.#words.set(n * width + Word.tag, tag + 1);
  }

  /** @returns the command that waits for an answer with this tag; -1 when none does. */
  withTag(tag: number): number {
    for (let n = 0; n < this.size; n++) {
      if (this.stageOf(n) === Stage.asked && this.#words.get(n * width + Word.tag) === tag + 1) return n;
    }
    return -1;
  }

  /** Behind all others; there must be room. */
  add(o: { readonly stage: Stage; readonly command: Uint32Array; readonly at: number }): void {
    const at = this.count * width;
    this.#words.set(at + Word.stage, o.stage);
    this.#words.copyFrom(o.command, at + Word.command);
    this.#words.set(at + Word.at, u64Low(o.at));
    this.#words.set(at + Word.at + 1, u64High(o.at));
  }

  /** It is done: those behind it move up. */
  remove(n: number): void {
    const end = this.size * width;
    for (let at = n * width; at < end; at++) this.#words.set(at, at + width < end ? this.#words.get(at + width) : 0);
  }
}
