/** The true order of racing CPUs, found from the addresses alone. */
import { describe, expect, test } from "vitest";
import { racingKernel } from "./racing_kernel.js";
import { replayed } from "./replayed.js";

const log = (o: { slots: number; areas: number; cpus: number }) => ({
  kernel: "7.2.0",
  swiotlb: `${o.slots},${o.areas},force`,
  cpus: o.cpus,
  areas: o.areas,
  pool: { from: 0x3e300000, to: 0x3e300000 + o.slots * 2048 },
  drivers: new Map(),
});

const shapes = [
  { cpus: 2, slots: 512, areas: 1, lists: false },
  { cpus: 2, slots: 512, areas: 2, lists: false },
  { cpus: 3, slots: 1024, areas: 4, lists: false },
  { cpus: 4, slots: 256, areas: 2, lists: false },
  { cpus: 2, slots: 512, areas: 2, lists: true },
];

describe.each(shapes)("$cpus CPUs, $slots slots, $areas areas, lists: $lists", (shape) => {
  for (const seed of [1, 2, 3]) {
    test(`nearly every address is predicted (seed ${seed})`, async () => {
      const kernel = racingKernel({ ...shape, seed, calls: 600 });
      const o = await replayed(kernel.text, { log: log(shape), settings: [] });
      expect(o.exact.compared).toBe(kernel.granted);
      expect(o.maps.failed).toBe(kernel.refused);
      expect(o.exact.equal / o.exact.compared).toBeGreaterThanOrEqual(0.99);
      if (kernel.refused > 0) expect(o.exact.refusals.equal / kernel.refused).toBeGreaterThan(0.9);
    });
  }
});

test("the recording's own order is not the order of the searches: something had to be moved", async () => {
  const shape = { cpus: 4, slots: 512, areas: 1, lists: false };
  const kernel = racingKernel({ ...shape, seed: 9, calls: 400 });
  const o = await replayed(kernel.text, { log: log(shape), settings: [] });
  expect(o.exact.reordered).toBeGreaterThan(10);
});
