/**
 * What software does with a page that a device may still reach: who waits, for how long, and what happens when a device does
 * not answer. Each row is a policy that somebody proposed or shipped.
 */

export interface ReleasePolicy {
  readonly title: string;
  readonly source: string;
  /**
   * Who asked for the page to go: stands still until the flush is done; goes on at once; or goes on and has its answer when
   * the flush is done.
   */
  readonly caller: "stands still" | "goes on" | "is answered later";
  /** When the answer does not come: never give up, or give up after a time of the software's own. */
  readonly patience: "endless" | "bounded";
  /** What is done when it gave up, or when the unit says that a device did not answer. */
  readonly onSilence: "again" | "again unless gone" | "free" | "fence";
  /** What a page that is given back is kept by: nothing, or references that the flush drops. */
  readonly keeps: "nothing" | "references";
  /** When the page is given back: behind the flush, or before it, which comes for many pages at once. */
  readonly gives: "behind the flush" | "before the flush";
  /** Where a wait stores its status: a word of its own slot, or the one word of the processor that waits. */
  readonly status: "of the slot" | "of the processor";
  /** The guest's processors do not run until the flush is done. */
  readonly pauses: boolean;
}

/** What most have in common; each row says what it does otherwise. */
const plain = {
  ...{ caller: "stands still", patience: "endless", onSilence: "again", keeps: "nothing" },
  ...{ gives: "behind the flush", status: "of the slot", pauses: false },
} as const satisfies Omit<ReleasePolicy, "title" | "source">;

const asynchronous = { ...plain, caller: "goes on", keeps: "references" } as const;

export const releasePolicies = {
  "no-wait": {
    ...{ ...plain, caller: "goes on" },
    title: "the page is free when its entry is gone",
    source: "the order that every policy below forbids",
  },
  "batch-without-references": {
    ...{ ...plain, gives: "before the flush" },
    title: "pages are given back one by one; one flush for all of them comes last",
    source: "Xen until XSA-346 (CVE-2020-27671): iommu_dont_flush_iotlb in xen/common/memory.c",
  },
  "batch-with-references": {
    ...{ ...plain, gives: "before the flush", keeps: "references" },
    title: "the same, and a reference keeps each page until the flush is done",
    source: "Xen since XSA-346 (2020, dea460d869): up to 16 references in xenmem_add_to_physmap",
  },
  "xen-2016": {
    ...{ ...plain, patience: "bounded", onSilence: "fence", status: "of the processor" },
    title: "wait for a time; then take the device away and stop its domain",
    source: "Xen 4.7 (2016): dca07f3002, 1b39e1085c (hide the device), ecb38915ed (crash its domain)",
  },
  "xen-2021": {
    ...plain,
    title: "wait, for ever",
    source: "Xen since XSA-373 (2021): xen/drivers/passthrough/vtd/qinval.c logs and goes on waiting",
  },
  "linux-vtd": {
    ...{ ...plain, onSilence: "again unless gone" },
    title: "wait; ask again each time the unit gives a device up, unless the device is gone",
    source: "Linux drivers/iommu/intel/dmar.c, qi_submit_sync: EAGAIN without a bound, ETIMEDOUT that callers drop",
  },
  "linux-amdvi": {
    ...{ ...plain, patience: "bounded", onSilence: "free" },
    title: "wait 100 ms, then go on as if it were done",
    source: "Linux drivers/iommu/amd/iommu.c, wait_on_sem: logged, and the page is freed",
  },
  "linux-smmuv3": {
    ...{ ...plain, patience: "bounded", onSilence: "free" },
    title: "wait 1 s, then go on as if it were done",
    source: "Linux drivers/iommu/arm/arm-smmu-v3: ETIMEDOUT is logged, CERROR_ATC_INV_SYNC ignored",
  },
  "fence-then-free": {
    ...{ ...plain, patience: "bounded", onSilence: "fence" },
    title: "wait for a time; then block the device, and free",
    source:
      "the order that Linux's maintainers ask for (linux-acpi, March 2026): fence before the flush counts as done",
  },
  "async-paused": {
    ...{ ...asynchronous, pauses: true },
    title: "do not wait; hold the page until the completion interrupt, the guest paused until then",
    source: "D2, the RFC series of 2015 (Quan Xu)",
  },
  "async-running": {
    ...asynchronous,
    title: "do not wait; references of the table hold the page until the flush is done, and the guest runs on",
    source: "D2, what the series' reviewers asked for (Tim Deegan, Jan Beulich)",
  },
  "export-barrier": {
    ...{ ...asynchronous, caller: "is answered later" },
    title: "who asks has its answer when everyone who was lent the page has let it go; nobody else waits",
    source:
      "crosvm devices/src/virtio/iommu/memory_mapper.rs: an unmapping of exported memory completes when it is released",
  },
} as const satisfies Readonly<Record<string, ReleasePolicy>>;

export type ReleasePolicyName = keyof typeof releasePolicies;
