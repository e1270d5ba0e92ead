/** Numbers of 64 bits: halves put together, taken apart, and what no double holds. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isExact, u64, u64At, u64High, u64Low } from "../../src/base/u64.js";

test.each([
  [0, 0, 0],
  [0xffff_ffff, 0, 2 ** 32 - 1],
  [0, 1, 2 ** 32],
  [0xffff_ffff, 0x001f_ffff, 2 ** 53 - 1],
])("%d and %d are %d, and the other way", (low, high, n) => {
  expect(u64(low, high)).toBe(n);
  expect([u64Low(n), u64High(n), isExact(n)]).toEqual([low, high, true]);
});

test("what no double holds is never less than 2^53, and told", () => {
  for (const low of [0, 1, 0xffff_ffff]) {
    for (const high of [0x0020_0000, 0xffff_ffff]) {
      expect(u64(low, high)).toBeGreaterThanOrEqual(2 ** 53);
      expect(isExact(u64(low, high))).toBe(false);
    }
  }
});

test("bytes of either order", () => {
  const view = new DataView(Uint8Array.of(9, 1, 2, 3, 4, 5, 6, 0, 0).buffer);
  expect(u64At(view, 1)).toBe(0x0006_0504_0302_01);
  expect(u64At(new DataView(Uint8Array.of(0, 0, 6, 5, 4, 3, 2, 1).buffer), 0, false)).toBe(0x0006_0504_0302_01);
});

test("nowhere else are halves put together or taken apart by hand", () => {
  // Digits with a carry and fractions are no halves; a hash takes what bits it likes.
  const others = ["base/u64.ts", "base/rng.ts", "read/ftrace_text/probe_fields.ts"];
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter(
    (f) => f.endsWith(".ts") && !/^base\/wasm\//.test(f) && !others.includes(f),
  );
  const wrong = files.filter((f) =>
    readFileSync(`src/${f}`, "utf8")
      .split("\n")
      .some((line) => /[*/] ?(2 \*\* 32|4294967296|0x1_?0000_?0000)/.test(line) && !line.includes("Math.imul")),
  );
  expect(wrong).toEqual([]);
});
