/** Register files into units, and roots given by hand. */
import { describe, expect, it } from "vitest";
import { unitsFromRegisters } from "../../../src/audit/inspect/registers/units_from_registers.js";
import { rootGiven } from "../../../src/audit/inspect/walk/where_given.js";
import { Rng } from "../../../src/base/index.js";
import { Unreadable } from "../../../src/read/unreadable.js";
import { registersOf } from "../../table/device/captured.js";

const unitsOf = (text: string) => unitsFromRegisters("r.json", text);
/** The reading is also compared whole with the one that was written down. */
function read(value: unknown) {
  const reading = unitsOf(typeof value === "string" ? value : JSON.stringify(value));
  expect(reading).toMatchSnapshot();
  return reading;
}
const vtd = (registers: Record<string, string | number>) => read({ kind: "vtd", registers });

describe("units from registers", () => {
  it.each([
    ["amdvi", { kind: "amdvi", mode: "v1+v2", root: 0x1e84000, size: 8192, translating: true }],
    ["smmuv3", { kind: "smmuv3", mode: "two-level", root: 0x45580000, size: 16, split: 8, translating: null }],
    ["vtd-ats", { kind: "vtd", mode: "legacy", root: 0x3b3b000, translating: true, interruptRemapping: false }],
    ["vtd-scalable", { kind: "vtd", mode: "scalable", root: 0x3571000, registersAt: 0xfed90000, translating: true }],
  ] as const)("%s as recorded", (name, expected) => {
    expect(read(registersOf(name)).units).toMatchObject([expected]);
  });

  it("what a VT-d unit can do", () => {
    expect(read(registersOf("vtd-scalable")).units[0]!.abilities).toEqual({
      ...{ secondLevels: 0b11000, firstLevels: 0b10000, inputBits: 48, pasidBits: 0 },
      ...{ first: false, second: true, nested: false, passThrough: true, ats: false, ridPasid: false },
      ...{ secondLacks: ["snoop-control", "device-tlb"], firstLacks: ["pages-1g"] },
    });
  });

  it("several units in one object, in ascending order", () => {
    const { units } = vtd({
      "0xfed91020": "0x2000",
      "0xfed90020": "0x0000000000001000",
      "0xfed91018": "0x8000000000000000",
      "0xfed91100": "0x5",
    });
    expect(units.map((u) => [u.registersAt, u.root, u.translating])).toEqual([
      [0xfed90000, 0x1000, null],
      [0xfed91000, 0x2000, true],
    ]);
  });

  it("units of several kinds in a list", () => {
    const { units } = read([JSON.parse(registersOf("vtd-ats")), JSON.parse(registersOf("amdvi"))]);
    expect(units.map((u) => u.kind)).toEqual(["vtd", "amdvi"]);
  });

  it("values of 32 bits", () => {
    const { units, notes } = vtd({ "0xfed9001c": "0x03000000", "0xfed90020": "0x3571400", "0xfed90024": "0x12" });
    expect(units).toMatchObject([
      { root: 0x12_0357_1000, mode: "scalable", translating: false, interruptRemapping: true },
    ]);
    expect(notes.map((n) => n.rule)).toEqual(["unit-off"]);
  });

  it.each([
    ["16 digits", "0x0000000003571400"],
    ["fewer digits", "0x3571400"],
  ])("a 64-bit address with nothing in its upper half, among values of 32 bits, written with %s", (_, text) => {
    const { units } = vtd({ "0xfed9001c": "0x83000000", "0xfed90020": text });
    expect(units).toMatchObject([{ root: 0x357_1000, mode: "scalable", translating: true }]);
  });

  it("a 64-bit value among values of 32 bits holds its upper half", () => {
    const { units } = vtd({ "0xfed90018": "0xc000000000000000", "0xfed90020": "0x3571400", "0xfed90024": "0x0" });
    expect(units).toMatchObject([{ translating: true }]);
    const off = vtd({ "0xfed90018": "0x0000000000000000", "0xfed90020": "0x3571400", "0xfed90024": "0x0" });
    expect(off.units).toMatchObject([{ translating: false }]);
  });

  it("of a register in two halves, one of which is missing, nothing is known", () => {
    const { units } = vtd({ "0xfed90018": "0x0", "0xfed90020": "0x3571400", "0xfed90024": "0x0" });
    expect(units).toMatchObject([{ translating: null, interruptRemapping: null }]);
  });

  it("values as numbers, decimal keys, capitals", () => {
    expect(vtd({ "4275634208": 0x3571400, "0XFED90018": "0X8400000000000000" }).units).toMatchObject([
      { root: 0x3571000, translating: true },
    ]);
  });

  it.each([
    ["translation off", { "0xfed90018": "0x4200000000000000" }, ["unit-off"]],
    ["interrupts not remapped", { "0xfed90018": "0xc000000000000000" }, ["interrupt-remapping-off"]],
    ["the root pointer not taken over", { "0xfed90018": "0x8200000000000000" }, ["root-not-set"]],
    ["interrupts of the old form", { "0xfed90018": "0xc280000000000000" }, ["compatibility-interrupts"]],
    [
      "32-bit destinations, where the old form is refused",
      { "0xfed90018": "0xc280000000000000", "0xfed900b8": "0x120080f" },
      [],
    ],
    ["abort mode", { "0xfed90018": "0xc200000000000000", "0xfed90020": "0x3000c00" }, ["table-mode"]],
    ["a reserved mode", { "0xfed90018": "0xc200000000000000", "0xfed90020": "0x3000800" }, ["table-mode"]],
    ["nothing to say", { "0xfed90018": "0xc200000000000000" }, []],
  ] as const)("notes of a VT-d unit: %s", (_, registers, rules) => {
    expect(vtd({ "0xfed90020": "0x3000000", ...registers }).notes.map((n) => n.rule)).toEqual(rules);
  });

  it.each([
    ["off", { "0x18": "0x0" }, ["unit-off"]],
    ["segments", { "0x18": "0x400000001" }, ["table-segments"]],
    ["an exclusion range", { "0x18": "0x1", "0x20": "0x7f000003", "0x28": "0x7f0ff000" }, ["exclusion-range"]],
  ] as const)("notes of an AMD unit: %s", (_, registers, rules) => {
    const { notes } = read({ kind: "amdvi", registers: { "0x0": "0x1000", ...registers } });
    expect(notes.map((n) => n.rule)).toEqual(rules);
  });

  it.each([
    ["off", { "0x20": "0x0" }, ["unit-off"], { translating: false, abilities: { abortsWhenOff: false } }],
    ["off and aborting", { "0x20": "0x0", "0x44": "0x100000" }, ["unit-off"], { abilities: { abortsWhenOff: true } }],
    ["translated requests unchecked", { "0x20": "0x1" }, ["ats-unchecked"], { translating: true }],
    ["no ATS, so nothing of it to check", { "0x20": "0x1", "0x0": "0x1a" }, [], { translating: true }],
    ["fewer stream bits than the table", { "0x20": "0x11", "0x4": "0x8" }, [], { size: 8 }],
    ["44 bits of output", { "0x20": "0x11", "0x14": "0x4" }, [], { outputBits: 44 }],
    ["a reserved split counts as 6", { "0x20": "0x11", "0x88": "0x10150" }, [], { split: 6 }],
  ] as const)("an SMMUv3: %s", (_, registers, rules, expected) => {
    const { units, notes } = read({
      kind: "smmuv3",
      registers: { "0x80": "0x40000", "0x84": "0x0", "0x88": "0x10210", ...registers },
    });
    expect(units).toMatchObject([expected]);
    expect(notes.map((n) => n.rule)).toEqual(rules);
  });
});

