/** The parts that images stand on, each against a slow reading of the same thing. */
import { describe, expect, test } from "vitest";
import { type Mfn, mfn } from "../../../src/base/frame.js";
import { Rng } from "../../../src/base/rng.js";
import { memorySource } from "../../../src/read/bytes.js";
import { disjoint } from "../../../src/read/image/disjoint.js";
import { openFlattened } from "../../../src/read/image/flattened.js";
import { FrameCache } from "../../../src/read/image/frame_cache.js";
import { PageBitmap } from "../../../src/read/image/page_bitmap.js";
import { RunList } from "../../../src/read/image/run_list.js";
import { Warnings } from "../../../src/read/unreadable.js";
import { flatten } from "./image_writer.js";

describe("overlapping ranges become disjoint ones", () => {
  for (const wins of ["first", "last"] as const) {
    test(`a byte belongs to the range listed ${wins}, as when each is painted in turn`, () => {
      for (let seed = 1; seed <= 300; seed++) {
        const rng = new Rng(seed);
        const count = rng.below(12);
        const from = Float64Array.from({ length: count }, () => rng.below(60));
        const to = from.map((f) => f + rng.below(20));
        const painted = new Array<number>(100).fill(-1);
        const order = Array.from({ length: count }, (_, i) => i);
        for (const i of wins === "first" ? order.toReversed() : order) painted.fill(i, from[i], to[i]);
        const parts = disjoint({ count, from, to }, wins);
        const again = new Array<number>(100).fill(-1);
        for (let i = 0; i < parts.count; i++) {
          expect(parts.to[i]).toBeGreaterThan(parts.from[i]!);
          if (i > 0) expect(parts.from[i]).toBeGreaterThanOrEqual(parts.to[i - 1]!);
          again.fill(parts.which[i]!, parts.from[i], parts.to[i]);
        }
        expect(again, `seed ${seed}`).toEqual(painted);
        expect(parts.count).toBeLessThanOrEqual(2 * count);
      }
    });
  }

  test("a hundred thousand ranges over one another do not take forever", () => {
    const count = 100_000;
    const from = Float64Array.from({ length: count }, (_, i) => i % 1000);
    const to = Float64Array.from({ length: count }, (_, i) => 1000 + ((i * 7919) % count));
    expect(disjoint({ count, from, to }, "last").count).toBeGreaterThan(1);
  }, 20_000);
});

describe("the bitmap of pages", () => {
  test("has, rank, each and runs agree with a list of the pages", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const rng = new Rng(seed);
      const end = 1 + rng.below(seed % 4 === 0 ? 300_000 : 500);
      const bytes = new Uint8Array(Math.ceil(end / 8) + 7);
      const kind = rng.below(3);
      for (let i = 0; i < bytes.length; i++) {
        bytes[i] =
          kind === 0
            ? rng.below(256)
            : kind === 1
              ? rng.below(9) === 0
                ? 0xff
                : 0
              : rng.below(50) === 0
                ? 0x7f
                : 0xff;
      }
      if (end > 100_000) bytes.fill(0, 5000, 20_000);
      const first = rng.below(3) === 0 ? rng.below(end) : 0;
      const set = (p: number) => p >= first && p < end && (bytes[p >> 3]! & (1 << (p & 7))) !== 0;
      const pages = Array.from({ length: end }, (_, p) => p).filter(set);
      const bitmap = new PageBitmap(memorySource("b", bytes), 0, { first, end });
      expect(bitmap.count, `seed ${seed}`).toBe(pages.length);
      const seen: number[] = [];
      bitmap.each((p, index) => {
        if (index !== seen.length) throw new Error(`page ${p} is counted as ${index}, and is ${seen.length}`);
        seen.push(p);
        return true;
      });
      expect(seen).toEqual(pages);
      for (let n = 0; n < 20; n++) {
        const from = rng.below(pages.length + 2);
        const rest: number[] = [];
        bitmap.each((p, index) => {
          expect(index).toBe(from + rest.length);
          return rest.push(p) < 40;
        }, from);
        expect(rest).toEqual(pages.slice(from, from + 40));
      }
      for (let n = 0; n < 200; n++) {
        const p = rng.below(end + 40);
        expect(bitmap.has(p)).toBe(set(p));
        const i = rng.below(Math.max(1, pages.length));
        if (pages.length > 0) expect(bitmap.rank(pages[i]!)).toBe(i);
      }
      const runs: number[] = [];
      bitmap.eachRun((from, count) => {
        for (let i = 0; i < count; i++) runs.push(from + i);
      });
      expect(runs).toEqual(pages);
    }
  });

  test("numbers that are no page are not held", () => {
    const bitmap = new PageBitmap(memorySource("b", new Uint8Array(8).fill(0xff)), 0, { first: 0, end: 64 });
    for (const p of [-1, 64, 2 ** 40, Number.NaN, Number.POSITIVE_INFINITY]) expect(bitmap.has(p)).toBe(false);
  });
});

