/** Between which moments slots were released. */
import { expect, test } from "vitest";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { beginOf } from "../../../src/lab/replay/contracts/operation.js";
import { laneOf, ReleaseTimes, releaseSpanMax } from "../../../src/lab/replay/events/release_times.js";
import { made } from "./made.js";

test("lanes of CPUs and of kinds of code are apart, and what is unknown of the code is one of them", () => {
  const lanes = [0, 1, 300].flatMap((cpu) => [0, 1, 2, 3, 255].map((context) => laneOf(cpu, context)));
  expect(new Set(lanes).size).toBe(15);
});

test("a single mapping: after what was written last in its lane, and not long before its event", () => {
  for (const lane of [0, laneOf(500, 3)]) {
    const times = new ReleaseTimes(new Mappings());
    times.beforeEvent(lane, 1000, 7);
    expect([times.earliest(lane, 1000), times.eventBefore(lane)]).toEqual([1000 - releaseSpanMax, -1]);
    times.afterEvent(lane, 1000, 7);
    times.beforeEvent(lane, 1100, 8);
    expect([times.earliest(lane, 1100), times.eventBefore(lane)]).toEqual([1000, 7]);
    expect(times.earliest(lane, 9000)).toBe(9000 - releaseSpanMax);
  }
});

/** A list of two entries that was unmapped at 1000 in lane 0. */
function unmappedList() {
  const maps = new Mappings();
  const times = new ReleaseTimes(maps);
  const ends = [0, 1].map((k) => {
    const m = made(maps, { address: 4096 * k });
    maps.reported(beginOf(m));
    const end = maps.end(m);
    maps.lo[end] = 1000;
    return end;
  }) as [number, number];
  maps.follows(ends[1], ends[0]);
  times.beforeEvent(laneOf(40, 0), 900, 1);
  times.open(0, ends[1]);
  return { times, bounds: () => ends.map((end) => [maps.hi[end], maps.hiEvent[end]]) };
}
const open = [Number.POSITIVE_INFINITY, -1];

test("a list: before the next event of its lane", () => {
  const { times, bounds } = unmappedList();
  times.beforeEvent(laneOf(1, 0), 1200, 8);
  expect(bounds()).toEqual([open, open]);
  times.beforeEvent(0, 1500, 9);
  expect(bounds()).toEqual([
    [1500, 9],
    [1500, 9],
  ]);
  times.beforeEvent(0, 1600, 10);
  expect(bounds()).toEqual([
    [1500, 9],
    [1500, 9],
  ]);
});

test("a list: not long after its own event, whoever wrote the next one", () => {
  const latest = 1000 + releaseSpanMax;
  for (const lane of [0, laneOf(1, 0)]) {
    const { times, bounds } = unmappedList();
    times.beforeEvent(laneOf(1, 0), latest, 8);
    expect(bounds()).toEqual([open, open]);
    times.beforeEvent(lane, latest + 1, 9);
    expect(bounds()).toEqual([
      [latest, 9],
      [latest, 9],
    ]);
  }
});

test("a list: at the recording's end nothing else came", () => {
  const { times, bounds } = unmappedList();
  times.finish(1300);
  expect(bounds()).toEqual([
    [1300, -1],
    [1300, -1],
  ]);
});
