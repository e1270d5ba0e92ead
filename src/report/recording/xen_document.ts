/** The Xen part of a run's document: addresses and frames as hex strings, times in seconds. */
import type { CacheOutcome, XenOutcome } from "../../lab/replay/xen/outcome.js";
import type { RunXen } from "../schema/documents.js";
import { hexWords, secondsOf } from "../words/quantity.js";

const frame = (n: number): string | null => (Number.isNaN(n) ? null : hexWords(n));

export function xenDocument(xen: XenOutcome, nameOf: (device: number) => string): RunXen {
  const { addresses, originals, own, foreign, grants, slotSets, end } = xen;
  return {
    memory: xen.memory,
    files: xen.files.map((f) => ({ ...f })),
    probes: { ...xen.probes },
    frames: {
      known: addresses.compared + originals.compared,
      unknown: addresses.unknown + originals.unknown,
      unknownBecause: { ...addresses.unknownBecause },
    },
    addresses: {
      compared: addresses.compared,
      equal: addresses.equal,
      unknown: addresses.unknown,
      mismatches: addresses.mismatches.map((m) => ({
        time: secondsOf(m.time),
        device: nameOf(m.device),
        phys: hexWords(m.phys),
        size: m.size,
        kernel: hexWords(m.kernel),
        predicted: hexWords(m.predicted),
      })),
    },
    originals: { ...originals },
    own: { maps: own.maps + own.bounced, direct: own.maps, bounced: own.bounced, refused: own.refused },
    foreign: {
      maps: foreign.maps + foreign.bounced,
      direct: foreign.maps,
      bounced: foreign.bounced,
      refused: foreign.refused,
      undecided: foreign.undecided,
      domains: foreign.domains.map((d) => ({ ...d })),
    },
    grants: {
      ...grants,
      alive: grants.alive.map((g) => ({ ...g, pfn: frame(g.pfn), mfn: frame(g.mfn) })),
    },
    regions: { ...xen.regions },
    causes: { ...xen.causes },
    cache: xen.cache === null ? null : cacheDocument(xen.cache, nameOf),
    straddles: {
      bounced: xen.causes.straddle,
      notBounced: xen.straddledDirect,
      list: xen.straddles.map((s) => ({
        time: secondsOf(s.time),
        device: nameOf(s.device),
        phys: hexWords(s.phys),
        size: s.size,
        frames: s.frames.map((f) => ({ pfn: frame(f.pfn), mfn: frame(f.mfn) })),
      })),
    },
    overlap: {
      maps: xen.overlap.maps,
      frames: xen.overlap.frames,
      sameNumber: xen.overlap.sameNumber,
      examples: xen.overlap.examples.map((o) => ({
        time: secondsOf(o.time),
        device: nameOf(o.device),
        dma: hexWords(o.dma),
        pfn: frame(o.pfn),
        mfn: frame(o.mfn),
        ownerPfn: frame(o.ownerPfn),
        slot: o.slot,
      })),
    },
    slotSets:
      slotSets === null
        ? null
        : {
            ...slotSets,
            brokenAt: [...slotSets.brokenAt],
            lowest: frame(slotSets.lowest),
            highest: frame(slotSets.highest),
          },
    poolFrames: xen.poolFrames === null ? null : { p2m: { ...xen.poolFrames.p2m }, m2p: { ...xen.poolFrames.m2p } },
    searches: xen.searches === null ? null : { ...xen.searches },
    refusals: { ...xen.refusals },
    end: { pool: end.pool === null ? null : poolEnd(end.pool), p2m: end.p2m === null ? null : { ...end.p2m } },
    notes: [...xen.notes],
  };
}

function cacheDocument({ before, after, calls, wrong }: CacheOutcome, nameOf: (device: number) => string) {
  const examples = wrong.examples.map((w) => ({
    time: secondsOf(w.time),
    device: nameOf(w.device),
    size: w.size,
    wrong: frame(w.wrong),
    right: frame(w.right),
    invalidates: w.invalidates,
    inUse: w.inUse,
  }));
  return { before: { ...before }, after: { ...after }, calls: { ...calls }, wrong: { ...wrong, examples } };
}

function poolEnd(pool: NonNullable<XenOutcome["end"]["pool"]>) {
  const both = ([kernel, model]: readonly [number | null, number]) => ({ kernel, model });
  return {
    used: both(pool.used),
    hiwater: both(pool.hiwater),
    index: pool.index.map(both),
    slots: { ...pool.slots },
  };
}
