/** Numbers as addresses and codes are written. */
import { expect, test } from "vitest";
import { hex, hexDigits, parseHex } from "../../src/base/hex.js";

test.each([
  [0, undefined, "0x0"],
  [0xfffff000, undefined, "0xfffff000"],
  [0x1f, 4, "0x001f"],
  [0x12345, 4, "0x12345"],
  [2 ** 52 + 0x1000, undefined, "0x10000000001000"],
  [0xffff_ffff_ffff_ffffn, undefined, "0xffffffffffffffff"],
  [5n, 16, "0x0000000000000005"],
])("%s with at least %s digits is %s", (n, count, want) => {
  expect(hex(n, count)).toBe(want);
  expect(hexDigits(n, count)).toBe(want.slice(2));
});

test("digits are read back as far as they go", () => {
  expect(parseHex("1f")).toBe(31);
  expect(parseHex("0x1f")).toBe(31);
  expect(parseHex("1fz")).toBe(31);
  expect(parseHex("z")).toBeNaN();
});
