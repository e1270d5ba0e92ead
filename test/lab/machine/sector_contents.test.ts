/** What a disk may hold after writes that failed, against a plain list of all that is possible. */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { SectorContents, sectorBytes } from "../../../src/lab/machine/load/sector_contents.js";
import { amount } from "../../tier.js";

const filled = (...values: number[]) => Uint8Array.from(values.flatMap((v) => new Array<number>(sectorBytes).fill(v)));

test("what a write that ended well left there is all that is right", () => {
  const c = new SectorContents(4);
  c.wrote(1, filled(5, 6));
  expect(c.read(0, filled(0, 5, 6, 0))).toBe(-1);
  expect(c.read(0, filled(0, 5, 7, 0))).toBe(2 * sectorBytes);
});

test("after a write that failed each sector is old or new, and what was read stays", () => {
  const c = new SectorContents(3);
  c.wrote(0, filled(1, 2, 3));
  c.mayHaveWritten(0, filled(11, 12, 13));
  expect(c.uncertain).toBe(3);
  const torn = filled(1, 2, 3);
  torn[700] = 12;
  expect(c.read(0, torn)).toBe(700);
  expect(c.read(0, filled(1, 12, 13))).toBe(-1);
  expect(c.uncertain).toBe(0);
  expect(c.read(0, filled(1, 2, 13))).toBe(sectorBytes);
});

test("a sector that was written again is certain again, its neighbours are not", () => {
  const c = new SectorContents(3);
  c.mayHaveWritten(0, filled(1, 1, 1));
  c.wrote(1, filled(9));
  expect(c.difference(0, filled(0, 9, 1))).toBe(-1);
  expect(c.difference(0, filled(0, 1, 1))).toBe(sectorBytes);
  expect(c.uncertain).toBe(2);
});

test("writes that would change nothing leave nothing unknown; too many that failed leave anything", () => {
  const c = new SectorContents(1);
  c.mayHaveWritten(0, filled(0));
  expect(c.uncertain).toBe(0);
  for (let v = 1; v < 20; v++) c.mayHaveWritten(0, filled(v));
  expect(c.difference(0, filled(200))).toBe(-1);
  c.wrote(0, filled(4));
  expect(c.difference(0, filled(200))).toBe(0);
});

test("random histories: nothing that may be is refused, nothing else is taken", () => {
  const rng = new Rng(11);
  for (let round = 0; round < amount(40, 300); round++) {
    const c = new SectorContents(6);
    const may = Array.from({ length: 6 }, () => new Set([0]));
    for (let n = 0; n < 20; n++) {
      const sector = rng.below(6);
      const values = Array.from({ length: 1 + rng.below(6 - sector) }, () => rng.below(4));
      const kind = rng.below(3);
      if (kind === 0) {
        c.wrote(sector, filled(...values));
        for (const [k, v] of values.entries()) may[sector + k] = new Set([v]);
      } else if (kind === 1) {
        c.mayHaveWritten(sector, filled(...values));
        for (const [k, v] of values.entries()) may[sector + k]!.add(v);
      } else {
        const wrong = values.findIndex((v, k) => !may[sector + k]!.has(v));
        expect(c.read(sector, filled(...values))).toBe(wrong < 0 ? -1 : wrong * sectorBytes);
        if (wrong < 0) for (const [k, v] of values.entries()) may[sector + k] = new Set([v]);
      }
    }
  }
});
