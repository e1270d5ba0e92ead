import { expect, test } from "vitest";
import { parseAddress } from "../../../src/audit/inspect/device_name.js";

test("an address of more than 64 bits is too large, not something else; zeros in front are no digits", () => {
  expect(() => parseAddress("0xfffffffffffffffffff")).toThrow(/is too large; an address has at most 64 bits/);
  expect(() => parseAddress("0xg")).toThrow(/an address is hexadecimal/);
  expect(parseAddress("0x00000ffffffffffffffff")).toBe(2n ** 64n - 1n);
});
