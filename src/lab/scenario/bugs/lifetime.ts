/** Bugs of pages that outlive their mappings, each on its small machine. */
import { type LifetimeBugId, lifetimeBugs } from "../../../sw/iommu/lifetime/bugs.js";
import { lifetimeUniverses } from "../../protocol/bug_universes.js";
import { ruled } from "../../protocol/watch.js";
import type { Demonstration } from "./demonstration.js";

const titles: Readonly<Record<LifetimeBugId, string>> = {
  "flush-all-as-page-0": "a flush of everything flushes the first page",
  "woken-too-late": "a flush is done and nobody ever hears of it",
  "removal-failure-ignored": "a mapping cannot be removed, and its page is freed all the same",
  "ats-for-strangers": "a device says that its addresses are translated, and is believed",
  "rights-change-not-flushed": "a page is only read from now on, and devices go on writing",
  "lazy-window": "a page is somebody else's while the unit still leads to it",
  "entry-not-written-back": "the unit reads an entry that the processor has cleared long ago",
  "batch-freed-early": "pages of a batch are freed before the one flush for all of them",
  "moved-page-unreferenced": "a page is moved and removed at once, and nobody flushes where it was",
  "status-word-shared": "the answer to a command that was given up ends the wait for the next one",
  "timeout-not-reported": "a device is silent, and its page is freed as if it had answered",
  "hidden-devices-skipped": "a device that its user does not own is not told of flushes",
  "subdevices-not-listed": "a part of a device with a TLB of its own is not told of flushes",
  "deassign-stops-early": "a domain dies, and its device keeps its tables",
  "range-ends-at-the-top": "a flush of everything up to the last address is a flush of nothing",
  "unpinned-beyond": "pages lose references that another mapping holds",
  "old-domain-not-flushed": "a device has new tables, and the unit its old translations",
  "context-not-written-back": "a device's entry is cleared in the processor's cache only",
  "phantom-left": "a device goes to another domain, and one of its ids stays",
  "identity-untracked": "a region is mapped for a device that never comes, and stays mapped",
  "listed-before-ats": "a device starts to keep translations, and no list says so",
  "unlisted-before-flush": "a device is no longer told of the flush for its own leaving",
  "kernel-tables-not-told": "a page of tables is freed, and the unit goes on walking it",
  "table-freed-before-flush": "a page of tables has its next owner before the pending flush",
  "gather-never-filled": "a flush is skipped because nobody noted what it is for",
  "large-entry-flushed-in-part": "a large entry goes, and a part of it is flushed",
  "wait-elided": "a wait that another processor has posted is taken for one that is over",
  "tag-dropped-twice": "detaching what is not there takes a device off the list",
  "bystander-given-up": "a time-out of one device ends the wait of whoever looks first",
};

export const lifetimeDemonstrations: Readonly<Record<string, Demonstration>> = Object.fromEntries(
  lifetimeBugs.map(({ id, rule }) => {
    const universe = (on: boolean) => lifetimeUniverses[id](new Set(on ? [id] : []));
    return [id, { title: titles[id], universe, rule: ruled(rule) }];
  }),
);
