import { expect, test } from "vitest";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import { answers, digest, golden } from "./golden.js";

for (const g of golden) {
  test(`seed ${g.seed}: ${g.slots} slots in ${g.areas} areas answer a million operations as Linux does`, () => {
    expect(digest(answers(new Pool(g), g.seed, g.ops))).toBe(g.results);
  });
}
