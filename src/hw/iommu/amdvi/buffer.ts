/**
 * A buffer between an AMD-Vi unit and software: where its entries lie, and what its pointers point to.
 *
 * Source: AMD IOMMU 48882, 3.4.2, 3.4.3, 3.4.14. Lengths below 8 are reserved and taken as 8; of a pointer that lies beyond
 * the buffer, what counts is what remains inside.
 */
import { frameBytes } from "../../../base/frame.js";
import { BufferBase, BufferPointer, bufferEntryBytes } from "../../../spec/amdvi/queue_registers.js";
import type { AmdviRegisters } from "./interrupts.js";

const names = {
  commands: { base: "cmdbuf", head: "cmdHead", tail: "cmdTail" },
  events: { base: "evtlog", head: "evtHead", tail: "evtTail" },
} as const;

export class UnitBuffer {
  readonly #registers: AmdviRegisters;
  readonly #names: (typeof names)[keyof typeof names];

  constructor(registers: AmdviRegisters, kind: keyof typeof names) {
    this.#registers = registers;
    this.#names = names[kind];
  }

  get entryCount(): number {
    return 2 ** Math.max(8, this.#registers.read(this.#names.base, BufferBase.length));
  }

  /** Entry that is taken next, and the first that is free. */
  get head(): number {
    return this.#registers.read(this.#names.head, BufferPointer.entry) % this.entryCount;
  }

  get tail(): number {
    return this.#registers.read(this.#names.tail, BufferPointer.entry) % this.entryCount;
  }

  set head(entry: number) {
    this.#registers.write(this.#names.head, BufferPointer.entry, entry % this.entryCount);
  }

  set tail(entry: number) {
    this.#registers.write(this.#names.tail, BufferPointer.entry, entry % this.entryCount);
  }

  addressOf(entry: number): number {
    return this.#registers.read(this.#names.base, BufferBase.frame) * frameBytes + entry * bufferEntryBytes;
  }

  /** The base was written: both pointers begin anew. */
  baseWritten(): void {
    this.#registers.set(this.#names.head, 0);
    this.#registers.set(this.#names.tail, 0);
  }
}
