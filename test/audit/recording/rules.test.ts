/** Each rule of the DMA API on recordings written by hand: broken, and kept. */
import { expect, test } from "vitest";
import { rules } from "../../../src/audit/index.js";
import { both, none, Trail, toDevice } from "./trail.js";

const late = 1e6;
const A = { dma: 0x10000, phys: 0x70000 },
  B = { dma: 0x10000, phys: 0x90000 };
const failed = -1;

/** Rule, what is recorded, and the counts expected. */
const rows: readonly (readonly [string, Trail, Record<string, number>])[] = [
  ["mapped and unmapped", new Trail().map(10).unmap(20), {}],
  ["unmapped twice", new Trail().map(10).unmap(20).unmap(late), { "double-unmap": 1 }],
  ["unmapped twice, mapped again long after", new Trail().map(10).unmap(20).unmap(30).map(late), { "double-unmap": 1 }],
  ["an unknown address is unmapped", new Trail().unmap(10).wait(late), {}],
  ["another device's address is unmapped", new Trail().map(10).unmap(20).unmap(late, { device: "b" }), {}],
  [
    "the same buffer mapped twice, unmapped twice",
    new Trail()
      .map(10, { dma: 0x70000, direction: toDevice })
      .map(11, { dma: 0x70000, direction: toDevice })
      .unmap(20, { dma: 0x70000, direction: toDevice })
      .unmap(21, { dma: 0x70000, direction: toDevice })
      .wait(late),
    {},
  ],
  ["freed twice", new Trail().alloc(10).free(20).free(late), { "double-unmap": 1 }],
  [
    "a list unmapped twice",
    new Trail()
      .mapList(10, { dma: [0x1000], phys: [0x7000] })
      .unmapList(20, { phys: [0x7000] })
      .unmapList(late, { phys: [0x7000] }),
    { "double-unmap": 1 },
  ],
  ["clocks differ: unmap before its map", new Trail().map(10).unmap(20).unmap(30).map(31).wait(late), {}],
  ["events were lost in between", new Trail().map(10).unmap(20).lost(25).unmap(30).wait(late), {}],

  ["another size", new Trail().map(10).unmap(20, { size: 512 }), { "unmap-size": 1 }],
  ["another size of an allocation", new Trail().alloc(10).free(20, { size: 512 }), { "unmap-size": 1 }],
  ["another direction", new Trail().map(10).unmap(20, { direction: toDevice }), { "unmap-direction": 1 }],
  ["direction of an allocation means nothing", new Trail().alloc(10, { direction: 1 }).free(20, { direction: 2 }), {}],
  [
    "two sizes at one address, each unmapped as mapped",
    new Trail()
      .map(10, { direction: toDevice })
      .map(11, { direction: toDevice, size: 512 })
      .unmap(20, { direction: toDevice, size: 512 })
      .unmap(21, { direction: toDevice }),
    {},
  ],
  ["mapped singly, freed as an allocation", new Trail().map(10).free(20), { "unmap-kind": 1 }],
  ["allocated, unmapped as a mapping", new Trail().alloc(10).unmap(20), { "unmap-kind": 1 }],
  ["mapped singly, unmapped as a list", new Trail().map(10).unmapList(20, { phys: [0x70000] }), { "unmap-kind": 1 }],
  [
    "mapped as a list, unmapped singly",
    new Trail().mapList(10, { dma: [0x10000], phys: [0x70000] }).unmap(20),
    { "unmap-kind": 1 },
  ],
  [
    "a list, as mapped",
    new Trail()
      .mapList(10, { dma: [0x1000, 0x3000], phys: [0x7000, 0x9000] })
      .unmapList(20, { phys: [0x7000, 0x9000] }),
    {},
  ],
  [
    "a list with fewer entries",
    new Trail().mapList(10, { dma: [0x1000, 0x3000], phys: [0x7000, 0x9000] }).unmapList(20, { phys: [0x7000] }),
    { "unmap-entries": 1 },
  ],
  [
    "a list in another direction",
    new Trail().mapList(10, { dma: [0x1000], phys: [0x7000] }).unmapList(20, { phys: [0x7000], direction: toDevice }),
    { "unmap-direction": 1 },
  ],
  [
    "an IOMMU joined the list's pieces",
    new Trail()
      .mapList(10, { dma: [0x1000], size: [8192], phys: [0x7000, 0x9000] })
      .unmapList(20, { phys: [0x7000, 0x9000] }),
    {},
  ],
  [
    "the value of a failed mapping is unmapped",
    new Trail().map(10, { dma: failed }).unmap(20, { dma: failed }),
    { "unmap-error-value": 1 },
  ],
  ["a mapping fails", new Trail().map(10, { dma: failed }), {}],

  [
    "two memories behind one address",
    new Trail().map(10, A).map(20, B).unmap(late).unmap(late),
    { "map-over-live": 1 },
  ],
  [
    "the unmap event comes a little late",
    new Trail()
      .map(10, A)
      .map(20, B)
      .unmap(25)
      .wait(late)
      .unmap(2 * late),
    {},
  ],
  [
    "another device uses the same address",
    new Trail()
      .map(10, A)
      .map(20, { ...B, device: "b" })
      .unmap(late)
      .unmap(late, { device: "b" }),
    {},
  ],
  [
    "mapped with direction NONE",
    new Trail().map(10, { direction: none }).unmap(20, { direction: none }),
    { "map-direction": 1 },
  ],

  [
    "two mappings of the same bytes, the older alive until long after",
    new Trail().map(10).map(20, { dma: 0x30000, phys: 0x70800 }).unmap(late),
    { overlap: 1 },
  ],
  [
    "the same, the older never seen to end, where ends of this kind are recorded",
    new Trail()
      .map(10)
      .map(20, { dma: 0x30000, phys: 0x70800 })
      .unmap(late, { dma: 0x30000 })
      .wait(2 * late),
    { overlap: 1 },
  ],
  [
    "the same, where its end may have left no event",
    new Trail("7.2.0")
      .map(10, { dma: 0x70000 })
      .map(20, { dma: 0x70800, phys: 0x70800 })
      .unmap(late, { dma: 0x70800 })
      .wait(2 * late),
    {},
  ],
  [
    "the same, where no end of its kind is recorded",
    new Trail().map(10).map(20, { dma: 0x30000, phys: 0x70800 }).wait(late),
    {},
  ],
  ["the very same mapping twice at once", new Trail().map(10).map(20).unmap(late).unmap(late), { overlap: 1 }],
  [
    "the very same mapping twice, one end seen",
    new Trail()
      .map(10)
      .map(20)
      .unmap(late)
      .wait(2 * late),
    {},
  ],
  [
    "an address mapped again and again whose first end is missing",
    new Trail()
      .map(10, A)
      .map(late, B)
      .unmap(2 * late)
      .map(3 * late, B)
      .unmap(4 * late)
      .wait(5 * late),
    {},
  ],
  [
    "the same, mapped for other sizes in between",
    new Trail()
      .map(10, { ...A, size: 64 })
      .map(late, { ...B, size: 64 })
      .unmap(late + 1000, { size: 64 })
      .map(2 * late, { ...A, size: 1522 })
      .unmap(3 * late, { size: 1522 })
      .map(4 * late, { ...B, size: 64 })
      .unmap(4 * late + 1000, { size: 64 })
      .wait(5 * late),
    {},
  ],
  [
    "a list whose memory is mapped again, the first one's end not seen where it would be recorded",
    new Trail()
      .mapList(10, { dma: [0x1000], phys: [0x7000] })
      .mapList(late, { dma: [0x1000], phys: [0x7000] })
      .unmapList(2 * late, { phys: [0x7000] })
      .wait(3 * late),
    { overlap: 1 },
  ],
  [
    "a list mapped twice at once",
    new Trail()
      .mapList(10, { dma: [0x1000], phys: [0x7000] })
      .mapList(20, { dma: [0x1000], phys: [0x7000] })
      .unmapList(late, { phys: [0x7000] })
      .unmapList(2 * late, { phys: [0x7000] }),
    { overlap: 1 },
  ],
  [
    "the same, read only by the devices",
    new Trail()
      .map(10, { direction: toDevice })
      .map(20, { dma: 0x30000, phys: 0x70800, direction: toDevice })
      .unmap(late, { direction: toDevice }),
    {},
  ],
  [
    "the same, syncs are left to the driver",
    new Trail()
      .map(10)
      .map(20, { dma: 0x30000, phys: 0x70800, attrs: 1 << 5 })
      .unmap(late),
    {},
  ],
  [
    "the same, one after the other",
    new Trail().map(10).unmap(15).map(20, { dma: 0x30000, phys: 0x70800 }).wait(late),
    {},
  ],
  [
    "neighbours in a page",
    new Trail()
      .map(10, { size: 1024 })
      .map(20, { dma: 0x30000, phys: 0x70400, size: 1024 })
      .unmap(late, { size: 1024 }),
    {},
  ],
  [
    "neighbours in a cache line",
    new Trail().map(10, { size: 16 }).map(20, { dma: 0x30000, phys: 0x70010, size: 16 }).unmap(late, { size: 16 }),
    {},
  ],
  [
    "long mappings that share their last page",
    new Trail().map(10, { size: 0x3000 }).map(20, { dma: 0x30000, phys: 0x72000 }).unmap(late, { size: 0x3000 }),
    { overlap: 1 },
  ],
  [
    "the same two pages twice are one finding",
    new Trail().map(10, { size: 0x2000 }).map(20, { dma: 0x30000, size: 0x2000 }).unmap(late, { size: 0x2000 }),
    { overlap: 1 },
  ],

  ["a bounce buffer of 256 KiB", new Trail().bounced(10, { size: 262144 }), {}],
  ["a bounce buffer of more", new Trail().bounced(10, { size: 262145 }), { "bounce-size": 1 }],

  ["synced as mapped", new Trail().map(10).forCpu(20).forDevice(30).unmap(40), {}],
  ["part of it is synced", new Trail().map(10, { size: 65536 }).forCpu(20, { dma: 0x18000, size: 512 }), {}],
  ["synced beyond the end", new Trail().map(10).forCpu(20, { dma: 0x10f00, size: 512 }), { "sync-outside": 1 }],
  ["synced after the unmap", new Trail().map(10).unmap(20).forCpu(30), { "sync-unmapped": 1 }],
  ["synced, never seen mapped", new Trail().forCpu(30), {}],
  ["the value of a failed mapping is synced", new Trail().forCpu(30, { dma: failed }), { "sync-error-value": 1 }],
  [
    "mapped both ways, synced any way",
    new Trail().map(10, { direction: both }).forCpu(20).forDevice(30, { direction: toDevice }),
    {},
  ],
  ["synced as both ways, mapped for one", new Trail().map(10).forCpu(20, { direction: both }), { "sync-direction": 1 }],
  [
    "to the device; synced for the CPU as such",
    new Trail().map(10, { direction: toDevice }).forCpu(20, { direction: toDevice }),
    {},
  ],
  [
    "to the device; synced for the CPU as from it",
    new Trail().map(10, { direction: toDevice }).forCpu(20),
    { "sync-for-cpu": 1 },
  ],
  [
    "from the device; synced for it as to it",
    new Trail().map(10).forDevice(20, { direction: toDevice }),
    { "sync-for-device": 1 },
  ],
  [
    "a list is synced as mapped",
    new Trail()
      .mapList(10, { dma: [0x1000, 0x3000], phys: [0x7000, 0x9000] })
      .listForCpu(20, { dma: [0x1000, 0x3000] }),
    {},
  ],
  [
    "a list is synced with fewer entries",
    new Trail().mapList(10, { dma: [0x1000, 0x3000], phys: [0x7000, 0x9000] }).listForCpu(20, { dma: [0x1000] }),
    { "sync-entries": 1 },
  ],
];

