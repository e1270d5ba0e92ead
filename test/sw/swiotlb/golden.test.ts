import { expect, test } from "vitest";
import { PlainPool } from "../../../src/sw/swiotlb/plain_pool.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import { long } from "../../tier.js";
import { answers, digest, firstOps, type Golden, golden } from "./golden.js";

/** How many operations, and what they give. */
const run = (g: Golden) => (long ? g : { ops: firstOps, results: g.first });

for (const g of golden) {
  const { ops, results } = run(g);
  test(`seed ${g.seed}: ${g.slots} slots in ${g.areas} areas answer ${ops} operations as Linux does`, () => {
    expect(digest(answers(new Pool(g), g.seed, ops))).toBe(results);
  });
}

test("the plain pool answers as Linux does: it is the oracle of the index", () => {
  const g = golden.find((row) => row.slots === 512)!;
  const { ops, results } = run(g);
  expect(digest(answers(new PlainPool(g), g.seed, ops))).toBe(results);
});

test.runIf(long)("the first answers are the beginning of all", () => {
  for (const g of golden) {
    expect(digest(answers(new Pool(g), g.seed, g.ops).slice(0, firstOps))).toBe(g.first);
  }
});

test("the digest tells one different answer", () => {
  const g = golden[0]!;
  const some = answers(new Pool(g), g.seed, 1000);
  const before = digest(some);
  some[999]!++;
  expect(digest(some)).not.toBe(before);
});
