import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { type Asked, type Full, whyFull } from "../../../src/sw/swiotlb/explain.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import type { PoolShape } from "../../../src/sw/swiotlb/pool_shape.js";
import { amount } from "../../tier.js";

const plain: Asked = { cpu: 0, orig: 0x1_0000_0000, size: 4096, minAlignMask: 0, allocAlignMask: 0, boundarySlots: 0 };

/** A pool of which only `free` slots are free. */
function poolWith(free: readonly number[], shape: Partial<PoolShape> = {}): Pool {
  const pool = new Pool({ start: 0x7000_0000, slots: 128, areas: 1, ...shape });
  for (let slot = 0; slot < pool.slots; slot++) if (!free.includes(slot)) pool.place(slot * 2048, 1, 0, 2048, 0, 0);
  return pool;
}

const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

type Row = readonly [what: string, pool: Pool | null, asked: Partial<Asked>, got: Partial<Full> | null];

const rows: readonly Row[] = [
  ["there is no pool", null, {}, { reason: "absent" }],
  ["a request that is served", poolWith(range(0, 128)), {}, null],
  ["more than a slot set", poolWith(range(0, 128)), { size: 262145 }, { reason: "too-large", slots: 0, free: 128 }],
  [
    "a slot set that begins with an odd slot",
    poolWith(range(0, 128)),
    { size: 261000, orig: 0x1_0000_0800, minAlignMask: 0xfff },
    { reason: "too-large", slots: 128, longestRun: 128 },
  ],
  ["fewer free slots than it needs", poolWith([3]), {}, { reason: "exhausted", slots: 2, free: 1, longestRun: 1 }],
  ["no two free slots in a row", poolWith([2, 4, 6]), {}, { reason: "fragmented", free: 3, longestRun: 1 }],
  ["a run across the slot set", poolWith([127, 128], { slots: 256 }), {}, { reason: "fragmented", longestRun: 1 }],
  ["a run of two that no page begins", poolWith([3, 4]), {}, { reason: "alignment", longestRun: 2, passedOver: -1 }],
  [
    "a run at the start of a slot set, behind one at the end of another",
    poolWith([127, 128, 129], { slots: 256 }),
    { size: 4000, orig: 0x1_0000_0800, minAlignMask: 0xfff },
    { reason: "alignment", longestRun: 2 },
  ],
  ["a run of two in a page", poolWith([4, 5]), {}, null],
  [
    "two runs, both across the boundary",
    poolWith([7, 8, 15, 16]),
    { size: 4000, boundarySlots: 8 },
    { reason: "boundary", longestRun: 2 },
  ],
  [
    "a slot in each area",
    poolWith([2, 130], { slots: 256, areas: 2 }),
    {},
    { reason: "area", slots: 2, free: 2, longestRun: 1 },
  ],
  [
    "a mask wider than the pool has places for",
    poolWith(range(0, 128)),
    { orig: 0x1_0008_0000, minAlignMask: 0xf_ffff },
    { reason: "alignment" },
  ],
];

for (const [what, pool, asked, got] of rows) {
  test(what, () => {
    const why = whyFull(pool, { ...plain, ...asked });
    if (got === null) expect(why).toBeNull();
    else expect(why).toMatchObject(got);
  });
}

test("a place that the stride passes over is named", () => {
  // A buffer at address 0 is filtered by no mask here, but the walk goes in steps of two slots from the index.
  const pool = poolWith([5]);
  pool.setAreaIndex(0, 0);
  const asked = { ...plain, orig: 0, size: 2048, minAlignMask: 0xfff };
  expect(whyFull(pool, asked)).toMatchObject({ reason: "alignment", passedOver: 5 });
  pool.setAreaIndex(0, 1);
  expect(whyFull(pool, asked)).toBeNull();
});

test("each reason is true of the pool, in random states", () => {
  const rng = new Rng(20);
  const seen = new Map<string, number>();
  for (let round = 0; round < amount(1000, 3000); round++) {
    const slots = 128 * (1 + rng.below(4));
    const density = 1 + rng.below(60);
    const pool = poolWith(
      range(0, slots).filter(() => rng.below(60) >= density),
      { slots, areas: 1 + rng.below(slots / 128) },
    );
    const pick = (from: readonly number[]) => from[rng.below(from.length)]!;
    const asked = {
      cpu: rng.below(4),
      orig: rng.below(2 ** 32),
      size: 1 + rng.below(pick([4096, 16384, 65536, 262144])),
      minAlignMask: pick([0, 0xfff, 0x3fff]),
      allocAlignMask: pick([0, 0, 0xfff]),
      boundarySlots: pick([0, 0, 8, 32]),
    };
    const why = whyFull(pool, asked);
    if (why === null) continue;
    seen.set(why.reason, (seen.get(why.reason) ?? 0) + 1);
    let longest = 0;
    for (let slot = 0; slot < slots; slot++) longest = Math.max(longest, pool.freeRun(slot));
    expect([why.longestRun, why.free]).toEqual([longest, slots - pool.used]);
    if (why.reason === "exhausted") expect(why.slots).toBeGreaterThan(why.free);
    if (why.reason === "alignment" || why.reason === "boundary") expect(longest).toBeGreaterThanOrEqual(why.slots);
    if (why.reason === "fragmented" && pool.areas === 1) expect(longest).toBeLessThan(why.slots);
    const roomy = range(0, pool.areas).some((a) => pool.areaSlots - pool.usedOf(a) >= why.slots);
    if (why.reason === "area") expect(roomy).toBe(false);
    if (why.reason === "boundary") expect(whyFull(pool, { ...asked, boundarySlots: 0 })?.reason).not.toBe("boundary");
  }
  expect([...seen.keys()].sort()).toEqual(["alignment", "area", "boundary", "exhausted", "fragmented", "too-large"]);
});
