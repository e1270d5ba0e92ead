/** Edges of an image's parts: the name of one id and of several, and which frame's mark puts it in which list. */
import { describe, expect, test } from "vitest";
import { readIort } from "../../../src/audit/inspect/acpi/iort.js";
import { Gathered } from "../../../src/audit/inspect/acpi/reading.js";
import type { BlockTester } from "../../../src/audit/inspect/survey/block_tester.js";
import { Mark } from "../../../src/audit/inspect/survey/marks.js";
import { surveyTask } from "../../../src/audit/inspect/survey/survey_task.js";
import * as fw from "./firmware_tables.js";

test.each([
  [{ from: 8, count: 1, to: 0x40 }, "0003:00:01.0 as streams from 0x40", 8, 8],
  [{ from: 8, count: 2, to: 0x40 }, "0003:00:01.0 to 0003:00:01.1 as streams from 0x40", 8, 9],
  [{ from: 0, count: 0xffff, to: 0 }, "0003:00:00.0 to 0003:ff:1f.6 as streams from 0x0", 0, 0xfffe],
  [{ from: 1, count: 0xffff, to: 1 }, "0003:00:00.1 to 0003:ff:1f.7 as streams from 0x1", 1, 0xffff],
  [{ from: 0, count: 0x10000, to: 0 }, "segment 0003 as streams from 0x0", 0, 0xffff],
  [{ to: 0x40, single: true }, "segment 0003 as stream 0x40", 0, 0xffff],
])("ids that a root complex passes on: %o", (mapping, name, first, last) => {
  const out = new Gathered();
  readIort(fw.iort(fw.smmuv3(0xfed90000), fw.rootComplex(3, false, { ...mapping, node: 0 })), out);
  expect(out.units.flatMap((u) => u.scopes)).toMatchObject([{ name, first, last, segment: 3 }]);
});

test.each([
  [{ to: 5, single: true }, "stream 0x5", 5],
  [{ to: 5, count: 1 }, "stream 0x5", 5],
  [{ to: 5, count: 2 }, "streams 0x5 to 0x6", 6],
  [{ to: 5, count: 9, single: true }, "stream 0x5", 5],
])("streams that a region is for: %o", (mapping, name, last) => {
  const out = new Gathered();
  readIort(fw.iort(fw.smmuv3(0xfed90000), fw.reserved(0x8000_0000, 0x1000, { ...mapping, node: 0 })), out);
  expect(out.reserved.flatMap((r) => r.scopes)).toMatchObject([{ name, first: 5, last, unit: 0 }]);
});

describe("one reading", () => {
  /** What is found in frames of which only the mark says something. */
  const found = (given: readonly number[], words = new Uint32Array(1024)) => {
    const block = { count: given.length, frames: given.map((_, n) => 100 + n) };
    const tester = { block, words: given.map(() => words), mark: () => Uint8Array.from(given) };
    const job = surveyTask.begin({ names: true });
    job.take(tester as unknown as BlockTester);
    return job.found;
  };

  test("a device tree is where a frame is marked as one, and nowhere else", () => {
    const { tree, crashInfo, named, form } = Mark;
    expect(found([0, tree, crashInfo, named, form, tree | named, named | form | crashInfo]).trees).toEqual([101, 105]);
  });

  test("names are looked for where a frame is marked to hold one, and 256 of one kept", () => {
    const [code] = [...found([]).names.keys()];
    const words = new Uint32Array(1024);
    words[3] = code!;
    expect(found([0, Mark.named, Mark.tree], words).names.get(code!)).toEqual([101 * 4096 + 12]);
    const many = Array.from({ length: 300 }, () => Mark.named);
    expect(found(many, words).names.get(code!)!.length).toBe(256);
  });

  test("threads' lists are put together in order, as many as one thread would have kept", () => {
    const parts = [found([Mark.tree, 0, Mark.tree]), found([0, Mark.tree])];
    expect(surveyTask.merge(parts).trees).toEqual([100, 101, 102]);
    const [code] = [...parts[0]!.names.keys()];
    const words = new Uint32Array(1024).fill(code!, 0, 200);
    const merged = surveyTask.merge([found([Mark.named], words), found([Mark.named], words)]);
    expect(merged.names.get(code!)!.length).toBe(256);
  });
});
