/** Whole outcomes of small recordings of many kinds, each with logs that know more or less of the machine. */
import { expect, test } from "vitest";
import type { LogFacts } from "../../src/lab/replay/machine/log_facts.js";
import type { Setting } from "../../src/lab/replay/other_pools/setting.js";
import { replayed } from "./replayed.js";
import { poolStart, type Varied, variedKernel } from "./varied_kernel.js";

const drivers = new Map([
  ["0000:00:03.0", "e1000"],
  ["0000:01:00.0", "nvme"],
  ["0000:02:00.0", "8139too"],
]);

const logOf = ({ slots, areas, cpus, natural }: Varied, more: Partial<LogFacts> = {}): LogFacts => ({
  kernel: "7.2.0",
  swiotlb: `${slots},${areas}${natural === true ? "" : ",force"}`,
  cpus,
  areas,
  pool: { from: poolStart, to: poolStart + slots * 2048 },
  drivers,
  ...more,
});

const plain: Varied = { seed: 1, calls: 50, slots: 512, areas: 1, cpus: 2 };
const full = (time: number, device: string, size: number, used: number | null) => ({
  time,
  device,
  size,
  total: used === null ? null : 512,
  used,
});

/** What is recorded, and what the log tells; null where there is none. */
const rows: readonly (readonly [string, Varied, Partial<LogFacts> | null])[] = [
  ["all is as it should be", plain, {}],
  ["no log", { ...plain, seed: 2, calls: 30 }, null],
  ["no log, two areas", { ...plain, seed: 3, areas: 2 }, null],
  ["odd", { ...plain, seed: 4, odd: 8 }, {}],
  ["odd, four CPUs and areas", { ...plain, seed: 5, odd: 8, areas: 4, cpus: 4, slots: 1024 }, {}],
  ["very odd", { ...plain, seed: 6, odd: 25 }, {}],
  ["very odd, no log", { ...plain, seed: 7, odd: 25 }, null],
  ["a pool that fills", { ...plain, seed: 8, slots: 256, ends: 3 }, {}],
  ["a pool that fills, odd", { ...plain, seed: 9, slots: 256, ends: 3, odd: 6 }, {}],
  ["a pool that fills, no log", { ...plain, seed: 10, slots: 256, ends: 3 }, null],
  ["nothing ends", { ...plain, seed: 11, ends: 0, calls: 40 }, {}],
  ["only what cannot be reached bounces", { ...plain, seed: 12, natural: true }, {}],
  ["only what cannot be reached, odd", { ...plain, seed: 13, natural: true, odd: 10 }, {}],
  ["only what cannot be reached, no log", { ...plain, seed: 14, natural: true }, null],
  ["dma events only, no IOMMU", { ...plain, seed: 15, only: "dma" }, { iommus: [] }],
  ["dma events only, VT-d", { ...plain, seed: 16, only: "dma" }, { iommus: ["vtd"] }],
  ["dma events only, AMD-Vi", { ...plain, seed: 17, only: "dma" }, { iommus: ["amdvi"] }],
  [
    "dma events only, AMD-Vi passing",
    { ...plain, seed: 18, only: "dma" },
    { iommus: ["amdvi"], iommuDefault: "Passthrough" },
  ],
  ["dma events only, the IOMMU is not known", { ...plain, seed: 19, only: "dma" }, {}],
  ["dma events only, no log", { ...plain, seed: 20, only: "dma" }, null],
  ["dma events only, odd", { ...plain, seed: 21, only: "dma", odd: 10, natural: true }, { iommus: [] }],
  ["searches only", { ...plain, seed: 22, only: "swiotlb" }, {}],
  [
    "searches only, and what the log says of refusals",
    { ...plain, seed: 22, only: "swiotlb" },
    {
      refusals: [
        full(1_000_500, "0000:00:03.0", 4096, 512),
        full(1_001_500, "0000:01:00.0", 8192, 500),
        full(1_002_000, "0000:02:00.0", 2048, null),
      ],
      refusalsSuppressed: 3,
    },
  ],
  ["searches only, no log", { ...plain, seed: 23, only: "swiotlb", odd: 10 }, null],
  ["lists longer than their events", { ...plain, seed: 31, shown: 2 }, {}],
  [
    "lists longer than their events, odd, in a pool that fills",
    { ...plain, seed: 32, shown: 1, slots: 256, ends: 3, odd: 6 },
    {},
  ],
  ["lists longer than their events, no log", { ...plain, seed: 33, shown: 1, calls: 40 }, null],
  ["another driver", { ...plain, seed: 24 }, { drivers: new Map([["0000:00:03.0", "ata_piix"]]) }],
  ["no driver is known", { ...plain, seed: 25 }, { drivers: new Map() }],
  ["an older kernel", { ...plain, seed: 26 }, { kernel: "5.15.0" }],
  ["where the pool lies is not known", { ...plain, seed: 27 }, { pool: null }],
  ["how many areas is not known", { ...plain, seed: 28, areas: 2 }, { areas: null, swiotlb: "512,force" }],
  ["the setting is not known", { ...plain, seed: 29 }, { swiotlb: null, areas: null, cpus: null }],
  ["little memory", { ...plain, seed: 30 }, { memoryBytes: 2 ** 28 }],
];

test.each(rows)("%s", async (_name, varied, told) => {
  const outcome = await replayed(variedKernel(varied), { log: told === null ? null : logOf(varied, told) });
  expect(outcome.source.events).toBeGreaterThan(20);
});

/** What is recorded, the pool that it is replayed on instead, and those tried beside it. */
const others: readonly (readonly [string, Varied, Setting])[] = [
  ["a smaller pool", { ...plain, seed: 40, slots: 1024, ends: 3 }, { slots: 128, areas: 1, forced: true }],
  [
    "a smaller pool of more areas, odd",
    { ...plain, seed: 41, ends: 3, odd: 8 },
    { slots: 256, areas: 2, forced: true },
  ],
  [
    "a larger pool for one that fills",
    { ...plain, seed: 42, slots: 256, ends: 2 },
    { slots: 1024, areas: 1, forced: true },
  ],
  ["a larger pool, odd", { ...plain, seed: 43, slots: 256, ends: 2, odd: 8 }, { slots: 512, areas: 4, forced: true }],
  ["a pool that is not forced", { ...plain, seed: 44, odd: 3 }, { slots: 256, areas: 1, forced: false }],
  ["a forced pool for a natural one", { ...plain, seed: 45, natural: true }, { slots: 256, areas: 1, forced: true }],
  [
    "a forced pool for a natural one, odd",
    { ...plain, seed: 46, natural: true, odd: 8 },
    { slots: 512, areas: 2, forced: true },
  ],
];

test.each(others)("on %s", async (_name, varied, replacement) => {
  const settings = [replacement, { ...replacement, slots: 2 * replacement.slots }];
  const outcome = await replayed(variedKernel(varied), { log: logOf(varied), replacement, settings });
  expect(outcome.whatIf.length).toBe(2);
});
