/** The audit against a plain one that keeps everything in lists and looks at every pair. */
import { expect, test } from "vitest";
import { createRandom } from "../../random.js";
import { long } from "../../tier.js";
import { both, fromDevice, type One, Trail, toDevice } from "./trail.js";

type Mapping = Required<Pick<One, "device" | "dma" | "phys" | "size" | "direction">>;

/** Every event comes long after the one before, so that no suspicion waits for another event. */
const step = 50_000;

interface Live extends Mapping {
  /** How often the very same mapping is alive. */
  count: number;
  /** Its bus address was given out again. */
  reused: boolean;
  /** When it was last mapped over. */
  last: number;
  /** Rules that its end will show to have been broken. */
  readonly pending: string[];
  /** Its first and last page. */
  readonly ends: readonly [number, number];
}

function over(m: Live, rule: string, time: number): void {
  m.pending.push(rule);
  m.last = time;
}

class Naive {
  readonly live: Live[] = [];
  readonly counts: Record<string, number> = {};
  /** When each device last unmapped something. */
  readonly #lastEnd = new Map<string, number>();

  map(m: Mapping, time: number): void {
    const same = this.live.filter((o) => o.device === m.device && o.dma === m.dma);
    const twin = same.find((o) => o.phys === m.phys && o.size === m.size && o.direction === m.direction);
    if (twin !== undefined) {
      twin.count++;
      twin.reused = true;
      if (m.direction !== toDevice) over(twin, "overlap", time);
      return;
    }
    const last = same.at(-1);
    if (last !== undefined && last.phys !== m.phys) {
      over(last, "map-over-live", time);
      last.reused = true;
    }
    const ends = edges(m);
    for (const o of this.live) {
      if (o.direction === toDevice || m.direction === toDevice) continue;
      if (!ends.some((f) => f === o.ends[0] || f === o.ends[1])) continue;
      if (o.phys < m.phys + m.size && m.phys < o.phys + o.size) over(o, "overlap", time);
    }
    this.live.push({ ...m, count: 1, reused: false, last: 0, pending: [], ends });
  }

  /** What is alive at the end was alive all along, where ends are not missing. */
  finish(): void {
    const classOf = (m: Mapping) => `${m.device} ${m.size} ${m.direction}`;
    const all = new Map<string, number>();
    const reused = new Map<string, number>();
    for (const m of this.live) {
      for (const sums of m.reused ? [all, reused] : [all]) sums.set(classOf(m), (sums.get(classOf(m)) ?? 0) + m.count);
    }
    for (const m of this.live) {
      if (m.reused || m.count > 1 || !(this.#lastEnd.get(m.device)! > m.last)) continue;
      const again = reused.get(classOf(m)) ?? 0;
      if (again > 0 && again >= all.get(classOf(m))! * 0.1) continue;
      for (const rule of m.pending) this.#broken(rule);
    }
  }

  unmap(u: Mapping, time: number): void {
    this.#lastEnd.set(u.device, time);
    const same = this.live.filter((o) => o.device === u.device && o.dma === u.dma);
    const score = (o: Mapping) => (o.size === u.size ? 2 : 0) + (o.direction === u.direction ? 1 : 0);
    const best = Math.max(...same.map(score));
    const alike = same.filter((o) => score(o) === best);
    const m = alike.at(-1);
    if (m === undefined) return;
    if (m.size !== u.size) this.#broken("unmap-size");
    if (m.direction !== u.direction) this.#broken("unmap-direction");
    if (--m.count > 0) return;
    // Of several alike, which one ended is not known.
    if (alike.length === 1) for (const rule of m.pending) this.#broken(rule);
    this.live.splice(this.live.indexOf(m), 1);
  }

  #broken(rule: string): void {
    this.counts[rule] = (this.counts[rule] ?? 0) + 1;
  }
}

/** First and last page: what the audit looks at. */
const edges = (m: Mapping): [number, number] => [Math.floor(m.phys / 4096), Math.floor((m.phys + m.size - 1) / 4096)];

/** @param room pages that mappings fall into: few make many overlaps. */
function compare(
  seed: number,
  count: number,
  liveMost: number,
  room: number,
): { audit: Record<string, number>; naive: Record<string, number> } {
  const random = createRandom(seed),
    pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const trail = new Trail(),
    naive = new Naive();
  for (let i = 0; i < count; i++) {
    if (naive.live.length < liveMost && random() < 0.6) {
      const m: Mapping = {
        device: pick(["a", "b", "c"]),
        dma: 0x1000_0000 + Math.floor(random() * room) * 2048,
        phys: 0x8000_0000 + Math.floor(random() * room * 128) * 32,
        size: pick([32, 512, 1522, 4096, 8192, 65536]),
        direction: pick([both, toDevice, fromDevice]),
      };
      naive.map(m, i * step);
      trail.map(i * step, m);
    } else if (naive.live.length > 0) {
      const m = { ...pick(naive.live) };
      if (random() < 0.05) m.size += 64;
      if (random() < 0.05) m.direction = pick([both, toDevice, fromDevice]);
      naive.unmap(m, i * step);
      trail.unmap(i * step, m);
    }
  }
  naive.finish();
  const result = trail.wait(count * step).result();
  const groups = [...result.alive, ...result.leaks];
  const unjudged = result.unjudged.map(({ what }) => Number(/^[\d,]+/.exec(what)![0].replaceAll(",", "")));
  const alive = [...groups.map((g) => g.count), ...unjudged].reduce((a, b) => a + b, 0);
  expect(alive).toBe(naive.live.reduce((sum, m) => sum + m.count, 0));
  expect(result.counts.before).toBe(0);
  return { audit: Object.fromEntries(result.violationTotals.map((v) => [v.rule, v.count])), naive: naive.counts };
}

test.for([
  [1, 3000, 20, 16],
  [2, 3000, 200, 64],
  [3, 6000, 60, 4000],
  [4, 4000, 3000, 100_000],
  [4, 8000, 3000, 100_000],
] as const)("seed %s: %s events, up to %s alive, in %s pages", ([seed, count, liveMost, room], { skip }) => {
  skip(count > 6000 && !long, "in the long tier");
  const { audit, naive } = compare(seed, count, liveMost, room);
  expect(audit).toEqual(naive);
  expect(Object.keys(naive).length).toBeGreaterThanOrEqual(2);
});
