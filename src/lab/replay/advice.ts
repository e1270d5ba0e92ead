/** Which `swiotlb=` would have been enough, and how sure that is. */
import type { ReplayOutcome, WhatIf } from "./outcome.js";

export function advise(o: {
  readonly pool: ReplayOutcome["pool"];
  /** Requests refused in all, and those that no pool can serve. */
  readonly refused: { readonly all: number; readonly never: number };
  readonly whatIf: readonly WhatIf[];
  /** Requests whose lives on another pool had to be assumed. */
  readonly assumed: number;
  readonly showsOutcomes: boolean;
  readonly late: boolean;
  readonly lost: number;
}): ReplayOutcome["advice"] {
  if (!o.showsOutcomes) {
    const because = "this kernel records no dma:* events (they came with 6.12), so no mapping is seen to end";
    return { swiotlb: null, because, confidence: "unknown" };
  }
  if (o.pool === null) return { swiotlb: null, because: "nothing bounced in this recording", confidence: "measured" };
  const { all: failed, never } = o.refused;
  const recorded = o.pool.areas;
  const enough = o.whatIf
    .filter((w) => w.failed <= never)
    .sort(
      (a, b) => a.slots - b.slots || Number(a.areas !== recorded) - Number(b.areas !== recorded) || a.areas - b.areas,
    )[0];
  const doubts = [
    ...(o.assumed > 0
      ? [`${o.assumed} requests were refused in the recording and how long they would have lived is assumed`]
      : []),
    ...(o.late ? ["the recording begins with a pool already in use"] : []),
    ...(o.lost > 0 ? [`${o.lost} events were lost`] : []),
  ];
  const tail = doubts.length === 0 ? "" : `; ${doubts.join("; ")}`;
  const confidence = doubts.length === 0 ? "measured" : "bounded";
  const impossible = never === 0 ? "" : `; ${never} requests are larger than any pool can serve`;
  if (enough === undefined) {
    const largest = o.whatIf.reduce((a, b) => (b.slots > a.slots ? b : a), o.whatIf[0] ?? nothing);
    const because = `even ${largest.slots} slots refused ${largest.failed} of the recorded requests${impossible}${tail}`;
    return { swiotlb: null, because, confidence: "unknown" };
  }
  const setting = `swiotlb=${enough.slots}${enough.areas === o.pool.areas ? "" : `,${enough.areas}`}`;
  const what =
    failed === 0
      ? `nothing failed; of the sizes tried, ${enough.slots} slots are the fewest that serve every request`
      : `${failed} requests failed with ${o.pool.slots} slots; of the sizes tried, ${enough.slots} are the fewest that serve every request`;
  return { swiotlb: setting, because: `${what} (high-water ${enough.hiwater})${impossible}${tail}`, confidence };
}

const nothing: WhatIf = { slots: 0, areas: 0, forced: false, bounced: 0, failed: 0, hiwater: 0 };
