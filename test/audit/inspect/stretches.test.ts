/** What lies outside of memory, and who reaches into a stretch: against counting byte by byte. */
import { expect, test } from "vitest";
import { ownersWithin } from "../../../src/audit/inspect/findings/owners.js";
import { holdsFrame, holes, outsideOf } from "../../../src/audit/inspect/places/outside.js";
import { without } from "../../../src/audit/inspect/places/places.js";
import { mfn, Rng } from "../../../src/base/index.js";
import { device, machine, type Row, ranges } from "./machine.js";

const page = 4096;
const run = (first: number, frameCount: number) => ({ first: mfn(first), frameCount });
/** Frames of a stretch for which `is` holds, as stretches. */
function stretchesOf(from: number, to: number, is: (frame: number) => boolean) {
  const found: { from: number; to: number }[] = [];
  for (let f = from; f < to; f++) {
    if (!is(f)) continue;
    const last = found.at(-1);
    if (last?.to === f * page) last.to += page;
    else found.push({ from: f * page, to: (f + 1) * page });
  }
  return found;
}

test("holes between runs, frame by frame", () => {
  for (const runs of [[], [run(0, 1)], [run(2, 3), run(5, 1), run(8, 2)], [run(1, 1), run(3, 1), run(4, 4)]]) {
    const held = (f: number) => runs.some((r) => r.first <= f && f < r.first + r.frameCount);
    for (let from = 0; from < 12; from++) {
      expect(holdsFrame(runs, from)).toBe(held(from));
      for (let to = from + 1; to < 12; to++) {
        const wanted = stretchesOf(from, to, (f) => !held(f));
        expect(holes(runs, { from: from * page, to: to * page })).toEqual(wanted);
        const whole = runs.map((r) => ({ from: r.first * page, to: (r.first + r.frameCount) * page }));
        expect(without({ from: from * page, to: to * page }, whole)).toEqual(wanted);
      }
    }
  }
});

test("who reaches into a stretch, and by how much: more rows than are asked for at once, too", () => {
  const rng = new Rng(5);
  for (const count of [1, 3, 40, 5000]) {
    const rowsOf = (): Row[] =>
      Array.from({ length: count }, (_, n) => [
        n * 4 * page,
        rng.below(count) * page,
        (1 + rng.below(3)) * page,
        (1 + rng.below(3)) as 1,
      ]);
    const rows = [rowsOf(), rowsOf()];
    const { index } = machine(rows.map((r, n) => device(0x18 + n, ranges(...r))));
    for (const need of [1, 2] as const) {
      for (const [from, to] of [
        [0, 2 ** 40],
        [page, 2 * page],
        [count * 1024 + 512, count * 2048],
      ] as const) {
        if (from >= to) continue;
        const wanted = rows.map((r) => {
          const inside = r.filter(([, p, bytes, allow]) => (allow! & need) !== 0 && p < to && p + bytes > from);
          const parts = inside.map(([, p, bytes]) => [Math.max(p, from), Math.min(p + bytes, to)] as const);
          return { bytes: parts.reduce((sum, [a, b]) => sum + b - a, 0), first: Math.min(...parts.map(([a]) => a)) };
        });
        const found = ownersWithin(index, { from, to }, need).toSorted((a, b) => a.owner - b.owner);
        expect(found.map(({ bytes, first }) => ({ bytes, first }))).toEqual(wanted.filter((w) => w.bytes > 0));
      }
    }
  }
});

test("what is mapped outside of memory, without what has a name", () => {
  const rows: Row[] = [
    [0, 0, 4 * page],
    [0x10000, 2 ** 30 - page, 3 * page],
    [0x20000, 2 ** 31, 2 * page],
    [0x30000, 2 ** 31 + 8 * page, page],
  ];
  const other: Row[] = [[0, 2 ** 31 + page, page]];
  const devices = [device(0x18, ranges(...rows)), device(0x20, ranges(...other))];
  const place = { kind: "window", what: "a window", from: 2 ** 31, to: 2 ** 31 + page } as const;
  const region = { kind: "RMRR", from: 2 ** 31, to: 2 ** 31 + 9 * page, devices: null };
  expect([
    outsideOf(machine(devices)),
    outsideOf(machine(devices, { places: [place] })),
    outsideOf(machine(devices, { places: [place], reserved: [region] })),
    outsideOf(machine(devices, { whole: null })),
  ]).toMatchSnapshot();
});
