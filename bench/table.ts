/**
 * Page tables: one walk, and ten million leaves from a table to ranges, beside the plain reading of the same bytes.
 *
 * The table is VT-d's second stage over 40 GiB in pages of 4 KiB: once as runs of 64 pages, as drivers and allocators
 * make them, once with every page somewhere else, so that nothing merges. Walks are to random pages of a smaller table
 * that stays in the processor's caches.
 */
import { Rng } from "../src/base/index.js";
import { FlatMemory } from "../src/mem/index.js";
import { enumerate, FrameSource, Mapper, planOf, Ranges, type TableRoot, Troubles, walk } from "../src/table/index.js";
import type { Row } from "./row.js";

const root: TableRoot = {
  format: "vtd-ss",
  address: 0x1000,
  level: 3,
  inputBits: 48,
  upper: "zero",
  outputBits: 46,
  allow: 3,
};

interface Table {
  readonly words: Uint32Array;
  readonly pageCount: number;
}

export async function bench(o: { smoke: boolean }): Promise<Row[]> {
  const pageCount = o.smoke ? 100_000 : 10_000_000;
  const rounds = o.smoke ? 2 : 7;
  const rows = walks(o.smoke ? 20_000 : 2_000_000, rounds);
  for (const [what, runPages] of [
    ["runs of 64", 64],
    ["no two together", 1],
  ] as const) {
    const table = build(pageCount, runPages);
    const plain = least(rounds, () => sum(table.words));
    const ranges = new Ranges();
    const all = least(rounds, () => {
      ranges.clear();
      const done = enumerate(FrameSource.flat(table.words), root, ranges, new Troubles());
      if (!done.complete || ranges.leafCount !== pageCount) throw new Error(`${ranges.leafCount} leaves were found`);
    });
    const bytes = table.words.byteLength;
    rows.push({
      what: `table of ${pageCount} leaves to ranges, ${what}`,
      measured: `${(pageCount / all / 1e3).toFixed(0)} M/s`,
      target: "near the rate of reading",
      note: `${(bytes / all / 1e6).toFixed(1)} GB/s; ${ranges.count} ranges; plain sum of the words ${(bytes / plain / 1e6).toFixed(1)} GB/s`,
    });
  }
  return rows;
}

/** Walks over a table in one piece, and over one whose frames are scattered arrays. */
function walks(count: number, rounds: number): Row[] {
  const { words, pageCount } = build(8192, 1);
  const frames = Array.from({ length: words.length / 1024 }, (_, m) => words.slice(m * 1024, (m + 1) * 1024));
  const rng = new Rng(4);
  const at = Float64Array.from({ length: 8192 }, () => rng.below(pageCount));
  const plan = planOf(root);
  return (
    [
      ["in one piece", FrameSource.flat(words)],
      ["in frames of their own", new FrameSource({ frame: (m) => frames[m] })],
    ] as const
  ).map(([what, memory]) => {
    let found = 0;
    const time = least(rounds, () => {
      found = 0;
      for (let i = 0; i < count; i++) if (walk(plan, memory, root.address, at[i & 8191]!, 1) >= 0) found++;
    });
    if (found !== count) throw new Error(`${found} of ${count} walks arrived`);
    return {
      what: `one walk of 4 levels, tables ${what}`,
      measured: `${((time * 1e6) / count).toFixed(1)} ns`,
      target: "<= 30 ns",
    };
  });
}

/** Pages from input 0 on; runs of `runPages` lie together. */
function build(pageCount: number, runPages: number): Table {
  const tableCount = Math.ceil(pageCount / 512) + Math.ceil(pageCount / 512 ** 2) + 8;
  const words = new Uint32Array(tableCount * 1024);
  let next = 2;
  const mapper = new Mapper(new FlatMemory(words), root, (frames) => (next += frames) - frames, {
    superpages: false,
  });
  for (let page = 0; page < pageCount; page += runPages) {
    const bytes = Math.min(runPages, pageCount - page) * 4096;
    // An odd multiplier visits every run once; neighbours end up far from each other.
    const run = ((page / runPages) * 0x9e3779) % 2 ** 24;
    // Above 4 GiB, where no interrupt range is.
    mapper.map(page * 4096, 2 ** 32 + run * runPages * 4096, bytes, 3);
  }
  return { words: words.subarray(0, next * 1024), pageCount };
}

function sum(words: Uint32Array): number {
  let total = 0;
  for (let w = 0; w < words.length; w++) total = (total + words[w]!) | 0;
  return total;
}

/** The least processor time of several rounds, in milliseconds. */
function least(rounds: number, run: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds; i++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}
