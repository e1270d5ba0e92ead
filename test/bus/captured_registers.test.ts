/** Register values of captured machines, loaded into blocks: software and hardware find there what the machine had. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { unitsFromRegisters } from "../../src/audit/inspect/registers/units_from_registers.js";
import { frameBytes } from "../../src/base/frame.js";
import type { Register, RegisterMap } from "../../src/bits/register_map.js";
import { RegisterFile } from "../../src/bus/registers.js";
import { registerDumps } from "../../src/read/registers/register_dump.js";
import { amdviRegisters } from "../../src/spec/amdvi/register_map.js";
import { Control, DeviceTableBase } from "../../src/spec/amdvi/registers.js";
import { smmuRegisters } from "../../src/spec/smmuv3/register_map.js";
import { StreamTableBase, StreamTableConfig } from "../../src/spec/smmuv3/registers.js";
import { InvalidationQueueAddress } from "../../src/spec/vtd/queue_registers.js";
import { vtdRegisters } from "../../src/spec/vtd/register_map.js";
import { Capability, GlobalStatus, RootTableAddress } from "../../src/spec/vtd/registers.js";

const maps: Readonly<Record<string, RegisterMap>> = {
  vtd: vtdRegisters,
  amdvi: amdviRegisters,
  smmuv3: smmuRegisters,
};

const text = (machine: string) => readFileSync(`fixtures/${machine}/mem.registers.json`, "utf8");
/** A captured block in a register file, with the words that the map has no register for. */
function captured<N extends string>(machine: string, map: RegisterMap<N>) {
  const [dump] = registerDumps(machine, text(machine));
  const file = new RegisterFile(map);
  return { file, dump: dump!, unknown: file.load(dump!.blocks[0]!.words) };
}

describe("every captured machine", () => {
  test.each(["vtd-legacy-strict", "vtd-scalable", "vtd-scalable-fs", "vtd-ats", "amdvi", "smmuv3"])("%s", (machine) => {
    const [unit] = unitsFromRegisters(machine, text(machine)).units;
    const { file, dump, unknown } = captured(machine, maps[unit!.kind]!);
    const given = new Map(dump.blocks[0]!.words);
    const isWriteOnly = (offset: number) =>
      Object.values<Register>(file.map.registers).some((r) => r.access === "wo" && r.offset === offset);
    for (const [offset, word] of given) {
      if (!unknown.includes(offset) && !isWriteOnly(offset)) expect(file.read32(offset), `${offset}`).toBe(word);
    }
    const known = new Set(
      Object.values<Register>(file.map.registers).flatMap(({ offset, bytes }) => [offset, offset + bytes - 4]),
    );
    expect(unknown).toEqual([...given.keys()].filter((offset) => !known.has(offset)));
    expect(unknown.length).toBeGreaterThan(0);
    // What no register is known for was zero there.
    expect(unknown.filter((offset) => given.get(offset) !== 0)).toEqual([]);
  });
});

test("VT-d: the fields say where the tables and the queue are, with capabilities beyond 2^53", () => {
  const { file } = captured("vtd-scalable", vtdRegisters);
  expect(file.read("rtaddr", RootTableAddress.frame) * frameBytes).toBe(0x357_1000);
  expect(file.read("rtaddr", RootTableAddress.ttm)).toBe(1);
  expect([file.read("gsts", GlobalStatus.tes), file.read("gsts", GlobalStatus.qies)]).toEqual([1, 1]);
  expect([file.read("cap", Capability.mgaw), file.read("cap", Capability.esrtps)]).toEqual([0x2f, 1]);
  expect(file.read("cap", Capability.fro) * 16).toBe(vtdRegisters.registers.fault.offset);
  expect(file.read("iqa", InvalidationQueueAddress.frame)).toBeGreaterThan(0);
  expect(file.get("iqt")).toBe(file.get("iqh"));
});

test("AMD-Vi and SMMUv3: the same", () => {
  const amd = captured("amdvi", amdviRegisters).file;
  expect(amd.read("devtab", DeviceTableBase.frame) * frameBytes).toBe(0x1e8_4000);
  expect([amd.read("control", Control.iommuEn), amd.read("control", Control.cmdBufEn)]).toEqual([1, 1]);
  const arm = captured("smmuv3", smmuRegisters).file;
  expect(arm.read("strtabBase", StreamTableBase.addr) * 64).toBe(0x4558_0000);
  expect(arm.read("strtabBaseCfg", StreamTableConfig.fmt)).toBe(1);
});
