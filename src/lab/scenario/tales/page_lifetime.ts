/** Scenarios of pages that a device can still reach: each is every run of a small machine. */

import type { LifetimeBugId } from "../../../sw/iommu/lifetime/bugs.js";
import { type ReleasePolicyName, releasePolicies } from "../../../sw/iommu/lifetime/policies.js";
import { bystander, lifetimeUniverses, twoFlushes } from "../../protocol/bug_universes.js";
import { type ComparedPolicy, costOf } from "../../protocol/comparison.js";
import {
  ledToOther,
  type PageLifetimeOptions,
  pageLifetime,
  writesElsewhere,
  writesToOther,
} from "../../protocol/page_lifetime.js";
import { passthrough } from "../../protocol/passthrough.js";
import type { Quotation, Scenario } from "../scenario.js";
import { type SearchedPart, searchedPart } from "../searched.js";
import { Teller } from "../story.js";
import { sequence } from "./pictures.js";

const where = "xen-devel, [Patch RFC 00/13] VT-d Asynchronous Device-TLB Flush for ATS Device";
const said = (author: string, date: string, text: string): Quotation => ({ text, author, date, where });
const xu = (text: string) => said("Quan Xu", "September 2015", text);
const beulich = (text: string) => said("Jan Beulich", "28 September 2015", text);

const unit =
  "a VT-d unit, a device with a TLB of its own, a hypervisor, a guest, and a domain that takes every free page";
const told = (...parts: readonly SearchedPart[]) => parts.map(searchedPart);

type Manners = Omit<PageLifetimeOptions, "policy">;
const policy = (name: ReleasePolicyName, o: Manners) => () => pageLifetime({ policy: releasePolicies[name], ...o });
const inTime: Manners = { manners: "answers", timeOuts: 0 };
const never: Manners = { manners: "never", timeOuts: 1, populates: false };

/** The bugs of a run as a set of ours. */
const among = (bugs: readonly string[]) => new Set(bugs as readonly LifetimeBugId[]);
const only = (bug: LifetimeBugId) => new Set([bug]);

const atcTimeout: Scenario = {
  id: "atc-timeout",
  title: "A device does not answer, and its page is wanted back",
  quotation: xu("As the required Device-TLB flushes are not applied, the hypercall is not completed."),
  machine: unit,
  point:
    "Who waits for ever keeps the page and the processor; who gives up gives the page away under the device. A page may only go without an answer when the unit no longer takes anything from the device: then what its TLB keeps leads nowhere.",
  ...{ bugs: [], picture: sequence, isExplored: true },
  run: () =>
    told(
      { title: "block the device, then free the page", build: policy("fence-then-free", never), to: ledToOther },
      { title: "wait for ever", contrast: true, build: policy("xen-2021", never) },
      {
        title: "go on as if it had answered",
        ...{ contrast: true, build: policy("linux-amdvi", never), rules: ["I1"], to: writesToOther },
      },
      { title: "the guest is paused until the device answers", contrast: true, build: policy("async-paused", never) },
    ),
};

const pageFreedEarly: Scenario = {
  id: "page-freed-early",
  title: "The device writes to where the page was: whose page is it by then?",
  quotation: xu(
    "If the Device-TLB flush is not completed, DMA associated with gfn1 may still write some data with pageX(gfn1 <---> mfn1), but pageX will be Released to xen when the Device-TLB flush is completed.",
  ),
  machine: `${unit}; gfn1 is frame 0x5, mfn1 page 0, mfn2 page 1`,
  point:
    "While references keep page 0 until the flush is done, the stray write lands in a page that still is the guest's: nobody else is hurt, and the guest, which has page 1 there by now, does not see it. Freed early, the same write lands in another domain's memory.",
  ...{ bugs: [], picture: sequence, isExplored: true },
  run: () =>
    told(
      {
        title: "references of the table keep the page",
        build: policy("async-running", inTime),
        ...{ rules: ["I1", "I3", "I9"], to: writesElsewhere, writesToOther },
      },
      {
        title: "the page is free with its entry",
        ...{ contrast: true, build: policy("no-wait", inTime), rules: ["I1"], to: writesToOther },
      },
      {
        title: "the page is free before the flush of its batch",
        ...{ contrast: true, build: policy("batch-without-references", inTime), rules: ["I1"], to: writesToOther },
      },
    ),
};

