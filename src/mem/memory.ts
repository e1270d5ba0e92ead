/**
 * Machine memory that carries bytes, sparse. A frame that was never written reads as zeros and costs nothing.
 *
 * All writes go through one door: `store` and its kin, `compareExchange`, `write` and what is made of it. A machine that is
 * explored hands its state over, which then notes each write.
 */
import { assert, Misuse } from "../base/assert.js";
import { frameBytes, type Mfn } from "../base/frame.js";
import { lineWords, type MachineState } from "../state/machine_state.js";
import { putRun } from "./put_run.js";
import type { MemoryView, ReadonlyWords } from "./view.js";

const pageBytes = frameBytes;
/** A frame that was written: the same bytes in two ways to count them. */
class Written {
  readonly words = new Uint32Array(pageBytes / 4);
  readonly bytes = new Uint8Array(this.words.buffer);
}

/** What a frame holds that was never written; nobody writes it. */
const nothing = new Written();

/** Frames that were written, by number. */
interface Frames {
  get(frame: number): Written | undefined;
  set(frame: number, written: Written): void;
  keys(): Iterable<number>;
}

export class Memory implements MemoryView {
  readonly #frames: Frames;
  #state: MachineState | null = null;
  /** Frames 0 to frameCount - 1 exist. */
  readonly frameCount: number;

  /** @param frameCount frames of 4 KiB; addresses end at frameCount * 4096. @param frames where they are kept */
  constructor(frameCount: number, frames: Frames = new Map<number, Written>()) {
    assert(Number.isSafeInteger(frameCount) && frameCount > 0, "memory has a whole number of frames");
    this.frameCount = frameCount;
    this.#frames = frames;
  }

  /**
   * The memory of a guest: frames of this one by other numbers, the same bytes by either. For machines that only run: what
   * is written by it is not noted.
   * @param places the frame here of each of the guest's, each once
   */
  through(places: ArrayLike<number>): Memory {
    const all = this.#frames;
    return new Memory(places.length, {
      get: (frame) => all.get(places[frame]!),
      set: (frame, written) => all.set(places[frame]!, written),
      keys: () =>
        Array.from(places, (place, frame) => (all.get(place) === undefined ? -1 : frame)).filter((n) => n >= 0),
    });
  }

  /** From now on writes are noted in `state`, once it has begun: a line that is written becomes a part of it. */
  noteIn(state: MachineState): void {
    this.#state = state;
  }

