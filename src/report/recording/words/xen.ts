/** What a replay found out about a Xen domain, in words: the same for the terminal and the page. */

import { countWords, plural } from "../../../base/count_words.js";
import type { ReplayOutcome } from "../../../lab/replay/told/outcome.js";
import type { CacheOutcome, XenOutcome } from "../../../lab/replay/xen/outcome.js";
import { hexWords, timeWords } from "../../words/quantity.js";

export interface XenWords {
  readonly facts: readonly { readonly name: string; readonly words: string }[];
  /** Cases told one by one, the first of them. */
  readonly lists: readonly { readonly title: string; readonly meaning: string; readonly lines: readonly string[] }[];
  readonly notes: readonly string[];
}

const linesMax = 8;
/** Frames of a buffer told on each side of where they break. */
const framesMax = 6;

/** @returns null for a recording of no Xen domain. */
export function xenWords(outcome: ReplayOutcome): XenWords | null {
  const xen = outcome.xen ?? null;
  if (xen === null) return null;
  const nameOf = (device: number): string => outcome.devices[device]?.name ?? "unknown device";
  const facts: [string, string | null][] = [
    ["addresses", addressWords(xen)],
    ["buffers", originalWords(xen)],
    ["own", ownWords(xen)],
    ["foreign", foreignWords(xen)],
    ["grants", grantWords(xen)],
    ["bounced for", causeWords(xen)],
    ["cache", cacheWords(xen)],
    ["pool", poolWords(xen)],
    ["hazard", hazardWords(xen)],
    ["refused", refusedWords(xen)],
    ["regions", regionWords(xen)],
    ["at the end", endWords(xen)],
  ];
  return {
    facts: facts.flatMap(([name, words]) => (words === null ? [] : [{ name, words }])),
    lists: [
      wrongPageList(xen, nameOf),
      straddleList(xen, nameOf),
      overlapList(xen, nameOf),
      aliveList(xen),
      mismatchList(xen, nameOf),
      fileList(xen),
    ].filter((list) => list.lines.length > 0),
    notes: xen.notes,
  };
}

const reasons: Readonly<Record<string, string>> = {
  "no-p2m": "no P2M was given",
  "outside-p2m": "beyond the P2M",
  "grants-not-recorded": "granted pages, and the recording has no probes of grants",
  "grant-not-seen": "granted pages whose grant was not seen",
  "batch-cut": "granted in batches larger than their probe shows",
  "changed-unseen": "the dumps before and after differ, and no probe shows when they changed",
  "events-lost": "events were lost",
  translated: "an IOMMU or a bridge translates as well, so that an address does not tell whose a page is",
};

function addressWords({ addresses }: XenOutcome): string | null {
  const { compared, equal, unknown, unknownBecause } = addresses;
  if (compared + unknown === 0) return null;
  const because = Object.entries(unknownBecause).map(([why, n]) => `${countWords(n)}: ${reasons[why] ?? why}`);
  const rest = unknown === 0 ? "" : `; ${countWords(unknown)} not predicted (${because.join("; ")})`;
  return `${countWords(equal)} of ${countWords(compared)} bus addresses are those of the page map${rest}`;
}

function originalWords({ originals }: XenOutcome): string | null {
  const { compared, equal, unknown } = originals;
  if (compared + unknown === 0) return null;
  const rest = unknown === 0 ? "" : `; ${countWords(unknown)} in frames that are not known`;
  return `${countWords(equal)} of ${countWords(compared)} that bounced lay where the page map says${rest}`;
}

/** Whose own pages lie where the machine has them, it is worth a word; elsewhere every page is translated. */
function ownWords({ memory, own }: XenOutcome): string | null {
  if (memory !== "direct" || own.maps + own.bounced === 0) return null;
  return (
    `${plural(own.maps + own.bounced, "mapping")} of this domain's own pages, which lie on the machine where they are ` +
    `numbered; ${countWords(own.bounced)} of them bounced`
  );
}

function foreignWords({ foreign }: XenOutcome): string | null {
  const { maps, bounced, undecided, domains } = foreign;
  if (maps + bounced + undecided === 0) return null;
  const owners = domains.map(
    (d) => `${d.domain === null ? "unknown domain" : `domain ${d.domain}`} ${countWords(d.maps)}`,
  );
  const whose = owners.length === 0 ? "" : ` (${owners.join(", ")})`;
  const open = undecided === 0 ? "" : `; of ${countWords(undecided)} nothing tells whose pages they are`;
  return `${plural(maps + bounced, "mapping")} of other domains' pages${whose}, ${countWords(bounced)} of them bounced${open}`;
}

function grantWords({ grants, probes }: XenOutcome): string | null {
  const { mapped, failed, unmapped, aliveBefore, aliveAtEnd, notShown } = grants;
  if (!probes.grants && aliveBefore === 0) return null;
  if (!probes.grants) return `not recorded; ${countWords(aliveBefore)} mapped before the recording`;
  const errors = failed === 0 ? "" : `, ${countWords(failed)} failed`;
  const hidden = notShown === 0 ? "" : `, ${countWords(notShown)} not shown`;
  return (
    `${countWords(mapped)} mapped${errors}${hidden}, ${countWords(unmapped)} unmapped; ` +
    `${countWords(aliveBefore)} alive before, ${countWords(aliveAtEnd)} at the end`
  );
}

