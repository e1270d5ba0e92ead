/**
 * Whether a kernel flushes an address as it is unmapped (strict) or later (lazy): from its log, else from what the
 * recording shows.
 */
import { countWords } from "../../base/count_words.js";
import type { RunReport } from "./run_report.js";

export interface UnmapPolicy {
  /** null: nothing tells. */
  readonly mode: "strict" | "lazy" | null;
  /** Half a sentence. */
  readonly how: string;
}

/** Of addresses that a strict kernel would give, so many show that it is one; of a lazy one hardly a half are. */
const strictShare = 0.9;
/** Fewer addresses, or unmappings, may be alike by chance. */
const countMin = 20;

/** @returns null where nothing is unmapped from an IOMMU */
export function unmapPolicy({ outcome, audit }: RunReport): UnmapPolicy | null {
  const { invalidations } = audit;
  if (invalidations === undefined || invalidations.unmaps === 0) return null;
  const { unmapPolicy: said, iova } = outcome;
  if (said !== undefined) return { mode: said.mode, how: `its log says "${said.line}"` };
  const { reachable } = invalidations;
  if (reachable !== null && reachable.of >= countMin && reachable.count === 0)
    return { mode: "strict", how: `each of ${countWords(reachable.of)} unmappings was flushed before it was over` };
  if (reachable !== null && reachable.count >= countMin && reachable.count * 2 > reachable.of)
    return {
      mode: "lazy",
      how: `${countWords(reachable.count)} of ${countWords(reachable.of)} unmappings were over before they were flushed`,
    };
  if (iova != null && iova.compared >= countMin && iova.equal >= strictShare * iova.compared)
    return { mode: "strict", how: "its addresses are those that a strict kernel gives" };
  return { mode: null, how: 'no log says so ("DMA domain TLB invalidation policy"), and no event shows it' };
}

export function policyWords({ mode, how }: UnmapPolicy): string {
  if (mode === null) return `Whether the kernel flushes as it unmaps (strict) or later (lazy) is not known: ${how}.`;
  const when =
    mode === "strict"
      ? "flushes an address as it unmaps it (strict)"
      : "flushes what it unmaps later, all at once (lazy), and until then devices go on reaching it";
  return `The kernel ${when}; ${how}.`;
}

/** What may be changed; null: nothing. */
export const policyAdvice = ({ mode }: UnmapPolicy): string | null =>
  mode === "lazy"
    ? "where devices are not to be trusted, iommu.strict=1 closes the time in which they reach what is unmapped, for a flush at each unmapping"
    : null;

/** The advice of a recording, with what is to be said of unmapping. */
export function wholeAdvice(report: RunReport): RunReport["outcome"]["advice"] {
  const { advice } = report.outcome;
  const policy = unmapPolicy(report);
  const more = policy === null ? null : policyAdvice(policy);
  return more === null ? advice : { ...advice, because: `${advice.because}; ${more}` };
}
