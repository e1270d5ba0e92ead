/** What was alive at the end, by class, and which classes leak. */
import { kindNames, MappingKind } from "./mappings.js";
import { grows } from "./population.js";
import type { AliveGroup } from "./result.js";
import { type AuditState, directionName } from "./state.js";

/** Groups listed, the largest first; the others are in the counts. */
const groupsMax = 200;
const quarters = 4;

interface Ages {
  oldest: number;
  /** Mappings alive at the end by when they were made: quarters of the time from the class's first to the end. */
  readonly made: Int32Array;
}

/** @param end microseconds. @returns leaks and the rest, each with the most bytes first. */
export function aliveGroups(state: AuditState, end: number): { leaks: AliveGroup[]; alive: AliveGroup[] } {
  const ages = agesOf(state, end),
    { population } = state;
  const groups: AliveGroup[] = [];
  for (let c = 0; c < population.count; c++) {
    const count = population.alive[c]!,
      age = ages[c];
    if (count <= 0 || age === undefined) continue;
    const replaced =
      population.kind[c] === MappingKind.list ? state.listsBefore(population.device[c]!, population.direction[c]!) : 0;
    const verdict = growth(population.marks(c, end), age, count, replaced);
    groups.push({
      device: state.deviceName(population.device[c]!),
      kind: kindNames[population.kind[c]!]!,
      direction: directionName(population.direction[c]!),
      attrs: population.attrs[c]!,
      size: population.size[c]!,
      count,
      bytes: count * population.size[c]!,
      since: age.oldest / 1e6,
      ...verdict,
    });
  }
  groups.sort((a, b) => b.bytes - a.bytes);
  return {
    leaks: groups.filter((g) => g.growing).slice(0, groupsMax),
    alive: groups.filter((g) => !g.growing).slice(0, groupsMax),
  };
}

function agesOf(state: AuditState, end: number): (Ages | undefined)[] {
  const { live } = state,
    ages: (Ages | undefined)[] = [];
  for (const m of live) {
    const c = live.group[m]!;
    if (c === -1) continue;
    const age = ages[c];
    if (age === undefined) ages[c] = { oldest: live.time[m]!, made: new Int32Array(quarters) };
    else if (live.time[m]! < age.oldest) age.oldest = live.time[m]!;
  }
  for (const m of live) {
    const age = ages[live.group[m]!];
    if (age === undefined) continue;
    const born = state.population.bornAt[live.group[m]!]!;
    const quarter = Math.floor((quarters * (live.time[m]! - born)) / (end - born || 1));
    age.made[Math.max(0, Math.min(quarters - 1, quarter))]!++;
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
  const levels = `low-water marks, less what was alive at the start, in each eighth of the time: ${marks.join(", ")}`;
  const when = `made in each quarter of the time: ${made.join(", ")}`;
  const growing = grows(marks) && spread >= quarters - 1;
  return { growing, evidence: `${levels}; of those alive, ${when}` };
}
