/**
 * Bugs in how devices come to domains and leave them: each a switch of the core, of a driver, or of the protocols of
 * `lab/protocol/attach`. Candidates were found by reading, and nobody has confirmed them: each says what it assumes.
 */

interface Row {
  readonly id: string;
  /** Of the repair; of a candidate, of the release that was read. */
  readonly year: number;
  readonly source: string;
  /** The rule that it breaks, and what must hold. */
  readonly rule: AttachRule;
  readonly breaks: string;
}

export const attachRules = {
  I1: "no device writes to a page that is not its domain's",
  I2: "no device is led to a domain that is not there",
  I4: "a device is led where its group says, and nowhere else",
  I5: "what the old domain and the new one map alike is never refused",
  tags: "unmappings are told to whoever is led to their domain",
  requests: "what a device asks for is answered while the queue for it is there",
} as const;
export type AttachRule = keyof typeof attachRules;

/** A rule as reports name it. */
export const attachRule = (rule: AttachRule): string =>
  /^I\d$/.test(rule) ? `${rule}: ${attachRules[rule]}` : attachRules[rule];

const breaks = (rule: AttachRule) => ({ rule, breaks: attachRule(rule) }) as const;
const read7 = "as read in Linux 7.0, not confirmed by its authors";

export const attachBugs = [
  {
    id: "reset-refuses-detach",
    ...{ year: 2026, source: "CVE-2026-52952: what must not fail is refused while a device is reset" },
    ...breaks("I2"),
  },
  {
    id: "no-blocking-domain",
    ...{ year: 2024, source: "CVE-2024-53232: s390 had no domain that blocks, and a device that is gone kept its own" },
    ...breaks("I2"),
  },
  {
    id: "torn-down-first",
    ...{
      year: 2026,
      source: `candidate O-VTD3: intel_iommu_attach_device, amd_iommu_attach_device, ${read7}; assumes that the core leaves the device that failed to its driver`,
    },
    ...breaks("I4"),
  },
  {
    id: "nested-not-noted",
    ...{
      year: 2026,
      source: `candidate O-AMD2: nested_attach_device, ${read7}; assumes that a device goes back to the domain that it was nested in`,
    },
    ...breaks("I2"),
  },
  {
    id: "pasid-removed-twice",
    ...{
      year: 2026,
      source: `candidate: iommu_detach_device_pasid while a device is reset, which has lost its PASIDs already, ${read7}; assumes a driver that drops a tag for each removal (CVE-2026-53281)`,
    },
    ...breaks("tags"),
  },
  {
    id: "attach-window",
    ...{
      year: 2026,
      source: `candidate O-VTD1: intel_iommu_attach_device stores the entry before it lists the tag, ${read7}; assumes that nothing keeps an unmapping of the same domain out`,
    },
    ...breaks("I1"),
  },
  {
    id: "detach-window",
    ...{
      year: 2026,
      source: `candidate O-VTD2: device_block_translation takes the tag off before it tears the entry down, ${read7}; assumes that nothing keeps an unmapping of the same domain out`,
    },
    ...breaks("I1"),
  },
  {
    id: "id-forgotten-late",
    ...{
      year: 2022,
      source: "CVE-2022-26357, XSA-399 (d9eca7bb6c): an id is marked as free before its owner is forgotten",
    },
    ...breaks("I1"),
  },
  {
    id: "id-shared",
    ...{
      year: 2024,
      source:
        "Linux 87a6f1f22c97: two devices of AMD's have one domain id and different tables; shown on a unit of VT-d's",
    },
    ...breaks("I1"),
  },
  {
    id: "nested-id-recycled",
    ...{
      year: 2026,
      source: `candidate O-AMD3: nested_domain_free gives the id back and tells nobody, ${read7}; assumes that the next nested domain gets that id; shown on a unit of VT-d's`,
    },
    ...breaks("I1"),
  },
  {
    id: "alias-cleared",
    ...{
      year: 2025,
      source: "CVE-2025-38216 (320302baed05): the entry of two functions is cleared when the second comes",
    },
    ...breaks("I5"),
  },
  {
    id: "alias-from-another",
    ...{
      year: 2026,
      source:
        "CVE-2026-53053: the entry of a device's alias is copied from another device's; shown on a unit of VT-d's",
    },
    ...breaks("I1"),
  },
  {
    id: "region-by-way-of-nothing",
    ...{
      year: 2022,
      source:
        "CVE-2022-26358 to 26361, XSA-400 (78a40f8b5d, 8f41e481b4): a device goes to another domain by way of none",
    },
    ...breaks("I5"),
  },
  {
    id: "region-unmapped",
    ...{
      year: 2021,
      source: "CVE-2021-28694 to 28696, XSA-378 (34750a3eb0): a guest may unmap what firmware wants mapped",
    },
    ...breaks("I5"),
  },
  {
    id: "region-mapped-behind",
    ...{ year: 2023, source: "Linux 152431e4fe7f: regions are mapped behind the attachment to the default domain" },
    ...breaks("I5"),
  },
  {
    id: "region-blocked",
    ...{
      year: 2023,
      source: "Linux a48ce36e2786: who claims a device blocks it, whatever firmware wants mapped for it",
    },
    ...breaks("I5"),
  },
  {
    id: "requests-outlive-their-queue",
    ...{ year: 2025, source: "CVE-2025-38594: the queue for page requests goes before the unit's is drained" },
    ...breaks("requests"),
  },
  {
    id: "root-and-levels-apart",
    ...{
      year: 2025,
      source:
        "CVE-2025-39961 (754265bcab78): a table grows while another processor reads its root and its levels; shown on a unit of VT-d's",
    },
    ...breaks("I1"),
  },
  {
    id: "handed-back-in-flight",
    ...{
      year: 2019,
      source:
        "XSA-302, XSA-306 (319f9a0ba9, ba2ab00bbb): a device goes back to domain 0 before it is reset, and works on",
    },
    ...breaks("I1"),
  },
  {
    id: "error-taken-for-an-id",
    ...{
      year: 2026,
      source: `candidate O-AMD4: nested_domain_alloc, ${read7}; assumes that all ids are taken, and one of them by what -ENOSPC is in 16 bits; shown on a unit of VT-d's`,
    },
    ...breaks("I1"),
  },
  {
    id: "asked-of-the-new-entry",
    ...{
      year: 2026,
      source:
        "candidate O-XEN1: device_in_domain, as read in Xen 4.21, not confirmed by its authors; assumes that ATS is on, which it is not unless it is asked for",
    },
    ...breaks("I1"),
  },
] as const satisfies readonly Row[];

export type AttachBugId = (typeof attachBugs)[number]["id"];
export type AttachBugs = ReadonlySet<AttachBugId>;
