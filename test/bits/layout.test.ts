/** Layouts load only when they are complete, and fields read and write what a slow reading says. */
import { expect, test } from "vitest";
import { Rng } from "../../src/base/index.js";
import { isExact } from "../../src/base/u64.js";
import { address64, bit, bits, describe, layout, read, write } from "../../src/bits/index.js";

const bad = { title: "bad", source: "none", bitCount: 64 };

test.each([
  ["a field of 63 bits", () => layout(bad, { a: bits(62, 0, "") }), /1 to 53 bits/],
  [
    "a field across two 64-bit words",
    () => layout({ ...bad, bitCount: 128 }, { a: bits(70, 60, "") }),
    /inside one 64/,
  ],
  ["a bit forgotten", () => layout({ ...bad, reserved: [[63, 2]] }, { a: bit(0, "") }), /bit 1 is unaccounted/],
  ["two owners", () => layout({ ...bad, reserved: [[63, 1]] }, { a: bits(3, 0, "") }), /bit 1 is a and reserved/],
  ["a field past the end", () => layout(bad, { a: bit(64, "") }), /lies inside 64 bits/],
] as const)("a layout with %s does not load", (_, declare, message) => expect(declare).toThrow(message));

const Entry = layout(
  {
    title: "entry",
    source: "none",
    bitCount: 64,
    ignored: [
      [11, 3],
      [63, 52],
    ],
  },
  { r: bit(0, "readable"), kind: bits(2, 1, "kind"), frame: bits(51, 12, "frame") },
);

test("fields straddling words agree with a reading by BigInt, and leave their neighbours alone", () => {
  const rng = new Rng(3);
  for (let n = 0; n < 500; n++) {
    const words = Uint32Array.of(rng.below(2 ** 32), rng.below(2 ** 32));
    const whole = BigInt(words[0]!) | (BigInt(words[1]!) << 32n);
    expect(read(words, 0, Entry.frame)).toBe(Number((whole >> 12n) & ((1n << 40n) - 1n)));
    const frame = rng.below(2 ** 32) * 2 ** 8 + rng.below(2 ** 8);
    write(words, 0, Entry.frame, frame);
    const mask = ((1n << 40n) - 1n) << 12n;
    const wanted = (whole & ~mask) | (BigInt(frame) << 12n);
    expect(BigInt(words[0]!) | (BigInt(words[1]!) << 32n)).toBe(wanted & ((1n << 64n) - 1n));
  }
});

test("a field up to bit 63 is unsigned", () => {
  const Whole = layout({ ...bad, reserved: [[11, 0]] }, { frame: bits(63, 12, "all of the high word") });
  const words = Uint32Array.of(0x0115_8000, 0x8000_0000);
  expect(read(words, 0, Whole.frame)).toBe(0x8_0000_0000_1158);
  write(words, 0, Whole.frame, 0xf_ffff_0000_0001);
  expect([...words]).toEqual([0x1000, 0xffff_f000]);
});

test("a value that does not fit is refused and nothing is written", () => {
  const words = Uint32Array.of(5, 6);
  expect(() => write(words, 0, Entry.kind, 4)).toThrow(/kind \[2:1\] cannot hold 4/);
  expect([...words]).toEqual([5, 6]);
});

test("a declaration is its own decoder", () => {
  const lines = describe(Uint32Array.of(0x4321_0001, 0x000a_bcde), 0, Entry.$);
  expect(lines.map((l) => l.slice(0, 31).trimEnd())).toEqual([
    "[0:0]    r         0x1",
    "[2:1]    kind      0x0",
    "[51:12]  frame     0xabcde43210",
  ]);
});

test("an address of 64 bits spans two words wherever they begin, and says when no double holds it", () => {
  const At = layout(
    { ...bad, bitCount: 128, ignored: [[31, 0]], reserved: [[127, 96]] },
    { at: address64(32, "where it lies") },
  );
  const words = Uint32Array.of(1, 2, 3, 4);
  write(words, 0, At.at, 0x1f_ffff_ffff_fff8);
  expect([...words]).toEqual([1, 0xffff_fff8, 0x1f_ffff, 4]);
  expect([read(words, 0, At.at), isExact(read(words, 0, At.at))]).toEqual([0x1f_ffff_ffff_fff8, true]);
  words.set([0xffff_ffff, 0xffff_ffff], 1);
  expect(isExact(read(words, 0, At.at))).toBe(false);
  expect(describe(words, 0, At.$)[0]).toMatch(/^\[95:32\] +at +0xffffffffffffffff *where it lies$/);
  expect(() => write(words, 0, At.at, 2 ** 53)).toThrow(/at \[95:32\] cannot hold/);
  expect(() => address64(16, "")).toThrow(/fills two words/);
});
