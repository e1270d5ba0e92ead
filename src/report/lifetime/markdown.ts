/** The page that lays policies for pages side by side. */
import { type ComparedPolicy, devicesCompared } from "../../lab/protocol/comparison.js";
import { compareUnits } from "../../lab/protocol/own_units.js";
import { lifetimeRules } from "../../lab/protocol/page_lifetime.js";
import { compareCalls, holds, passthroughRules } from "../../lab/protocol/passthrough.js";
import { rules } from "../../lab/protocol/watch.js";
import { releasePolicies } from "../../sw/iommu/lifetime/policies.js";
import { rows, written } from "../scenario/markdown.js";
import { cellWords, costColumns, frees, searchWords, unitWords } from "./cells.js";

/** One line of each table: a test asks for those of some policies. */
export function policyRows({ name, cells, cost }: ComparedPolicy) {
  const { title, source, ...policy } = releasePolicies[name];
  return {
    policy: [name, title, source],
    frees: [name, frees({ title, source, ...policy })],
    breaks: [name, ...cells.map(cellWords)],
    costs: [name, ...costColumns.map(([, key]) => `${cost[key]}`)],
  };
}

/** Of drivers on their own units: a line for each, with what it waits for. */
export const unitRows = (): readonly (readonly string[])[] =>
  compareUnits().map((unit) => [...unitWords(unit), ...unit.cells.map(searchWords)]);

/** Of Xen's calls: a line for each, of a device with a TLB of its own or without. */
export const callRows = (hasTlb: boolean): readonly (readonly string[])[] =>
  compareCalls(hasTlb).map(({ call, cells }) => [
    call,
    hasTlb ? "has a TLB of its own" : "has none",
    ...cells.map(searchWords),
  ]);

export function pageLifetimeMarkdown(all: readonly ComparedPolicy[]): string {
  const devices = Object.entries(devicesCompared);
  const told = all.map(policyRows);
  return written([
    "# When may a page go that a device can still reach?",
    "",
    "A guest gives a page back. Its entry is gone from the IOMMU's table, and a device that keeps translations of its own",
    "may write to it until it has answered an invalidation, which may take it a minute and a half. What does a hypervisor do",
    "until then? Xen's developers argued about it in September 2015; each policy here is one that somebody proposed or",
    "shipped, as steps that act on one VT-d unit and on the device's TLB, both as they run in every machine of this tool.",
    "",
    "Each cell is a search through every order of the steps of device, unit, hypervisor, guest, and a domain that takes the",
    "page as soon as it is free; the guest has another page put at the same address. Each rule that can break stands with the",
    "steps of the shortest run to it, each cell with the number of different states that were reached: all there are, unless",
    "it says that the search was cut. `dmalab run --page-lifetime` does it again, `--json` tells those runs step by step.",
    "",
    "## The policies",
    "",
    ...rows(
      ["policy", "what is done", "source"],
      told.map((t) => t.policy),
    ),
    "",
    "Rows of other vendors' kernels are their policy on the same unit, so that what differs is who waits, and for how long. On",
    "their own units they are further down.",
    "",
    "## When the page is free",
    "",
    ...rows(
      ["policy", "the page is free"],
      told.map((t) => t.frees),
    ),
    "",
    "## What breaks, by how the device answers",
    "",
    ...rows(
      ["policy", ...devices.map(([name]) => name)],
      told.map((t) => t.breaks),
    ),
    "",
    ...devices.map(([name, { words }]) => `- *${name}*: the device ${words}`),
    "",
    ...rows(
      ["rule", "what must hold"],
      lifetimeRules.map((rule) => [rule, rules[rule]]),
    ),
    "",
    "## Linux on the other vendors' own units",
    "",
    "The same for a driver of AMD-Vi and of SMMUv3, with their own commands and queues. Both units say in a log or a register that",
    "a device was silent, and end the wait all the same: AMD-Vi counts the command as done, an SMMUv3 stops at its CMD_SYNC and,",
    "let go on, finds nothing more to wait for. So who has no bound of its own gives the page away too, only later.",
    "",
    ...rows(["policy", "the driver waits", ...devices.map(([name]) => name)], unitRows()),
    "",
    "## What it costs",
    "",
    "Where every device answers in time, and nothing else is going on. *Guest waits*: steps of anybody in the shortest run in",
    "which the guest goes on, from its call until then; *guest is paused*: those of them, after the hypervisor has returned, for",
    "which none of its processors runs. *Page is kept*, *hypervisor stands still*: steps for which the page is of no use to",
    "anybody, and a processor can do nothing else, in the shortest run in which the page comes to its next owner. Descriptors",
    "that the unit fetched and interrupts that were taken are counted to the end of it all. A real step takes from nanoseconds",
    "(a store) to a minute and a half (a device's answer); what is compared is how many somebody waits for.",
    "",
    ...rows(
      ["policy", ...costColumns.map(([title]) => title)],
      told.map((t) => t.costs),
    ),
    "",
    "## Every way out of a domain of Xen",
    "",
    "An HVM domain with a device passed through: its IOMMU's tables lead from its frames to its pages, and each of these calls",
    "takes a page from it while the device works on. *By nothing* is what XSA-346 found (2020) and XSA-480 again (2026), *by the",
    "wait* what Xen does since 2016, for ever since 2021, *by references* what the series' reviewers asked for in 2015 and what",
    "XSA-346 then did in one place. A destroyed domain gives the pages of its tables back too (I2'): a unit may begin its walks",
    "there. An entry that was empty (populate) owes no flush.",
    "",
    ...rows(["call", "the device", ...holds.map((h) => `held ${h}`)], [...callRows(true), ...callRows(false)]),
    "",
    ...rows(
      ["rule", "what must hold"],
      passthroughRules.map((rule) => [rule, rules[rule]]),
    ),
  ]);
}
