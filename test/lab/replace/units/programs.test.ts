/** The core's programs on whole units: attach, detach, replace, PASIDs, unmappings, resets, and devices that never stop. */
import { expect, test } from "vitest";
import type { EntryBugId } from "../../../../src/sw/iommu/entry/bugs.js";
import { amdviSequences } from "../../../../src/sw/iommu/entry/sequences/amdvi.js";
import type { Sequence } from "../../../../src/sw/iommu/entry/sequences/sequence.js";
import { smmuv3Sequences } from "../../../../src/sw/iommu/entry/sequences/smmuv3.js";
import { vtdSequences } from "../../../../src/sw/iommu/entry/sequences/vtd.js";
import { Bench, programOf } from "../../../sw/iommu/group/programs.js";
import { amount, long } from "../../../tier.js";
import { amdviUnit } from "./amdvi.js";
import { type Omitted, RealUnit, type VendorUnit } from "./real_unit.js";
import { smmuUnit } from "./smmuv3.js";
import { vtdUnit } from "./vtd.js";

type Make = (domains: number) => VendorUnit;

/** DMALAB_PROGRAMS asks for more. */
const count = Number(process.env["DMALAB_PROGRAMS"] ?? amount(3, 150));
const steps = 12;

/** @returns the first that did not hold; null: all did */
function found(make: Make, way: Sequence, programs: number, omits?: Omitted): string | null {
  const bench = new Bench({ unit: (o) => new RealUnit(make(o.domains.count), way, { ...o, ...(omits && { omits }) }) });
  for (let seed = 1; seed <= programs; seed++) {
    const wrong = programOf(bench, seed, steps);
    if (wrong !== null) return wrong;
  }
  return null;
}

const { linux, written, "non-present": absent } = vtdSequences;
const right: readonly (readonly [string, Make, Readonly<Record<string, Sequence>>])[] = [
  ["VT-d", vtdUnit, { linux, written, absent }],
  ["AMD-Vi", amdviUnit, { linux: amdviSequences.linux, update: amdviSequences.update, written }],
  ["SMMUv3", smmuUnit, { linux: smmuv3Sequences.linux, "linux-2024": smmuv3Sequences["linux-2024"] }],
];

test.each(right)("%s: no DMA goes where none of its domains leads, and no id is anybody else's", (_, make, ways) => {
  for (const [name, way] of Object.entries(ways)) expect([name, found(make, way, count)]).toEqual([name, null]);
});

/** Ways of kernels of which it is known, each with the bug that it is. */
const known: readonly (readonly [EntryBugId, Make, Sequence])[] = [
  ["pasid-entry-copied", vtdUnit, vtdSequences["linux-in-place"]],
  ["pasid-entry-zeroed", vtdUnit, vtdSequences["linux-zeroed"]],
  ["host-entry-word-by-word", amdviUnit, amdviSequences["word-by-word"]],
];

test.each(known.slice(0, long ? known.length : 1))("%s: some DMA goes wrong", (_, make, way) => {
  expect(found(make, way, 2000)).toMatch(/^I[46]:/);
});

test.each([
  ["an entry", vtdUnit, linux, "entry"],
  ["an entry", amdviUnit, amdviSequences.linux, "entry"],
  ["an entry", smmuUnit, smmuv3Sequences.linux, "entry"],
  ["an id that goes", vtdUnit, linux, "id"],
  ["what a device had", amdviUnit, amdviSequences.linux, "device"],
  ["an id that goes", smmuUnit, smmuv3Sequences.linux, "id"],
  ["a page", vtdUnit, linux, "frame"],
  ["a page", amdviUnit, amdviSequences.linux, "frame"],
  ["a page", smmuUnit, smmuv3Sequences.linux, "frame"],
] as const)("a unit that is not told of %s is found out (%#)", (_, make, way, omits) => {
  expect(found(make, way, 2000, omits)).toMatch(/^I[46]:/);
});
