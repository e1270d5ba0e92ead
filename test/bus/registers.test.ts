/** A block of registers: by offset for software, by name for the hardware. */
import { describe, expect, test } from "vitest";
import { isExact } from "../../src/base/u64.js";
import { bit, bits } from "../../src/bits/field.js";
import { layout } from "../../src/bits/layout.js";
import { register, register64, registerMap } from "../../src/bits/register_map.js";
import { RegisterFile } from "../../src/bus/registers.js";
import { MachineState } from "../../src/state/machine_state.js";

const Status = layout(
  { title: "status", source: "this test", bitCount: 32, ignored: [[30, 4]] },
  { running: bit(0, "it runs"), failed: bit(1, "something failed"), mask: bits(3, 2, "masked"), top: bit(31, "top") },
);
const Abilities = layout(
  {
    title: "abilities",
    source: "this test",
    bitCount: 64,
    ignored: [
      [27, 0],
      [62, 36],
    ],
  },
  { across: bits(35, 28, "in both words"), high: bit(63, "the highest bit") },
);

const map = registerMap(
  { title: "toy", source: "this test", byteCount: 0x40 },
  {
    control: register(0x00, "rw", "what software wants", { reset: 5 }),
    version: register(0x04, "ro", "what it is", { reset: 0x10 }),
    events: register(0x08, "rw1c", "what has happened"),
    cause: register(0x0c, "clearedByRead", "why it interrupts"),
    base: register64(0x10, "rw", "where a table lies"),
    command: register(0x18, "wo", "what is to be done"),
    status: register(0x1c, "ro", "what is, and what was", { but: { rw1c: [Status.failed], rw: [Status.mask] } }),
    abilities: register64(0x20, "ro", "what it can do", { reset: [0x1234_5678, 0x8000_0001] }),
  },
);

test("what is not taken now is lost, word by word, and the hardware is told of what was taken", () => {
  const told: string[] = [];
  const file: RegisterFile<keyof typeof map.registers> = new RegisterFile(map, {
    takes: (r, word, value): boolean => r.name !== "base" || (word === 0 ? value !== 7 : file.get("control") === 5),
    written: (r) => told.push(r.name),
  });
  file.write64(0x10, 1, 2);
  file.write32(0x00, 6);
  file.write64(0x10, 3, 4);
  file.write64(0x10, 7, 8);
  expect(file.get("base")).toBe(2 * 2 ** 32 + 3);
  expect(told).toEqual(["base", "control", "base"]);
});

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
    file.write32(0x30, 7);
    expect([file.read32(0x04), file.read32(0x30), told]).toEqual([0x10, 0, []]);
  });

  test("ones clear, and reading clears", () => {
    const file = new RegisterFile(map);
    file.set("events", 0b111);
    file.write32(0x08, 0b010);
    file.set("cause", 9);
    expect([file.read32(0x08), file.read32(0x0c), file.read32(0x0c)]).toEqual([0b101, 9, 0]);
  });

  test("what is written only reads as zeros, and stands there for the hardware", () => {
    const file = new RegisterFile(map);
    file.write32(0x18, 0x77);
    expect([file.read32(0x18), file.get("command")]).toEqual([0, 0x77]);
  });

  test("some fields of a register do something else than the rest", () => {
    const file = new RegisterFile(map);
    file.set("status", 0x8000_0003);
    file.write32(0x1c, 0x0000_000e);
    expect(file.read32(0x1c)).toBe(0x8000_000d);
    file.write32(0x1c, 0);
    expect(file.read32(0x1c)).toBe(0x8000_0001);
  });

  test("64 bits at once are one access: the hardware is told when both words stand", () => {
    const told: string[] = [];
    const file: RegisterFile<keyof typeof map.registers> = new RegisterFile(map, {
      written: (r) => told.push(`${r.name} ${file.get("base").toString(16)}`),
    });
    file.write64(0x10, 0x2345_6000, 1);
    file.write64(0x20, 1, 1);
    expect(told).toEqual(["base 123456000"]);
    file.write64(0x18, 1, 2);
    expect(told).toEqual(["base 123456000", "command 123456000", "status 123456000"]);
    const words = new Uint32Array(2);
    const of = (offset: number) => {
      file.read64(offset, words);
      return [...words];
    };
    expect([of(0x10), of(0x18), of(0x30)]).toEqual([
      [0x2345_6000, 1],
      [0, 0],
      [0, 0],
    ]);
    for (const wrong of [0x14, 0x40]) expect(() => file.write64(wrong, 0, 0)).toThrow(/no 64 bits at offset/);
  });

  test("the hardware reads and changes fields, whatever the rest of the 64 bits holds", () => {
    const file = new RegisterFile(map);
    expect([file.read("abilities", Abilities.high), file.read("abilities", Abilities.across)]).toEqual([1, 0x11]);
    expect([isExact(file.get("abilities")), isExact(file.get("base"))]).toEqual([false, true]);
    file.write("abilities", Abilities.across, 0xa5);
    file.write("abilities", Abilities.high, 0);
    expect([file.read32(0x20), file.read32(0x24)]).toEqual([0x5234_5678, 0x0000_000a]);
    expect(() => file.write("status", Abilities.high, 1)).toThrow(/inside its register/);
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
  expect(state.changedSince(mark)).toEqual([{ part: "toy registers", cell: "base", from: 0, to: 0x1000 }]);
  state.undoTo(mark);
  expect(file.get("base")).toBe(0);
});

test("describe says each register by its name, and none for what lies between them", () => {
  const state = new MachineState();
  new RegisterFile(map, { state, name: "toy 2" });
  expect(state.describe().map((d) => `${d.part}: ${d.cell} = ${d.value}, ${d.doc}`)).toEqual([
    "toy 2: control = 5, what software wants",
    "toy 2: version = 16, what it is",
    "toy 2: events = 0, what has happened",
    "toy 2: cause = 0, why it interrupts",
    "toy 2: base = 0, where a table lies",
    "toy 2: base (high) = 0, where a table lies",
    "toy 2: command = 0, what is to be done",
    "toy 2: status = 0, what is, and what was",
    "toy 2: abilities = 305419896, what it can do",
    "toy 2: abilities (high) = 2147483649, what it can do",
  ]);
});

test("words of a real machine are taken over, by offset, and those that have no register are named", () => {
  const told: string[] = [];
  const file = new RegisterFile(map, { written: (r) => told.push(r.name) });
  const unknown = file.load([
    [0x10, 0xab_c000],
    [0x14, 2],
    [0x00, 3],
    [0x04, 0x99],
    [0x30, 1],
    [0x4000, 1],
  ]);
  expect([file.get("base"), file.get("control"), file.get("version")]).toEqual([0x2_00ab_c000, 3, 0x99]);
  expect([unknown, told]).toEqual([[0x30, 0x4000], []]);
});

test("a map that overlaps, or reaches beyond its block, does not load", () => {
  const about = { title: "t", source: "s", byteCount: 8 };
  expect(() => registerMap(about, { a: register64(0, "rw", ""), b: register(4, "rw", "") })).toThrow(/overlap/);
  expect(() => registerMap(about, { a: register(8, "rw", "") })).toThrow(/inside/);
  expect(() => registerMap(about, { a: register64(4, "rw", "") })).toThrow(/aligned/);
  expect(() => register(0, "ro", "", { but: { rw1c: [Abilities.high] } })).toThrow(/inside the register/);
  expect(() => register(0, "ro", "", { reset: 2 ** 32 })).toThrow(/fits/);
});
