/** A block of registers: by offset for software, by name for the hardware. */
import { describe, expect, test } from "vitest";
import { register, register64, registerMap } from "../../src/bits/register_map.js";
import { RegisterFile } from "../../src/bus/registers.js";
import { MachineState } from "../../src/state/machine_state.js";

const map = registerMap(
  { title: "toy", source: "this test", byteCount: 0x40 },
  {
    control: register(0x00, "rw", "what software wants", 5),
    version: register(0x04, "ro", "what it is", 0x10),
    events: register(0x08, "rw1c", "what has happened"),
    cause: register(0x0c, "clearedByRead", "why it interrupts"),
    base: register64(0x10, "rw", "where a table lies"),
  },
);

describe("what a register does by itself", () => {
  test("is read and written, in two halves where it has 64 bits, and told to the hardware", () => {
    const told: string[] = [];
    const file = new RegisterFile(map, { written: (r) => told.push(r.name) });
    file.write32(0x00, 0xffff_ffff);
    file.write32(0x10, 0x2345_6000);
    file.write32(0x14, 1);
    expect([file.read32(0), file.get("base"), told]).toEqual([0xffff_ffff, 0x1_2345_6000, ["control", "base", "base"]]);
  });

  test("a read-only one keeps its value, and where none is zeros are read and nothing is kept", () => {
    const told: string[] = [];
    const file = new RegisterFile(map, { written: (r) => told.push(r.name) });
    file.write32(0x04, 7);
    file.write32(0x20, 7);
    expect([file.read32(0x04), file.read32(0x20), told]).toEqual([0x10, 0, []]);
  });

  test("ones clear, and reading clears", () => {
    const file = new RegisterFile(map);
    file.set("events", 0b111);
    file.write32(0x08, 0b010);
    file.set("cause", 9);
    expect([file.read32(0x08), file.read32(0x0c), file.read32(0x0c)]).toEqual([0b101, 9, 0]);
  });

  test("a reset brings back what each one begins with", () => {
    const file = new RegisterFile(map);
    file.write32(0, 1);
    file.set("base", 2 ** 40);
    file.reset();
    expect([file.read32(0), file.get("version"), file.get("base")]).toEqual([5, 0x10, 0]);
  });

  test.each([-4, 2, 0x40, 0.5])("there are no 32 bits at offset %d", (offset) => {
    const file = new RegisterFile(map);
    expect(() => file.read32(offset)).toThrow(/outside-registers/);
    expect(() => file.write32(offset, 0)).toThrow(/outside-registers/);
  });
});

test("its values are state: noted, and taken back", () => {
  const state = new MachineState();
  const file = new RegisterFile(map, { state });
  state.begin();
  const mark = state.mark();
  file.write32(0x10, 0x1000);
  expect(state.changedSince(mark)).toEqual([{ part: "toy registers", cell: "words[4]", from: 0, to: 0x1000 }]);
  state.undoTo(mark);
  expect(file.get("base")).toBe(0);
});

test("values of a real machine are taken over, by offset", () => {
  const file = new RegisterFile(map);
  file.load([
    { offset: 0x10, low: 0xabc000, high: 2 },
    { offset: 0x00, low: 3, high: 0x99 },
    { offset: 0x30, low: 1, high: 1 },
  ]);
  expect([file.get("base"), file.get("control"), file.get("version"), file.read32(0x30)]).toEqual([
    ...[0x2_00ab_c000, 3, 0x99, 0],
  ]);
});

test("a map that overlaps, or reaches beyond its block, does not load", () => {
  const about = { title: "t", source: "s", byteCount: 8 };
  expect(() => registerMap(about, { a: register64(0, "rw", ""), b: register(4, "rw", "") })).toThrow(/overlap/);
  expect(() => registerMap(about, { a: register(8, "rw", "") })).toThrow(/inside/);
  expect(() => registerMap(about, { a: register64(4, "rw", "") })).toThrow(/aligned/);
});
