/** Device tables of every kind of unit: which device is attached to which page tables. */
import { amdviTables } from "./amdvi.js";
import type { DeviceTables, UnitKind } from "./attachment.js";
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
export { functionName } from "./entry.js";
export type { Smmuv3Abilities } from "./smmuv3_abilities.js";

export const deviceTables: Readonly<Record<UnitKind, DeviceTables>> = {
  vtd: vtdTables,
  amdvi: amdviTables,
  smmuv3: smmuv3Tables,
};