function causeWords({ causes }: XenOutcome): string | null {
  const said = [
    [causes.forced, "because the pool is forced"],
    [causes.mask, "for the device's mask"],
    [causes.straddle, "because their pages do not follow each other on the machine"],
    [causes.small, "because they are small and their device is not coherent (a cache line would be shared)"],
    [causes.unknown, "for a reason that the recording does not show"],
  ] as const;
  const parts = said.filter(([n]) => n > 0).map(([n, words]) => `${countWords(n)} ${words}`);
  return parts.length === 0 ? null : parts.join(", ");
}

function cacheWords({ cache }: XenOutcome): string | null {
  if (cache === null) return null;
  const { before, after, calls } = cache;
  const cpu = before.own + before.slots + before.foreignByCpu;
  const ended = after.own + after.slots;
  const byXen = calls.clean + calls.invalidate + calls.other;
  const failed = calls.failed === 0 ? "" : `, ${countWords(calls.failed)} of which failed`;
  const asked =
    before.foreignByXen + after.foreignByXen + byXen === 0
      ? ""
      : `; by Xen for foreign pages, ${countWords(before.foreignByXen)} times before and ${countWords(after.foreignByXen)} ` +
        `after (${plural(byXen, "call")} of one frame each: ${countWords(calls.clean)} clean, ` +
        `${countWords(calls.invalidate)} invalidate${failed})`;
  return `maintained by the CPU ${countWords(cpu)} times before a device's access and ${countWords(ended)} after it${asked}`;
}

function poolWords({ memory, slotSets, poolFrames }: XenOutcome): string | null {
  if (slotSets === null) return null;
  if (memory === "direct") return "in one piece on the machine, as all of this domain's memory";
  const { total, contiguous, broken, unknown, inSequence, lowest, highest } = slotSets;
  const rest = [
    broken === 0 ? "" : `${countWords(broken)} are not`,
    unknown === 0 ? "" : `of ${countWords(unknown)} some frames are not known`,
  ].filter((words) => words !== "");
  const range = Number.isNaN(lowest) ? "" : `; frames ${hexWords(lowest)} to ${hexWords(highest)}`;
  const next = contiguous > 1 ? `; ${countWords(inSequence)} are followed by the next one of the pool` : "";
  const checked =
    poolFrames === null || poolFrames.m2p.compared === 0
      ? ""
      : `; the M2P agrees with ${countWords(poolFrames.m2p.equal)} of ${countWords(poolFrames.m2p.compared)} frames`;
  const sets = `${countWords(contiguous)} of ${plural(total, "slot set")} lie in one piece on the machine`;
  return `${[sets, ...rest].join("; ")}${next}${range}${checked}`;
}

function hazardWords({ memory, cache, overlap, foreign }: XenOutcome): string | null {
  const wrong = cache === null ? 0 : cache.wrong.unmaps + cache.wrong.syncs;
  if (cache !== null && wrong > 0) return wrongPageWords(cache);
  if (foreign.maps === 0) return null;
  if (memory === "direct")
    return "no foreign frame can have a number of this domain's pool: its memory is its own frames";
  if (overlap.maps === null)
    return "whether foreign frames have numbers of this domain's pool is not known: there is no M2P";
  if (overlap.maps === 0) return "no foreign frame has a number that is one of this domain's pool";
  const same = overlap.sameNumber === 0 ? "" : `; for ${countWords(overlap.sameNumber)} only the foreign mark tells`;
  return (
    `${plural(overlap.maps, "mapping")} of ${plural(overlap.frames, "foreign frame")} whose number in their owner is one of ` +
    `this domain's pool: a test by the M2P alone would take them for bounces${same}`
  );
}

function wrongPageWords({ wrong }: CacheOutcome): string {
  const used = wrong.inUse === 0 ? "" : `; ${countWords(wrong.inUse)} times that page was another guest's in use`;
  return (
    `${countWords(wrong.unmaps + wrong.syncs)} times the kernel took the number of a foreign frame for a page of its own and ` +
    `maintained the cache of that page, ${countWords(wrong.invalidated)} times dropping lines after a device had written ` +
    `(recorded); what the device wrote may then be read old from the cache (inferred)${used}`
  );
}

function refusedWords({ refusals, searches }: XenOutcome): string | null {
  if (refusals.recorded + refusals.lists === 0 && (searches?.kernelRefused ?? 0) === 0) return null;
  const probe = searches === null ? "" : `; the kernel's own probe counts ${countWords(searches.kernelRefused)}`;
  return `${countWords(refusals.recorded)} with an event, ${countWords(refusals.lists)} lists without one${probe}`;
}

function regionWords({ regions }: XenOutcome): string | null {
  const { made, failed, ended } = regions;
  if (made + failed + ended === 0) return null;
  const errors = failed === 0 ? "" : `, ${countWords(failed)} failed`;
  return `${countWords(made)} made contiguous for coherent memory${errors}, ${countWords(ended)} given back`;
}

