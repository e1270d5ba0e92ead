/** What stands behind the name of a structure. */
import type { StreamFeatures } from "../../sw/iommu/entry/kinds/smmu_stream.js";
import { amdviDeviceEntry, amdviPasidEntry } from "./amdvi_entries.js";
import type { ReplacedEntry } from "./replaced_entry.js";
import { smmuContextEntry, smmuStreamEntry } from "./smmuv3_entries.js";
import type { StructureName } from "./structures.js";
import { vtdContextEntry, vtdPasidEntry } from "./vtd_entries.js";

export const entryOfStructure = (name: StructureName, features: StreamFeatures): ReplacedEntry =>
  ({
    ...{ vtd: vtdPasidEntry, "vtd-legacy": vtdContextEntry, amdvi: amdviDeviceEntry, "amdvi-pasid": amdviPasidEntry },
    ...{ smmuv3: smmuStreamEntry(features), "smmuv3-cd": smmuContextEntry },
  })[name];
