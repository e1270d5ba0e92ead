/** Mappings in columns: numbers are used again once nobody keeps them, and then say nothing of what they were. */
import { expect, test } from "vitest";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { beginOf, endOf, none, Outcome } from "../../../src/lab/replay/contracts/operation.js";
import { made } from "./made.js";

test("a number is another's only when joiner, beginning and end have all let it go", () => {
  const maps = new Mappings();
  const m = maps.add();
  const end = maps.end(m);
  maps.drop(m);
  maps.reported(beginOf(m));
  expect(maps.add()).not.toBe(m);
  maps.reported(end);
  expect(maps.add()).toBe(m);
});

test("the end of a list's entry keeps the one before it, whose state it is compared with", () => {
  const maps = new Mappings();
  const [a, b] = [maps.add(), maps.add()];
  const [endA, endB] = [maps.end(a), maps.end(b)];
  maps.follows(endB, endA);
  for (const m of [a, b]) {
    maps.reported(beginOf(m));
    maps.drop(m);
  }
  maps.reported(endA);
  expect(maps.add()).not.toBe(a);
  maps.reported(endB);
  expect([maps.add(), maps.add()].sort()).toEqual([a, b]);
});

test("a number that is used again is as new", () => {
  const maps = new Mappings();
  const told = { forced: true, list: true, listEnd: true, address: 0x7000, mask: 5 };
  const m = made(maps, told);
  maps.onBus[m] = { predicted: 1, seen: 1, straddles: null, foreign: null, small: false };
  maps.offset[m] = 4096;
  maps.taking[m] = 9;
  maps.done[endOf(m)] = 1;
  maps.drop(m);
  maps.reported(beginOf(m));
  expect(maps.add()).toBe(m);
  maps.end(m);
  const { forced, bounced, list, listEnd, outcome, onBus, offset, taking, done, hi } = maps;
  expect([forced[m], bounced[m], list[m], listEnd[m], onBus[m], offset[m], taking[m]]).toEqual([
    ...[0, 0, 0, 0, null, none, 0],
  ]);
  expect([outcome[m], done[endOf(m)], hi[beginOf(m)]]).toEqual([Outcome.open, 0, Number.POSITIVE_INFINITY]);
  expect([maps.address[m], maps.mask[m]]).toEqual([Number.NaN, Number.NaN]);
});

test("nobody lets go what he does not keep", () => {
  const maps = new Mappings();
  const m = maps.add();
  maps.drop(m);
  maps.reported(beginOf(m));
  expect(() => maps.drop(m)).toThrow("dropped by who keeps it");
});

test("columns grow, and a copy is carried out without a trace in what it was made of", () => {
  const maps = new Mappings();
  const all = Array.from({ length: 3000 }, (_, k) => made(maps, { time: k, size: k + 1, address: k * 4096 }));
  expect(all.map((m) => [maps.time[m], maps.size[m], maps.address[m], maps.hi[beginOf(m)]])).toEqual(
    all.map((_, k) => [k, k + 1, k * 4096, k]),
  );
  const copy = maps.copy();
  copy.resolve(all[7]!, Outcome.unknown, 1, 1);
  copy.offset[all[7]!] = 2048;
  copy.drop(all[7]!);
  copy.reported(beginOf(all[7]!));
  expect(copy.add()).toBe(all[7]);
  expect(maps.outcome[all[7]!]).toBe(Outcome.granted);
  expect(maps.offset[all[7]!]).toBe(none);
  expect(maps.add()).toBe(3000);
});

test("an operation is settled when its outcome, or the end of its release, is known", () => {
  const maps = new Mappings();
  const m = maps.add();
  const end = maps.end(m);
  maps.hi[beginOf(m)] = 5;
  expect([maps.isSettled(beginOf(m)), maps.isSettled(end)]).toEqual([false, false]);
  maps.resolve(m, Outcome.refused, 9, 3);
  maps.hi[end] = 7;
  expect([maps.isSettled(beginOf(m)), maps.isSettled(end)]).toEqual([true, true]);
  // What was known of its latest moment is not taken back.
  expect(maps.hi[beginOf(m)]).toBe(5);
});
