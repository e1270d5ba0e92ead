/** Commands put into a queue in memory, one behind the other; who rings, and how, is its vendor's. */
import type { Memory } from "../../../mem/memory.js";
import { cell, type Live, type MachineState, record } from "../../../state/index.js";

const Posted = record("the kernel's queue", {
  slot: cell("slot where the next command goes"),
  wraps: cell<0 | 1>("how often it came round, modulo 2"),
});

export class CommandPoster {
  readonly #s: Live<typeof Posted.drafts>;
  readonly #memory: Memory;
  readonly #queueAt: number;
  readonly #bytes: number;
  readonly #slots: number;

  constructor(o: {
    readonly state: MachineState;
    readonly memory: Memory;
    readonly queueAt: number;
    /** Of a command; shorter ones are filled with zeros. */
    readonly bytes: number;
    readonly slots: number;
  }) {
    this.#s = o.state.place(Posted);
    this.#memory = o.memory;
    this.#queueAt = o.queueAt;
    this.#bytes = o.bytes;
    this.#slots = o.slots;
  }

  /** Bytes from the queue's begin, where the next command goes. */
  get tail(): number {
    return this.#s.slot * this.#bytes;
  }

  /** The slot where the next command goes, and above it whether it came round an odd number of times. */
  get index(): number {
    return this.#s.slot + this.#s.wraps * this.#slots;
  }

  post(commands: readonly Uint32Array[]): void {
    for (const words of commands) {
      const whole = new Uint32Array(this.#bytes / 4);
      whole.set(words);
      this.#memory.store(this.#queueAt + this.tail, whole);
      if (++this.#s.slot === this.#slots) {
        this.#s.slot = 0;
        this.#s.wraps = this.#s.wraps === 1 ? 0 : 1;
      }
    }
  }
}
