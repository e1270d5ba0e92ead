/** Which events a recording has, and what is not concluded from one that is missing. */
import { expect, test } from "vitest";
import { RecordingAudit } from "../../../src/audit/index.js";
import { OverTime } from "../../../src/audit/recording/over_time.js";
import { EventBatch, EventKind } from "../../../src/read/event.js";
import { Names } from "../../../src/read/names.js";
import { type One, Trail } from "./trail.js";

const minute = 60e6;
const slot = (i: number): One => ({ dma: 0x1000_0000 + i * 4096, phys: 0x8000_0000 + i * 4096 });

/** A filter that lets only some mappings through: every other one is unmapped without having been seen. */
function filtered(o: One = {}): Trail {
  const trail = new Trail();
  for (let i = 0; i < 500; i++) {
    const time = (minute * i) / 500;
    if (i % 2 === 0) trail.map(time, { ...slot(i % 8), ...o });
    trail.unmap(time + 100, { ...slot(i % 8), ...o });
    if (i % 2 === 0) trail.unmap(time + 50_000, { ...slot(i % 8), ...o });
  }
  return trail;
}

test("unmappings of what was never seen mapped, all along, show that mappings are missing: nothing is accused", () => {
  const result = filtered().result();
  expect(result.violationTotals).toEqual([]);
  expect(result.unjudged[0]!.what).toMatch(/^\d+ × something was unmapped that was already unmapped/);
  expect(result.unjudged[0]!.why).toContain("not all mappings of the device left an event");
});

test("another device's missing mappings are its own affair", () => {
  const trail = filtered({ device: "0000:00:09.0" });
  const result = trail
    .map(minute, slot(1))
    .unmap(minute + 1, slot(1))
    .unmap(minute + 2, slot(1))
    .wait(2 * minute)
    .result();
  expect(result.violationTotals).toEqual([{ rule: "double-unmap", count: 1 }]);
  expect(result.violations[0]!.relies).toBe("maps");
});

test("unmappings of what was mapped before the recording, at its beginning, are none of that", () => {
  const trail = new Trail();
  for (let i = 0; i < 100; i++) trail.unmap(i, slot(1000 + i));
  for (let i = 0; i < 500; i++) trail.map(minute + i * 1000, slot(i % 8)).unmap(minute + i * 1000 + 10, slot(i % 8));
  const result = trail
    .unmap(2 * minute, slot(3))
    .wait(3 * minute)
    .result();
  expect(result.violationTotals).toEqual([{ rule: "double-unmap", count: 1 }]);
});

test("the text of perf script does not say what was lost: what relies on a missing mapping is not judged", () => {
  const devices = new Names();
  const audit = new RecordingAudit({ devices, format: "perf-script" });
  const batch = new EventBatch(8);
  for (const [kind, time] of [
    [EventKind.map, 10],
    [EventKind.unmap, 20],
    [EventKind.unmap, 30],
  ] as const) {
    const i = batch.blank();
    batch.count++;
    batch.kind[i] = kind;
    batch.time[i] = time;
    batch.device[i] = devices.id("0000:00:03.0");
    batch.dma[i] = 0x1000;
    batch.phys[i] = 0x2000;
    batch.size[i] = 4096;
    batch.direction[i] = 2;
  }
  audit.feed(batch);
  const { violationTotals, unjudged } = audit.finish();
  expect(violationTotals).toEqual([]);
  expect(unjudged[0]).toMatchObject({
    devices: ["0000:00:03.0"],
    what: expect.stringMatching(/^1 × something was unmapped/),
  });
});

/** A leak that one task alone recorded. */
function leak(task: (i: number) => string): Trail {
  const trail = new Trail();
  for (let i = 0; i < 400; i++) {
    const time = (minute * i) / 400;
    trail.map(time, { ...slot(i), task: task(i) });
    if (i % 4 !== 0) trail.unmap(time + 100, { ...slot(i), task: task(i) });
  }
  return trail.wait(minute, { task: task(400) });
}

test("events of one task only: what others may have ended is not judged", () => {
  const result = leak(() => "fio-42").result();
  expect([result.leaks, result.alive]).toEqual([[], []]);
  expect(result.unjudged[0]!.why).toContain("written by one or two tasks");
});

test("events of idle CPUs, or of several tasks, are a whole machine's", () => {
  expect(leak((i) => (i % 3 === 0 ? "<idle>-0" : "fio-42")).result().leaks.length).toBe(1);
  expect(leak((i) => `task-${i % 3}`).result().leaks.length).toBe(1);
});

test("bins over a time of any length count all, and what is since a time to the width of one", () => {
  for (const length of [10, 1e4, 1e7, 1e12]) {
    const counts = new OverTime();
    for (let i = 0; i < 1000; i++) counts.add((length * i) / 1000);
    expect(counts.total).toBe(1000);
    expect(counts.since(-1)).toBe(1000);
    const half = counts.since(length / 2);
    expect(half).toBeGreaterThanOrEqual(500);
    if (length > 1e5) expect(half).toBeLessThanOrEqual(550);
  }
});