test.each(rows)("%s", (_name, trail, expected) => {
  expect(trail.rules()).toEqual(expected);
});

/** More rows of the same kind: the edges of the rules. */
const edges: typeof rows = [
  [
    "a list that an IOMMU joined is synced as it is",
    new Trail()
      .mapList(10, { dma: [0x1000], size: [8192], phys: [0x7000, 0x9000] })
      .listForCpu(20, { dma: [0x1000], size: [8192] }),
    {},
  ],
  [
    "synced far inside a long mapping, beyond its end",
    new Trail().map(10, { size: 65536 }).forCpu(20, { dma: 0x1f000, size: 8192 }),
    { "sync-outside": 1 },
  ],
  [
    "one may be written by the device, the other only read",
    new Trail().map(10).map(20, { dma: 0x30000, phys: 0x70800, direction: toDevice }).unmap(late),
    {},
  ],
  [
    "long mappings, one beginning in the other's last page",
    new Trail()
      .map(10, { size: 0x2800 })
      .map(20, { dma: 0x30000, phys: 0x72400, size: 0x3000 })
      .unmap(late, { size: 0x2800 }),
    { overlap: 1 },
  ],
];

test.each(edges)("%s", (_name, trail, expected) => {
  expect(trail.rules()).toEqual(expected);
});

