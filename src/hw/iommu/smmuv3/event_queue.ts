/**
 * The event queue of an SMMUv3: records of 32 bytes, written where software finds them, or lost.
 *
 * Source: IHI 0070 G, 7.2.1 (when it is writable), 7.2.2 (aborts), 7.4 (overflow), 3.18.2 (the interrupt tells that it is no
 * longer empty). An interrupt that comes while records are there is not sent again.
 */
import { frameBytes } from "../../../base/frame.js";
import type { Memory } from "../../../mem/memory.js";
import { GlobalError, QueueIndex } from "../../../spec/smmuv3/control_registers.js";
import { Cr0 } from "../../../spec/smmuv3/registers.js";
import type { SmmuErrors } from "./global_errors.js";
import type { SmmuInterrupts } from "./interrupts.js";
import { after, countOf, entryAt, type Ring, ringOf } from "./queue.js";
import type { SmmuRegisters } from "./registers.js";

const { eventqAbort } = GlobalError;
const { index, overflow } = QueueIndex;

export class SmmuEventQueue {
  readonly #memory: Memory;
  readonly #registers: SmmuRegisters;
  readonly #errors: SmmuErrors;
  readonly #interrupts: SmmuInterrupts;

  constructor(o: {
    readonly memory: Memory;
    readonly registers: SmmuRegisters;
    readonly errors: SmmuErrors;
    readonly interrupts: SmmuInterrupts;
  }) {
    this.#memory = o.memory;
    this.#registers = o.registers;
    this.#errors = o.errors;
    this.#interrupts = o.interrupts;
  }

  get isWritable(): boolean {
    return this.#isOn && !this.#isFull(ringOf(this.#registers, "eventq"));
  }

  /** Put a record into the queue; it is lost where the queue is not writable. */
  put(words: Uint32Array): void {
    const registers = this.#registers;
    if (!this.#isOn) return;
    const ring = ringOf(registers, "eventq");
    if (this.#isFull(ring)) {
      const acknowledged = registers.read("eventqCons", overflow);
      registers.write("eventqProd", overflow, acknowledged === 0 ? 1 : 0);
      return;
    }
    const prod = registers.read("eventqProd", index);
    const at = entryAt(ring, prod);
    if (at + ring.entryBytes > this.#memory.frameCount * frameBytes) {
      this.#errors.raise(eventqAbort);
      return;
    }
    this.#memory.store(at, words);
    const wasEmpty = this.#count(ring) === 0;
    registers.write("eventqProd", index, after(ring, prod));
    if (wasEmpty) this.#interrupts.raise("event queue");
  }

  get #isOn(): boolean {
    return this.#registers.read("cr0ack", Cr0.eventqen) === 1 && !this.#errors.isActive(eventqAbort);
  }

  /** Indexes that contradict each other count as a full queue. */
  #isFull(ring: Ring): boolean {
    return this.#count(ring) >= 2 ** ring.lg2;
  }

  #count(ring: Ring): number {
    const registers = this.#registers;
    return countOf(ring, registers.read("eventqCons", index), registers.read("eventqProd", index));
  }
}