const pauseOrNot: Scenario = {
  id: "pause-or-not",
  title: "May the guest run while its device is asked to forget?",
  quotation: beulich(
    "And really (as pointed out before) pausing the guest would get us _far_ away from how real hardware behaves.",
  ),
  machine: unit,
  point:
    "With references nobody else is ever reached, paused or not. What the pause buys is that the guest and its device see one page behind one address; what it costs is that the guest stands still until the slowest device has answered.",
  ...{ bugs: [], picture: sequence, isExplored: true },
  run() {
    const parts = told(
      { title: "the guest is paused", build: policy("async-paused", inTime) },
      { title: "the guest runs on: only its own view breaks", contrast: true, build: policy("async-running", inTime) },
    );
    return [...parts, prices(["xen-2021", "async-paused", "async-running"])];
  },
};

/** What each policy costs, side by side. */
function prices(names: readonly ReleasePolicyName[]) {
  const t = new Teller("what it costs, in steps of anybody");
  const costs: readonly ComparedPolicy["cost"][] = names.map(costOf);
  t.grid("machine", "the shortest runs, the device answering in time", {
    title: "steps",
    columns: ["policy", "guest waits", "guest is paused", "page is kept", "hypervisor stands still", "interrupts"],
    rows: costs.map((c, n) => [
      names[n]!,
      ...[c.guestWaits, c.guestIsPaused, c.pageIsKept, c.hypervisorStands, c.interrupts].map(String),
    ]),
  });
  const [standing, paused, running] = costs as [ComparedPolicy["cost"], ComparedPolicy["cost"], ComparedPolicy["cost"]];
  t.rule(
    "who runs on waits least, and neither the pause nor references let a processor of the hypervisor stand still",
    running.guestWaits < paused.guestWaits && paused.hypervisorStands + running.hypervisorStands === 0,
    `${standing.guestWaits}, ${paused.guestWaits}, ${running.guestWaits}`,
  );
  return t.part;
}

const completionInterrupt: Scenario = {
  id: "completion-interrupt",
  title: "One interrupt for two flushes",
  quotation: beulich(
    "The only possibly tricky thing will be how to know in the flush completion handler which pages to drop references for, as it doesn't look like you'd be able to put them on a list without allocating extra memory fro tracking (and allocation in turn would be bad as it can fail).",
  ),
  machine: "a VT-d unit, a device with a TLB of its own, two processors that give pages back, and one handler",
  point:
    "A page's own counts say what it waits for, so the handler needs no list: it looks at every flush that is not done. But it must clear the unit's bit before it looks; while the bit is up, the next completion raises no interrupt, and whoever looks first may never be woken again.",
  ...{ bugs: ["woken-too-late"], picture: sequence, isExplored: true },
  run: ({ bugs }) =>
    told(
      { title: "the handler clears the bit, then looks", build: () => twoFlushes(among(bugs)) },
      { title: "it looks, then clears the bit", contrast: true, build: () => twoFlushes(only("woken-too-late")) },
    ),
};

const innocentBystander: Scenario = {
  id: "innocent-bystander",
  title: "A device is silent, and somebody else's wait ends",
  quotation: beulich(
    "It would be a guest kernel bug, but all _we_ care about is that such a guest kernel bug won't affect the hypervisor or other guests.",
  ),
  machine: "a VT-d unit, a device of domain 1 that is pulled out while it is asked, and one processor for each domain",
  point:
    "The unit names the device that was silent, not who asked it. A processor that finds the unit stopped, and takes the time-out for its own, gives a page of domain 2 away although the unit has not even fetched what it was asked for that page.",
  ...{ bugs: ["bystander-given-up"], picture: sequence, isExplored: true },
  run: ({ bugs }) =>
    told(
      { title: "each gives up only what it asked itself", build: () => bystander(among(bugs)) },
      { title: "whoever looks gives up", contrast: true, build: () => bystander(only("bystander-given-up")) },
    ),
};

