/** Device tables of every kind of unit: which device is attached to which page tables. */
import { amdviTables } from "./amdvi.js";
import type { DeviceTables, UnitKind } from "./attachment.js";
import { missingRoot } from "./missing_root.js";
import { smmuv3Tables } from "./smmuv3.js";
import { vtdTables } from "./vtd.js";

export { silentRequesters } from "./amdvi.js";
export type {
  Abilities,
  Attachment,
  AttachmentState,
  DeviceTables,
  EntryRead,
  LookupFault,
  UnitKind,
  UnitRoot,
} from "./attachment.js";
export { missingRoot } from "./missing_root.js";
export type { Smmuv3Abilities } from "./smmuv3_abilities.js";

/** Of a unit whose own table is missing there is one trouble, not one for each of its parts. */
const unlessMissing = (tables: DeviceTables): DeviceTables => ({
  ...tables,
  attachments(memory, unit, troubles, goOn) {
    const missing = missingRoot(memory, unit);
    if (missing === null) return tables.attachments(memory, unit, troubles, goOn);
    troubles.add(missing);
    return [];
  },
});

export const deviceTables: Readonly<Record<UnitKind, DeviceTables>> = {
  vtd: unlessMissing(vtdTables),
  amdvi: unlessMissing(amdviTables),
  smmuv3: unlessMissing(smmuv3Tables),
};
