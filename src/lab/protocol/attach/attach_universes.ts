/** For each bug of `sw/iommu/group/bugs.ts` a machine in which it shows. */
import type { Universe } from "../../../check/universe.js";
import type { AttachBugId, AttachBugs } from "../../../sw/iommu/group/bugs.js";
import * as A from "./alias_universes.js";
import * as C from "./core_universes.js";
import * as G from "./growth_universe.js";
import * as H from "./handed_universes.js";
import * as R from "./region_universes.js";
import * as P from "./request_universe.js";
import * as U from "./unit_universes.js";

export const attachUniverses: Readonly<Record<AttachBugId, (bugs: AttachBugs) => Universe>> = {
  "reset-refuses-detach": C.resetBesideDetach,
  "no-blocking-domain": C.goneBesideDetach,
  "torn-down-first": C.replaceInVain,
  "nested-not-noted": C.nestedAndBack,
  "pasid-removed-twice": C.resetBesidePasid,
  "attach-window": U.attachBesideUnmap,
  "detach-window": U.detachBesideUnmap,
  "id-forgotten-late": U.freeBesideAllocate,
  "id-shared": U.twoUnderOneId,
  "nested-id-recycled": U.recycled,
  "alias-cleared": A.aliasAttached,
  "alias-from-another": A.aliasLed,
  "region-by-way-of-nothing": R.regionMoved,
  "region-unmapped": R.regionUnmapped,
  "region-mapped-behind": R.regionMappedBehind,
  "region-blocked": C.claimWithRegion,
  "requests-outlive-their-queue": P.requestBesideDetach,
  "root-and-levels-apart": G.growBesideUnmap,
  "handed-back-in-flight": H.handedBack,
  "error-taken-for-an-id": U.withoutAnId,
  "asked-of-the-new-entry": H.ledWithTlb,
};
