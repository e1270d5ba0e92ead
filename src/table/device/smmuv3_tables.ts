/**
 * SMMUv3: what the fields of a stream table entry and of a context descriptor come to as page tables.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, sections 5.2 (S2T0SZ, S2SL0, S2TG, S2PS, S2TTB) and 5.4
 * (TxSZ, TGx, IPS, TTBx, HADx, TBIx); Arm DDI 0487, D8.2 (start levels, concatenated tables).
 */
import { read } from "../../bits/field.js";
import { ContextDescriptor as Cd } from "../../spec/smmuv3/context_descriptor.js";
import { addressBits } from "../../spec/smmuv3/registers.js";
import { StreamEntry as Ste } from "../../spec/smmuv3/stream_table.js";
import { Allow, type TableRoot } from "../root.js";
import type { UnitRoot } from "./attachment.js";

/** A root, or why the unit refuses it; `unread` when the tables are of a kind that is not read here. */
export type Stage = { readonly root: TableRoot } | { readonly illegal: string } | { readonly unread: string };

interface Granule {
  readonly lg2: 12 | 14 | 16;
  readonly suffix: "4k" | "16k" | "64k";
}

const g4: Granule = { lg2: 12, suffix: "4k" };
const g16: Granule = { lg2: 14, suffix: "16k" };
const g64: Granule = { lg2: 16, suffix: "64k" };
/** TG0 and S2TG; TG1 counts differently. */
const byTg0 = [g4, g64, g16, null] as const;
const byTg1 = [null, g16, g4, g64] as const;

/** By granule: our level of the start for S2SL0 0 to 3 (the document's level 0 is our 3). */
const startLevels: Readonly<Record<Granule["suffix"], readonly (number | null)[]>> = {
  "4k": [1, 2, 3, 0],
  "16k": [0, 1, 2, null],
  "64k": [0, 1, 2, null],
};

const concatenatedLg2Max = 4;

/** Output bits that descriptors of a granule can hold, without DS. */
const descriptorBits = (g: Granule) => (g.lg2 === 16 ? 52 : 48);
const inputBitsMax = ({ abilities }: UnitRoot, g: Granule) =>
  g.lg2 === 16 && abilities?.smmu?.wideInputs !== false ? 52 : 48;

/** The largest TxSZ: 64 - n bits are the smallest table. */
const sizeOffsetMax = ({ abilities }: UnitRoot, g: Granule) =>
  abilities?.smmu?.smallTables === true ? (g.lg2 === 16 ? 47 : 48) : 39;

const isLacking = ({ abilities }: UnitRoot, g: Granule) =>
  abilities?.smmu?.granules !== undefined && (abilities.smmu.granules & (1 << g.lg2)) === 0;

/** Output bits by the code of IPS and S2PS: no more than the unit has, and than the descriptors can hold. */
function outputBits(unit: UnitRoot, code: number, g: Granule): number {
  return Math.min(addressBits[code]!, unit.outputBits, descriptorBits(g));
}

/** Level of the top table when nothing but the size decides: the lowest one that resolves all bits. */
function levelOf(inputBits: number, g: Granule): number {
  const perLevel = g.lg2 - 3;
  return Math.max(Math.ceil((inputBits - g.lg2) / perLevel) - 1, 0);
}

/** The table begins at a multiple of its size: the unit does not look at lower bits. */
function aligned(address: number, inputBits: number, level: number, g: Granule): number {
  const bytes = 2 ** Math.max(inputBits - (g.lg2 + (g.lg2 - 3) * level) + 3, 4);
  return address - (address % bytes);
}

export type Half = 0 | 1;

/** Whether walks through TTB0 or TTB1 are made at all. */
export const walksThrough = (cd: Uint32Array, half: Half) => read(cd, 0, half === 0 ? Cd.epd0 : Cd.epd1) === 0;

