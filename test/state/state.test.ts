/** Declared state: what a record holds, what is noted, and how it is taken back and told. */
import { describe, expect, test } from "vitest";
import { mfn } from "../../src/base/frame.js";
import { Rng } from "../../src/base/rng.js";
import { Memory } from "../../src/mem/memory.js";
import type { Mark } from "../../src/state/journal.js";
import { MachineState } from "../../src/state/machine_state.js";
import { end, program } from "../../src/state/program.js";
import { cell, cells, record, wide } from "../../src/state/record.js";

const Queue = record("queue", {
  head: cell("descriptors taken", 3),
  base: wide("where it lies", 2 ** 52),
  slots: cells(4, "one descriptor each"),
});

describe("a record", () => {
  test("holds its start, and what is written to it", () => {
    const s = new MachineState().place(Queue);
    expect([s.head, s.base, s.slots.length, s.slots.get(3)]).toEqual([3, 2 ** 52, 4, 0]);
    s.head = 2 ** 32 - 1;
    s.base = 2 ** 53 - 1;
    s.slots.set(3, 9);
    expect([s.head, s.base, s.slots.get(3), s.slots.get(2)]).toEqual([2 ** 32 - 1, 2 ** 53 - 1, 9, 0]);
  });

  test("two of one kind are two", () => {
    const state = new MachineState();
    const [a, b] = [state.place(Queue, "queue 0"), state.place(Queue, "queue 1")];
    a.head = 7;
    expect([a.head, b.head]).toEqual([7, 3]);
  });

  test.each([-1, 0.5, 2 ** 32, Number.NaN])("a cell cannot hold %d", (value) => {
    const s = new MachineState().place(Queue);
    expect(() => {
      s.head = value;
    }).toThrow(/queue: word 0 cannot hold/);
    expect(() => s.slots.set(0, value)).toThrow(/cannot hold/);
  });

  test.each([-1, 0.5, 2 ** 53])("a wide cell cannot hold %d", (value) => {
    const s = new MachineState().place(Queue);
    expect(() => {
      s.base = value;
    }).toThrow(/queue.base cannot hold/);
  });

  test("an index beyond the cells is a mistake", () => {
    const s = new MachineState().place(Queue);
    expect(() => s.slots.get(4)).toThrow(/inside its cells/);
    expect(() => s.slots.set(-1, 0)).toThrow(/inside its cells/);
  });

  test("nothing is placed once the machine runs", () => {
    const state = new MachineState();
    state.begin();
    expect(() => state.place(Queue)).toThrow(/state-begun/);
  });
});

test("what is there is told with the words of its declaration", () => {
  const state = new MachineState();
  state.place(Queue).base = 0x1234_5678_9000;
  expect(state.describe()).toEqual([
    { part: "queue", cell: "head", value: 3, doc: "descriptors taken" },
    { part: "queue", cell: "base", value: 0x1234_5678_9000, doc: "where it lies" },
    ...[0, 1, 2, 3].map((n) => ({ part: "queue", cell: `slots[${n}]`, value: 0, doc: "one descriptor each" })),
  ]);
});

test("cells that are no array to who reads them are told by names of their own", () => {
  const state = new MachineState();
  const elements = [
    { name: "low", doc: "first half", countsAs: 0 },
    { name: "high", doc: "second half", countsAs: 0 },
  ];
  const s = state.place(record("pair", { words: cells(2, "both", elements) }));
  state.begin();
  const mark = state.mark();
  s.words.set(1, 5);
  expect(state.changedSince(mark)).toEqual([{ part: "pair", cell: "high", from: 0, to: 5 }]);
  expect(state.describe()[1]).toEqual({ part: "pair", cell: "high", value: 5, doc: "second half" });
  expect(() => cells(3, "too many", elements)).toThrow(/each cell has its name/);
});

test("words are copied into cells and out of them, as far as there are any", () => {
  const s = new MachineState().place(Queue);
  s.slots.copyFrom([7, 8], 2);
  const words = new Uint32Array(3);
  s.slots.copyTo(words, 1);
  expect([...words]).toEqual([0, 7, 8]);
  s.slots.copyTo(words, 3);
  expect([...words]).toEqual([8, 7, 8]);
  expect(() => s.slots.copyFrom([1, 2], 3)).toThrow(/inside its cells/);
});