test("every rule that the audit knows is fired by a row", () => {
  const fired = new Set(rows.flatMap(([, , expected]) => Object.keys(expected)));
  // What is proven by invalidations has tests of its own.
  expect(Object.keys(rules).filter((rule) => !fired.has(rule))).toEqual([
    ...["reuse-before-flush", "domain-change-order", "domain-number-again"],
  ]);
});

test("a list whose entry was unmapped singly is still there for its own unmap", () => {
  const trail = new Trail().mapList(10, { dma: [0x10000, 0x20000], phys: [0x70000, 0x90000] }).unmap(20);
  const result = trail
    .unmapList(30, { phys: [0x70000, 0x90000] })
    .wait(late)
    .result();
  expect(result.violationTotals).toEqual([{ rule: "unmap-kind", count: 1 }]);
  expect(result.alive).toEqual([]);
  expect(result.counts.before).toBe(0);
});

test("a buffer mapped twice where bus addresses are physical stays allowed, however long", () => {
  const twice = { dma: 0x70000, direction: toDevice };
  expect(
    new Trail()
      .map(10, twice)
      .map(20, twice)
      .wait(late)
      .unmap(2 * late, twice)
      .unmap(3 * late, twice)
      .rules(),
  ).toEqual({});
});

test("a list of 200 entries is joined although its map event shows 128", () => {
  const phys = Array.from({ length: 200 }, (_, k) => 0x100000 + k * 8192);
  const dma = phys.map((p) => p + 2 ** 33);
  const trail = new Trail().mapList(10, { dma: dma.slice(0, 128), phys: phys.slice(0, 128), total: 200 });
  const result = trail.unmapList(20, { phys }).wait(late).result();
  expect(result.violationTotals).toEqual([]);
  expect(result.alive).toEqual([]);
  expect(result.counts.before).toBe(0);
});