function endWords({ end }: XenOutcome): string | null {
  const parts: string[] = [];
  if (end.pool !== null) {
    const { used, hiwater, index, slots } = end.pool;
    const pair = (what: string, kernel: number | null, model: number) =>
      kernel === null ? [] : [`${what} ${countWords(model)} (kernel ${countWords(kernel)})`];
    parts.push(...pair("used", ...used), ...pair("high-water", ...hiwater));
    const right = index.filter(([kernel, model]) => kernel === model).length;
    parts.push(`${countWords(right)} of ${plural(index.length, "area")} search on where the kernel does`);
    if (slots.kernel > 0)
      parts.push(`${countWords(slots.equal)} of ${countWords(slots.kernel)} used slots hold its buffers`);
  }
  if (end.p2m !== null && end.p2m.compared > 0) {
    parts.push(`${countWords(end.p2m.equal)} of ${countWords(end.p2m.compared)} changed pages are as dumped`);
  }
  return parts.length === 0 ? null : parts.join(", ");
}

type List = XenWords["lists"][number];

function some(lines: readonly string[], total: number): string[] {
  const shown = lines.slice(0, linesMax);
  return total > shown.length ? [...shown, `and ${countWords(total - shown.length)} more`] : shown;
}

const frame = (n: number): string => (Number.isNaN(n) ? "?" : (hexWords(n) ?? "?"));

function wrongPageList({ cache }: XenOutcome, nameOf: (device: number) => string): List {
  const wrong = cache?.wrong ?? null;
  const lines = (wrong?.examples ?? []).map(
    (w) =>
      `${timeWords(w.time)}  ${w.device < 0 ? "device not known" : nameOf(w.device)}  ${plural(w.size, "byte")} of page ${frame(w.right)}, bus frame ${frame(w.wrong)}: page ` +
      `${frame(w.wrong)} was ${w.invalidates ? "invalidated" : "asked for, nothing to drop"} instead`,
  );
  return {
    title: "The cache of the wrong page",
    meaning:
      "bus frames whose number is also that of an unpopulated page here: pfn_valid() says yes, and the CPU is given the " +
      "frame's number as if it were the page's",
    lines: some(lines, wrong === null ? 0 : wrong.unmaps + wrong.syncs),
  };
}

function straddleList({ straddles, causes }: XenOutcome, nameOf: (device: number) => string): List {
  const lines = straddles.map((s) => {
    const at = s.frames.findIndex((f, k) => k > 0 && f.mfn !== s.frames[k - 1]!.mfn + 1);
    const from = Math.max(0, at - framesMax / 2);
    const shown = s.frames.slice(from, from + framesMax).map((f) => `${frame(f.pfn)} → ${frame(f.mfn)}`);
    const more = s.frames.length > shown.length ? ` of ${s.frames.length} pages` : "";
    return `${timeWords(s.time)}  ${nameOf(s.device)}  ${plural(s.size, "byte")} at ${frame(s.phys)}: ${shown.join(", ")}${more}`;
  });
  return {
    title: "Bounced because the frames break",
    meaning: "page of the domain → frame of the machine; the device would run on into a frame that is not the buffer's",
    lines: some(lines, causes.straddle),
  };
}

function overlapList({ overlap }: XenOutcome, nameOf: (device: number) => string): List {
  const lines = overlap.examples.map(
    (o) =>
      `${timeWords(o.time)}  ${nameOf(o.device)}  ${frame(o.dma)}: page ${frame(o.pfn)} here, ${frame(o.ownerPfn)} in its ` +
      `owner, where this domain has slot ${countWords(o.slot)}`,
  );
  return {
    title: "Foreign frames that look like slots of the pool",
    meaning:
      "the kernel is right to ask first whether a frame is its own: unmapping these as bounces would copy over a buffer",
    lines: some(lines, overlap.maps ?? 0),
  };
}

function aliveList({ grants }: XenOutcome): List {
  const lines = grants.alive.map(
    (g) =>
      `page ${frame(g.pfn)} → frame ${frame(g.mfn)}` +
      (g.domain === null ? ", mapped before the recording" : `, grant ${g.reference} of domain ${g.domain}`),
  );
  return { title: "Grants mapped at the end", meaning: "", lines: some(lines, grants.aliveAtEnd) };
}

function mismatchList({ addresses }: XenOutcome, nameOf: (device: number) => string): List {
  const lines = addresses.mismatches.map(
    (m) =>
      `${timeWords(m.time)}  ${nameOf(m.device)}  ${frame(m.phys)}: kernel ${frame(m.kernel)}, page map ${frame(m.predicted)}`,
  );
  return { title: "Where the page map says another address", meaning: "", lines: some(lines, lines.length) };
}

/** What was passed over is a warning or a note already. */
const passedOver = "passed over";

function fileList({ files }: XenOutcome): List {
  return {
    title: "Dumps used",
    meaning: "",
    lines: files.filter((f) => !f.used.startsWith(passedOver)).map((f) => `${f.name}: ${f.used}`),
  };
}
