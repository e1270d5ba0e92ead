/** CPUs whose events stop while those of others go on, and what is not concluded then. */
import { expect, test } from "vitest";
import { RecordingAudit } from "../../../src/audit/index.js";
import { CpuEnds } from "../../../src/lab/replay/machine/stopped_cpus.js";
import { EventBatch, EventKind } from "../../../src/read/event.js";
import { Names } from "../../../src/read/names.js";

/** CPU 0 writes an event a millisecond up to `end`, CPU 1 up to 1000. */
function ends(end: number, every = 1): CpuEnds {
  const cpus = new CpuEnds();
  for (let t = 0; t <= 1000; t++) {
    if (t <= end && t % every === 0) cpus.add(0, t * 1000);
    cpus.add(1, t * 1000);
  }
  return cpus;
}

test("a busy CPU that falls silent is told, with its last event", () => {
  expect(ends(400).stopped(1_000_000)).toEqual({ cpu: 0, time: 400_000 });
});

test("not one that goes on, nor one that was never busy", () => {
  expect(ends(990).stopped(1_000_000)).toBeNull();
  expect(ends(400, 50).stopped(1_000_000)).toBeNull();
});

test("what was not seen mapped after it may have been mapped there", () => {
  for (const [stopped, rules] of [
    [null, 1],
    [{ cpu: 0, time: 5_000_000 }, 1],
    [{ cpu: 0, time: 2_500_000 }, 0],
  ] as const) {
    const devices = new Names();
    const audit = new RecordingAudit({ devices }, { kernel: "6.12.0", stopped });
    const batch = new EventBatch(8);
    [EventKind.map, EventKind.unmap, EventKind.unmap].forEach((kind, n) => {
      const i = batch.blank();
      batch.kind[i] = kind;
      batch.time[i] = (n + 1) * 1_000_000;
      batch.device[i] = devices.id("0000:00:01.0");
      batch.dma[i] = 0x10000;
      batch.phys[i] = 0x70000;
      batch.size[i] = 4096;
      batch.direction[i] = 2;
      batch.count++;
    });
    audit.feed(batch);
    const { violationTotals, unjudged } = audit.finish();
    expect(violationTotals.length).toBe(rules);
    expect(unjudged.filter((u) => u.why.includes("CPU 0")).length).toBe(1 - rules);
  }
});
