/**
 * SMMUv3: settings of a stream table entry or of a context descriptor that the unit refuses for what it is (C_BAD_STE,
 * C_BAD_CD), but for those of the tables themselves (smmuv3_tables.ts).
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, 5.2.2 (SteIllegal), 5.4.2 (CdIllegal), 5.5 (A, R, S).
 */
import { read } from "../../bits/field.js";
import { ContextDescriptor as Cd } from "../../spec/smmuv3/context_descriptor.js";
import { StreamEntry as Ste, StreamConfig } from "../../spec/smmuv3/stream_table.js";
import type { UnitRoot } from "./attachment.js";
import type { Smmuv3Abilities } from "./smmuv3_abilities.js";

const Stall = { never: 1, always: 2 };
const Endian = { little: 2, big: 3 };

/** Contradictions that make an entry illegal, whatever the substream. @returns null: none. */
export function illegalStream(unit: UnitRoot, ste: Uint32Array, config: number): string | null {
  const can = unit.abilities;
  const first = (config & 1) === 1;
  const second = (config & 2) === 2;
  if (first && can?.first === false) return "the unit has no first stage";
  if (second && can?.second === false) return "the unit has no second stage";
  if (config === StreamConfig.bypass) return null;
  return (
    illegalAts(unit, ste, config) ??
    (first ? (illegalPointer(unit, ste, config) ?? illegalFirst(unit, ste, config)) : null) ??
    (second ? illegalSecond(can?.smmu, ste) : null)
  );
}

function illegalAts({ abilities: can }: UnitRoot, ste: Uint32Array, config: number): string | null {
  const eats = read(ste, 0, Ste.eats);
  const stalls = (config & 2) === 2 && read(ste, 0, Ste.s2S) === 1;
  if (can?.ats === false || eats === 0) return null;
  if (eats !== 3 && stalls) return `EATS is ${eats} and S2S is 1`;
  if (eats === 2 && config !== StreamConfig.nested) return "EATS is 2 without both stages";
  if (eats === 2 && can?.smmu?.noSplitAts === true) return "EATS is 2, and the unit has no ATS of one stage";
  return null;
}

/**
 * A pointer beyond the unit's output: so from SMMUv3.1 on (3.4.3); older units may drop its upper bits. Under a second
 * stage, which says itself what it does not map, it is an input of that stage.
 */
function illegalPointer({ outputBits }: UnitRoot, ste: Uint32Array, config: number): string | null {
  if (config !== StreamConfig.first || read(ste, 0, Ste.s1Context) * 64 < 2 ** outputBits) return null;
  return `S1ContextPtr is beyond the ${outputBits} bits of output`;
}

function illegalFirst({ abilities: can }: UnitRoot, ste: Uint32Array, config: number): string | null {
  if (config === StreamConfig.first && (read(ste, 0, Ste.strw) & 1) === 1) return "STRW is odd, which is reserved";
  const model = can?.smmu?.stallModel;
  if (read(ste, 0, Ste.s1StallD) === 1 && model !== undefined && model !== 0)
    return "S1STALLD is 1, and the unit leaves no choice of stalls";
  // Where there are no substreams, neither S1CDMax nor S1Fmt counts.
  const contextLg2 = read(ste, 0, Ste.s1CdMax);
  if (can?.pasidBits === 0 || contextLg2 === 0) return null;
  if (contextLg2 > (can?.pasidBits ?? 20)) return `S1CDMax is ${contextLg2}`;
  const format = read(ste, 0, Ste.s1Fmt);
  if ((format === 1 || format === 2) && can?.smmu?.twoLevelContexts === false)
    return `S1Fmt is ${format}, and the unit has no two-level tables of contexts`;
  return null;
}

