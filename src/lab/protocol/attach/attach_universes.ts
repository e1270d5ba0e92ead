/** For each bug of `sw/iommu/group/bugs.ts` a machine in which it shows. */
import type { Universe } from "../../../check/universe.js";
import type { AttachBugId, AttachBugs } from "../../../sw/iommu/group/bugs.js";
import * as A from "./alias_universes.js";
import * as C from "./core_universes.js";
import * as R from "./region_universes.js";
import * as M from "./unit_universes.js";

export const attachUniverses: Readonly<Record<AttachBugId, (bugs: AttachBugs) => Universe>> = {
  "reset-refuses-detach": C.resetBesideDetach,
  "no-blocking-domain": C.goneBesideDetach,
  "torn-down-first": C.replaceInVain,
  "nested-not-noted": C.nestedAndBack,
  "pasid-removed-twice": C.resetBesidePasid,
  "attach-window": M.attachBesideUnmap,
  "detach-window": M.detachBesideUnmap,
  "id-forgotten-late": M.freeBesideAllocate,
  "id-shared": M.twoUnderOneId,
  "nested-id-recycled": M.recycled,
  "alias-cleared": A.aliasAttached,
  "alias-from-another": A.aliasLed,
  "region-by-way-of-nothing": R.regionMoved,
  "region-unmapped": R.regionUnmapped,
  "region-mapped-behind": R.regionMappedBehind,
  "region-blocked": C.claimWithRegion,
};
