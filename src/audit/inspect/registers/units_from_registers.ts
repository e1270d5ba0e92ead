/**
 * Register values of IOMMUs, as a file gives them, into units.
 *
 * The form: `{ "kind": "vtd" | "amdvi" | "smmuv3", "registers": { "0xfed90000": "0x0000000000000010", … } }`, values by
 * physical address; or a list of such objects. Values are of 64 bits, or of 32 where any address of the object is an
 * odd multiple of four. Blocks of several units may stand in one object.
 */

import * as z from "zod";
import { hex } from "../../../base/hex.js";
import { read } from "../../../bits/field.js";
import { Unreadable } from "../../../read/unreadable.js";
import { amdviOffsets, DeviceTableBase } from "../../../spec/amdvi/registers.js";
import { smmuOffsets } from "../../../spec/smmuv3/registers.js";
import { vtdOffsets } from "../../../spec/vtd/registers.js";
import type { UnitKind, UnitRoot } from "../../../table/device/attachment.js";
import { amdviUnit } from "./amdvi.js";
import { type Block, blocksOf, type RegisterNote } from "./block.js";
import { type UnitMemory, unitMemory } from "./memory.js";
import { smmuv3Unit } from "./smmuv3.js";
import { vtdUnit } from "./vtd.js";

export type { RegisterNote } from "./block.js";

export interface RegistersReading {
  readonly units: readonly UnitRoot[];
  /** What the registers say beside the units: switched off, not set, set to what the unit does not take. */
  readonly notes: readonly RegisterNote[];
  /** Their queues and tables of interrupts. */
  readonly memory: readonly UnitMemory[];
}

interface Kind {
  /** Register blocks begin at multiples of this. */
  readonly blockBytes: number;
  /** Offsets of the registers that say where the tables are and whether they are used; each has reserved bits. */
  readonly decisive: readonly number[];
  /** A register that no unit reads as zero, for a message. */
  readonly neverZero: string;
  /** What else cannot be, in words: values of another kind of unit have such. */
  strange(block: Block): string | null;
  /** The registers without which a unit's tables cannot be found, for a message. */
  readonly needs: string;
  /** null when the block has none of the unit's registers that count. */
  unit(block: Block, notes: RegisterNote[]): UnitRoot | null;
}

const kinds: Readonly<Record<UnitKind, Kind>> = {
  vtd: {
    ...{ blockBytes: 0x1000, needs: "RTADDR_REG (offset 0x20)", unit: vtdUnit, strange: vtdStrange },
    ...{ decisive: [vtdOffsets.rtaddr, vtdOffsets.gsts], neverZero: "VER_REG (offset 0)" },
  },
  amdvi: {
    ...{ blockBytes: 0x4000, needs: "the device table base (offset 0)", unit: amdviUnit, strange: amdviStrange },
    ...{ decisive: [amdviOffsets.devtab, amdviOffsets.control], neverZero: "the extended features (offset 0x30)" },
  },
  smmuv3: {
    ...{ blockBytes: 0x10000, needs: "STRTAB_BASE and STRTAB_BASE_CFG (offsets 0x80, 0x88)", unit: smmuv3Unit },
    ...{ decisive: [smmuOffsets.strtabBase, smmuOffsets.strtabBaseCfg, smmuOffsets.cr0], neverZero: "IDR0 (offset 0)" },
    strange: () => null,
  },
};

/** Source: VT-d 4.1, 11.4.1: bits 31:8 of VER_REG are reserved. */
function vtdStrange(block: Block): string | null {
  const version = block.register(vtdOffsets.ver, 1)?.[0] ?? 0;
  return version < 0x100 ? null : `${hex(version)} in VER_REG (offset 0), which is no version of VT-d`;
}

/** Interrupt vectors of processors lie at address 0 and no device table; a unit without one has size 0 as well. */
function amdviStrange(block: Block): string | null {
  const base = block.address(amdviOffsets.devtab);
  if (base === null || read(base, 0, DeviceTableBase.frame) !== 0 || read(base, 0, DeviceTableBase.size) === 0)
    return null;
  return `a device table at address 0 (offset 0 is ${hex(base[0]!)})`;
}

const kindNames = Object.keys(kinds).join(", ");
const dump = z.object({
  kind: z.enum(["vtd", "amdvi", "smmuv3"]),
  registers: z.record(z.string(), z.union([z.string(), z.number()])),
});

/**
 * @param name of the file, for messages
 * @param text of the file
 * @throws Unreadable in one line when the text is not of the form, or holds no unit.
 */
export function unitsFromRegisters(name: string, text: string): RegistersReading {
  const units: UnitRoot[] = [];
  const notes: RegisterNote[] = [];
  const memory: UnitMemory[] = [];
  const parsed = json(name, text);
  for (const [index, value] of (Array.isArray(parsed) ? parsed : [parsed]).entries()) {
    const where = Array.isArray(parsed) ? `entry ${index}` : "";
    const checked = dump.safeParse(value);
    if (!checked.success) throw wrongForm(name, where, value, checked.error);
    const { kind, registers } = checked.data;
    const found: UnitRoot[] = [];
    const blocks = blocksOf(name, registers, kinds[kind].blockBytes);
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
function impossibleWords(kind: UnitKind, block: Block): string | null {
  const { decisive, neverZero, strange } = kinds[kind];
  if (block.isZero)
    return `zeros only: a file that was not filled, unless ${neverZero}, which no unit has as zero, is given too`;
  if (block.isVoid || block.hasOnes(decisive))
    return "ones only: no unit answered there (asleep, hidden, or at another address)";
  return strange(block);
}

function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const began = text
      .trimStart()
      .slice(0, 20)
      .replaceAll(/[^ -~]/g, "·");
    const where = /position (\d+)/.exec(String(error))?.[1];
    throw new Unreadable(
      name,
      where === undefined ? "" : `offset ${where}`,
      'JSON with "kind" and "registers"',
      began === "" ? "an empty file" : `text that begins "${began}"`,
    );
  }
}

function wrongForm(name: string, where: string, value: unknown, error: z.ZodError): Unreadable {
  const issue = error.issues[0]!;
  const path = issue.path.join(".");
  const place = [where, path].filter((s) => s !== "").join(": ");
  if (path === "kind") {
    const kind = (value as { kind?: unknown }).kind;
    return new Unreadable(
      name,
      place,
      `one of ${kindNames}`,
      kind === undefined ? "nothing" : JSON.stringify(kind).slice(0, 40),
    );
  }
  const expected = path.startsWith("registers")
    ? "register values by physical address"
    : 'an object with "kind" and "registers"';
  return new Unreadable(
    name,
    place,
    expected,
    found(path === "" ? value : (value as Record<string, unknown>)[String(issue.path[0])]),
  );
}

function found(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  return value === null ? "null" : `a value of type ${typeof value}`;
}
