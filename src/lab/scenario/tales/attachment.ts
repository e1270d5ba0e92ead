/**
 * Scenarios of groups whose domain is replaced, and of what may not be lost meanwhile: firmware's regions, what was there
 * before a replacement that fails, and the ids of a device that sends by several.
 */
import type { Universe } from "../../../check/universe.js";
import { type AttachBugId, type AttachBugs, attachRule } from "../../../sw/iommu/group/bugs.js";
import { aliasAttached, aliasLed } from "../../protocol/attach/alias_universes.js";
import { claimWithRegion, replaceInVain } from "../../protocol/attach/core_universes.js";
import { replaceOfTwoFails } from "../../protocol/attach/failed_universes.js";
import { regionMappedBehind, regionMoved } from "../../protocol/attach/region_universes.js";
import { lifetimeUniverses } from "../../protocol/bug_universes.js";
import { ruled } from "../../protocol/watch.js";
import type { Scenario } from "../scenario.js";
import { type SearchedPart, searchedPart } from "../searched.js";
import { sequence } from "./pictures.js";

const explored = { bugs: [], picture: sequence, isExplored: true } as const;
const told = (...parts: readonly SearchedPart[]) => parts.map(searchedPart);
const right = (universe: (bugs: AttachBugs) => Universe) => () => universe(new Set());
/** A contrast: the same with a bug. */
const withBug = (bug: AttachBugId, universe: (bugs: AttachBugs) => Universe) => ({
  contrast: true,
  build: () => universe(new Set([bug])),
});
const [never, led, own] = [attachRule("I5"), attachRule("I4"), attachRule("I1")];

const directRegion: Scenario = {
  id: "direct-region",
  title: "What firmware wants mapped is mapped before, after, and in between",
  quotation: {
    text: "This is similar to a detach/attach cycle except it doesn't force the group to go to the blocking domain in-between.",
    ...{ author: "Nicolin Chen", date: "7 February 2023" },
    where: "[PATCH v2 02/10] iommu: Introduce a new iommu_group_replace_domain() API",
  },
  machine:
    "a VT-d unit in legacy mode, and a device that goes on writing to a region that firmware reserves for it, at the same address in every domain",
  point:
    "Nobody in the thread speaks of such regions; that they need what is said there is Linux's rule (IOMMU_RESV_DIRECT, a48ce36e2786) and was Xen's trouble (XSA-378, XSA-400). Where both domains map the region, one store leaves no gap in it. By way of nothing, or mapped behind the entry, it is missing for a while; and somebody who claims the device, and has attached nothing yet, would block it: he is refused.",
  ...explored,
  run: () =>
    told(
      { title: "both domains map the region, and one store leads from one to the other", build: right(regionMoved) },
      {
        title: "who would have to block the device does not get it",
        ...{ build: right(claimWithRegion), rules: [never, led] },
      },
      { title: "by way of nothing (XSA-400)", ...withBug("region-by-way-of-nothing", regionMoved), rules: [never] },
      {
        title: "mapped when the entry leads there already (Linux before 152431e4fe7f)",
        ...{ ...withBug("region-mapped-behind", regionMappedBehind), rules: [never] },
      },
      {
        title: "claimed, and blocked (Linux before a48ce36e2786)",
        ...{ ...withBug("region-blocked", claimWithRegion), rules: [never] },
      },
    ),
};

const failedReplace: Scenario = {
  id: "failed-replace",
  title: "A replacement that fails leaves everything as it was",
  quotation: {
    text: "If it fails then no change is made to the attachment.",
    ...{ author: "Jason Gunthorpe", date: "July 2023" },
    where: "Linux e88d4ec154a8, iommufd_device_replace in drivers/iommu/iommufd/device.c",
  },
  machine:
    "a VT-d unit in legacy mode and two devices of one group that go on writing, of which the second does not suit",
  point:
    "The thread says what a replacement may be, not what one leaves that fails: the sentence is from the comment of the function that came of it. The first device goes there and back, and what both domains map alike it never misses. The core leaves the device that failed to its driver, so that it depends on the driver's order: who looks first has nothing to undo, who tears the old entry down first has nothing left.",
  ...explored,
  run: () =>
    told(
      { title: "the second does not suit, and the first is led back", build: right(replaceOfTwoFails) },
      { title: "what the core says then, and where the device is led", build: right(replaceInVain), rules: [led] },
      {
        title: "the second's old entry is torn down before anybody looks",
        ...{ ...withBug("torn-down-first", replaceOfTwoFails), rules: [never] },
      },
      {
        title: "the core says the old domain, and the device is led nowhere",
        ...{ ...withBug("torn-down-first", replaceInVain), rules: [led] },
      },
    ),
};

const aliasGroup: Scenario = {
  id: "alias-group",
  title: "Devices that share an id, and devices that have several",
  quotation: {
    text: "This inadvertently introduced a regression affecting PCI aliased devices behind PCIe-to-PCI bridges.",
    ...{ author: "Lu Baolu", date: "20 May 2025" },
    where: "Linux 320302baed05, iommu/vt-d: Restore context entry setup order for aliased devices (CVE-2025-38216)",
  },
  machine: "a VT-d unit in legacy mode, and devices behind a bridge that sends what they write by an id of its own",
  point:
    "The thread has groups and no aliases: the sentence is of the repair of what went wrong with them. Two functions that send one id have one entry: attached a second time, it is already right, and clearing it first takes it from the function that works. A device that sends by two ids has two entries: both lead to the new domain, and with one of them left where it was, or copied from a stranger's, the device goes on in memory that is no longer its own.",
  ...explored,
  run: () =>
    told(
      { title: "a second function comes to the entry of the first", build: right(aliasAttached) },
      { title: "both ids lead to the new domain", build: right(aliasLed), rules: [own] },
      { title: "cleared when the second comes", ...withBug("alias-cleared", aliasAttached), rules: [never] },
      {
        title: "one of its ids stays where it was (XSA-449)",
        contrast: true,
        build: () => lifetimeUniverses["phantom-left"](new Set(["phantom-left"])),
        rules: [ruled("I1")],
      },
      {
        title: "the alias is a copy of a stranger's entry (CVE-2026-53053)",
        ...{ ...withBug("alias-from-another", aliasLed), rules: [own] },
      },
    ),
};

export const attachmentScenarios: readonly Scenario[] = [directRegion, failedReplace, aliasGroup];