describe("runs", () => {
  test("neighbours join, others do not", () => {
    const list = new RunList();
    for (const [first, count] of [
      [3, 2],
      [5, 1],
      [9, 4],
    ] as const)
      list.add(first, count);
    expect(list.list).toEqual([
      { first: 3, frameCount: 3 },
      { first: 9, frameCount: 4 },
    ]);
    expect(list.slack).toBe(0);
  });

  test("too many runs become coarser ones that still cover all", () => {
    const list = new RunList(16);
    const rng = new Rng(3);
    const frames: number[] = [];
    for (let f = 0, n = 0; n < 5000; n++) {
      f += 2 + rng.below(40);
      frames.push(f);
      list.add(f, 1);
    }
    expect(list.list.length).toBeLessThanOrEqual(16);
    expect(list.slack).toBeGreaterThan(0);
    for (const f of frames) expect(list.list.some((r) => f >= r.first && f < r.first + r.frameCount)).toBe(true);
  });
});

describe("the cache of frames", () => {
  const loads: number[] = [];
  const load = (m: Mfn) => {
    loads.push(m);
    return m % 7 === 3 ? undefined : new Uint32Array(1024).fill(m);
  };

  test("a kept frame is not loaded again, one that is not there is asked for each time", () => {
    loads.length = 0;
    const cache = new FrameCache(2 ** 20, load);
    for (let n = 0; n < 5; n++) for (const m of [1, 2, 3, 2 ** 40]) cache.get(mfn(m));
    expect(loads).toEqual([1, 2, 3, 2 ** 40, 3, 3, 3, 3]);
    expect(cache.get(mfn(2))).toBe(cache.get(mfn(2)));
  });

  test("it keeps no more than it may, and what is asked for often", () => {
    loads.length = 0;
    const cache = new FrameCache(64 * 4096, load);
    const often = cache.get(mfn(8));
    for (let m = 1000; m < 3000; m++) {
      cache.get(mfn(m));
      if (m % 2 === 0) expect(cache.get(mfn(8))?.[0]).toBe(8);
    }
    expect(loads.filter((m) => m === 8).length).toBeLessThan(10);
    expect(often?.[0], "words that were handed out are never written over").toBe(8);
    loads.length = 0;
    for (let m = 1000; m < 3000; m++) cache.get(mfn(m));
    expect(loads.length).toBeGreaterThan(1900);
  });

  test("frames at round addresses do not push each other out", () => {
    loads.length = 0;
    const cache = new FrameCache(2 ** 26, load);
    const frames = Array.from({ length: 1000 }, (_, i) => mfn(7 * 512 * (i + 1)));
    for (let n = 0; n < 3; n++) for (const m of frames) cache.get(m);
    expect(loads.length).toBeLessThan(1100);
  });
});

test("a flattened file reads like the file, from anywhere and however long", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const rng = new Rng(seed);
    const file = Uint8Array.from({ length: 1 + rng.below(3000) }, () => rng.below(256));
    const warnings = new Warnings();
    const source = openFlattened(memorySource("f", flatten(file, rng, { longest: 1 + rng.below(400) })), warnings);
    expect([source.size, warnings.list]).toEqual([file.length, []]);
    for (let n = 0; n < 40; n++) {
      const at = rng.below(file.length + 50);
      const into = new Uint8Array(rng.below(1200)).fill(0xcc);
      const held = source.read(at, into);
      expect(Buffer.compare(into.subarray(0, held), file.subarray(at, at + into.length)), `seed ${seed}`).toBe(0);
      expect(into.subarray(held).every((b) => b === 0xcc)).toBe(true);
    }
  }
});
