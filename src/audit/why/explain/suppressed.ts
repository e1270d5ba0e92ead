/** "NAME: 756 callbacks suppressed": lines that the kernel's rate limit left out, told by the function's name. */
import { plural } from "../../../base/count_words.js";
import type { Diagnosis } from "../finding.js";

const pattern = /\b(\w{3,60}): (\d{1,9}) (?:callbacks|messages) suppressed/;

/** @returns null for another line. */
export function suppressedIn(text: string): { readonly name: string; readonly count: number } | null {
  const m = pattern.exec(text);
  return m === null ? null : { name: m[1]!, count: Number(m[2]) };
}

/** Xen's rate limit counts what it leaves out of all messages together. */
const xenLimit = /\(XEN\).{0,40}\bprintk: (\d{1,9}) messages suppressed/;

/** @returns how many of Xen's messages are missing here; null for another line. */
export function suppressedByXen(given: string): number | null {
  const m = xenLimit.exec(given);
  return m === null ? null : Number(m[1]);
}

/** Which functions write the lines of a kind. Source: `ratelimited` in kernel/dma and drivers/iommu of Linux. */
const byKind: readonly (readonly [kind: RegExp, name: RegExp])[] = [
  [/^dmar-/, /dmar|intel_iommu|qi_/],
  [/^amdvi-/, /amd_iommu|iommu_print_event/],
  [/^smmuv3-/, /arm_smmu_(?:evtq|v3|handle|gerror|priq|ev|cmdq|report)/],
  [/^smmuv2-/, /arm_smmu/],
  [/^(?:virtio|viommu)/, /viommu|virtio_iommu/],
  [/^(?:dart|apple-dart)/, /dart/],
  [/^iommu-/, /iommu|sysmmu|ipmmu|tegra/],
];

/** Functions whose lines are of DMA, whichever finding they belong to. */
const ours = /swiotlb|dmar|iommu|smmu|dart|dma_direct|dma_map/;

export function isOurs(name: string): boolean {
  return ours.test(name);
}

/** Whether a verdict is on lines that the function of this name writes. */
export function isLimitedIn(verdict: Diagnosis, name: string): boolean {
  if (verdict.limitedIn !== undefined) return verdict.limitedIn.test(name);
  return byKind.some(([kind, names]) => kind.test(verdict.kind) && names.test(name));
}

/** What is said where no line of the function is in the log. */
export function onlySuppressed(name: string, count: number): Diagnosis {
  return {
    kind: "suppressed",
    cause: `The kernel left out ${plural(count, "line")} of ${name}: it wrote too many in a short time.`,
    evidence: `${plural(count, "line")} suppressed; none of the kind is in this log`,
    do: "Give the log from its beginning: the first lines of each burst are written, and they say what happened.",
  };
}
