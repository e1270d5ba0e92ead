/** When a kernel flushes what it unmaps: named with how that is known, and unknown otherwise. */
import { expect, test } from "vitest";
import { readKernelLog } from "../../../src/read/kernel_log/read_kernel_log.js";
import type { RunReport } from "../../../src/report/recording/run_report.js";
import { policyWords, unmapPolicy, wholeAdvice } from "../../../src/report/recording/unmap_policy.js";
import { sampleReport } from "./sample.js";

const { outcome, audit } = sampleReport();
const invalidations = {
  ...{ unmaps: 100, covered: 100, coveredInAll: 0, mappedAnew: 0, broken: 0, waiting: 0, unknown: [] },
  ...{ descriptors: [], flushes: 0, reachable: null, note: null },
};
const reachable = (count: number) => ({ count, of: 90, median: null, max: null, byteSeconds: 0 });
const iova = (compared: number, equal: number) =>
  ({ ...{ compared, equal, note: null, mismatches: [] } }) as unknown as NonNullable<RunReport["outcome"]["iova"]>;
const lazy = { mode: "lazy", line: "iommu: DMA domain TLB invalidation policy: lazy mode" } as const;

const of = (o: Partial<RunReport["outcome"]>, i: Partial<typeof invalidations> | object = {}): RunReport => ({
  outcome: { ...outcome, ...o },
  audit: { ...audit, invalidations: { ...invalidations, ...i } },
});

test.each<[string, RunReport, string | null, RegExp]>([
  [
    "the log goes before all",
    of({ unmapPolicy: lazy, iova: iova(50, 50) }, { reachable: reachable(0) }),
    "lazy",
    /its log says "iommu: /,
  ],
  ["flushes show it", of({}, { reachable: reachable(0) }), "strict", /each of 90 unmappings/],
  ["unmappings that were over show it", of({}, { reachable: reachable(80) }), "lazy", /80 of 90 unmappings/],
  ["addresses show it", of({ iova: iova(50, 49) }), "strict", /addresses/],
  ["of few addresses nothing is known", of({ iova: iova(9, 9) }), null, /no log says so/],
  ["addresses of another kind show nothing", of({ iova: iova(50, 20) }), null, /no log says so/],
  ["nothing shows it", of({}), null, /no log says so/],
])("%s", (_, report, mode, how) => {
  const found = unmapPolicy(report)!;
  expect(found.mode).toBe(mode);
  expect(policyWords(found)).toMatch(how);
  expect(wholeAdvice(report).because.includes("iommu.strict=1")).toBe(mode === "lazy");
});

test("where nothing is unmapped from an IOMMU, nothing is said", () => {
  expect(unmapPolicy({ outcome, audit: { ...audit, invalidations: { ...invalidations, unmaps: 0 } } })).toBeNull();
  const { invalidations: _, ...without } = audit;
  expect(unmapPolicy({ outcome: { ...outcome, unmapPolicy: lazy }, audit: without })).toBeNull();
});

test.each([
  ["iommu: DMA domain TLB invalidation policy: lazy mode", "lazy"],
  ["iommu: DMA domain TLB invalidation policy: strict mode (set via kernel command line)", "strict"],
  ["AMD-Vi: Using strict mode due to virtualization", "strict"],
  ["DMAR: IOMMU batching disallowed due to virtualization", "strict"],
  ["DMAR: IOMMU batching is disabled due to virtualization", "strict"],
])("a log with %s", async (line, policy) => {
  const before = line.startsWith("iommu") ? "" : "[    0.1] iommu: DMA domain TLB invalidation policy: lazy mode\n";
  const log = await readKernelLog(`${before}[    0.2] ${line}\n`);
  expect(log).toMatchObject({ iommuPolicy: policy, iommuPolicyLine: line });
});
