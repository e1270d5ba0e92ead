/** Registers of an AMD IOMMU into a unit. Sources: see spec/amdvi/registers.ts. */
import { frameBytes } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import { read } from "../../../bits/field.js";
import type { RegisterBlock } from "../../../read/registers/register_block.js";
import { amdviOffsets as at } from "../../../spec/amdvi/register_map.js";
import { Control, DeviceTableBase, ExclusionBase, ExclusionLimit } from "../../../spec/amdvi/registers.js";
import { amdviAbilities } from "../../../table/device/amdvi_abilities.js";
import type { UnitRoot } from "../../../table/device/attachment.js";
import type { RegisterNote } from "./note.js";

export function amdviUnit(block: RegisterBlock, notes: RegisterNote[]): UnitRoot | null {
  const devtab = block.address(at.devtab);
  if (devtab === null || block.isVoid) return null;
  const control = block.register(at.control, 2);
  const translating = control === null ? null : read(control, 0, Control.iommuEn) === 1;
  const guest = control !== null && read(control, 0, Control.gtEn) === 1;
  const where = `amdvi at ${hex(block.base)}`;
  const note = (rule: string, what: string, why: string) => notes.push({ rule, where, what, why });
  if (translating === false)
    note("unit-off", "the unit is off", "CONTROL.IOMMU_EN is 0: every device reaches all of memory");
  const segments = control === null ? 0 : read(control, 0, Control.devTblSegEn);
  if (segments > 0) {
    const why = `CONTROL.DevTblSegEn is ${segments}: devices of the other segments are not listed`;
    note("table-segments", "the device table has segments, of which the first is read", why);
  }
  exclusion(block, note);
  return {
    kind: "amdvi",
    mode: guest ? "v1+v2" : "v1",
    root: read(devtab, 0, DeviceTableBase.frame) * frameBytes,
    size: (read(devtab, 0, DeviceTableBase.size) + 1) * frameBytes,
    split: 0,
    registersAt: block.base,
    translating,
    interruptRemapping: null,
    interruptTable: null,
    outputBits: 52,
    found: "registers",
    segment: 0,
    abilities: amdviAbilities(block.register(at.efr, 2), control === null ? null : guest),
  };
}

function exclusion(block: RegisterBlock, note: (rule: string, what: string, why: string) => void): void {
  const base = block.register(at.exclusionBase, 2);
  const limit = block.register(at.exclusionLimit, 2);
  if (base === null || limit === null || read(base, 0, ExclusionBase.exEn) === 0) return;
  const [from, to] = [
    read(base, 0, ExclusionBase.frame) * frameBytes,
    read(limit, 0, ExclusionLimit.frame) * frameBytes + 4095,
  ];
  const who = read(base, 0, ExclusionBase.allow) === 1 ? "every device" : "devices with EX in their entry";
  note("exclusion-range", `${hex(from)} to ${hex(to)} pass untranslated`, `the exclusion range is in force for ${who}`);
}
