/** Bugs in how devices come to domains and leave them, each on its small machine. */
import { type AttachBugId, attachBugs, attachRule } from "../../../sw/iommu/group/bugs.js";
import { attachUniverses } from "../../protocol/attach/attach_universes.js";
import type { Demonstration } from "./demonstration.js";

const titles: Readonly<Record<AttachBugId, string>> = {
  "reset-refuses-detach": "a domain is given up while its device is reset, and the device is led back to it",
  "no-blocking-domain": "a device is pulled out, and cannot be taken from a domain that goes",
  "torn-down-first": "a replacement fails, and the device has lost what it had",
  "nested-not-noted": "a device leaves a guest's tables, and still has them when they go",
  "pasid-removed-twice": "a PASID is detached during a reset, and another device's tag goes with it",
  "attach-window": "a device attaches while a page is unmapped, and nobody tells its unit",
  "detach-window": "a device detaches while a page is unmapped, and nobody tells its unit",
  "id-forgotten-late": "an id is taken while it is freed, and its new owner's flushes do not find it",
  "id-shared": "two devices have one id, and one uses the other's translations",
  "nested-id-recycled": "an id serves again while the unit keeps what was under it",
  "alias-cleared": "a second function is attached, and the first is refused meanwhile",
  "alias-from-another": "a device sends by two ids, and one leads where another device's does",
  "region-by-way-of-nothing": "a device is moved, and what firmware wants mapped is gone meanwhile",
  "region-unmapped": "a guest unmaps what firmware wants mapped",
  "region-mapped-behind": "a device comes to a domain, and what firmware wants mapped comes after it",
  "requests-outlive-their-queue":
    "a PASID is detached, and what its device has asked for is answered by a queue that is gone",
  "root-and-levels-apart": "a table grows, and who unmaps walks the new root by the old levels",
  "handed-back-in-flight": "a guest's device goes back to domain 0, and goes on with what the guest told it",
  "error-taken-for-an-id": "there is no id left, and the error serves as one",
  "asked-of-the-new-entry": "who is told of a flush is asked of an entry that has changed already",
  "region-blocked": "a device is claimed, and what firmware wants mapped is gone",
};

export const attachDemonstrations: Readonly<Record<string, Demonstration>> = Object.fromEntries(
  attachBugs.map(({ id, rule }) => {
    const universe = (on: boolean) => attachUniverses[id](new Set(on ? [id] : []));
    return [id, { title: titles[id], universe, rule: attachRule(rule) }];
  }),
);
