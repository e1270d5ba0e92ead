/**
 * What software does with a page that a device may still reach: who waits, for how long, and what happens when a device does
 * not answer. Each row is a policy that somebody proposed or shipped.
 */

export interface ReleasePolicy {
  readonly title: string;
  readonly source: string;
  /** Does the caller wait for the flush before it goes on? */
  readonly waits: boolean;
  /** When the wait is not over: never give up, or give up after a time of the software's own. */
  readonly patience: "endless" | "bounded";
  /** What is done when it gave up, or when the unit says that a device did not answer. */
  readonly onSilence: "again" | "free" | "fence";
  /** What a page that is given back is kept by: nothing, or references that the flush drops. */
  readonly keeps: "nothing" | "references";
  /** The guest's processors do not run until the flush is done. */
  readonly pauses: boolean;
}

export const releasePolicies = {
  "no-wait": {
    title: "the page is free when its entry is gone",
    source: "the order that every policy below forbids",
    ...{ waits: false, patience: "endless", onSilence: "again", keeps: "nothing", pauses: false },
  },
  "wait-for-ever": {
    title: "wait, for ever",
    source: "Xen since XSA-373 (2021): xen/drivers/passthrough/vtd/qinval.c logs and goes on waiting",
    ...{ waits: true, patience: "endless", onSilence: "again", keeps: "nothing", pauses: false },
  },
  "linux-vtd": {
    title: "wait; ask again each time the unit gives a device up",
    source: "Linux drivers/iommu/intel/dmar.c, qi_submit_sync: EAGAIN, without a bound",
    ...{ waits: true, patience: "endless", onSilence: "again", keeps: "nothing", pauses: false },
  },
  "give-up-and-free": {
    title: "wait for a time, then go on as if it were done",
    source: "Linux drivers/iommu/amd/iommu.c (100 ms) and arm-smmu-v3.c (1 s): logged, and the page is freed",
    ...{ waits: true, patience: "bounded", onSilence: "free", keeps: "nothing", pauses: false },
  },
  "fence-then-free": {
    title: "wait for a time; then block the device, and free",
    source:
      "the order that Linux's maintainers ask for (linux-acpi, March 2026): fence before the flush counts as done",
    ...{ waits: true, patience: "bounded", onSilence: "fence", keeps: "nothing", pauses: false },
  },
  "async-paused": {
    title: "do not wait; hold the page until the completion interrupt, the guest paused until then",
    source: "D2, the RFC series of 2015 (Quan Xu)",
    ...{ waits: false, patience: "endless", onSilence: "again", keeps: "references", pauses: true },
  },
  "async-running": {
    title: "do not wait; references of the table hold the page until the flush is done, and the guest runs on",
    source: "D2, what the series' reviewers asked for (Tim Deegan, Jan Beulich)",
    ...{ waits: false, patience: "endless", onSilence: "again", keeps: "references", pauses: false },
  },
} as const satisfies Readonly<Record<string, ReleasePolicy>>;

export type ReleasePolicyName = keyof typeof releasePolicies;
