/** What an AMD IOMMU is able to do, as its registers say. Source: AMD IOMMU 48882, 3.4.4 and 3.4.11. */
import { read } from "../../bits/field.js";
import { ExtendedFeatures } from "../../spec/amdvi/registers.js";
import type { Abilities } from "./attachment.js";

/**
 * @param efr the two words of the register; null where it was not read
 * @param guest CONTROL.GTEn; null where it is not known
 */
export function amdviAbilities(efr: ArrayLike<number> | null, guest: boolean | null): Abilities {
  if (efr === null || (efr[0] === 0 && efr[1] === 0)) return guest === false ? { first: false } : {};
  const first = read(efr, 0, ExtendedFeatures.gtSup) === 1 && guest !== false;
  const hostMost = 4 + read(efr, 0, ExtendedFeatures.hats);
  const guestMost = 4 + read(efr, 0, ExtendedFeatures.gats);
  return {
    // Levels 1 to the most; a first stage has 4 or 5.
    secondLevels: 2 ** (hostMost + 1) - 2,
    firstLevels: guestMost > 4 ? 0b110000 : 0b10000,
    first,
    pasidBits: first ? read(efr, 0, ExtendedFeatures.pasMax) + 1 : 0,
  };
}
