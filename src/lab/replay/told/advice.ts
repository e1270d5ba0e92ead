/**
 * Which `swiotlb=` would have been enough, and how sure that is.
 *
 * Mode and areas stay as they are; where nothing failed, nothing is to change. A smaller pool is named only when sizes
 * were asked for, with room to spare, and only when enough was seen.
 */
import { countWords, plural } from "../../../base/count_words.js";
import { poolSlotsDefault } from "../../../spec/swiotlb/sizes.js";
import { parseSwiotlb } from "../../../sw/swiotlb/index.js";
import type { PoolMachine } from "../machine/machine.js";
import { noMappingsWords, type Shows } from "../machine/shows.js";
import type { WhatIf } from "../other_pools/setting.js";
import type { ReplayOutcome } from "./outcome.js";

/** A smaller pool must hold twice what was ever in use. */
const margin = 2;
/** Fewer bounces, or a shorter time (microseconds), say too little of what is to come. */
const bouncesMin = 10_000;
const spanMin = 60e6;

export interface AdviceQuestion {
  readonly shows: Shows;
  readonly kernel: string | null;
  readonly arm64: boolean;
  /** Possible CPUs, which decide how many areas the kernel makes by itself. */
  readonly cpus: number;
  /** Value of the recorded machine's own `swiotlb=`; "" when it had none, null when that is not known. */
  readonly setting: string | null;
  readonly machine: PoolMachine | null;
  readonly pool: ReplayOutcome["pool"];
  readonly maps: ReplayOutcome["maps"];
  /** Length of the recording, microseconds. */
  readonly span: number;
  /** Mappings and lists refused, their requests (entries of lists counted one by one), and those that no pool serves. */
  readonly refused: {
    readonly mappings: number;
    readonly lists: number;
    readonly requests: number;
    readonly never: number;
  };
  readonly whatIf: readonly WhatIf[];
  /** Whether sizes to try were asked for. */
  readonly sizesAsked: boolean;
  readonly lost: number;
  /** A part of a recording, which does not say what was left out. */
  readonly excerpt: boolean;
}

type Advice = ReplayOutcome["advice"];

/** A question about a recording that has a pool. */
interface Pooled extends AdviceQuestion {
  readonly machine: PoolMachine;
  readonly pool: NonNullable<ReplayOutcome["pool"]>;
}

export function advise(q: AdviceQuestion): Advice {
  if (q.shows === "nothing") {
    const because = "no event that could show a bounce was recorded";
    return { what: "nothing can be said of a pool", swiotlb: null, because, confidence: "unknown" };
  }
  if (q.shows === "requests") {
    const because = `${noMappingsWords(q.kernel)}; so no mapping is seen to succeed or to end`;
    return { what: "no size can be advised", swiotlb: null, because, confidence: "unknown" };
  }
  const { pool, machine } = q;
  if (pool === null || machine === null) return withoutPool(q.maps, q.excerpt);
  if (pool.endsRecorded === false) {
    const because =
      "ends of mappings (dma_unmap_phys, dma_unmap_sg) are missing, so how full the pool was is not known";
    return { what: "no size can be advised", swiotlb: null, because, confidence: "unknown" };
  }
  const { mappings, lists } = q.refused;
  const pooled = { ...q, pool, machine };
  return mappings + lists === 0 ? nothingFailed(pooled) : enough(pooled);
}

function withoutPool(maps: ReplayOutcome["maps"], excerpt: boolean): Advice {
  if (maps.total === 0) {
    const because = "no mapping was recorded";
    return { what: "nothing can be said of a pool", swiotlb: null, because, confidence: "unknown" };
  }
  const translated = maps.translated + maps.foreign > 0;
  if (excerpt) {
    const because = `none of ${plural(maps.total, "mapping")} of an excerpt bounced, and what is not in it is not known`;
    return { what: "nothing can be said of a pool", swiotlb: null, because, confidence: "unknown" };
  }
  const but = translated
    ? "; a bounce behind an IOMMU shows only by swiotlb:swiotlb_bounced, and no such event is there"
    : "";
  const because = `none of ${plural(maps.total, "mapping")} bounced${but}`;
  return { what: "nothing to change", swiotlb: null, because, confidence: translated ? "unknown" : "measured" };
}

function nothingFailed(q: Pooled): Advice {
  const { pool } = q;
  const share = ((100 * pool.hiwater) / pool.slots).toFixed(1);
  const least = pool.atLeast ? "at least " : "at most ";
  const seen =
    `in ${(q.span / 1e6).toFixed(1)} s ${plural(q.maps.bounced, "mapping")} bounced and none was refused; ${least}` +
    `${countWords(pool.hiwater)} of ${plural(pool.slots, "slot")} (${share} %) were in use at once`;
  const because = [seen, ...doubts(q), ...(q.sizesAsked ? [smaller(q)] : [])].join("; ");
  if (q.excerpt && q.maps.bounced < bouncesMin) {
    return { what: "nothing can be said of a pool", swiotlb: null, because, confidence: "unknown" };
  }
  return {
    what: "nothing to change",
    swiotlb: null,
    because,
    confidence: doubts(q).length === 0 ? "measured" : "bounded",
  };
}

