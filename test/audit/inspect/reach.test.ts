/** Reading many tables: each once, all of them within one limit. */
import { expect, test } from "vitest";
import { ReachReader } from "../../../src/audit/inspect/image/reach.js";
import { TableFrames } from "../../../src/audit/inspect/table_frames.js";
import { Memory } from "../../../src/mem/index.js";
import type { Attachment } from "../../../src/table/device/index.js";
import { framesFrom, mapAll } from "./built_image.js";
import { device, tableAt } from "./machine.js";

/** `count` tables at 0x10000 on, each with 400 pages that do not join. */
function machineOf(count: number) {
  const memory = new Memory(0x4000);
  const allocate = framesFrom(memory, 0x1000);
  const attachments = Array.from({ length: count }, (_, i): Attachment => {
    const second = tableAt(0x10000 + i * 4096);
    mapAll(
      memory,
      second,
      allocate,
      Array.from({ length: 400 }, (_, n) => [n * 4096, n * 8192, 4096] as const),
    );
    return { ...device(i, null), state: "translated", stage: "second", second };
  });
  return { memory, attachments };
}

test("a table that devices share is read once", () => {
  const { memory, attachments } = machineOf(1);
  const tables = new TableFrames();
  const reader = new ReachReader(memory, tables);
  const first = reader.of(attachments[0]!);
  expect(first.ranges!.count).toBe(400);
  expect(reader.of({ ...attachments[0]!, requester: 99 })).toBe(first);
  expect(tables.ascending().map(([m]) => m)[0]).toBe(0x10);
  expect(tables.count).toBe(4);
});

test("one table takes at most a share of what all may cost, and those that are cut say so", () => {
  const { memory, attachments } = machineOf(8);
  const limits = { entryCountMax: 2 ** 30, rangeCountMax: 2000 };
  const reader = new ReachReader(memory, new TableFrames(), limits);
  const reached = attachments.map((a) => reader.of(a));
  const counts = reached.map((r) => r.ranges!.count);
  expect(counts.slice(0, 2)).toEqual([400, 400]);
  expect(counts.at(-1)).toBeLessThan(400);
  expect(counts.every((n) => n > 0)).toBe(true);
  expect(counts.reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(2000);
  for (const { ranges, troubles, everyPage } of reached) {
    expect(troubles.map((t) => t.kind)).toEqual(ranges!.count < 400 ? ["limit"] : []);
    expect(everyPage).toBe(ranges!.count === 400);
  }
});

test("entries that are looked at count for all tables together", () => {
  const { memory, attachments } = machineOf(40);
  const reader = new ReachReader(memory, new TableFrames(), { entryCountMax: 30_000, rangeCountMax: 2 ** 24 });
  const kinds = attachments.flatMap((a) => reader.of(a).troubles.map((t) => t.kind));
  expect(kinds.length).toBeGreaterThan(10);
  expect(new Set(kinds)).toEqual(new Set(["limit"]));
});
