/** Worlds that QEMU's units were asked about, as memory and registers of ours. */
import { type Field, write } from "../../../src/bits/field.js";
import { AmdviUnit } from "../../../src/hw/iommu/amdvi/amdvi_unit.js";
import { SmmuUnit } from "../../../src/hw/iommu/smmuv3/smmu_unit.js";
import { VtdUnit } from "../../../src/hw/iommu/vtd/vtd_unit.js";
import { Memory } from "../../../src/mem/memory.js";
import { amdviRegisters } from "../../../src/spec/amdvi/register_map.js";
import { ExtendedFeatures } from "../../../src/spec/amdvi/registers.js";
import { smmuRegisters } from "../../../src/spec/smmuv3/register_map.js";
import { addressBits, Idr0, Idr1, Idr3, Idr5 } from "../../../src/spec/smmuv3/registers.js";
import { vtdRegisters } from "../../../src/spec/vtd/register_map.js";
import { Capability, ExtendedCapability } from "../../../src/spec/vtd/registers.js";
import { MachineState } from "../../../src/state/machine_state.js";
import type { UnitRoot } from "../../../src/table/device/index.js";
import type { Recording, World } from "../../qemu/recording.js";
import { dataAt, dataBytes, ramBytes, resultsAt } from "../../qemu/test_memory.js";

/** The same bytes as `memoryOf` of the recording has, in a memory that a unit can be given. @param more frames behind them */
export function memoryOf({ ramBase }: Recording, { entries }: World, more = 0): Memory {
  const memory = new Memory((ramBase + ramBytes) / 4096 + more);
  const data = new Uint32Array(dataBytes / 4);
  for (let at = 0; at < dataBytes; at += 8) data[at / 4] = ramBase + dataAt + at;
  memory.write(ramBase + dataAt, new Uint8Array(data.buffer));
  for (const [table, list] of Object.entries(entries)) {
    for (let n = 0; n < list.length; n += 3) memory.store64(Number(table) + list[n]! * 8, list[n + 1]!, list[n + 2]!);
  }
  return memory;
}

type Flags = Readonly<Record<string, readonly [Field<0 | 1>, boolean | undefined]>>;

/** A unit that is able to do what the recorded one was, pointed at its tables and on. */
export function vtdUnitOf(memory: Memory, unit: UnitRoot): VtdUnit {
  const can = unit.abilities!;
  const [cap, ecap] = [new Uint32Array(2), new Uint32Array(2)];
  write(cap, 0, Capability.sagaw, can.secondLevels! >>> 2);
  write(cap, 0, Capability.mgaw, can.inputBits! - 1);
  write(cap, 0, Capability.fs5lp, ((can.firstLevels! >>> 5) & 1) as 0 | 1);
  const lacks = (feature: string) => (can.secondLacks ?? []).some((f) => f === feature);
  write(cap, 0, Capability.sslps, (lacks("pages-2m") ? 0 : 1) + (lacks("pages-1g") ? 0 : 2));
  write(cap, 0, Capability.fs1gp, (can.firstLacks ?? []).length === 0 ? 1 : 0);
  const flags: Flags = {
    sc: [ExtendedCapability.sc, !lacks("snoop-control")],
    dt: [ExtendedCapability.dt, can.ats],
    pt: [ExtendedCapability.pt, can.passThrough],
    nest: [ExtendedCapability.nest, can.nested],
    fsts: [ExtendedCapability.fsts, can.first],
    ssts: [ExtendedCapability.ssts, can.second],
    rps: [ExtendedCapability.rps, can.ridPasid],
    pasid: [ExtendedCapability.pasid, can.pasidBits !== 0],
  };
  for (const [field, is] of Object.values(flags)) write(ecap, 0, field, is === true ? 1 : 0);
  if (can.pasidBits !== 0) write(ecap, 0, ExtendedCapability.pss, can.pasidBits! - 1);
  const made = new VtdUnit({
    ...{ state: new MachineState(), memory, messages: { send: () => undefined }, outputBits: unit.outputBits },
    capability: [cap[0]!, cap[1]!],
    extendedCapability: [ecap[0]!, ecap[1]!],
  });
  const { rtaddr, gcmd } = vtdRegisters.registers;
  made.registers.write64(rtaddr.offset, unit.root + (unit.mode === "scalable" ? 0x400 : 0), 0);
  made.registers.write32(gcmd.offset, 0x4000_0000);
  made.registers.write32(gcmd.offset, 0x8000_0000);
  return made;
}

/** Where QEMU's driver leaves nothing: half a frame of results that no recorded table names. */
const eventsAt = resultsAt + 4096;
const eventsLg2 = 3;