const transferWaits: Scenario = {
  id: "transfer-waits",
  title: "A page is given to another domain by grant",
  quotation: xu(
    "The being freed page is still owned by this buggy Guest, not released back to xen or reallocated for other guests.",
  ),
  machine: "an HVM domain with a device passed through that has a TLB of its own, and the domain that gets the page",
  point:
    "A transfer hands a page over at once where a freed page would only go to a list. It has to wait like one that is freed, or its reference has to: else the device of the old owner writes into the new one's memory.",
  ...{ bugs: [], picture: sequence, isExplored: true },
  run: () =>
    told(
      {
        title: "the transfer waits for the flush",
        build: () => passthrough({ call: "transfer", held: "by the wait" }),
      },
      {
        title: "references of the table keep it until then",
        build: () => passthrough({ call: "transfer", held: "by references" }),
      },
      {
        title: "it does not wait",
        ...{ contrast: true, build: () => passthrough({ call: "transfer", held: "by nothing" }), rules: ["I1"] },
      },
      {
        title: "nor does XENMEM_exchange, whose entry is never empty",
        ...{ contrast: true, build: () => passthrough({ call: "exchange", held: "by nothing" }), rules: ["I1"] },
      },
    ),
};

const destroyWaits: Scenario = {
  id: "destroy-waits",
  title: "A domain dies while its device works on",
  quotation: said(
    "Tim Deegan",
    "24 September 2015",
    "to make the IOMMU table take typed refcounts to anything it points to, and only drop those refcounts when the flush completes.",
  ),
  machine: "an HVM domain with a device passed through; one of its pages holds a table of the IOMMU",
  point:
    "All pages of a domain go at once, those of its tables among them. The unit may still begin its walks in a table that is somebody else's page by then, so tables need references like the pages that they lead to.",
  ...{ bugs: [], picture: sequence, isExplored: true },
  run: () =>
    told(
      {
        title: "references keep pages and tables until the flush is done",
        build: () => passthrough({ call: "destroy", held: "by references", hasTlb: false }),
      },
      {
        title: "destruction waits for the flush",
        build: () => passthrough({ call: "destroy", held: "by the wait", hasTlb: false }),
      },
      {
        title: "it does not wait, and the unit goes on using a table",
        ...{ contrast: true, build: () => passthrough({ call: "destroy", held: "by nothing", hasTlb: false }) },
        rules: ["I2'"],
      },
      {
        title: "it does not wait, and the device goes on writing to a page",
        ...{ contrast: true, build: () => passthrough({ call: "destroy", held: "by nothing", hasTlb: false }) },
        rules: ["I1"],
      },
    ),
};

const lazyWindow: Scenario = {
  id: "lazy-window",
  title: "The page goes first, the flush comes later",
  quotation: xu(
    "If the typed refcounts is PGT_dev_tlb_page, the page should be hold in a page list per-domain and freed in QI interrupt handler.",
  ),
  machine: "a VT-d unit, a device without a TLB of its own, a kernel that unmaps, and whoever gets the page next",
  point:
    "Linux's lazy mode flushes for many unmappings at once, up to 10 ms later, and keeps the address until then, and the pages of its tables. It does not keep the page: for that time a device writes to memory that is somebody else's, by what the unit's own IOTLB still says.",
  ...{ bugs: ["lazy-window"], picture: sequence, isExplored: true },
  run: ({ bugs }) =>
    told(
      { title: "strict: flush, then give the page back", build: () => lifetimeUniverses["lazy-window"](among(bugs)) },
      {
        title: "lazy: give the page back, then flush",
        ...{ contrast: true, build: () => lifetimeUniverses["lazy-window"](only("lazy-window")) },
      },
    ),
};

export const pageLifetimeScenarios: readonly Scenario[] = [
  ...[pageFreedEarly, pauseOrNot, atcTimeout, completionInterrupt],
  ...[innocentBystander, transferWaits, destroyWaits, lazyWindow],
];
