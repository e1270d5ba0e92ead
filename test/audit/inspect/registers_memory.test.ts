/** Queues and tables of interrupts, as registers say, and who may write there. */
import { describe, expect, it } from "vitest";
import { unitsFromRegisters } from "../../../src/audit/inspect/registers/units_from_registers.js";
import { registersOf } from "../../table/device/captured.js";

type Values = Record<string, string>;
const memoryOf = (kind: string, registers: Values) =>
  unitsFromRegisters("r.json", JSON.stringify({ kind, registers })).memory;

const vtd: Values = { "0xfed90018": "0x8600000000000000", "0xfed90020": "0x1000" };
const amdvi: Values = { "0xfed80000": "0x100001", "0xfed80018": "0x1005" };
const smmuv3: Values = { "0x9050020": "0x5", "0x9050080": "0x40000000", "0x9050088": "0x8" };
const queue = (from: number, to: number) => ({ use: "queue", from, to });

describe("memory that a unit works with", () => {
  it.each([
    ["vtd-legacy-strict", [queue(0x3a87000, 0x3a88000)]],
    ["amdvi", [queue(0x1e86000, 0x1e88000), queue(0x3aee000, 0x3af0000)]],
    ["smmuv3", []],
  ] as const)("%s as recorded", (name, expected) => {
    expect(unitsFromRegisters(name, registersOf(name)).memory).toEqual(expected);
  });

  it.each([
    ["VT-d: 2^QS pages", "vtd", { ...vtd, "0xfed90090": "0x5802" }, [queue(0x5000, 0x9000)]],
    [
      "VT-d: not while queued invalidation is off",
      "vtd",
      { ...vtd, "0xfed90018": "0x8000000000000000", "0xfed90090": "0x5000" },
      [],
    ],
    ["VT-d: page requests", "vtd", { ...vtd, "0xfed900d0": "0x40004" }, [queue(0x40000, 0x50000)]],
    [
      "VT-d: 2^(S+1) interrupts of 16 bytes",
      "vtd",
      { ...vtd, "0xfed900b8": "0x20000f" },
      [{ use: "interrupt table", from: 0x200000, to: 0x300000 }],
    ],
    [
      "AMD-Vi: 2^n entries of 16 bytes",
      "amdvi",
      { ...amdvi, "0xfed80008": "0x0900000000040000" },
      [queue(0x40000, 0x42000)],
    ],
    ["AMD-Vi: not a log that is off", "amdvi", { ...amdvi, "0xfed80038": "0x0900000000040000" }, []],
    [
      "SMMUv3: events have 32 bytes",
      "smmuv3",
      { ...smmuv3, "0x90500a0": "0x4000000050000105" },
      [queue(0x50000000, 0x50000400)],
    ],
    ["SMMUv3: not commands that are off", "smmuv3", { ...smmuv3, "0x9050090": "0x4000000050000008" }, []],
    ["nothing at address 0", "vtd", { ...vtd, "0xfed90090": "0x3" }, []],
  ] as const)("%s", (_, kind, registers, expected) => {
    expect(memoryOf(kind, registers)).toEqual(expected);
  });
});