  /**
   * @returns the 1024 words of a frame, live, to be read only; undefined for one that does not exist or, in a machine that
   * only runs, was never written.
   */
  frame(m: Mfn): ReadonlyWords | undefined {
    if (this.#state?.isWatched === true) return this.#watchedFrame(m, this.#state);
    const written = this.#frames.get(m);
    if (written !== undefined) return written.words;
    // What was written may be taken back, but a frame once made stays: explored machines see all of them from the start.
    return this.#state !== null && m >= 0 && m < this.frameCount ? this.#touch(m).words : undefined;
  }

  /** Frames that were written, ascending; all others hold zeros. */
  get writtenFrames(): Mfn[] {
    return [...this.#frames.keys()].sort((a, b) => a - b) as Mfn[];
  }

  /** One load of 16 bits, as one access. @param address a multiple of 2 @throws Misuse `outside-memory`. */
  load16(address: number): number {
    const words = this.#wordsToRead(address, 2);
    const at = Math.floor((address % pageBytes) / 4);
    this.#state?.accessed(Math.floor(address / pageBytes), words, at, false);
    return (words[at]! >>> (address % 4 === 0 ? 0 : 16)) & 0xffff;
  }

  /** One load of 32 bits, as one access. @param address a multiple of 4 @throws Misuse `outside-memory`. */
  load32(address: number): number {
    const words = this.#wordsToRead(address, 4);
    const at = (address % pageBytes) / 4;
    this.#state?.accessed(Math.floor(address / pageBytes), words, at, false);
    return words[at]!;
  }

  /** One load of 1, 2, 4 ... 16 words, as one access. @param address a multiple of their bytes */
  load(address: number, into: Uint32Array): void {
    const words = this.#wordsToRead(address, into.length * 4);
    const at = (address % pageBytes) / 4;
    this.#state?.accessed(Math.floor(address / pageBytes), words, at, false);
    for (let i = 0; i < into.length; i++) into[i] = words[at + i]!;
  }

  /** One store of 16 bits. @param address a multiple of 2 @throws Misuse `outside-memory`. */
  store16(address: number, value: number): void {
    const words = this.#wordsAt(address, 2);
    const at = Math.floor((address % pageBytes) / 4);
    this.#state?.accessed(Math.floor(address / pageBytes), words, at, true);
    const shift = address % 4 === 0 ? 0 : 16;
    this.#put(address, words, at, ((words[at]! & ~(0xffff << shift)) | ((value & 0xffff) << shift)) >>> 0);
  }

  /** One store of 32 bits. @param address a multiple of 4 @throws Misuse `outside-memory`. */
  store32(address: number, value: number): void {
    const words = this.#wordsAt(address, 4);
    const at = (address % pageBytes) / 4;
    this.#state?.accessed(Math.floor(address / pageBytes), words, at, true);
    this.#put(address, words, at, value >>> 0);
  }

  /** One store of 64 bits, in two halves of 32. @param address a multiple of 8 @throws Misuse `outside-memory`. */
  store64(address: number, low: number, high: number): void {
    const words = this.#wordsAt(address, 8);
    const at = (address % pageBytes) / 4;
    this.#state?.accessed(Math.floor(address / pageBytes), words, at, true);
    this.#put(address, words, at, low >>> 0);
    this.#put(address, words, at + 1, high >>> 0);
  }

  /**
   * `count` stores of 64 bits one behind the other in one frame, each an access: the lower word, of 32 bits, is by `step`
   * greater each time, the upper one the same. @param address a multiple of 8 @throws Misuse as `store64`
   */
  storeRun64(address: number, count: number, low: number, high: number, step: number): void {
    if (this.#state !== null && (this.#state.isNoting || this.#state.isWatched)) {
      for (let n = 0; n < count; n++) this.store64(address + n * 8, low + n * step, high);
      return;
    }
    const words = this.#wordsAt(address, 8);
    const at = (address % pageBytes) / 4;
    assert(at + count * 2 <= words.length, "a run lies in one frame");
    putRun(words, at, at + count * 2, low, high, step);
  }

  /** One store of 1, 2, 4 ... 16 words, as one access. @param address a multiple of their bytes */
  store(address: number, from: ArrayLike<number>): void {
    const words = this.#wordsAt(address, from.length * 4);
    const at = (address % pageBytes) / 4;
    this.#state?.accessed(Math.floor(address / pageBytes), words, at, true);
    for (let i = 0; i < from.length; i++) this.#put(address, words, at + i, from[i]! >>> 0);
  }

  /**
   * One locked compare and exchange, as one access: a processor's of 64 or 128 bits (cmpxchg16b), a unit's that sets
   * accessed and dirty bits.
   * @param address a multiple of their bytes
   * @returns false when something else than `from` stands there; it stays then
   */
  compareExchange(address: number, o: { readonly from: ArrayLike<number>; readonly to: ArrayLike<number> }): boolean {
    const { from: expected, to: wanted } = o;
    assert(expected.length === wanted.length, "as many words are wanted as are expected");
    const words = this.#wordsAt(address, wanted.length * 4);
    const at = (address % pageBytes) / 4;
    this.#state?.accessed(Math.floor(address / pageBytes), words, at, true);
    for (let i = 0; i < expected.length; i++) if (words[at + i] !== expected[i]! >>> 0) return false;
    for (let i = 0; i < wanted.length; i++) this.#put(address, words, at + i, wanted[i]! >>> 0);
    return true;
  }

  /**
   * Copy bytes out.
   * @param address byte address
   * @throws Misuse `outside-memory` when any byte of the range does not exist.
   */
  read(address: number, into: Uint8Array): void {
    this.#inside(address, into.length);
    for (let done = 0; done < into.length; ) {
      const at = address + done;
      const low = at % pageBytes;
      const count = Math.min(pageBytes - low, into.length - done);
      const bytes = this.#frames.get((at - low) / pageBytes)?.bytes ?? nothing.bytes;
      into.set(bytes.subarray(low, low + count), done);
      if (this.#state?.isWatched === true) this.#tellRead(at, count, this.#state);
      done += count;
    }
  }

  /** Copy bytes in. @throws Misuse `outside-memory` as `read` does. */
  write(address: number, from: Uint8Array): void {
    this.#inside(address, from.length);
    for (let done = 0; done < from.length; ) {
      const at = address + done;
      const low = at % pageBytes;
      const count = Math.min(pageBytes - low, from.length - done);
      const piece = from.subarray(done, done + count);
      const { words, bytes } = this.#touch((at - low) / pageBytes);
      if (this.#state?.isNoting === true) this.#writeNoted(at, words, piece);
      else bytes.set(piece, low);
      done += count;
    }
  }

  /** Copy `count` bytes from one place to another; the ranges may overlap. @throws Misuse `outside-memory`. */
  copy(o: { readonly from: number; readonly to: number; readonly count: number }): void {
    const bytes = new Uint8Array(o.count);
    this.read(o.from, bytes);
    this.write(o.to, bytes);
  }

  /** Set `count` bytes to one value. @throws Misuse `outside-memory`. */
  fill(address: number, count: number, value: number): void {
    this.write(address, new Uint8Array(count).fill(value));
  }

  /** A frame whose readers are told of word by word: a walk reads entries where they stand. */
  #watchedFrame(m: number, state: MachineState): ReadonlyWords | undefined {
    if (!(m >= 0 && m < this.frameCount)) return undefined;
    const { words } = this.#touch(m);
    return new Proxy(words, {
      get(_, key) {
        const at = typeof key === "string" ? Number(key) : Number.NaN;
        if (!(at >= 0 && at < words.length)) return Reflect.get(words, key, words) as unknown;
        state.accessed(m, words, at, false);
        return words[at];
      },
    });
  }

  /** Each line of `count` bytes that lie in one frame is one access. */
  #tellRead(address: number, count: number, state: MachineState): void {
    const frame = Math.floor(address / pageBytes);
    const { words } = this.#touch(frame);
    const first = Math.floor((address % pageBytes) / (lineWords * 4));
    const last = Math.floor(((address % pageBytes) + count - 1) / (lineWords * 4));
    for (let line = first; line <= last; line++) state.accessed(frame, words, line * lineWords, false);
  }

  /** Bytes of one frame, word by word: what is noted are words. */
  #writeNoted(address: number, words: Uint32Array, piece: Uint8Array): void {
    const low = address % pageBytes;
    const first = Math.floor(low / 4);
    const last = Math.floor((low + piece.length - 1) / 4);
    const after = words.slice(first, last + 1);
    new Uint8Array(after.buffer).set(piece, low - first * 4);
    let line = -1;
    for (let at = first; at <= last; at++) {
      if (Math.floor(at / lineWords) !== line) {
        line = Math.floor(at / lineWords);
        this.#state!.accessed(Math.floor(address / pageBytes), words, at, true);
      }
      this.#put(address, words, at, after[at - first]!);
    }
  }

  #put(address: number, words: Uint32Array, at: number, value: number): void {
    if (this.#state?.isNoting === true) this.#state.store(Math.floor(address / pageBytes), words, at, value);
    else words[at] = value;
  }

  /** A frame that was never written stays so, where nobody notes what is read. */
  #wordsToRead(address: number, count: number): Uint32Array {
    this.#oneAccess(address, count);
    const frame = Math.floor(address / pageBytes);
    return this.#frames.get(frame)?.words ?? (this.#state === null ? nothing.words : this.#touch(frame).words);
  }

  #wordsAt(address: number, count: number): Uint32Array {
    this.#oneAccess(address, count);
    return this.#touch(Math.floor(address / pageBytes)).words;
  }

  #oneAccess(address: number, count: number): void {
    this.#inside(address, count);
    if (address % count !== 0) throw new Misuse("unaligned", `${count} bytes at ${address} are not one access`);
  }

  #touch(frame: number): Written {
    let written = this.#frames.get(frame);
    if (written === undefined) {
      written = new Written();
      this.#frames.set(frame, written);
    }
    return written;
  }

  #inside(address: number, count: number): void {
    if (address >= 0 && address + count <= this.frameCount * pageBytes && Number.isInteger(address)) return;
    const end = this.frameCount * pageBytes;
    throw new Misuse("outside-memory", `${count} bytes at ${address}; memory is 0 to ${end}`);
  }
}