describe("writes are taken back", () => {
  test("to any mark, the last first", () => {
    const state = new MachineState();
    const s = state.place(Queue);
    state.begin();
    const first = state.mark();
    s.head = 4;
    const second = state.mark();
    s.head = 5;
    s.base = 1;
    expect(state.changedSince(first)).toEqual([
      { part: "queue", cell: "head", from: 3, to: 5 },
      { part: "queue", cell: "base", from: 0, to: 1 },
      { part: "queue", cell: "base (high)", from: 2 ** 20, to: 0 },
    ]);
    state.undoTo(second);
    expect([s.head, s.base]).toEqual([4, 2 ** 52]);
    state.undoTo(first);
    expect([s.head, s.base]).toEqual([3, 2 ** 52]);
    expect(state.changedSince(first)).toEqual([]);
  });

  test("memory as well, by words, bytes and across frames; and its readers see what stands", () => {
    const memory = new Memory(4);
    const state = new MachineState();
    memory.write(4090, Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]));
    memory.noteIn(state);
    state.begin();
    const model = new Uint8Array(4 * 4096);
    const whole = (): Uint8Array => {
      const bytes = new Uint8Array(model.length);
      memory.read(0, bytes);
      return bytes;
    };
    model.set(whole());
    const before = model.slice();
    const mark = state.mark();
    const rng = new Rng(8);
    for (let n = 0; n < 300; n++) {
      const bytes = Uint8Array.from({ length: 1 + rng.below(200) }, () => rng.below(256));
      const at = rng.below(model.length - 256);
      const aligned = Math.floor(at / 8) * 8;
      if (n % 4 === 0) {
        memory.write(at, bytes);
        model.set(bytes, at);
      } else if (n % 4 === 3) {
        const half = Math.floor(at / 2) * 2;
        memory.store16(half, 0xffff_0000 + n);
        new DataView(model.buffer).setUint16(half, n, true);
        expect(memory.load16(half)).toBe(n);
      } else if (n % 4 === 1) {
        memory.store64(aligned, n, 0xffff_ffff);
        new DataView(model.buffer).setUint32(aligned, n, true);
        new DataView(model.buffer).setUint32(aligned + 4, 0xffff_ffff, true);
      } else {
        memory.store32(aligned + 4, n);
        new DataView(model.buffer).setUint32(aligned + 4, n, true);
      }
    }
    expect(whole()).toEqual(model);
    expect(memory.load32(4096)).toBe(memory.frame(mfn(1))![0]);
    state.undoTo(mark);
    expect(whole()).toEqual(before);
  });

  test("a store of several words, and a compare and exchange that may fail, are noted and one access each", () => {
    const seen: string[] = [];
    const state = new MachineState({ onAccess: (part, at, isWrite) => seen.push(`${part.name} ${at} ${isWrite}`) });
    const memory = new Memory(2);
    memory.noteIn(state);
    state.begin();
    const mark = state.mark();
    const words = new Uint32Array(4);
    const read = () => {
      memory.load(0x50, words);
      return [...words];
    };
    memory.store(0x50, [1, 2, 3, 4]);
    const stored = state.mark();
    expect(memory.compareExchange(0x50, { from: [1, 2, 3, 5], to: [9, 9, 9, 9] })).toBe(false);
    expect(memory.compareExchange(0x50, { from: [1, 2, 3, 4], to: [5, 6, 7, 0xffff_ffff] })).toBe(true);
    // Words are of 32 bits, however they are written.
    expect(memory.compareExchange(0x50, { from: [5, 6, 7, -1], to: [5, 6, 8, -2] })).toBe(true);
    expect(seen).toEqual(Array(4).fill("memory 0x40 4 true"));
    expect(read()).toEqual([5, 6, 8, 0xffff_fffe]);
    state.undoTo(stored);
    expect(read()).toEqual([1, 2, 3, 4]);
    state.undoTo(mark);
    expect(read()).toEqual([0, 0, 0, 0]);
    expect(() => memory.store(0x58, [1, 2, 3, 4])).toThrow(/unaligned/);
    expect(() => memory.compareExchange(0x58, { from: [0, 0, 0, 0], to: [1, 2, 3, 4] })).toThrow(/unaligned/);
    expect(() => memory.compareExchange(0x50, { from: [1], to: [1, 2] })).toThrow(/as many words/);
  });

  test("a line of memory is a part from its first write on, named by its address", () => {
    const memory = new Memory(2);
    const state = new MachineState();
    memory.noteIn(state);
    memory.store32(0, 5);
    state.begin();
    expect(state.parts).toHaveLength(0);
    const mark = state.mark();
    memory.store32(4096 + 68, 7);
    memory.store32(4096 + 64, 0);
    expect(state.parts.map((p) => p.name)).toEqual(["memory 0x1040"]);
    expect(state.changedSince(mark)).toEqual([{ part: "memory", cell: "0x1044", from: 0, to: 7 }]);
    expect(state.describe()).toEqual([{ part: "memory", cell: "0x1044", value: 7, doc: "a word of memory" }]);
  });

  test.each([
    ["16 bits", 1, (m: Memory, at: number) => m.store16(at, 1)],
    ["32 bits", 2, (m: Memory, at: number) => m.store32(at, 1)],
    ["64 bits", 4, (m: Memory, at: number) => m.store64(at, 1, 0)],
    ["a load of 16 bytes", 8, (m: Memory, at: number) => m.load(at, new Uint32Array(4))],
  ])("%s that are not aligned are no one access", (_, at, access) => {
    expect(() => access(new Memory(1), at)).toThrow(/unaligned/);
    expect(() => access(new Memory(1), 4096)).toThrow(/outside-memory/);
  });
});