/** @param inner bits of the second stage's input when both stages translate; null otherwise. */
export function firstStage(
  unit: UnitRoot,
  cd: Uint32Array,
  half: Half,
  inner: number | null,
  privileged: boolean,
): Stage {
  const low = half === 0;
  const g = low ? byTg0[read(cd, 0, Cd.tg0)] : byTg1[read(cd, 0, Cd.tg1)];
  const name = low ? "TTB0" : "TTB1";
  if (g === null || g === undefined) return { illegal: `the granule of ${name} is reserved` };
  if (isLacking(unit, g)) return { illegal: `the unit lacks the granule of ${name}` };
  const size = read(cd, 0, low ? Cd.t0sz : Cd.t1sz);
  const inputBits = 64 - size;
  if (read(cd, 0, Cd.ds) === 1 && g.lg2 !== 16) return { unread: `${name} has descriptors with 52-bit addresses (DS)` };
  if (size > sizeOffsetMax(unit, g) || inputBits > inputBitsMax(unit, g)) return { illegal: `T${half}SZ is ${size}` };
  const bits = outputBits(unit, read(cd, 0, Cd.ips), g);
  const address = read(cd, 0, low ? Cd.ttb0 : Cd.ttb1) * 16;
  if (address >= 2 ** bits) return { illegal: `${name} is beyond the ${bits} bits of output` };
  const level = levelOf(inputBits, g);
  const ignoresFlag = read(cd, 0, Cd.ha) === 1 || read(cd, 0, Cd.affd) === 1;
  const ignoresTables = read(cd, 0, low ? Cd.had0 : Cd.had1) === 1 && unit.abilities?.smmu?.hierarchyOff !== false;
  return {
    root: {
      format: `smmu-s1-${g.suffix}`,
      address: aligned(address, inputBits, level, g),
      level,
      inputBits,
      upper: low ? "zero" : "ones",
      outputBits: inner === null ? bits : Math.min(bits, Math.max(inner, 32)),
      allow: Allow.readWrite,
      ...(ignoresFlag && { accessFlag: "ignore" as const }),
      ...(privileged && { privileged: true }),
      ...(ignoresTables && { tablePermissions: "ignore" as const }),
      ...(read(cd, 0, low ? Cd.tbi0 : Cd.tbi1) === 1 && { topByteIgnored: true }),
    },
  };
}

export function secondStage(unit: UnitRoot, ste: Uint32Array): Stage {
  if (read(ste, 0, Ste.s2Aa64) === 0) return { unread: "stage 2 has 32-bit or 128-bit descriptors" };
  if (read(ste, 0, Ste.s2Endi) === 1) return { unread: "the tables of stage 2 are big-endian" };
  const g = byTg0[read(ste, 0, Ste.s2Tg)];
  if (g === null || g === undefined) return { illegal: "S2TG is 3, which is reserved" };
  if (isLacking(unit, g)) return { illegal: "the unit lacks the granule of S2TG" };
  if (read(ste, 0, Ste.s2Ds) === 1 && g.lg2 !== 16)
    return { unread: "stage 2 has descriptors with 52-bit addresses (S2DS)" };
  const size = read(ste, 0, Ste.s2T0sz);
  const inputBits = 64 - size;
  if (size > sizeOffsetMax(unit, g) || inputBits > inputBitsMax(unit, g)) return { illegal: `S2T0SZ is ${size}` };
  const sl0 = read(ste, 0, Ste.s2Sl0);
  const level = startLevels[g.suffix][sl0];
  if (level === null || level === undefined) return { illegal: `S2SL0 is ${sl0}, which is reserved for this granule` };
  const perLevel = g.lg2 - 3;
  const indexBits = inputBits - (g.lg2 + perLevel * level);
  // At most 16 tables side by side; none at the highest level of the 4 KiB granule.
  const most = perLevel + (g.lg2 === 12 && level === 3 ? 0 : concatenatedLg2Max);
  if (indexBits < 1 || indexBits > most) return { illegal: `S2SL0 ${sl0} does not fit S2T0SZ ${size}` };
  const bits = outputBits(unit, read(ste, 0, Ste.s2Ps), g);
  const address = read(ste, 0, Ste.s2Ttb) * 16;
  if (address >= 2 ** bits) return { illegal: `S2TTB is beyond the ${bits} bits of output` };
  const ignoresFlag = read(ste, 0, Ste.s2Ha) === 1 || read(ste, 0, Ste.s2Affd) === 1;
  return {
    root: {
      format: `smmu-s2-${g.suffix}`,
      address: aligned(address, inputBits, level, g),
      level,
      inputBits,
      upper: "zero",
      outputBits: bits,
      allow: Allow.readWrite,
      ...(ignoresFlag && { accessFlag: "ignore" as const }),
    },
  };
}
