/** Machine memory for programs: what tables are built in, and what devices and drivers share. */
import { type Address, frameBytes, type Mfn } from "../../base/frame.js";
import { Memory as SparseMemory } from "../../mem/memory.js";
import type { MemoryView, ReadonlyWords } from "../../mem/view.js";
import { checkNames, wholeNumber } from "../work_options.js";

/** Memory that carries bytes. What was never written reads as zeros and takes no room. */
export interface Memory extends MemoryView {
  /** Frames of 4 KiB; addresses end at frameCount * 4096. */
  readonly frameCount: number;
  /** The 1024 words of a frame, to be read only; undefined for one that does not exist or was never written. */
  frame(m: Mfn): ReadonlyWords | undefined;
  /** One load of 32 bits. @param address a multiple of 4 @throws Misuse `outside-memory`, `unaligned` */
  load32(address: Address): number;
  /** One store of 32 bits. @param address a multiple of 4 @throws Misuse `outside-memory`, `unaligned` */
  store32(address: Address, value: number): void;
  /** One store of 64 bits, in two halves of 32. @param address a multiple of 8 @throws Misuse as `store32` */
  store64(address: Address, low: number, high: number): void;
  /** Copy bytes out. @throws Misuse `outside-memory` */
  read(address: Address, into: Uint8Array): void;
  /** Copy bytes in. @throws Misuse `outside-memory` */
  write(address: Address, from: Uint8Array): void;
  /** Copy `count` bytes from one place to another. @throws Misuse `outside-memory` */
  copy(o: { readonly from: Address; readonly to: Address; readonly count: number }): void;
}

/** How much memory there is. */
export interface MemoryOptions {
  /** A multiple of 4096, up to 2^52. */
  readonly bytes: number;
}

/** Make memory. @throws BadOption for a size that is no whole number of frames. */
export function createMemory(options: MemoryOptions): Memory {
  const { bytes } = checkNames(options, ["bytes"]);
  return new SparseMemory(wholeNumber("bytes", bytes, frameBytes, 2 ** 52, frameBytes) / frameBytes);
}
