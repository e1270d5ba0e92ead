/**
 * Frames of a memory for walkers: the last ones are kept at hand, and memory that lies in one piece is read in place.
 *
 * A walker asks for a frame and then reads `words` from the index it was given; nothing is allocated after the first
 * time a frame was seen.
 */
import type { Mfn } from "../base/frame.js";
import { FlatMemory } from "../mem/flat_memory.js";
import type { MemoryView, ReadonlyWords } from "../mem/view.js";

const wordsPerFrame = 1024;
/** Frames kept at hand; a power of two. */
const keptLg2 = 12;
const keptMask = 2 ** keptLg2 - 1;

const nothing: ReadonlyWords = new Uint32Array(0);

export class FrameSource implements MemoryView {
  /** Where the frame that was located last lies. */
  words: ReadonlyWords = nothing;
  /** Frames of `words`, from the first to the one after the last. */
  #first = 0;
  #end = 0;
  readonly #view: MemoryView;
  readonly #keys = new Float64Array(keptMask + 1).fill(-1);
  readonly #kept: ReadonlyWords[] = new Array<ReadonlyWords>(keptMask + 1).fill(nothing);

  /** @param view whose frames, once held, stay where they are; one that it does not hold yet is asked for again */
  constructor(view: MemoryView) {
    this.#view = view;
  }

  /** The source itself, when the memory already is one. */
  static of(view: MemoryView): FrameSource {
    return view instanceof FrameSource ? view : new FrameSource(view);
  }

  /** Memory in one piece. @param words frame `first` is the first 1024 of them */
  static flat(words: Uint32Array, first = 0): FrameSource {
    return new FrameSource(new FlatMemory(words, first));
  }

  /** @returns index into `words` of the frame's first word; -1 when the memory does not hold it. */
  locate(frame: number): number {
    if (frame >= this.#first && frame < this.#end) return (frame - this.#first) * wordsPerFrame;
    return this.#find(frame);
  }

  frame(m: Mfn): ReadonlyWords | undefined {
    const index = this.locate(m);
    if (index < 0) return undefined;
    const { words } = this;
    return words.length === wordsPerFrame ? words : words.subarray(index, index + wordsPerFrame);
  }

  #find(frame: number): number {
    const slot = frame & keptMask;
    if (this.#keys[slot] === frame) {
      this.words = this.#kept[slot]!;
    } else {
      const segment = this.#view.segment?.(frame as Mfn);
      if (segment !== undefined) {
        this.words = segment.words;
        this.#first = segment.first;
        this.#end = segment.first + segment.frameCount;
        return (frame - this.#first) * wordsPerFrame;
      }
      const words = this.#view.frame(frame as Mfn);
      if (words === undefined) return -1;
      this.#keys[slot] = frame;
      this.#kept[slot] = words;
      this.words = words;
    }
    this.#first = frame;
    this.#end = frame + 1;
    return 0;
  }
}
