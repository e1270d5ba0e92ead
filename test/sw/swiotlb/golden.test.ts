import { expect, test } from "vitest";
import { PlainPool } from "../../../src/sw/swiotlb/plain_pool.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import { answers, digest, golden } from "./golden.js";

for (const g of golden) {
  test(`seed ${g.seed}: ${g.slots} slots in ${g.areas} areas answer a million operations as Linux does`, () => {
    expect(digest(answers(new Pool(g), g.seed, g.ops))).toBe(g.results);
  });
}

test("the plain pool answers as Linux does: it is the oracle of the index", () => {
  const g = golden.find((row) => row.slots === 512)!;
  expect(digest(answers(new PlainPool(g), g.seed, g.ops))).toBe(g.results);
});

test("the digest tells one different answer", () => {
  const g = golden[0]!;
  const some = answers(new Pool(g), g.seed, 1000);
  const before = digest(some);
  some[999]!++;
  expect(digest(some)).not.toBe(before);
});
