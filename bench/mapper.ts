/**
 * Page tables as they are changed: map, unmap and translate in each unit's format beside the plain twin in one run, and what
 * a mapping costs in tables of 10^4 to 10^7 pages.
 *
 * Both work in words of one array, on the same requests, and must leave the same words behind.
 */
import { Rng } from "../src/base/rng.js";
import { FlatMemory } from "../src/mem/index.js";
import { EntryComposer } from "../src/table/compose.js";
import { formats, Mapper, planOf, type TableRoot } from "../src/table/index.js";
import { Kind } from "../src/table/plan.js";
import { kindOf } from "../src/table/walk.js";
import { type PlainFormat, PlainTable } from "./plain_table.js";
import type { Row } from "./row.js";

export const mapperFormats = ["vtd-ss", "vtd-fs", "smmu-s1-4k", "smmu-s2-4k", "amdvi-v1"] as const;
type Format = (typeof mapperFormats)[number];

const rootOf = (format: Format): TableRoot => ({
  ...{ format, address: 0x1000, level: 3, inputBits: 48, upper: format === "vtd-fs" ? "sign" : "zero" },
  ...{ outputBits: 48, allow: 3 },
});

/** A format as the plain twin has it: what the composer makes of an address 0. */
export function plainFormat(root: TableRoot): PlainFormat {
  const plan = planOf(root);
  const composer = new EntryComposer(plan);
  const composed = (level: number, compose: () => void): readonly [number, number] => {
    if (level >= 0) compose();
    return [composer.low | 0, composer.high | 0];
  };
  const { levels } = formats[root.format];
  const leaf = levels.slice(0, 3).map((_, level) => composed(level, () => composer.leaf(level, 0, 3)));
  const table = levels.map((_, level) => composed(level - 1, () => composer.table(level, level - 1, 0)));
  return {
    presentMask: plan.presentMask,
    leaf,
    table,
    isTable: (low, level) => kindOf(plan, level, low) === Kind.table,
  };
}

/** Pages from 4 GiB on, where no interrupts are. */
const base = 2 ** 32;
const regionPages = 2 ** 15;

interface Both {
  readonly fast: Mapper;
  readonly plain: PlainTable;
  readonly words: readonly [Uint32Array, Uint32Array];
  readonly root: TableRoot;
}

function both(format: Format, frames: number): Both {
  const root = rootOf(format);
  const [a, b] = [new Uint32Array(frames * 1024), new Uint32Array(frames * 1024)];
  let [next, plainNext] = [2, 2];
  const fast = new Mapper(new FlatMemory(a), root, (count) => (next += count) - count);
  const plain = new PlainTable(b, plainFormat(root), { top: 0x1000, level: 3, allocate: () => plainNext++ });
  return { fast, plain, words: [a, b], root };
}

interface Load {
  readonly what: string;
  readonly bytes: number;
  readonly targets: readonly [map: string, unmap: string];
}

const loads: readonly Load[] = [
  { what: "4 KiB", bytes: 4096, targets: ["<= 0.7 x plain", "<= 0.7 x plain"] },
  { what: "2 MiB", bytes: 2 ** 21, targets: ["", ""] },
  { what: "256 x 4 KiB in a call", bytes: 2 ** 20, targets: ["", ""] },
];

export async function bench(o: { smoke: boolean }): Promise<Row[]> {
  const rows: Row[] = [];
  // Compiled for all formats before any of them is timed.
  for (const format of mapperFormats) for (const load of loads) changes(format, load, true);
  for (const format of mapperFormats) {
    for (const load of loads) rows.push(...changes(format, load, o.smoke));
    rows.push(translations(format, o.smoke));
  }
  for (const pages of o.smoke ? [10_000] : [10_000, 100_000, 1_000_000, 10_000_000])
    rows.push(growth(pages, o.smoke ? 1 : pages < 1e6 ? 30 : 5));
  return rows;
}

