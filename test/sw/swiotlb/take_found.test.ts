/** A search and taking what it found are together what a mapping is. */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { Pool, profiles } from "../../../src/sw/swiotlb/index.js";

test.each(profiles.map((p) => [p.id, p] as const))("find and takeFound do what map does (%s)", (_id, profile) => {
  const rng = new Rng(11);
  const shape = { start: 0x1000000, slots: 1024, areas: 4, profile };
  const [mapped, found] = [new Pool(shape), new Pool(shape)];
  const alive: [offset: number, mask: number][] = [];
  for (let step = 0; step < 8000; step++) {
    if (alive.length > 0 && rng.below(100) < 48) {
      const [offset, mask] = alive.splice(rng.below(alive.length), 1)[0]!;
      expect(found.unmap(offset, mask)).toBe(mapped.unmap(offset, mask));
      continue;
    }
    const mask = [0, 0xfff, 0x7ff][rng.below(3)]!;
    const request = [rng.below(4), 0, rng.below(2 ** 30), 1 + rng.below(40_000), mask, 0, 0] as const;
    const offset = mapped.map(...request);
    expect(found.find(...request)).toBe(offset);
    found.takeFound();
    if (offset >= 0) alive.push([offset, mask]);
    expect([found.used, found.hiwater]).toEqual([mapped.used, mapped.hiwater]);
  }
  expect(mapped.hiwater).toBeGreaterThan(900);
});

test("what was found is taken once", () => {
  const pool = new Pool({ start: 0, slots: 256, areas: 1 });
  pool.find(0, 0, 0x1000, 4096, 0, 0, 0);
  pool.takeFound();
  pool.takeFound();
  expect(pool.used).toBe(2);
});