describe("files that are none", () => {
  it.each([
    ["", "r.json: expected JSON"],
    ["ELF\u0001\u0002 what", 'text that begins "ELF'],
    ["{", "expected JSON"],
    ["[]", "expected registers of at least one unit, found an empty list"],
    ["{}", "r.json: kind: expected one of vtd, amdvi, smmuv3, found nothing"],
    ['{"kind":"gart","registers":{}}', 'found "gart"'],
    ['{"kind":"vtd"}', "registers: expected register values by physical address, found nothing"],
    ['{"kind":"vtd","registers":{}}', "expected RTADDR_REG (offset 0x20) of a unit, found no registers"],
    ['{"kind":"vtd","registers":{"0xfed90010":"0x1"}}', "found only other registers of 0xfed90000"],
    [
      '{"kind":"vtd","registers":{"0xfed90020":"zebra"}}',
      'registers.0xfed90020: expected a number like 0xfed90000, found "zebra"',
    ],
    ['{"kind":"vtd","registers":{"somewhere":"0x1"}}', "registers.somewhere: expected a number"],
    ['{"kind":"vtd","registers":{"0xfed90021":"0x1"}}', "an address that is a multiple of 4"],
    ['{"kind":"vtd","registers":{"0xfed90020":"0x10000000000000000"}}', "a number of at most 64 bits"],
    ['{"kind":"vtd","registers":{"0xfed90020":[1]}}', "expected register values"],
    ['{"kind":"vtd","registers":{"0xfed90020":"0xffffffffffffffff"}}', "expected RTADDR_REG"],
    ["42", 'expected an object with "kind" and "registers", found a value of type number'],
  ])("%j", (text, message) => {
    expect(() => read(text)).toThrow(Unreadable);
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).not.toThrow(/\n/);
  });

  it("damaged files: units, or one line", () => {
    const rng = new Rng(5);
    const whole = registersOf("vtd-ats");
    let readable = 0;
    for (let n = 0; n < 2000; n++) {
      const at = rng.below(whole.length);
      const text =
        whole.slice(0, at) +
        (rng.below(2) === 0 ? "" : String.fromCharCode(32 + rng.below(95))) +
        whole.slice(at + rng.below(3));
      try {
        readable += unitsOf(text).units.length;
      } catch (error) {
        expect(error).toBeInstanceOf(Unreadable);
        expect((error as Error).message).not.toContain("\n");
      }
    }
    expect(readable).toBeGreaterThan(100);
  });
});

