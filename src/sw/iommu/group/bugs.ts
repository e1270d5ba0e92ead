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
  I6: "what a unit keeps under a tag comes from one domain",
} as const;
export type AttachRule = keyof typeof attachRules;

const breaks = (rule: AttachRule) => ({ rule, breaks: `${rule}: ${attachRules[rule]}` }) as const;
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
    ...breaks("I1"),
  },
] as const satisfies readonly Row[];

export type AttachBugId = (typeof attachBugs)[number]["id"];
export type AttachBugs = ReadonlySet<AttachBugId>;
