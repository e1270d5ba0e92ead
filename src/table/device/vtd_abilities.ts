/** What a VT-d unit is able to do, as its capability registers say. Source: VT-d 4.1, 11.4.2 and 11.4.3. */
import { read } from "../../bits/field.js";
import { Capability, ExtendedCapability } from "../../spec/vtd/registers.js";
import type { UnitFeature } from "../format.js";
import type { Abilities } from "./attachment.js";

/** @param cap,ecap the two words of either register; null where it was not read */
export function vtdAbilities(cap: ArrayLike<number> | null, ecap: ArrayLike<number> | null): Abilities {
  const lacks = (wanted: readonly (readonly [UnitFeature, boolean])[]) =>
    wanted.filter(([, has]) => !has).map(([f]) => f);
  const ofCap: Abilities =
    cap === null
      ? {}
      : {
          // Bit 1 of SAGAW is 3 levels, bit 2 is 4, bit 3 is 5.
          secondLevels: read(cap, 0, Capability.sagaw) << 2,
          firstLevels: (1 << 4) | (read(cap, 0, Capability.fs5lp) << 5),
          inputBits: read(cap, 0, Capability.mgaw) + 1,
        };
  if (ecap === null) return ofCap;
  const has = (field: Parameters<typeof read>[2]) => read(ecap, 0, field) === 1;
  const large = cap === null ? 3 : read(cap, 0, Capability.sslps);
  return {
    ...ofCap,
    pasidBits: has(ExtendedCapability.pasid) ? read(ecap, 0, ExtendedCapability.pss) + 1 : 0,
    first: has(ExtendedCapability.fsts),
    second: has(ExtendedCapability.ssts),
    nested: has(ExtendedCapability.nest),
    passThrough: has(ExtendedCapability.pt),
    ats: has(ExtendedCapability.dt),
    ridPasid: has(ExtendedCapability.rps),
    secondLacks: lacks([
      ["snoop-control", has(ExtendedCapability.sc)],
      ["device-tlb", has(ExtendedCapability.dt)],
      ["pages-2m", (large & 1) !== 0],
      ["pages-1g", (large & 2) !== 0],
    ]),
    firstLacks: lacks([["pages-1g", cap === null || read(cap, 0, Capability.fs1gp) === 1]]),
  };
}
