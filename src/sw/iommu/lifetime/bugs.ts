/** Bugs of the past in how pages outlive their mappings: each a switch of the protocols here. */

interface Row {
  readonly id: string;
  /** Of the repair. */
  readonly year: number;
  readonly source: string;
  /** The rule that it breaks, and what must hold. */
  readonly rule: "I1" | "I2" | "I2'" | "I3" | "I8" | "I9";
  readonly breaks: string;
}

const reach = "I1: no device writes to a page that is not its domain's";
const led = "I2: a page that has a new owner is led to by no entry";
const tables = "I2': a page that held a table has no new owner while the unit keeps where it is";
const caused = "I3: a page goes only when the unit has answered for its flush, and by no other answer";
const fenced = "I8: where a device did not answer, it is blocked before its page goes";
const ends = "I9: everything that was asked ends";

export const lifetimeBugs = [
  {
    id: "flush-all-as-page-0",
    ...{ year: 2015, source: "Xen fd3102e5d2: a flush of all was asked with page 0 and a count of 0" },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "woken-too-late",
    ...{ year: 2015, source: "D2, the handler of the series; VT-d 4.1, 6.5.3: IWC that is up raises no second event" },
    ...{ rule: "I9", breaks: ends },
  },
  {
    id: "removal-failure-ignored",
    ...{
      year: 2017,
      source: "XSA-222 (a0cce6048d): a superpage cannot be split without memory, and the page is freed",
    },
    ...{ rule: "I2", breaks: led },
  },
  {
    id: "ats-for-strangers",
    ...{ year: 2018, source: "Linux fb58fdcd295b, d8b859105457 (2020): ATS of devices that are not trusted" },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "rights-change-not-flushed",
    ...{
      year: 2018,
      source: "XSA-275 (937ef32565): whether an entry's change needs a flush was asked without its rights",
    },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "lazy-window",
    ...{ year: 2019, source: "Thunderclap (NDSS 2019); Markuze et al. 2016: lazy unmapping gives the page back first" },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "entry-not-written-back",
    ...{ year: 2020, source: "CVE-2020-15565, XSA-321 (c23274fd04): a unit that does not snoop read old entries" },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "batch-freed-early",
    ...{
      year: 2020,
      source: "CVE-2020-27671, XSA-346 (dea460d869): the page displaced in a batch is freed before its flush",
    },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "moved-page-unreferenced",
    ...{
      year: 2020,
      source: "CVE-2020-27671, XSA-346 (5777a3742d): a removal beside a batch flushes only the new address",
    },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "status-word-shared",
    ...{ year: 2021, source: "CVE-2021-28692, XSA-373 (7c893abc4e): a late status is taken for another command's" },
    ...{ rule: "I3", breaks: caused },
  },
  {
    id: "timeout-not-reported",
    ...{ year: 2021, source: "CVE-2021-28692, XSA-373 (df242851dd): time-outs were not told, and pages were freed" },
    ...{ rule: "I8", breaks: fenced },
  },
  {
    id: "hidden-devices-skipped",
    ...{ year: 2021, source: "Xen 036432e8b2: devices hidden from the domain that uses them are not told" },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "subdevices-not-listed",
    ...{ year: 2021, source: "Linux 7c29ada5e700: subdevices are not in the list that flushes walk" },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "deassign-stops-early",
    ...{ year: 2021, source: "CVE-2021-28702, XSA-386 (192aaf7e14): the context entry stayed on the dying domain" },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "range-ends-at-the-top",
    ...{ year: 2023, source: "Linux e7ad6c2a4b1a: an end of all ones, rounded up, leaves an empty range" },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "unpinned-beyond",
    ...{ year: 2023, source: "CVE-2023-53630: an unmapping unpins pages behind those that it unmaps" },
    ...{ rule: "I2", breaks: led },
  },
  {
    id: "old-domain-not-flushed",
    ...{
      year: 2023,
      source: "CVE-2023-34326, XSA-442 (5fc98b9708): a device's entry changes, translations of the old one stay",
    },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "context-not-written-back",
    ...{
      year: 2023,
      source: "Linux c1e4f1dccbe9, 22d169bdd284, 8a3b8e63f837: device entries left in the processor's cache",
    },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "phantom-left",
    ...{
      year: 2024,
      source: "CVE-2023-46839, XSA-449 (cb4ecb3cc1): a device's other requester ids stay where they were",
    },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "identity-untracked",
    ...{ year: 2024, source: "CVE-2024-31145, XSA-460 (beadd68b54): a region is mapped before it is noted, and stays" },
    ...{ rule: "I2", breaks: led },
  },
  {
    id: "listed-before-ats",
    ...{ year: 2024, source: "Linux 041be2717b19: a device is attached before its ATS is on, and never told" },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "unlisted-before-flush",
    ...{ year: 2024, source: "Linux c362f32a59a8: a device leaves the domain's list before the flush that walks it" },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "kernel-tables-not-told",
    ...{ year: 2025, source: "CVE-2025-71089 (72f98ef9a4be): tables of the kernel are freed without telling the unit" },
    ...{ rule: "I2'", breaks: tables },
  },
  {
    id: "table-freed-before-flush",
    ...{ year: 2026, source: "CVE-2026-23554, XSA-480 (4bc2e5333a): paging memory goes back before the pending flush" },
    ...{ rule: "I2'", breaks: tables },
  },
  {
    id: "gather-never-filled",
    ...{ year: 2026, source: "Linux 90c5def10bea: an empty gather is not flushed, and some drivers never fill it" },
    ...{ rule: "I3", breaks: caused },
  },
  {
    id: "large-entry-flushed-in-part",
    ...{
      year: 2026,
      source: "CVE-2026-31735 (ee6e69d03255): more is unmapped than was asked, and what was asked is flushed",
    },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "wait-elided",
    ...{ year: 2026, source: "CVE-2026-68329: another processor's wait that is not over clears need_sync" },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "tag-dropped-twice",
    ...{
      year: 2026,
      source: "CVE-2026-53281: what was never attached is detached, and takes the device's tag with it",
    },
    ...{ rule: "I1", breaks: reach },
  },
  {
    id: "bystander-given-up",
    ...{
      year: 2026,
      source: "Linux drivers/iommu/intel/dmar.c, qi_check_fault, as read in 7.0: not confirmed by its authors",
    },
    ...{ rule: "I3", breaks: caused },
  },
] as const satisfies readonly Row[];

export type LifetimeBugId = (typeof lifetimeBugs)[number]["id"];
export type LifetimeBugs = ReadonlySet<LifetimeBugId>;
