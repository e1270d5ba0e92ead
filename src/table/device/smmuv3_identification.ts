/** What an SMMUv3 is able to do, as its identification registers say. Source: IHI 0070 G, 6.3.1 to 6.3.6. */
import { read } from "../../bits/field.js";
import { Idr0, Idr1, Idr3, Idr5 } from "../../spec/smmuv3/registers.js";
import type { Abilities } from "./attachment.js";
import type { Smmuv3Abilities } from "./smmuv3_abilities.js";

/** The four registers, a word each; null where one was not read. */
export interface Smmuv3Identification {
  readonly idr0: number | null;
  readonly idr1: number | null;
  readonly idr3: number | null;
  readonly idr5: number | null;
}

/** What such a unit is able to do. */
export function smmuAbilities({ idr0, idr1, idr3, idr5 }: Smmuv3Identification): Abilities {
  const has = (field: Parameters<typeof read>[2]) => read([idr0!], 0, field) === 1;
  return {
    ...(idr0 !== null && {
      first: has(Idr0.s1p),
      second: has(Idr0.s2p),
      nested: has(Idr0.s1p) && has(Idr0.s2p),
      ats: has(Idr0.ats),
    }),
    ...(idr1 !== null && { pasidBits: read([idr1], 0, Idr1.ssidSize) }),
    smmu: { ...ofIdr0(idr0), ...ofIdr3(idr3), ...ofIdr5(idr5) },
  };
}

function ofIdr0(word: number | null): Smmuv3Abilities {
  if (word === null) return {};
  const idr0 = [word];
  return {
    tableFormats: read(idr0, 0, Idr0.ttf),
    hardwareUpdates: read(idr0, 0, Idr0.httu),
    stallModel: read(idr0, 0, Idr0.stallModel),
    alwaysAborts: read(idr0, 0, Idr0.termModel) === 1,
    wideAsids: read(idr0, 0, Idr0.asid16) === 1,
    wideVmids: read(idr0, 0, Idr0.vmid16) === 1,
    endianness: read(idr0, 0, Idr0.ttendian),
    twoLevelContexts: read(idr0, 0, Idr0.cd2l) === 1,
    noSplitAts: read(idr0, 0, Idr0.ns1ats) === 1,
  };
}

function ofIdr3(word: number | null): Smmuv3Abilities {
  if (word === null) return {};
  return { hierarchyOff: read([word], 0, Idr3.had) === 1, smallTables: read([word], 0, Idr3.stt) === 1 };
}

function ofIdr5(word: number | null): Smmuv3Abilities {
  if (word === null) return {};
  const idr5 = [word];
  return {
    wideDescriptors: read(idr5, 0, Idr5.d128) === 1,
    granules:
      (read(idr5, 0, Idr5.gran4k) << 12) | (read(idr5, 0, Idr5.gran16k) << 14) | (read(idr5, 0, Idr5.gran64k) << 16),
    wideInputs: read(idr5, 0, Idr5.vax) !== 0,
  };
}
