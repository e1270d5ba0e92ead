/** What was alive at the end, by class, which classes leak, and of whom neither can be told. */
import { countWords, plural } from "../../base/count_words.js";
import { kindNames, MappingKind, Reach } from "./mappings.js";
import { grows } from "./population.js";
import type { AliveGroup, Unjudged } from "./result.js";
import { type AuditState, reusedShare } from "./state.js";
import { directionName } from "./words.js";

/** Groups listed, the largest first; the others are in the counts. */
const groupsMax = 200;
const quarters = 4;
/** What has grown for less than this (microseconds) may be a burst. */
const trendMin = 5e6;

interface Ages {
  oldest: number;
  reused: number;
  reach: Reach;
  /** Mappings alive at the end by when they were made: quarters of the time from the class's first to the end. */
  readonly made: Int32Array;
}

export interface Alive {
  /** The most bytes first. */
  readonly leaks: AliveGroup[];
  readonly alive: AliveGroup[];
  /** Devices of which it is not known what is alive. */
  readonly aliveUnknown: string[];
  readonly unjudged: Unjudged[];
}

/** @param end microseconds */
export function aliveGroups(state: AuditState, end: number): Alive {
  const ages = agesOf(state, end),
    { population } = state;
  const groups: AliveGroup[] = [];
  const unknown = new Unknown();
  for (let c = 0; c < population.count; c++) {
    const count = population.alive[c]!,
      age = ages[c];
    if (count <= 0 || age === undefined) continue;
    const device = population.device[c]!,
      kind = population.kind[c]! as MappingKind;
    const missing = state.recorded.endsMissing(device, kind, age.reach) ?? reusedWords(age.reused, count);
    if (missing !== null) {
      unknown.add(state.deviceName(device), kind, count, missing);
      continue;
    }
    const replaced = kind === MappingKind.list ? state.listsBefore(device, population.direction[c]!) : 0;
    const marks = end - population.bornAt[c]! < trendMin ? null : population.marks(c, end);
    groups.push({
      device: state.deviceName(device),
      kind: kindNames[kind],
      direction: directionName(population.direction[c]!),
      attrs: population.attrs[c]!,
      size: population.size[c]!,
      count,
      bytes: count * population.size[c]!,
      since: age.oldest / 1e6,
      ...growth(marks, age, count, replaced, state.recorded.ends[kind]!),
    });
  }
  groups.sort((a, b) => b.bytes - a.bytes);
  return {
    leaks: groups.filter((g) => g.growing).slice(0, groupsMax),
    alive: groups.filter((g) => !g.growing).slice(0, groupsMax),
    aliveUnknown: unknown.devices(),
    unjudged: unknown.list(),
  };
}

/** What is not seen to end and may have ended, by the reason: one sentence for all devices that share it. */
class Unknown {
  readonly #rows = new Map<string, { readonly kind: MappingKind; readonly counts: Map<string, number> }>();

  add(device: string, kind: MappingKind, count: number, why: string): void {
    const key = `${kind} ${why}`;
    let row = this.#rows.get(key);
    if (row === undefined) this.#rows.set(key, (row = { kind, counts: new Map() }));
    row.counts.set(device, (row.counts.get(device) ?? 0) + count);
  }

  devices(): string[] {
    const mappings = [...this.#rows.values()].filter((row) => row.kind !== MappingKind.coherent);
    return [...new Set(mappings.flatMap((row) => [...row.counts.keys()]))];
  }

  list(): Unjudged[] {
    return [...this.#rows].map(([key, { kind, counts }]) => {
      const all = [...counts.values()].reduce((a, b) => a + b, 0);
      const what = `${plural(all, kindNames[kind])} not seen to end: alive, ended or leaked`;
      return { devices: [...counts.keys()], what, why: key.slice(key.indexOf(" ") + 1) };
    });
  }
}

function reusedWords(reused: number, count: number): string | null {
  if (reused === 0 || reused < count * reusedShare) return null;
  return `The bus addresses of ${countWords(reused)} of them were given out again: they had ended, and the event is missing`;
}

function agesOf(state: AuditState, end: number): (Ages | undefined)[] {
  const { live } = state,
    ages: (Ages | undefined)[] = [];
  for (const m of live) {
    const c = live.group[m]!;
    if (c === -1) continue;
    const reach = live.reach[m] as Reach;
    const age = (ages[c] ??= { oldest: live.time[m]!, reused: 0, reach, made: new Int32Array(quarters) });
    age.oldest = Math.min(age.oldest, live.time[m]!);
    // A class that is mapped both ways is judged by the way whose ends may be missing.
    if (reach === Reach.direct) age.reach = reach;
    if (live.reused[m] === 1) age.reused += 1 + live.again[m]!;
  }
  for (const m of live) {
    const age = ages[live.group[m]!];
    if (age === undefined) continue;
    const born = state.population.bornAt[live.group[m]!]!;
    const quarter = Math.floor((quarters * (live.time[m]! - born)) / (end - born || 1));
    age.made[Math.max(0, Math.min(quarters - 1, quarter))]! += 1 + live.again[m]!;
  }
  return ages;
}

/**
 * A leak keeps what it mapped, early and late: the low-water mark rises, and what is alive was made all along the
 * way. A cache that was filled at the start was made in one go; buffers in flight are all young, even while their
 * number grows with the load.
 */
function growth(
  marks: number[] | null,
  age: Ages,
  count: number,
  replaced: number,
  ends: number,
): { growing: boolean; evidence: string } {
  if (marks === null)
    return { growing: false, evidence: "seen for too short a time to tell whether their number grows" };
  if (replaced >= count) {
    return {
      growing: false,
      evidence: `${replaced} lists from before the recording were unmapped: these may have taken their place`,
    };
  }
  const made = [...age.made],
    spread = made.filter((n) => n > 0).length;
  const levels = `the fewest alive in each eighth of the time, less those at its start: ${marks.join(", ")}`;
  const when = `made in each quarter of the time: ${made.join(", ")}`;
  const growing = grows(marks) && spread >= quarters - 1;
  const relied = growing ? `; relied on: ends of this kind are recorded, ${countWords(ends)} of them` : "";
  return { growing, evidence: `${levels}; of those alive, ${when}${relied}` };
}
