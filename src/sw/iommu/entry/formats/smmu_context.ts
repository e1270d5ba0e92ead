/**
 * What an SMMUv3 looks at in a context descriptor: all of it, but for the table of the lower half where that is off.
 *
 * Source: IHI 0070 G, 5.4; Linux drivers/iommu/arm/arm-smmu-v3 (arm_smmu_get_cd_used).
 */
import { read } from "../../../../bits/field.js";
import { ContextDescriptor as E } from "../../../../spec/smmuv3/context_descriptor.js";
import type { EntryFormat } from "../entry_format.js";

const isValid = (e: Uint32Array) => read(e, 0, E.v) === 1;
const ofLowerHalf = [E.t0sz, E.tg0, E.ir0, E.or0, E.sh0, E.ttb0] as const;
const others = E.$.fields.filter((f) => !ofLowerHalf.some(({ name }) => name === f.name));

export const smmuContext: Readonly<EntryFormat> = {
  about: E.$,
  present: E.v,
  blocking: [],
  uses: [
    { fields: [E.v] },
    { when: isValid, fields: others },
    { when: (e) => isValid(e) && read(e, 0, E.epd0) === 0, fields: ofLowerHalf },
  ],
  harmless: [],
};