describe("a program", () => {
  const countTo = program<{ readonly limit: number }>()(
    "count",
    { n: cell("so far") },
    {
      more: { when: ({ limit }, s) => s.n < limit, does: (_, s) => (++s.n % 2 === 0 ? "rest" : "more") },
      rest: {
        ways: () => 3,
        atomic: "nobody looks",
        does(_, s, way) {
          s.n += way === 2 ? 0 : 1;
          return way === 2 ? end : "more";
        },
      },
    },
  );

  test("takes its steps, waits, offers its ways and ends", () => {
    const state = new MachineState();
    const p = countTo.start(state, { limit: 4 });
    const took: string[] = [];
    for (const way of [0, 0, 1, 0, 2]) {
      took.push(`${p.label(way)} of ${p.choices()}${p.atomic(way) === null ? "" : ", atomic"}`);
      p.step(way);
    }
    expect(took).toEqual([
      ...["more of 1", "more of 1", "rest, way 2 of 3 of 3, atomic", "more of 1", "rest, way 3 of 3 of 3, atomic"],
    ]);
    expect([p.isDone, p.choices(), p.label(0), p.locals.n]).toEqual([true, 0, "end", 4]);
    expect(() => p.step(0)).toThrow(/no step after the end/);
  });

  test("its position and locals are state: taken back with everything else", () => {
    const state = new MachineState();
    const p = countTo.start(state, { limit: 9 });
    state.begin();
    const mark = state.mark();
    p.step(0);
    p.step(0);
    expect(p.label(0)).toBe("rest, way 1 of 3");
    state.undoTo(mark);
    expect([p.label(0), p.locals.n]).toEqual(["more", 0]);
  });
});

describe("the journal", () => {
  test("what was settled stays; later marks stay good, earlier ones are none any more", () => {
    const state = new MachineState();
    const s = state.place(Queue);
    state.begin();
    const first = state.mark();
    s.head = 4;
    const second = state.mark();
    s.head = 5;
    const third = state.mark();
    s.head = 6;
    state.settle(second);
    state.undoTo(third);
    expect(s.head).toBe(5);
    state.undoTo(second);
    expect(s.head).toBe(4);
    expect(() => state.undoTo(first)).toThrow(/can be gone back to/);
    expect(() => state.undoTo(third)).toThrow(/can be gone back to/);
  });

  test("of millions of writes keeps those that can still be taken back", () => {
    const state = new MachineState();
    const s = state.place(Queue);
    state.begin();
    // Windows of marks that grow and shrink, so that the ring turns at every size.
    const marks: { mark: Mark; slots: number[] }[] = [];
    const slots = () => [0, 1, 2, 3].map((i) => s.slots.get(i));
    const rng = new Rng(5);
    for (let n = 1; n < 200_000; n++) {
      if (n % 3 === 0) marks.push({ mark: state.mark(), slots: slots() });
      s.slots.set(n & 3, n);
      const window = n < 100_000 ? 100 : 900;
      if (marks.length > window) state.settle(marks.splice(0, 1 + rng.below(window))[0]!.mark);
      if (rng.below(50) === 0 && marks.length > 0) {
        const back = marks.splice(rng.below(marks.length))[0]!;
        state.undoTo(back.mark);
        if (slots().join() !== back.slots.join()) expect.fail(`write ${n}: ${slots()} where ${back.slots} was`);
      }
    }
  });
});

describe("a record for a hot path", () => {
  test("is read and written in place, told by its cells, and taken back as far as it was announced", () => {
    const state = new MachineState();
    const raw = state.placeRaw(Queue);
    expect([raw.at.head, raw.at.base, raw.at.slots, raw.words[0]]).toEqual([0, 1, 3, 3]);
    raw.words[raw.at.slots] = -1;
    state.begin();
    const mark = state.mark();
    raw.about(raw.at.slots, 2);
    raw.words[raw.at.slots] = 5;
    raw.words[raw.at.slots + 1] = 6;
    raw.words[raw.at.head] = 9;
    expect(state.changedSince(mark)).toEqual([
      { part: "queue", cell: "slots[0]", from: 2 ** 32 - 1, to: 5 },
      { part: "queue", cell: "slots[1]", from: 0, to: 6 },
    ]);
    const told: [number, number][] = [];
    raw.onPutBack((at, before) => told.push([at, before]));
    state.undoTo(mark);
    expect([...raw.words]).toEqual([9, 0, 2 ** 20, -1, 0, 0, 0]);
    expect(told).toEqual([
      [4, 6],
      [3, 5],
    ]);
  });
});
