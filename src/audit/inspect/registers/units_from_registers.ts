/** Register values of IOMMUs, as a file gives them (`read/registers`), into units. */

import { hex } from "../../../base/hex.js";
import { read } from "../../../bits/field.js";
import type { RegisterBlock } from "../../../read/registers/register_block.js";
import { registerDumps } from "../../../read/registers/register_dump.js";
import { Unreadable } from "../../../read/unreadable.js";
import { amdviOffsets } from "../../../spec/amdvi/register_map.js";
import { DeviceTableBase } from "../../../spec/amdvi/registers.js";
import { smmuOffsets } from "../../../spec/smmuv3/register_map.js";
import { vtdOffsets } from "../../../spec/vtd/register_map.js";
import type { UnitKind, UnitRoot } from "../../../table/device/attachment.js";
import { amdviUnit } from "./amdvi.js";
import { type UnitMemory, unitMemory } from "./memory.js";
import type { RegisterNote } from "./note.js";
import { smmuv3Unit } from "./smmuv3.js";
import { vtdUnit } from "./vtd.js";

export type { RegisterNote } from "./note.js";

export interface RegistersReading {
  readonly units: readonly UnitRoot[];
  /** What the registers say beside the units: switched off, not set, set to what the unit does not take. */
  readonly notes: readonly RegisterNote[];
  /** Their queues and tables of interrupts. */
  readonly memory: readonly UnitMemory[];
}

interface Kind {
  /** Offsets of the registers that say where the tables are and whether they are used; each has reserved bits. */
  readonly decisive: readonly number[];
  /** A register that no unit reads as zero, for a message. */
  readonly neverZero: string;
  /** What else cannot be, in words: values of another kind of unit have such. */
  strange(block: RegisterBlock): string | null;
  /** The registers without which a unit's tables cannot be found, for a message. */
  readonly needs: string;
  /** null when the block has none of the unit's registers that count. */
  unit(block: RegisterBlock, notes: RegisterNote[]): UnitRoot | null;
}

const kinds: Readonly<Record<UnitKind, Kind>> = {
  vtd: {
    ...{ needs: "RTADDR_REG (offset 0x20)", unit: vtdUnit, strange: vtdStrange },
    ...{ decisive: [vtdOffsets.rtaddr, vtdOffsets.gsts], neverZero: "VER_REG (offset 0)" },
  },
  amdvi: {
    ...{ needs: "the device table base (offset 0)", unit: amdviUnit, strange: amdviStrange },
    ...{ decisive: [amdviOffsets.devtab, amdviOffsets.control], neverZero: "the extended features (offset 0x30)" },
  },
  smmuv3: {
    ...{ needs: "STRTAB_BASE and STRTAB_BASE_CFG (offsets 0x80, 0x88)", unit: smmuv3Unit },
    ...{ decisive: [smmuOffsets.strtabBase, smmuOffsets.strtabBaseCfg, smmuOffsets.cr0], neverZero: "IDR0 (offset 0)" },
    strange: () => null,
  },
};

/** Source: VT-d 4.1, 11.4.1: bits 31:8 of VER_REG are reserved. */
function vtdStrange(block: RegisterBlock): string | null {
  const version = block.register(vtdOffsets.ver, 1)?.[0] ?? 0;
  return version < 0x100 ? null : `${hex(version)} in VER_REG (offset 0), which is no version of VT-d`;
}

/** Interrupt vectors of processors lie at address 0 and no device table; a unit without one has size 0 as well. */
function amdviStrange(block: RegisterBlock): string | null {
  const base = block.address(amdviOffsets.devtab);
  if (base === null || read(base, 0, DeviceTableBase.frame) !== 0 || read(base, 0, DeviceTableBase.size) === 0)
    return null;
  return `a device table at address 0 (offset 0 is ${hex(base[0]!)})`;
}

/**
 * @param name of the file, for messages
 * @param text of the file
 * @throws Unreadable in one line when the text is not of the form, or holds no unit.
 */
export function unitsFromRegisters(name: string, text: string): RegistersReading {
  const units: UnitRoot[] = [];
  const notes: RegisterNote[] = [];
  const memory: UnitMemory[] = [];
  for (const { kind, where, blocks } of registerDumps(name, text)) {
    const found: UnitRoot[] = [];
    const impossible: string[] = [];
    for (const block of blocks) {
      const wrong = impossibleWords(kind, block);
      const unit = kinds[kind].unit(block, wrong === null ? notes : []);
      if (wrong !== null && (unit !== null || block.isVoid)) {
        impossible.push(`at ${hex(block.base)} ${wrong}`);
        notes.push({
          rule: "impossible-registers",
          where: `${kind} at ${hex(block.base)}`,
          what: "nothing is known of a unit: its register values cannot be",
          why: wrong,
        });
      }
      if (unit === null || wrong !== null) continue;
      found.push(unit);
      memory.push(...unitMemory(kind, block));
    }
    if (found.length === 0 && impossible.length > 0) {
      throw new Unreadable(name, where, `${kinds[kind].needs} of a unit`, impossible.join("; "));
    }
    if (found.length === 0) {
      const blockNames = blocks.map((b) => hex(b.base)).join(", ");
      throw new Unreadable(
        name,
        where,
        `${kinds[kind].needs} of a unit`,
        blockNames === "" ? "no registers" : `only other registers of ${blockNames}`,
      );
    }
    units.push(...found);
  }
  if (units.length === 0) throw new Unreadable(name, "", "registers of at least one unit", "an empty list");
  return { units, notes, memory };
}

/** @returns null when the values may be those of such a unit */
function impossibleWords(kind: UnitKind, block: RegisterBlock): string | null {
  const { decisive, neverZero, strange } = kinds[kind];
  if (block.isZero)
    return `zeros only: a file that was not filled, unless ${neverZero}, which no unit has as zero, is given too`;
  if (block.isVoid || block.hasOnes(decisive))
    return "ones only: no unit answered there (asleep, hidden, or at another address)";
  return strange(block);
}
