/** A unit that takes wait descriptors from a queue in memory, and the driver that posts them. ARCHITECTURE.md prints it. */
import { frameBytes } from "../../../src/base/frame.js";
import { address64, bits, layout, read, write } from "../../../src/bits/index.js";
import { RegisterFile } from "../../../src/bus/registers.js";
import type { Memory } from "../../../src/mem/memory.js";
import type { Actor } from "../../../src/sim/actor.js";
import { InvalidationQueueAddress } from "../../../src/spec/vtd/queue_registers.js";
import { vtdRegisters } from "../../../src/spec/vtd/register_map.js";
import { cell, cells, end, type Live, type MachineState, program, record } from "../../../src/state/index.js";

export const Wait = layout(
  { title: "wait", source: "VT-d 4.1, 6.5.2.8", bitCount: 128, ignored: [[31, 4]] },
  { type: bits(3, 0, "5"), data: bits(63, 32, "what is stored"), at: address64(64, "where it is stored") },
);

// [unit]
const UnitState = record("unit", {
  taken: cell<0 | 1>("1 = a descriptor is here, and its status not yet stored"),
  descriptor: cells(4, "as it was fetched"),
});

export class WaitUnit implements Actor {
  readonly name = "unit";
  readonly registers: RegisterFile<keyof typeof vtdRegisters.registers>;
  readonly #s: Live<typeof UnitState.drafts>;
  readonly #memory: Memory;
  readonly #words = new Uint32Array(4);

  constructor(o: { state: MachineState; memory: Memory }) {
    this.registers = new RegisterFile(vtdRegisters, { state: o.state });
    this.#s = o.state.place(UnitState);
    this.#memory = o.memory;
  }

  choices(): number {
    return this.#s.taken === 1 || this.registers.get("iqh") !== this.registers.get("iqt") ? 1 : 0;
  }

  label(): string {
    return this.#s.taken === 1 ? "store status" : "fetch descriptor";
  }

  atomic(): string {
    return "a unit knows its own registers";
  }

  step(): void {
    const { registers } = this;
    if (this.#s.taken === 0) {
      const queue = registers.read("iqa", InvalidationQueueAddress.frame) * frameBytes;
      this.#memory.load(queue + registers.get("iqh"), this.#words);
      this.#s.descriptor.copyFrom(this.#words);
      registers.set("iqh", (registers.get("iqh") + 16) % frameBytes);
    } else {
      this.#s.descriptor.copyTo(this.#words);
      this.#memory.store32(read(this.#words, 0, Wait.at), read(this.#words, 0, Wait.data));
    }
    this.#s.taken = this.#s.taken === 0 ? 1 : 0;
  }
}
// [/unit]

const { iqt } = vtdRegisters.registers;
export const queueAt = 0x1000;
export const statusAt = 0x2000;

// [driver]
export const flush = program<{ memory: Memory; registers: WaitUnit["registers"] }>()(
  "driver",
  { round: cell("flushes done"), tail: cell("bytes from the queue's begin") },
  {
    post: {
      does({ memory }, s) {
        const words = new Uint32Array(4);
        write(words, 0, Wait.type, 5);
        write(words, 0, Wait.data, s.round + 1);
        write(words, 0, Wait.at, statusAt);
        memory.write(queueAt + s.tail, new Uint8Array(words.buffer));
        return "ring";
      },
    },
    ring: {
      does({ registers }, s) {
        s.tail += 16;
        registers.write64(iqt.offset, s.tail, 0);
        return "done?";
      },
    },
    "done?": {
      when: ({ memory }, s) => memory.load32(statusAt) === s.round + 1,
      does: (_, s) => (++s.round === 2 ? end : "post"),
    },
  },
);
// [/driver]