function illegalSecond(can: Smmuv3Abilities | undefined, ste: Uint32Array): string | null {
  const stalls = read(ste, 0, Ste.s2S) === 1;
  if (can?.stallModel === Stall.never && stalls) return "S2S is 1, and the unit never stalls";
  if (can?.stallModel === Stall.always && !stalls) return "S2S is 0, and the unit always stalls";
  const format = illegalFormat(can, read(ste, 0, Ste.s2Aa64), "S2AA64");
  if (format !== null) return format;
  const updates = illegalUpdates(can, read(ste, 0, Ste.s2Ha), read(ste, 0, Ste.s2Hd), read(ste, 0, Ste.s2Haft), "S2");
  if (updates !== null) return updates;
  if (isWrongEndian(can, read(ste, 0, Ste.s2Endi))) return "S2ENDI is not the endianness of the unit";
  if (can?.wideVmids === false && read(ste, 0, Ste.s2Vmid) > 0xff) return "S2VMID has more than the unit's 8 bits";
  return null;
}

/**
 * Contradictions that make a context descriptor illegal, whichever of its tables is used.
 * @param ste the stream's entry, which forbids some settings of the descriptor
 * @returns null: none.
 */
export function illegalContext({ abilities }: UnitRoot, ste: Uint32Array, cd: Uint32Array): string | null {
  const can = abilities?.smmu;
  const stalls = read(cd, 0, Cd.s) === 1;
  if (stalls && read(ste, 0, Ste.s1StallD) === 1) return "S is 1 and the stream forbids stalls";
  if (can?.stallModel === Stall.never && stalls) return "S is 1, and the unit never stalls";
  if (can?.stallModel === Stall.always && !stalls) return "S is 0, and the unit always stalls";
  if (can?.alwaysAborts === true && read(cd, 0, Cd.a) === 0) return "A is 0, and the unit always aborts";
  const walks = read(cd, 0, Cd.epd0) === 0 || read(cd, 0, Cd.epd1) === 0;
  if (walks && isWrongEndian(can, read(cd, 0, Cd.endi))) return "ENDI is not the endianness of the unit";
  const format = illegalFormat(can, read(cd, 0, Cd.aa64), "AA64");
  if (format !== null) return format;
  // Of 32-bit tables, HA, HD and HAFT are ignored.
  if (read(cd, 0, Cd.aa64) === 1 || can?.wideDescriptors === true) {
    const updates = illegalUpdates(can, read(cd, 0, Cd.ha), read(cd, 0, Cd.hd), read(cd, 0, Cd.haft), "");
    if (updates !== null) return updates;
  }
  if (can?.wideAsids === false && read(cd, 0, Cd.asid) > 0xff && !ignoresAsid(ste))
    return "ASID has more than the unit's 8 bits";
  return null;
}

/** In the world of EL2 there are no ASIDs; an E2H unit has them, which is not told here. */
const ignoresAsid = (ste: Uint32Array) =>
  read(ste, 0, Ste.config) === StreamConfig.first && read(ste, 0, Ste.strw) === 2;

function illegalFormat(can: Smmuv3Abilities | undefined, aa64: number, name: string): string | null {
  if (can?.tableFormats === undefined) return null;
  if (aa64 === 1) return (can.tableFormats & 2) === 0 ? `${name} is 1, and the unit has no 64-bit descriptors` : null;
  if (can.wideDescriptors !== false) return null;
  return (can.tableFormats & 1) === 0 ? `${name} is 0, and the unit has 64-bit descriptors only` : null;
}

function illegalUpdates(
  can: Smmuv3Abilities | undefined,
  ha: number,
  hd: number,
  haft: number,
  prefix: string,
): string | null {
  const able = can?.hardwareUpdates;
  if (able === 0 && (ha === 1 || hd === 1)) return `${prefix}HA or ${prefix}HD is 1, and the unit updates no tables`;
  if (able === 1 && hd === 1) return `${prefix}HD is 1, and the unit sets no dirty state`;
  // Where the unit has no flags of tables, the bit is reserved and ignored.
  if (haft === 1 && ha === 0 && (able === undefined || able === 3)) return `${prefix}HAFT is 1 and ${prefix}HA is 0`;
  return null;
}

const isWrongEndian = (can: Smmuv3Abilities | undefined, big: number) =>
  (can?.endianness === Endian.little && big === 1) || (can?.endianness === Endian.big && big === 0);
