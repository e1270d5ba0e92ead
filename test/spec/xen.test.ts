/** The numbers of the interface, held against the byte offsets that its header states. */
import { expect, test } from "vitest";
import { type Field, read } from "../../src/bits/index.js";
import { GrantV1, GrantV2, GrantV2Part, GrantV2Transitive } from "../../src/spec/xen/grant_entry.js";
import { GrantStatus, grantStatusText } from "../../src/spec/xen/grant_op.js";
import { exchangeOrderMax } from "../../src/spec/xen/limits.js";
import { foreignBit, frameHighMask, identityBit } from "../../src/spec/xen/p2m_entry.js";

/** 01 02 03 ... 10: a field's value says which bytes it lies in. */
const counted = new Uint32Array(Uint8Array.from({ length: 16 }, (_, n) => n + 1).buffer);

const rows: readonly (readonly [what: string, field: Field, value: number])[] = [
  ["version 1: type in the low bits of byte 0", GrantV1.type, 1],
  ["version 1: sub-page is bit 8", GrantV1.subPage, 0],
  ["version 1: domain at byte 2", GrantV1.domain, 0x0403],
  ["version 1: frame at byte 4", GrantV1.frame, 0x08070605],
  ["version 2: domain at byte 2", GrantV2.domain, 0x0403],
  ["version 2: frame at byte 8, 52 bits", GrantV2.frame, 0xf0e0d0c0b0a09],
  ["a part: offset at byte 4", GrantV2Part.offset, 0x0605],
  ["a part: length at byte 6", GrantV2Part.length, 0x0807],
  ["passed on: domain at byte 4", GrantV2Transitive.granter, 0x0605],
  ["passed on: reference at byte 8", GrantV2Transitive.ref, 0x0c0b0a09],
];

for (const [what, field, value] of rows) {
  test(`grant entry, ${what}`, () => {
    expect(read(counted, 0, field)).toBe(value);
  });
}

test("statuses count down from 0 to -13, and each has its words", () => {
  expect(Object.values(GrantStatus)).toEqual(Array.from({ length: 14 }, (_, n) => 0 - n));
  expect(grantStatusText).toHaveLength(14);
});

test("the upper half of a page map entry is two flags and frame bits", () => {
  expect((foreignBit | identityBit | frameHighMask) >>> 0).toBe(0xffff_ffff);
  expect(foreignBit & identityBit).toBe(0);
});

test("an x86 guest exchanges up to 2 MiB at once, the control domain more", () => {
  expect(exchangeOrderMax.x86).toEqual({ guest: 9, control: 18, hardware: 12, passthrough: 12 });
});