/** A call each of map and unmap at places in random order; tables exist. */
function changes(format: Format, { what, bytes, targets }: Load, smoke: boolean): Row[] {
  const m = both(format, 512);
  const count = smoke ? 64 : Math.min(8192, (regionPages * 4096) / bytes);
  const places = shuffled(count);
  // Odd pages, so that nothing but what is meant becomes a superpage.
  const to = (place: number) => 2 ** 33 + place * bytes + (bytes === 2 ** 21 ? 0 : 4096);
  const run = (map: (iova: number, paddr: number) => void) => () => {
    for (let n = 0; n < count; n++) map(base + places[n]! * bytes, to(places[n]!));
  };
  const fastMap = run((iova, paddr) => m.fast.map(iova, paddr, bytes, 3));
  const plainMap = run((iova, paddr) => m.plain.map(iova, paddr, bytes));
  const fastUnmap = run((iova) => void m.fast.unmap(iova, bytes));
  const plainUnmap = run((iova) => void m.plain.unmap(iova, bytes));
  fastMap();
  plainMap();
  same(m);
  fastUnmap();
  plainUnmap();
  same(m);
  const least = { fastMap: 1e9, fastUnmap: 1e9, plainMap: 1e9, plainUnmap: 1e9 };
  const rounds = smoke ? 2 : Math.ceil(3_000_000 / count / Math.max(1, Math.min(bytes, 2 ** 20) / 4096 / 16));
  for (let r = 0; r < rounds; r++) {
    least.fastMap = Math.min(least.fastMap, timed(fastMap));
    least.fastUnmap = Math.min(least.fastUnmap, timed(fastUnmap));
    least.plainMap = Math.min(least.plainMap, timed(plainMap));
    least.plainUnmap = Math.min(least.plainUnmap, timed(plainUnmap));
  }
  return [
    row(`${format}: map ${what}`, least.fastMap / count, least.plainMap / count, targets[0]),
    row(`${format}: unmap ${what}`, least.fastUnmap / count, least.plainUnmap / count, targets[1]),
  ];
}

/** Random pages of 8,192, whose tables stay in the processor's caches. */
function translations(format: Format, smoke: boolean): Row {
  const m = both(format, 512);
  for (let page = 0; page < 8192; page++) {
    const to = 2 ** 33 + ((page * 7) % 8192) * 4096;
    m.fast.map(base + page * 4096, to, 4096, 3);
    m.plain.map(base + page * 4096, to, 4096);
  }
  same(m);
  const at = Float64Array.from(shuffled(8192), (page) => base + page * 4096 + 8);
  let [sum, plainSum] = [0, 0];
  const fast = () => {
    for (let n = 0; n < 8192; n++) sum += m.fast.translate(at[n]!);
  };
  const plain = () => {
    for (let n = 0; n < 8192; n++) plainSum += m.plain.translate(at[n]!);
  };
  let [least, plainLeast] = [1e9, 1e9];
  for (let r = 0; r < (smoke ? 2 : 300); r++) {
    least = Math.min(least, timed(fast));
    plainLeast = Math.min(plainLeast, timed(plain));
  }
  if (sum !== plainSum) throw new Error("the plain twin translates otherwise");
  return row(`${format}: translate`, least / 8192, plainLeast / 8192, "<= 1.0 x plain");
}

/** Every page mapped by a call of its own, in runs whose places are in random order, with the tables that it takes. */
function growth(pages: number, rounds: number): Row {
  const runPages = 16;
  const spread = pages / runPages;
  const frames = Math.ceil(pages / 512) + Math.ceil(pages / 512 ** 2) + 8;
  const words = new Uint32Array(frames * 1024);
  const order = shuffled(spread);
  let next = 2;
  const fill = () => {
    next = 2;
    const mapper = new Mapper(new FlatMemory(words), rootOf("vtd-ss"), (count) => (next += count) - count);
    for (let run = 0; run < spread; run++) {
      const first = order[run]! * runPages;
      for (let n = 0; n < runPages; n++)
        mapper.map(base + (first + n) * 4096, 2 ** 40 + (first + (n ^ 1)) * 4096, 4096, 3);
    }
  };
  let ns = Number.POSITIVE_INFINITY;
  for (let r = 0; r < rounds; r++) {
    words.fill(0);
    const begin = process.cpuUsage();
    fill();
    const { user, system } = process.cpuUsage(begin);
    ns = Math.min(ns, (user + system) * 1000);
  }
  return {
    what: `vtd-ss: ${pages.toLocaleString("en")} pages mapped one by one`,
    measured: `${(ns / pages).toFixed(1)} ns a page`,
    target: "no growth but of caches",
    note: `${((next * 4096) / pages).toFixed(2)} bytes of tables a mapping`,
  };
}

function shuffled(count: number): Float64Array {
  const rng = new Rng(5);
  const all = Float64Array.from({ length: count }, (_, n) => n);
  for (let n = count - 1; n > 0; n--) {
    const k = rng.below(n + 1);
    [all[n], all[k]] = [all[k]!, all[n]!];
  }
  return all;
}

function same({ words: [a, b] }: Both): void {
  if (a.some((word, at) => word !== b[at])) throw new Error("the plain twin has other words");
}

/** Time of day in nanoseconds: rounds are short and many, and the least of them counts. */
function timed(run: () => void): number {
  const begin = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - begin);
}

const row = (what: string, fast: number, plain: number, target: string): Row => ({
  what,
  measured: `${fast.toFixed(1)} ns, plain ${plain.toFixed(1)} ns: ${(fast / plain).toFixed(2)} x`,
  target,
});
