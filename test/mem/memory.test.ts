import { expect, test } from "vitest";
import { Misuse, mfn } from "../../src/base/index.js";
import { FlatMemory, Memory, SegmentView } from "../../src/mem/index.js";
import { MachineState } from "../../src/state/index.js";

const bytes = (...values: number[]) => Uint8Array.from(values);

test("bytes are where they were written, across frames, and everything else is zero", () => {
  const memory = new Memory(4);
  memory.write(4094, bytes(1, 2, 3, 4));
  const read = new Uint8Array(6);
  memory.read(4093, read);
  expect([...read]).toEqual([0, 1, 2, 3, 4, 0]);
  expect(memory.frame(mfn(1))![0]).toBe(0x0403);
  expect(memory.frame(mfn(2))).toBeUndefined();
});

test("a half of a word is one load or store, and leaves the other half", () => {
  const memory = new Memory(2);
  memory.store32(8, 0x8765_4321);
  expect([memory.load16(8), memory.load16(10)]).toEqual([0x4321, 0x8765]);
  memory.store16(8, 0xbeef);
  expect(memory.load32(8)).toBe(0x8765_beef);
  memory.store16(10, 0x1_f00d);
  expect(memory.load32(8)).toBe(0xf00d_beef);
});

test("a frame that was only looked at was never written", () => {
  const memory = new Memory(2);
  expect([memory.load16(4098), memory.load32(4096), memory.frame(mfn(1))]).toEqual([0, 0, undefined]);
});

test("words in one piece are frames from a first one on, and what is built in them is there", () => {
  const words = new Uint32Array(2048);
  const flat = new FlatMemory(words, 7);
  flat.store64(0x8000, 4, 5);
  expect([words[1024], words[1025], flat.frame(mfn(8))![1], flat.segment(mfn(7))!.words[1025]]).toEqual([4, 5, 5, 5]);
  for (const m of [6, 9]) expect([flat.frame(mfn(m)), flat.segment(mfn(m))]).toEqual([undefined, undefined]);
  for (const at of [0x6ff8, 0x9000]) expect(() => flat.store64(at, 1, 0)).toThrow(/outside-memory/);
});

test("a run of stores is as many stores, in memory that nobody watches and in one that notes", () => {
  const words = new Uint32Array(1024);
  const state = new MachineState();
  const [plain, noting] = [new Memory(1), new Memory(1)];
  noting.noteIn(state);
  state.begin();
  const mark = state.mark();
  const memories = [new FlatMemory(words), plain, noting];
  const runs = [
    { at: 8, count: 100, low: 0xf000_0003, high: 7, step: 4096 },
    { at: 16, count: 2, low: 0, high: 0, step: 0 },
    { at: 400, count: 40, low: 0, high: 0, step: 0 },
    { at: 4080, count: 2, low: -1, high: -1, step: 1 },
  ];
  const wanted = new Uint32Array(1024);
  for (const { at, count, low, high, step } of runs) {
    for (const memory of memories) memory.storeRun64(at, count, low, high, step);
    for (let n = 0; n < count; n++) wanted.set([low + n * step, high], at / 4 + n * 2);
  }
  for (const memory of memories) expect(memory.frame(mfn(0))).toEqual(wanted);
  expect(state.changedSince(mark).length).toBe(wanted.filter((word) => word !== 0).length);
  expect(() => memories[0]!.storeRun64(4088, 2, 1, 0, 0)).toThrow(/outside-memory/);
  for (const memory of [plain, noting]) expect(() => memory.storeRun64(4088, 2, 1, 0, 0)).toThrow();
});

test("a copy onto itself a little further on keeps what was there", () => {
  const memory = new Memory(1);
  memory.write(0, bytes(1, 2, 3, 4));
  memory.copy({ from: 0, to: 1, count: 4 });
  const read = new Uint8Array(5);
  memory.read(0, read);
  expect([...read]).toEqual([1, 1, 2, 3, 4]);
});

test.each([
  [-1, 1],
  [8191, 2],
  [8192, 1],
  [0.5, 1],
])("%d and %d bytes from it do not exist", (address, count) => {
  const memory = new Memory(2);
  expect(() => memory.read(address, new Uint8Array(count))).toThrow(Misuse);
  expect(() => memory.fill(address, count, 1)).toThrow(/outside-memory/);
});

test.each([
  [0x0f, undefined],
  [0x10, 1],
  [0x11, 2],
  [0x12, undefined],
  [0x80, 3],
  [0x81, undefined],
])("frame %d of a dump in segments holds %s", (frame, first) => {
  const view = new SegmentView([
    { first: mfn(0x80), frameCount: 1, words: new Uint32Array(1024).fill(3) },
    { first: mfn(0x10), frameCount: 2, words: Uint32Array.from({ length: 2048 }, (_, w) => (w < 1024 ? 1 : 2)) },
  ]);
  expect(view.frame(mfn(frame))?.[0]).toBe(first);
});
