/** Registers of an SMMUv3 into a unit. Sources: see spec/smmuv3/registers.ts. */
import { hex } from "../../../base/hex.js";
import { read } from "../../../bits/field.js";
import type { RegisterBlock } from "../../../read/registers/register_block.js";
import { smmuOffsets as at } from "../../../spec/smmuv3/register_map.js";
import {
  addressBits,
  Cr0,
  GlobalBypass,
  Idr0,
  Idr1,
  Idr5,
  StreamTableBase,
  StreamTableConfig,
} from "../../../spec/smmuv3/registers.js";
import type { Abilities, UnitRoot } from "../../../table/device/attachment.js";
import { smmuAbilities } from "../../../table/device/smmuv3_identification.js";
import type { RegisterNote } from "./note.js";

/** Values of SPLIT; others count as the first. */
const splits = [6, 8, 10];

export function smmuv3Unit(block: RegisterBlock, notes: RegisterNote[]): UnitRoot | null {
  const base = block.address(at.strtabBase);
  const config = block.register(at.strtabBaseCfg, 1);
  if (base === null || config === null || block.isVoid) return null;
  const cr0 = block.register(at.cr0, 1);
  const idr1 = block.register(at.idr1, 1);
  const idr5 = block.register(at.idr5, 1);
  const gbpa = block.register(at.gbpa, 1);
  const translating = cr0 === null ? null : read(cr0, 0, Cr0.smmuen) === 1;
  const aborts = gbpa !== null && read(gbpa, 0, GlobalBypass.abort) === 1;
  const where = `smmuv3 at ${hex(block.base)}`;
  const note = (rule: string, what: string, why: string) => notes.push({ rule, where, what, why });
  if (translating === false) {
    const why = aborts
      ? "CR0.SMMUEN is 0 and GBPA.ABORT is 1: no request passes"
      : "CR0.SMMUEN is 0: every device reaches all of memory";
    note("unit-off", "the unit is off", why);
  }
  // Without ATS the bit is reserved, and nothing is passed on as translated. IHI 0070 G, 6.3.9.
  const idr0 = block.register(at.idr0, 1);
  const takesAts = idr0 === null || read(idr0, 0, Idr0.ats) === 1;
  if (cr0 !== null && takesAts && translating === true && read(cr0, 0, Cr0.atschk) === 0) {
    note(
      "ats-unchecked",
      "translated requests (ATS) are not checked",
      "CR0.ATSCHK is 0: a device that sets the translated flag reaches all of memory",
    );
  }
  const twoLevel = read(config, 0, StreamTableConfig.fmt) === 1;
  const split = read(config, 0, StreamTableConfig.split);
  const log2size = read(config, 0, StreamTableConfig.log2size);
  return {
    kind: "smmuv3",
    mode: twoLevel ? "two-level" : "linear",
    root: read(base, 0, StreamTableBase.addr) * 64,
    size: Math.min(log2size, idr1 === null ? 32 : read(idr1, 0, Idr1.sidSize), 32),
    split: twoLevel ? (splits.includes(split) ? split : splits[0]!) : 0,
    registersAt: block.base,
    translating,
    interruptRemapping: null,
    interruptTable: null,
    outputBits: idr5 === null ? 52 : Math.min(addressBits[read(idr5, 0, Idr5.oas)]!, 52),
    found: "registers",
    segment: 0,
    abilities: { ...abilities(block), abortsWhenOff: aborts },
  };
}

function abilities(block: RegisterBlock): Abilities {
  const word = (offset: number) => block.register(offset, 1)?.[0] ?? null;
  return smmuAbilities({ idr0: word(at.idr0), idr1: word(at.idr1), idr3: word(at.idr3), idr5: word(at.idr5) });
}