describe("values that cannot be", () => {
  const every = (value: string, text: string) => text.replace(/: *"0x[0-9a-f]+"/g, `: "${value}"`);
  const ones = "0xffffffffffffffff";
  it.each(["vtd-ats", "amdvi", "smmuv3"] as const)(
    "%s: zeros or ones in every word are no unit that is off",
    (name) => {
      expect(() => read(every("0x0", registersOf(name)))).toThrow(
        /of a unit, found at 0x\w+ zeros only: .*\(offset 0(x30)?\)/,
      );
      expect(() => read(every(ones, registersOf(name)))).toThrow(
        /of a unit, found at 0x\w+ ones only: no unit answered/,
      );
    },
  );

  it.each([
    ["vtd", { "0xfed90000": "0x10", "0xfed90018": ones, "0xfed90020": "0x1000" }, /ones only/],
    ["amdvi", { "0xfed80000": "0x1000", "0xfed80018": ones }, /ones only/],
    ["vtd", { "0xfed90000": "0x1e84001", "0xfed90020": "0x1000" }, /0x1e84001 in VER_REG .* no version of VT-d/],
    ["amdvi", { "0xfed80000": "0x10", "0xfed80018": "0x1" }, /a device table at address 0 \(offset 0 is 0x10\)/],
  ])("a part of %s's that decides: %j", (kind, registers, says) => {
    expect(() => read({ kind, registers })).toThrow(says);
  });

  it("a unit that is off, and one beside others that did not answer", () => {
    const off = { "0xfed90000": "0x10", "0xfed90018": "0x0", "0xfed90020": "0x0" };
    expect(vtd(off).units).toMatchObject([{ translating: false, root: 0 }]);
    expect(read({ kind: "amdvi", registers: { "0xfed80000": "0x0", "0xfed80030": "0x29d3" } }).units).toHaveLength(1);
    const { units, notes } = vtd({ ...off, "0xfed91018": ones, "0xfed91020": ones });
    expect(units.map((u) => u.registersAt)).toEqual([0xfed90000]);
    expect(notes.map((n) => [n.rule, n.where])).toEqual([
      ["unit-off", "vtd at 0xfed90000"],
      ["interrupt-remapping-off", "vtd at 0xfed90000"],
      ["impossible-registers", "vtd at 0xfed91000"],
    ]);
  });
});

describe("roots given by hand", () => {
  it.each([
    ["vtd:0x3c02000", { kind: "vtd", mode: "legacy", root: 0x3c02000 }],
    ["vtd-scalable:0x3571000", { kind: "vtd", mode: "scalable", root: 0x3571000 }],
    ["amdvi:0x1e84000,0x2000", { kind: "amdvi", root: 0x1e84000, size: 0x2000 }],
    ["amdvi:0x1e84000", { kind: "amdvi", size: 0x200000 }],
    ["smmuv3:0x45580000,16", { kind: "smmuv3", mode: "linear", size: 16, split: 0 }],
    ["smmuv3:0x45580000, 16, 8", { kind: "smmuv3", mode: "two-level", size: 16, split: 8 }],
  ])("%s", (text, expected) => {
    expect(rootGiven(text)).toMatchObject({ ...expected, found: "given", translating: null });
  });

  it.each([
    ["gart:0x1000", "names no kind of unit"],
    ["toString:0x1000", "names no kind of unit"],
    ["vtd", "is no number; expected vtd:ADDRESS"],
    ["vtd:here", '"here" in "vtd:here" is no number'],
    ["vtd:0x1004", "not a multiple of 4096"],
    ["vtd:0x1000,5", "has 2 numbers; expected vtd:ADDRESS"],
    ["amdvi:0x1000,100", "BYTES is a multiple of 4096"],
    ["smmuv3:0x1000", "has 1 numbers"],
    ["smmuv3:0x1000,40", "LOG2SIZE is at most 32"],
    ["smmuv3:0x1000,16,7", "SPLIT is 6, 8 or 10"],
  ])("%s: %s", (text, message) => {
    expect(rootGiven(text)).toContain(message);
  });
});
