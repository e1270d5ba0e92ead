/**
 * Machine memory that carries bytes, sparse, with an owner for each frame.
 *
 * A frame that was never written reads as zeros and costs nothing. Owners are numbers of the caller's choosing
 * (a domain, a driver, a pool); this module only keeps them.
 */
import { assert, Misuse } from "../base/assert.js";
import { frameLg2, type Mfn } from "../base/frame.js";
import type { MemoryView } from "./view.js";

/** Who a frame belongs to; 0 is nobody. */
export type Owner = number;

const frameBytes = 2 ** frameLg2;
const nothing = new Uint8Array(frameBytes);

export class Memory implements MemoryView {
  readonly #bytes = new Map<number, Uint8Array>();
  readonly #owners = new Map<number, Owner>();
  /** Frames 0 to frameCount - 1 exist. */
  readonly frameCount: number;

  /** @param frameCount frames of 4 KiB; addresses end at frameCount * 4096. */
  constructor(frameCount: number) {
    assert(Number.isSafeInteger(frameCount) && frameCount > 0, "memory has a whole number of frames");
    this.frameCount = frameCount;
  }

  /** @returns the 1024 words of a frame, live; undefined for one that was never written or does not exist. */
  frame(m: Mfn): Uint32Array | undefined {
    const bytes = this.#bytes.get(m);
    return bytes === undefined ? undefined : new Uint32Array(bytes.buffer, 0, frameBytes / 4);
  }

  ownerOf(m: Mfn): Owner {
    return this.#owners.get(m) ?? 0;
  }

  setOwner(m: Mfn, owner: Owner): void {
    this.#inside(m * frameBytes, frameBytes);
    if (owner === 0) this.#owners.delete(m);
    else this.#owners.set(m, owner);
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
      const low = at % frameBytes;
      const count = Math.min(frameBytes - low, into.length - done);
      const bytes = this.#bytes.get((at - low) / frameBytes) ?? nothing;
      into.set(bytes.subarray(low, low + count), done);
      done += count;
    }
  }

  /** Copy bytes in. @throws Misuse `outside-memory` as `read` does. */
  write(address: number, from: Uint8Array): void {
    this.#inside(address, from.length);
    for (let done = 0; done < from.length; ) {
      const at = address + done;
      const low = at % frameBytes;
      const count = Math.min(frameBytes - low, from.length - done);
      this.#touch((at - low) / frameBytes).set(from.subarray(done, done + count), low);
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

  #touch(frame: number): Uint8Array {
    let bytes = this.#bytes.get(frame);
    if (bytes === undefined) {
      bytes = new Uint8Array(frameBytes);
      this.#bytes.set(frame, bytes);
    }
    return bytes;
  }

  #inside(address: number, count: number): void {
    if (address >= 0 && address + count <= this.frameCount * frameBytes && Number.isInteger(address)) return;
    const end = this.frameCount * frameBytes;
    throw new Misuse("outside-memory", `${count} bytes at ${address}; memory is 0 to ${end}`);
  }
}
