/** Which low bits of addresses each device wants kept, by the bounces that each pair of values predicts. */
import { u64High, u64Low } from "../../../base/u64.js";
import type { alignmentOf } from "../../../spec/linux/driver_alignments.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { Alignments } from "../contracts/alignments.js";
import { maskChanges } from "./alignment_changes.js";
import { alignmentsTried } from "./alignments_tried.js";
import type { FirstReading } from "./first_reading.js";
import type { DeviceAlignment, PoolMachine } from "./machine.js";
import { trialAsRecorded } from "./trials.js";

export function inferAlignments(o: {
  readonly firstReading: FirstReading;
  readonly pool: PoolMachine | null;
  readonly table: readonly ReturnType<typeof alignmentOf>[];
  readonly drivers: readonly (string | null)[];
  readonly prior: Alignments;
  readonly count: number;
}): DeviceAlignment[] {
  const masks = [...new Set(alignmentsTried.map((t) => t.minAlignMask))];
  const changes = o.pool === null ? [] : maskChanges(o.firstReading.sample, masks);
  /** Of each device, from each of its changes on: how many bounces each pair of values predicts. */
  const equal = Array.from({ length: o.count }, (_, d) => {
    return Array.from({ length: 1 + (changes[d]?.length ?? 0) }, () => new Float64Array(alignmentsTried.length));
  });
  const partOf = (d: number, time: number) => {
    const times = changes[d];
    return times === undefined ? 0 : times.filter((t) => t <= time).length;
  };
  if (o.pool !== null) {
    const all = { compared: Number.POSITIVE_INFINITY, wrong: Number.POSITIVE_INFINITY };
    const { sample } = o.firstReading;
    const { cpu, device, time, orig, size } = sample.maps;
    trialAsRecorded(o.pool, sample, o.prior, all, (pool, m, kernel) => {
      const high = u64High(orig[m]!),
        low = u64Low(orig[m]!);
      const part = equal[device[m]!]![partOf(device[m]!, time[m]!)]!;
      alignmentsTried.forEach((t, h) => {
        const found = pool.find(cpu[m]!, high, low, size[m]!, t.minAlignMask, 0, t.boundary / slotBytes);
        if (found === kernel) part[h]!++;
      });
    });
  }
  return Array.from({ length: o.count }, (_, d) => {
    const stated = o.table[d] ?? null;
    const driver = o.drivers[d] ?? null;
    const parts = equal[d]!.map((scores) => likeliest(scores, stated));
    const first = { driver, ...parts[0]! };
    if (parts.length === 1) return first;
    return { ...first, changes: parts.slice(1).map((part, k) => ({ ...part, time: changes[d]![k]! })) };
  });
}

/** The values that predict most bounces; those that the driver is known for where they predict as many. */
function likeliest(
  scores: Float64Array,
  stated: ReturnType<typeof alignmentOf>,
): Pick<DeviceAlignment, "minAlignMask" | "boundary" | "from"> {
  const most = scores.reduce((a, b) => Math.max(a, b), 0);
  const known = alignmentsTried.findIndex(
    (t) => t.minAlignMask === (stated?.minAlignMask ?? 0) && t.boundary === (stated?.boundary ?? 0),
  );
  if (scores[known]! >= most) {
    const t = alignmentsTried[known]!;
    const only = most > 0 && scores.filter((s) => s === most).length === 1;
    return { ...t, from: stated !== null ? "driver" : only ? "addresses" : "assumed" };
  }
  return { ...alignmentsTried[scores.indexOf(most)]!, from: "addresses" };
}
