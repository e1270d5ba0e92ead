/** Worlds that QEMU's units were asked about, as memory and registers of ours. */
import { type Field, write } from "../../../src/bits/field.js";
import { VtdUnit } from "../../../src/hw/iommu/vtd/vtd_unit.js";
import { Memory } from "../../../src/mem/memory.js";
import { vtdRegisters } from "../../../src/spec/vtd/register_map.js";
import { Capability, ExtendedCapability } from "../../../src/spec/vtd/registers.js";
import { MachineState } from "../../../src/state/machine_state.js";
import type { UnitRoot } from "../../../src/table/device/index.js";
import type { Recording, World } from "../../qemu/recording.js";
import { dataAt, dataBytes, ramBytes } from "../../qemu/test_memory.js";

/** The same bytes as `memoryOf` of the recording has, in a memory that a unit can be given. */
export function memoryOf({ ramBase }: Recording, { entries }: World): Memory {
  const memory = new Memory((ramBase + ramBytes) / 4096);
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