/** The same for an SMMUv3: what the recorded one was, and said of itself where the recording says less. */
export function smmuUnitOf(memory: Memory, unit: UnitRoot, ramBase: number): SmmuUnit {
  const can = unit.abilities!;
  const w = new Uint32Array(4);
  const { granules = 0x1_5000 } = can.smmu ?? {};
  const flags: readonly (readonly [Field<0 | 1>, boolean | undefined])[] = [
    [Idr0.s1p, can.first],
    [Idr0.s2p, can.second],
    [Idr0.termModel, can.smmu?.alwaysAborts ?? true],
    [Idr0.asid16, can.smmu?.wideAsids ?? true],
    [Idr0.vmid16, can.smmu?.wideVmids ?? true],
  ];
  for (const [field, is] of flags) write(w, 0, field, is === true ? 1 : 0);
  write(w, 0, Idr0.stallModel, can.smmu?.stallModel ?? 1);
  write(w, 0, Idr0.stLevel, 1);
  write(w, 1, Idr1.sidSize, 16);
  write(w, 1, Idr1.eventqs, 19);
  write(w, 2, Idr3.had, can.smmu?.hierarchyOff === false ? 0 : 1);
  write(w, 3, Idr5.oas, addressBits.indexOf(unit.outputBits));
  for (const [field, lg2] of [
    [Idr5.gran4k, 12],
    [Idr5.gran16k, 14],
    [Idr5.gran64k, 16],
  ] as const)
    write(w, 3, field, ((granules >>> lg2) & 1) as 0 | 1);
  const made = new SmmuUnit({
    ...{ state: new MachineState(), memory, messages: { send: () => undefined } },
    identification: { idr0: w[0]!, idr1: w[1]!, idr3: w[2]!, idr5: w[3]! },
    caches: { devices: 4, spaces: 4, tables: 4, translations: 4 },
  });
  const { cr2, strtabBase, strtabBaseCfg, eventqBase, cr0 } = smmuRegisters.registers;
  made.registers.write32(cr2.offset, 2);
  made.registers.write64(strtabBase.offset, unit.root, 0);
  made.registers.write32(
    strtabBaseCfg.offset,
    (unit.mode === "two-level" ? 0x1_0000 : 0) | (unit.split << 6) | unit.size,
  );
  made.registers.write64(eventqBase.offset, ramBase + eventsAt + eventsLg2, 0);
  made.registers.write32(cr0.offset, 5);
  return made;
}

/** The number of the event that was recorded, taken off the queue; null when none was. */
export function smmuFaultOf({ registers }: SmmuUnit, memory: Memory, ramBase: number): number | null {
  const { eventqCons } = smmuRegisters.registers;
  const [produced, consumed] = [registers.get("eventqProd"), registers.get("eventqCons")];
  if (produced === consumed) return null;
  registers.write32(eventqCons.offset, produced);
  return memory.load32(ramBase + eventsAt + (consumed % 2 ** eventsLg2) * 32) & 0xff;
}

/** Where our AMD-Vi unit has its event log: above what the recorded machine had. */
const amdviEventsAt = (memory: Memory) => (memory.frameCount - 1) * 4096;

/** An AMD-Vi unit that is able to do what the recorded one was, pointed at its tables and on, with an event log. */
export function amdviUnitOf(memory: Memory, unit: UnitRoot): AmdviUnit {
  const can = unit.abilities!;
  const efr = new Uint32Array(2);
  write(efr, 0, ExtendedFeatures.hats, Math.log2(can.secondLevels! + 2) - 5);
  write(efr, 0, ExtendedFeatures.gats, can.firstLevels! >= 0b110000 ? 1 : 0);
  write(efr, 0, ExtendedFeatures.gtSup, can.first === true ? 1 : 0);
  const { outputBits } = unit;
  const messages = { send: () => undefined };
  const made = new AmdviUnit({ state: new MachineState(), memory, messages, outputBits, features: [efr[0]!, efr[1]!] });
  const { devtab, evtlog, control } = amdviRegisters.registers;
  made.registers.write64(devtab.offset, unit.root + unit.size / 4096 - 1, 0);
  made.registers.write64(evtlog.offset, amdviEventsAt(memory), 0x0800_0000);
  made.registers.write64(control.offset, 5, 0);
  return made;
}

/** The code of the only record since the last look; null when there is none. */
export function amdviEvent(memory: Memory, { registers }: AmdviUnit): number | null {
  const { evtHead } = amdviRegisters.registers;
  const [head, tail] = [registers.get("evtHead"), registers.get("evtTail")];
  if (tail === head) return null;
  registers.write64(evtHead.offset, tail, 0);
  return memory.load32(amdviEventsAt(memory) + head + 4) >>> 28;
}