/** What a smaller pool would have done, for who asked for it. */
function smaller(q: Pooled): string {
  const { pool } = q;
  if (q.maps.bounced < bouncesMin || q.span < spanMin || pool.atLeast) {
    return `too little was seen to advise a smaller pool: that takes ${countWords(bouncesMin)} bounces in ${spanMin / 1e6} s, from the boot on`;
  }
  const served = q.whatIf.filter((w) => w.failed === 0 && w.slots < pool.slots && w.slots >= margin * w.hiwater);
  const least = served.sort((a, b) => a.slots - b.slots)[0];
  if (least === undefined) return "no smaller size that was tried holds twice what was in use";
  return `${settingText(q, least)} would have served the same, with room for ${margin} times its peak of ${countWords(least.hiwater)} slots`;
}

function enough(q: Pooled): Advice {
  const { pool, machine } = q;
  const { mappings, lists, requests, never } = q.refused;
  const what = [
    ...(mappings > 0 ? [plural(mappings, "mapping")] : []),
    ...(lists > 0 ? [`${plural(lists, "list")} of buffers`] : []),
  ].join(" and ");
  const counting = lists > 0 ? "each entry of a list being one, however often tried" : "however often tried";
  const one = mappings + lists === 1 ? "was" : "were";
  const failed = `${what} (${plural(requests, "request")}, ${counting}) ${one} refused with ${plural(pool.slots, "slot")}`;
  const impossible = never === 0 ? [] : [`${plural(never, "request")} of them are larger than any pool can serve`];
  const assumed =
    requests === never
      ? []
      : [
          `how long the refused requests would have been held is not recorded: each is taken to live as long as its device's others`,
        ];
  const doubted = [...assumed, ...doubts(q)];
  const best = q.whatIf
    .filter((w) => w.failed <= never && isMore(q, w))
    .sort(
      (a, b) =>
        a.slots - b.slots || Number(a.areas !== machine.areas) - Number(b.areas !== machine.areas) || a.areas - b.areas,
    )[0];
  if (requests === never && never > 0) {
    const because = [failed, ...impossible, "a larger pool does not help: let the driver make smaller requests"].join(
      "; ",
    );
    return { what: "no size can help", swiotlb: null, because, confidence: "measured" };
  }
  if ([...pool.failures, ...pool.refusedLists].every((f) => f.reason === "unknown")) {
    const because = [failed, "the pool as it is replayed had room: what was lacking is not in the recording"].join(
      "; ",
    );
    return { what: "no size can be advised", swiotlb: null, because, confidence: "unknown" };
  }
  if (best === undefined) {
    const [largest] = q.whatIf.toSorted((a, b) => b.slots - a.slots);
    const more =
      largest === undefined
        ? "no other size was tried"
        : `of the sizes tried even ${countWords(largest.slots)} slots refuse ${countWords(largest.failed)} requests`;
    const because = [failed, ...impossible, more, ...doubted].join("; ");
    return { what: "no size can be advised", swiotlb: null, because, confidence: "unknown" };
  }
  const setting = settingText(q, best);
  const fewest = `of the sizes tried, ${countWords(best.slots)} slots are the fewest that serve ${never > 0 ? "all the others" : "every request"}, at most ${countWords(best.hiwater)} at once`;
  const because = [failed, ...impossible, fewest, ...(takenForNone(q, best) ? [noNumber] : []), ...doubted].join("; ");
  return { what: setting, swiotlb: setting, because, confidence: doubted.length === 0 ? "measured" : "bounded" };
}

/** A pool that refused is not advised again, nor a smaller one: where it serves all, requests were taken to end too soon. */
function isMore({ whatIf, pool }: Pooled, w: WhatIf): boolean {
  if (w.slots !== pool.slots) return w.slots > pool.slots;
  const same = whatIf.find((o) => o.slots === pool.slots && o.areas === pool.areas);
  return w.areas !== pool.areas && same !== undefined && same.failed > w.failed;
}

function doubts(q: Pooled): string[] {
  return [
    ...(q.machine.late ? ["the pool was in use before the recording began"] : []),
    ...(q.excerpt ? ["what an excerpt leaves out is not known"] : []),
    ...(q.maps.unknown > 0 ? [`what became of ${plural(q.maps.unknown, "mapping")} is not recorded`] : []),
    ...(q.lost > 0 ? [`${plural(q.lost, "event")} ${q.lost === 1 ? "was" : "were"} lost`] : []),
  ];
}

/**
 * The parameter that makes this pool: areas only where the kernel would make others by itself or they were asked for,
 * the mode as it was given, or as it was seen where the command line is not known.
 */
function settingText(q: Pooled, w: WhatIf): string {
  const asked = q.setting === null ? null : parseSwiotlb(q.setting, { cpus: q.cpus });
  const itself = parseSwiotlb(`${w.slots}`, { cpus: q.cpus }).areas;
  const areas = asked?.asked.areas != null || itself !== w.areas ? `,${w.areas}` : "";
  const isForced = asked === null ? q.machine.forced : asked.mode === "force";
  const slots = takenForNone(q, w) ? 2 * w.slots : w.slots;
  return `swiotlb=${slots}${areas}${isForced ? ",force" : ""}`;
}

/** Whether the kernel would take this number for none: the default's own, where arm64 makes a smaller pool by itself. */
function takenForNone(q: Pooled, w: WhatIf): boolean {
  return q.arm64 && w.slots === poolSlotsDefault && q.machine.slots < poolSlotsDefault;
}

const noNumber =
  "twice that is named because arm64 takes the default's own number for none, and makes 1 MiB for each GiB of memory";
