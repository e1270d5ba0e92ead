/** Lists as one range: against what real kernels gave their devices, and against what must hold of any list. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { Rng } from "../../../../src/base/rng.js";
import { layOut, segmentsOf } from "../../../../src/sw/iommu/domain/joined_list.js";

const page = 4096;
const usual = { boundary: 2 ** 32, maxSegmentBytes: 65536 };

interface Recorded {
  readonly dma: number[];
  readonly sizes: number[];
  readonly phys: number[];
}

/** Lists of a recording; the sizes in it are those of segments. */
function recorded(name: string): Recorded[] {
  const text = gunzipSync(readFileSync(`fixtures/${name}/trace.txt.gz`)).toString();
  const form = /dma_map_sg: .*dma_addrs=\{([^}]*)\} sizes=\{([^}]*)\} phys_addrs=\{([^}]*)\}/g;
  const numbers = (said: string) => said.split(",").map(Number);
  return [...text.matchAll(form)].map(([, dma, sizes, phys]) => {
    return { dma: numbers(dma!), sizes: numbers(sizes!), phys: numbers(phys!) };
  });
}

/** The buffers' own sizes, where they can be told: one segment each, or all of them single pages. */
function buffersOf({ sizes, phys }: Recorded) {
  if (sizes.length === phys.length) return phys.map((at, n) => ({ phys: at, size: sizes[n]! }));
  const whole = sizes.reduce((sum, n) => sum + n, 0);
  const arePages = whole === phys.length * page && phys.every((at) => at % page === 0);
  return arePages ? phys.map((at) => ({ phys: at, size: page })) : null;
}

test.for([
  ["vtd-ats", 10, 6, 0],
  ["vtd-legacy-strict", 624, 4, 0],
  ["vtd-scalable", 111, 5, 60],
  ["amdvi", 109, 4, 1],
] as const)("%s: segments are the kernel's own", ([name, lists, several, merged]) => {
  const seen = { lists: 0, several: 0, merged: 0 };
  for (const list of recorded(name)) {
    const buffers = buffersOf(list);
    if (buffers === null) continue;
    const first = list.dma[0]! - (list.dma[0]! % page);
    const { pieces } = layOut(buffers, usual);
    const segments = segmentsOf(first, pieces, usual);
    expect(segments).toEqual(list.dma.map((bus, n) => ({ bus, size: list.sizes[n]! })));
    seen.lists++;
    if (list.phys.length > 1 && list.sizes.length === list.phys.length) seen.several++;
    if (list.sizes.length < list.phys.length) seen.merged++;
  }
  expect(seen.lists).toBeGreaterThanOrEqual(lists);
  expect([seen.several >= several, seen.merged >= merged, seen]).toEqual([true, true, seen]);
});

test("a page's rest, an offset, a limit and a boundary end a segment", () => {
  const of = (buffers: { phys: number; size: number }[], limits = usual) =>
    segmentsOf(0x10000, layOut(buffers, limits).pieces, limits).map((s) => [s.bus, s.size]);
  const [a, b] = [
    { phys: 0x5000, size: page },
    { phys: 0x9000, size: page },
  ];
  expect(of([a, b])).toEqual([[0x10000, 2 * page]]);
  expect(of([{ phys: 0x5000, size: page - 4 }, b])).toEqual([
    [0x10000, page - 4],
    [0x11000, page],
  ]);
  expect(of([a, { phys: 0x9004, size: 16 }])).toEqual([
    [0x10000, page],
    [0x11004, 16],
  ]);
  expect(of([{ phys: 0x5010, size: page - 16 }, b])).toEqual([[0x10010, 2 * page - 16]]);
  expect(of([a, b], { ...usual, maxSegmentBytes: 2 * page - 1 }).length).toBe(2);
  const tight = { boundary: 0x4000, maxSegmentBytes: 65536 };
  expect(of([a, a, a, a, b], tight)).toEqual([
    [0x10000, 0x4000],
    [0x14000, page],
  ]);
  // Three pages would cross it behind two: they begin behind it, and the second buffer's mapping is two pages longer.
  const { pieces, bytes } = layOut([a, a, { phys: 0x20000, size: 3 * page }], tight);
  expect([pieces.map((p) => [p.at, p.bytes]), bytes]).toEqual([
    [
      [0, page],
      [page, 3 * page],
      [4 * page, 3 * page],
    ],
    7 * page,
  ]);
});

test("any list: pieces lie one behind the other, segments hold all bytes and cross no boundary", () => {
  const rng = new Rng(7);
  for (let run = 0; run < 3000; run++) {
    const limits = { boundary: page * 2 ** (1 + rng.below(5)), maxSegmentBytes: page * (1 + rng.below(16)) };
    const buffers = Array.from({ length: 1 + rng.below(9) }, () => {
      const phys = rng.below(64) * page + (rng.below(2) === 0 ? 0 : rng.below(page));
      return { phys, size: 1 + rng.below(Math.min(limits.boundary - (phys % page), 3 * page)) };
    });
    const { pieces, bytes } = layOut(buffers, limits);
    let at = 0;
    for (const [n, p] of pieces.entries()) {
      expect([p.at, p.bytes % page, p.phys + p.inside, p.size]).toEqual([at, 0, buffers[n]!.phys, buffers[n]!.size]);
      at += p.bytes;
    }
    expect(bytes).toBe(at);
    const first = 2 ** Math.ceil(Math.log2(bytes)) * (1 + rng.below(9));
    const segments = segmentsOf(first, pieces, limits);
    expect(segments.reduce((sum, s) => sum + s.size, 0)).toBe(buffers.reduce((sum, b) => sum + b.size, 0));
    for (const { bus, size } of segments)
      expect(Math.floor(bus / limits.boundary)).toBe(Math.floor((bus + size - 1) / limits.boundary));
  }
});
