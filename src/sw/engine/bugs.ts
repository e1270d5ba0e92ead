/**
 * Historic bugs of the engines as switches. Each changes single rules and nothing else.
 *
 * Source: the Linux commits named with each; `rule` is the name of what breaks in the checks (sw/dma/rules) or of the
 * invariant that a test states.
 */
import type { EngineRules } from "./rules.js";

export interface EngineBug {
  readonly id: string;
  readonly year: number;
  /** The commit that fixed it, or where it was described. */
  readonly source: string;
  /** What must hold and does not with the bug. */
  readonly breaks: string;
  /** The rule that a run with the bug breaks. */
  readonly rule: string;
  readonly rules: Partial<EngineRules>;
}

export const engineBugs = [
  {
    id: "foreign-by-phys",
    year: 2010,
    source: "the review of swiotlb_engine on xen-devel",
    breaks: "another domain's page is never taken for the pool, whatever its own number for it is",
    rule: "foreign-as-bounce",
    rules: { membership: "phys" },
  },
  {
    id: "round-trip-only",
    year: 2010,
    source: "the formula of the same review where both domains use one number for the page",
    breaks: "a page mapped at the number that its owner uses is still foreign",
    rule: "foreign-as-bounce",
    rules: { membership: "round-trip" },
  },
  {
    id: "stub-without-handle",
    year: 2021,
    source: "the discussion of dropping SWIOTLB_XEN from PCI_XEN",
    breaks: "what is said to be contiguous has a handle, and the handle leads to the memory",
    rule: "wrong-address",
    rules: { contiguous: "stub" },
  },
  {
    id: "free-keeps-region",
    year: 2018,
    source: "4855c92dbb7b",
    breaks: "contiguous memory that was made for an allocation is given back with it",
    rule: "region-unpaired",
    rules: { destroys: "unreachable" },
  },
  {
    id: "free-destroys-all",
    year: 2020,
    source: "the patch of April 2020 on xen_destroy_contiguous_region, and the page flag XenRemapped after it",
    breaks: "only contiguous memory that was made is destroyed",
    rule: "region-unpaired",
    rules: { destroys: "reachable" },
  },
  {
    id: "sync-wrong-op",
    year: 2018,
    source: "swiotlb-xen of 4.4",
    breaks: "what the CPU wrote before a sync for the device is what the device reads",
    rule: "device-reads-stale",
    rules: { syncForDevice: "cpu" },
  },
  {
    id: "zero-for-error",
    year: 2016,
    source: "swiotlb-xen of 4.4",
    breaks: "a refused mapping is an error and no address",
    rule: "wrong-address",
    rules: { secondRefusal: "zero" },
  },
  {
    id: "bus-of-32-bits",
    year: 2014,
    source: "e17b2f114cba",
    breaks: "a bus address is the page's machine address, above 4 GiB too",
    rule: "wrong-address",
    rules: { busBits: 32 },
  },
  {
    id: "streaming-aligned",
    year: 2024,
    source: "9f40ec84a797, relaxed in February 2025",
    breaks: "a buffer bounces only when the device cannot use it where it is",
    rule: "needless-bounce",
    rules: { streamingAligned: true },
  },
  {
    id: "grant-pages-by-size",
    year: 2022,
    source: "e433715b1165",
    breaks: "every byte of a mapping lies in a granted page",
    rule: "device-refused",
    rules: { grantPages: "size" },
  },
  {
    id: "limit-without-force",
    year: 2024,
    source: "the patch that forces swiotlb_max_mapping_size on untrusted devices",
    breaks: "a mapping of the reported largest size is not refused by an empty pool",
    rule: "limit-not-kept",
    rules: { limitHeedsForce: false },
  },
  {
    id: "mmio-message-unset",
    year: 2026,
    source: "the fix of e53d29f957b3",
    breaks: "a message names the address that was asked for",
    rule: "message-unset",
    rules: { mmioMessageSet: false },
  },
  {
    id: "padding-after-only",
    year: 2024,
    source: "2650073f1b58",
    breaks: "what an untrusted device sees around its buffer is zeros",
    rule: "padding-foreign",
    rules: { paddingZeroed: "after" },
  },
  {
    id: "empty-middle",
    year: 2026,
    source: "CVE-2026-53164",
    breaks: "a buffer is linked in parts that are not empty",
    rule: "part-empty",
    rules: { linkSkipsEmpty: false },
  },
] as const satisfies readonly EngineBug[];

export type EngineBugId = (typeof engineBugs)[number]["id"];

/** Rules with bugs switched on. */
export function engineRulesWith(rules: EngineRules, on: readonly EngineBugId[]): EngineRules {
  let result = rules;
  for (const bug of engineBugs) if (on.includes(bug.id)) result = { ...result, ...bug.rules };
  return result;
}
