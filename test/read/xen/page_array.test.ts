/** Pointers to struct page: x86's by where its array stands, arm64's learnt from batches, of any page size. */
import { expect, test } from "vitest";
import { PageArray } from "../../../src/read/probes/page_array.js";

const halves = (pointer: bigint): [number, number] => [Number(pointer >> 32n), Number(pointer & 0xffffffffn)];
const addressOf = (pages: PageArray, pointer: bigint) => pages.addressOf(...halves(pointer));

test("x86-64", () => {
  const pages = new PageArray();
  expect(addressOf(pages, 0xffffea0000ffff40n)).toBe(0x3fffd000);
  expect(addressOf(pages, 0xffffea0000ffff48n)).toBeNaN();
  expect(addressOf(pages, 0x1234n)).toBeNaN();
});

const arm: readonly [kib: number, base: bigint][] = [
  [4, 0xfffffdffbe000000n],
  [16, 0xfffffdff80000000n],
  [64, 0xfffffdffe0000000n],
];
for (const [kib, base] of arm) {
  test(`arm64 with pages of ${kib} KiB`, () => {
    const pages = new PageArray();
    const pointer = (address: number) => base + (BigInt(address) / BigInt(kib * 1024)) * 64n;
    const mapped = (addresses: number[]) => {
      pages.expect(1, addresses);
      pages.learn(
        1,
        addresses.map((a) => halves(pointer(a))),
      );
    };
    const [a, b, c] = [0x1051f0000, 0x1052f0000, 0x105aa0000];
    expect(addressOf(pages, pointer(a))).toBeNaN();
    mapped([a]);
    expect(addressOf(pages, pointer(a))).toBe(a);
    expect(addressOf(pages, pointer(b))).toBeNaN();
    mapped([b]);
    expect(addressOf(pages, pointer(c))).toBe(c);
  });
}

test("pages of another CPU's batch, and addresses that are not the domain's own, teach nothing", () => {
  const pages = new PageArray();
  pages.expect(0, [0x4d1fa000, 0x4d2fd000]);
  pages.learn(1, [halves(0xfffffdffc0347e80n), halves(0xfffffdffc034bf40n)]);
  expect(addressOf(pages, 0xfffffdffc0347e80n)).toBeNaN();
  pages.expect(0, [Number.NaN]);
  pages.learn(0, [halves(0xfffffdffc0347e80n)]);
  expect(addressOf(pages, 0xfffffdffc0347e80n)).toBeNaN();
});
