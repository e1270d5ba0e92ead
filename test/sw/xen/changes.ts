/** All that a small machine knows, as lists of words, and what one call changes in it: tests compare the whole. */
import type { Domain } from "../../../src/sw/xen/hypervisor/domain.js";
import { noHandle, type Tracked } from "../../../src/sw/xen/hypervisor/grant_table.js";
import type { Guest, Hypervisor } from "../../../src/sw/xen/index.js";
import type { machine } from "./machine.js";

type M = ReturnType<typeof machine>;
type Words = ArrayLike<number | string>;

/** Nothing for one that is not there, or is free and followed by the next. */
function handleWord(n: number, t: Tracked | undefined): string {
  if (t === undefined || (t.flags === 0 && (t.next === n + 1 || t.next === noHandle))) return "";
  return `${t.flags} ${t.domain} ${t.ref} ${t.next}`;
}

/** Of a domain, by the names that stand in a line. */
function domainWords(h: Hypervisor, d: Domain): Record<string, Words> {
  const g = d.grants;
  const every = Array.from({ length: h.frames.count }, (_, m) => m);
  const entries = g.shared.flatMap((m) => [...(h.memory.frame(m)?.slice(0, 256) ?? [])]);
  const status = g.status.flatMap((m) => [...(h.memory.frame(m)?.slice(0, 32) ?? [])]);
  const counts = (frames: ReadonlyMap<number, number>) => every.map((m) => frames.get(m) ?? 0);
  return {
    about: [`pages ${d.pages}`, `version ${g.version}`, `readers ${g.readers}`, `entered ${[...g.entered].join(" ")}`],
    "page frame": d.map.frames.slice(),
    "page reach": d.map.reach.slice(),
    "grant frame": [...g.shared],
    "status frame": [...g.status],
    "entry word": entries.map((w) => `0x${w.toString(16)}`),
    "status word": status.map((w) => `0x${w.toString(16)}`),
    active: Array.from({ length: 64 }, (_, ref) => Object.values(g.active.get(ref) ?? {}).join(" ")),
    handles: [g.tracked.length, g.firstFreeHandle],
    handle: Array.from({ length: 300 }, (_, n) => handleWord(n, g.tracked[n])),
    held: counts(g.heldFrames),
    "held for writing": counts(g.heldForWriting),
    ...(d.devices === null
      ? {}
      : { device: every.map((m) => `${d.devices!.permission(m)} ${Object.values(d.devices!.countOf(m)).join(" ")}`) }),
  };
}

/** Of a guest's kernel: what it keeps beside its domain. */
const kernelWords = (kernel: Guest): Record<string, Words> => ({
  "free pages": [kernel.pages.freePages],
  "foreign pages": [[...kernel.foreignPages].join(" ")],
  overrides: [kernel.override.size],
  "table low": kernel.p2m?.low.slice() ?? [],
  "table upper": kernel.p2m?.upper.slice() ?? [],
  tree: [kernel.tree?.size ?? -1],
});

export function wordsOf(m: M): Record<string, Words> {
  const { frames, free } = m.h;
  const all: Record<string, Words> = {
    owner: frames.owner.slice(),
    references: frames.references.slice(),
    allocated: frames.allocated.slice(),
    heap: frames.heap.slice(),
    type: frames.type.slice(),
    "typed references": frames.typeReferences.slice(),
    m2p: frames.m2p.slice(),
    free: Array.from(frames.owner, (_, frame) => (free.isFree(frame) ? 1 : 0)),
    gate: [m.gate.foreignCount, m.gate.violationCount, free.count],
    log: [m.log.lines.join("; ")],
  };
  for (const d of m.h.domains.values())
    for (const [name, words] of Object.entries(domainWords(m.h, d))) all[`domain ${d.id}: ${name}`] = words;
  for (const kernel of [m.back, ...m.guests.map((g) => g.kernel)])
    for (const [name, words] of Object.entries(kernelWords(kernel))) all[`kernel ${kernel.domain}: ${name}`] = words;
  return all;
}

/** What differs, a line for each list: which words, and what each was and is. Words in a row that change alike are one. */
export function changes(before: Record<string, Words>, after: Record<string, Words>): string[] {
  const lines: string[] = [];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[name] ?? [], after[name] ?? []];
    const runs: { from: number; to: number; what: string }[] = [];
    for (let n = 0; n < Math.max(old.length, now.length); n++) {
      if (old[n] === now[n]) continue;
      const what = `${old[n] ?? "none"} -> ${now[n] ?? "none"}`;
      const last = runs.at(-1);
      if (last?.to === n - 1 && last.what === what) last.to = n;
      else runs.push({ from: n, to: n, what });
    }
    const words = runs.map((r) => `${r.from === r.to ? r.from : `${r.from}-${r.to}`}: ${r.what}`);
    if (words.length > 0) lines.push(`${name}: ${words.join(", ")}`);
  }
  return lines;
}

/** What a call answers, and all that it changes. */
export function changedBy(m: M, call: () => unknown): string {
  const before = wordsOf(m);
  const answer = JSON.stringify(call(), (_, v: unknown) => (ArrayBuffer.isView(v) ? [...(v as Uint32Array)] : v));
  return [answer, ...changes(before, wordsOf(m))].join("\n");
}
