/** What was unmapped lately: found by device and address, and never mistaken for another. */
import { expect, test } from "vitest";
import { Gone } from "../../../src/audit/recording/gone.js";

test("an address is found for its own device only, whatever falls on the same place", () => {
  const gone = new Gone();
  gone.add(0, 0x10000, 4096, 2, 10, 20, -1, false);
  const g = gone.find(0, 0x10000);
  expect([gone.size[g], gone.direction[g], gone.mappedAt[g], gone.unmappedAt[g]]).toEqual([4096, 2, 10, 20]);
  let found = 0;
  for (let other = 1; other < 300_000; other++) {
    if (gone.find(other, 0x10000) !== -1 || gone.find(0, 0x10000 + other) !== -1) found++;
  }
  expect(found).toBe(0);
});

test("the last unmap of an address is the one that is known", () => {
  const gone = new Gone();
  gone.add(0, 0x10000, 4096, 2, 10, 20, -1, false);
  gone.add(0, 0x10000, 512, 1, 30, 40, -1, false);
  expect(gone.unmappedAt[gone.find(0, 0x10000)]).toBe(40);
});