test("two that begin in one cache line are noted: whether it does harm is the machine's to say", () => {
  const trail = new Trail().map(10, { size: 16 }).map(20, { dma: 0x30000, phys: 0x70010, size: 16 });
  const { notes } = trail.unmap(late, { size: 16 }).result();
  expect(notes.join()).toMatch(/^1 times two mappings.*one cache line/);
});

test("a violation names both mappings, the device and the time", () => {
  const trail = new Trail().map(7_000_010, A).map(8_000_020, B).unmap(9e6).unmap(10e6);
  const [violation] = trail.result().violations;
  expect(violation).toMatchObject({ rule: "map-over-live", device: "0000:00:03.0", time: 8.00002 });
  for (const part of ["0x90000", "mapped at 8.000020 s", "0x70000", "mapped at 7.000010 s", "FROM_DEVICE"]) {
    expect(violation!.detail).toContain(part);
  }
});

test("what was mapped before the recording is counted and noted, not accused", () => {
  const result = new Trail()
    .unmap(10)
    .free(11, { dma: 0x5000 })
    .unmapList(12, { phys: [0x7000] })
    .forCpu(13, { dma: 0x9000 })
    .result();
  expect(result.counts.before).toBe(4);
  expect(result.violations).toEqual([]);
  expect(result.notes[0]).toMatch(/^4 unmaps/);
});

test("words are kept for some, all are counted", () => {
  const trail = new Trail();
  for (let i = 0; i < 500; i++)
    trail
      .map(i * 10, { dma: 0x10000 + i * 4096, phys: 0x700000 + i * 4096 })
      .unmap(i * 10 + 5, { dma: 0x10000 + i * 4096, size: 1 });
  const result = trail.result();
  expect(result.violationTotals).toEqual([{ rule: "unmap-size", count: 500 }]);
  expect(result.violations.length).toBe(20);
});

test("more suspicions than can wait are judged early, not lost", () => {
  const trail = new Trail();
  const at = (i: number) => ({ dma: 2 ** 32 + i * 65536, phys: 2 ** 33 + i * 65536 });
  for (let i = 0; i < 3000; i++) trail.map(1, at(i)).unmap(2, at(i)).unmap(3, at(i));
  const { violationTotals, counts } = trail.result();
  // What was unmapped lately is kept in a table of fixed size: a few are forgotten, and then count as unknown.
  expect(violationTotals[0]!.count + counts.before).toBe(3000);
  expect(counts.before).toBeLessThan(150);
});

test("events without numbers do no harm", () => {
  const nan = { dma: Number.NaN, phys: Number.NaN, size: Number.NaN, direction: 255 };
  const trail = new Trail()
    .map(10, nan)
    .map(11, { ...nan, dma: 0x1000 })
    .unmap(12, nan)
    .forCpu(13, nan)
    .alloc(14, nan);
  trail
    .bounced(15, nan)
    .map(Number.NaN)
    .map(Number.POSITIVE_INFINITY)
    .unmap(2 ** 60, { ...nan, dma: 0x1000 });
  trail
    .mapList(20, { dma: [], phys: [] })
    .unmapList(21, { phys: [] })
    .map(22, { size: 2 ** 63, dma: 2 ** 63, phys: 2 ** 63 });
  expect(() => trail.result()).not.toThrow();
});
