/** The tree of tables on the page: every leaf that the tables hold, in every format, and ends that are said. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { type PageTables, TableCollector } from "../../../src/report/inspect/html_tables.js";
import { enumerate, Mapper, NestedView, Ranges, type TableRoot, Troubles } from "../../../src/table/index.js";
import { device } from "../../audit/inspect/machine.js";
import { Arena, guestMemory, rootOf, upperBase, widthName, widths } from "../../table/machines.js";
import { pageOf } from "./page_modules.js";

afterEach(() => vi.unstubAllGlobals());
const reached = (first: readonly TableRoot[], second: TableRoot | null) => device(8, new Ranges(), { first, second });

/** Every page of 4 KiB that the tree of one root maps: `iova paddr`. */
async function treePages(tables: PageTables, root: number): Promise<string[]> {
  const { entriesOf, canonical } = await pageOf({ tables, reaches: [], devices: [], held: "", heldCount: 0 });
  const own = tables.roots[root]!;
  const pages: string[] = [];
  const visit = (table: number, base: bigint): void => {
    for (const entry of entriesOf(tables.tables[table]!, base)) {
      if (entry.lead >= 0) visit(entry.lead, entry.iova);
      const whole = entry.lead === -1 ? 2 ** Math.min(entry.sizeLg2, 62) : 0;
      // A leaf whose size is in its address stands there more than once: each entry covers its own part.
      const span = Math.min(whole, 2 ** tables.tables[table]!.spanLg2);
      const within = whole === 0 ? 0 : Number(entry.iova % BigInt(whole));
      for (let at = 0; at < span; at += 4096) {
        pages.push(`${canonical(own, entry.iova) + BigInt(at)} ${Number(entry.target) + within + at}`);
      }
    }
  };
  visit(own.table, 0n);
  return pages;
}

function rangePages(ranges: Ranges): string[] {
  const pages: string[] = [];
  for (let row = 0; row < ranges.count; row++) {
    for (let at = 0; at < ranges.bytes[row]!; at += 4096) {
      pages.push(`${BigInt(ranges.iova[row]!) + BigInt(at)} ${ranges.paddr[row]! + at}`);
    }
  }
  return pages;
}

/** Scattered runs of pages, some large and aligned. */
function fill(mapper: Mapper, granule: number, bits: number, seed: number): void {
  const rng = new Rng(seed);
  const { upper, inputBits } = mapper.root;
  const room = 2 ** Math.min(bits - (mapper.root.upper === "sign" ? 1 : 0), 46) / granule;
  for (let i = 0; i < 12; i++) {
    const pages = 2 ** rng.below(6) * (1 + rng.below(3));
    const at = rng.below(Math.min(room - pages, 2 ** 31));
    const high = upper === "sign" && i % 2 === 1 ? 2 ** 64 - 2 ** (inputBits - 1) : 0;
    const base = upper === "ones" ? upperBase(mapper.root) : high;
    try {
      mapper.map(base + at * granule, (i * 4096 + rng.below(2) * 64) * granule, pages * granule, 3);
    } catch (error) {
      if ((error as { code?: string }).code !== "mapped") throw error;
    }
  }
}

test.each(widths.map((w) => [widthName(w), w] as const))(
  "%s: the tree holds what the tables hold",
  async (_, width) => {
    const [format, level, inputBits, more] = width;
    const arena = new Arena(6000);
    const root = rootOf(arena, format, level, inputBits, more);
    const granule = format.endsWith("64k") ? 65536 : format.endsWith("16k") ? 16384 : 4096;
    const amd = format === "amdvi-v1" ? { encodedSizes: true, skipLevels: true } : {};
    fill(new Mapper(arena.tables, root, arena.allocate, amd), granule, inputBits, 5);
    const ranges = new Ranges();
    const troubles = new Troubles();
    enumerate(arena.memory, root, ranges, troubles);
    expect([troubles.total, ranges.count > 3]).toEqual([0, true]);
    const collector = new TableCollector(arena.memory);
    const isFirst = /fs|v2|s1/.test(format);
    const [own] = collector.add(isFirst ? reached([root], null) : reached([], root));
    expect((await treePages(collector.finish(), own!)).sort()).toEqual(rangePages(ranges).sort());
  },
);

test("a first stage is read through the second, and both are roots", async () => {
  const arena = new Arena(600);
  const second = rootOf(arena, "vtd-ss", 3, 48);
  const host = new Mapper(arena.tables, second, arena.allocate);
  host.map(0, 0x100000, 0x100000, 3);
  const guest = new NestedView(arena.memory, second);
  const first: TableRoot = { ...second, format: "vtd-fs", address: 0x10000, upper: "sign" };
  let next = 0x11;
  const inGuest = new Mapper(
    guestMemory((m) => guest.frame(m as never)),
    first,
    (count) => (next += count) - count,
  );
  inGuest.map(0x7000_0000, 0x50000, 0x3000, 3);
  const collector = new TableCollector(arena.memory);
  const roots = collector.add(reached([first], second));
  const tables = collector.finish();
  expect(roots.map((r) => [tables.roots[r]!.stage, tables.roots[r]!.nested])).toEqual([
    ["first", true],
    ["second", false],
  ]);
  expect(await treePages(tables, roots[0]!)).toEqual(
    [0, 4096, 8192].map((at) => `${0x7000_0000 + at} ${0x50000 + at}`),
  );
  expect(await treePages(tables, roots[1]!)).toHaveLength(256);
});

describe("ends that are no pages", () => {
  test("a table that points to itself is carried once", () => {
    const arena = new Arena(64);
    const root = rootOf(arena, "vtd-ss", 3, 48);
    arena.words[root.address / 4] = root.address | 3;
    const collector = new TableCollector(arena.memory);
    collector.add(reached([], root));
    const { tables } = collector.finish();
    expect(tables.map((t) => [t.level, t.address])).toEqual(
      [3, 2, 1, 0].map((l) => [l, `0x${root.address.toString(16)}`]),
    );
  });

  test("a table that the image does not hold, and reserved bits, are said", () => {
    const arena = new Arena(64);
    const root = rootOf(arena, "vtd-ss", 3, 48);
    const top = root.address / 4;
    arena.words.set([0x7000_0003, 0, 0x83 | 0x9000, 0], top);
    const collector = new TableCollector(arena.memory);
    collector.add(reached([], root));
    const { tables, leftOut } = collector.finish();
    expect([tables[0]!.leads, leftOut]).toEqual([[-4, -2], 0]);
  });

  test("a root outside the image has no table; the same root twice is one", () => {
    const arena = new Arena(64);
    const root = { ...rootOf(arena, "vtd-ss", 3, 48), address: 2 ** 40 };
    const collector = new TableCollector(arena.memory);
    expect([collector.add(reached([], root)), collector.add(reached([], root))]).toEqual([[0], [0]]);
    expect(collector.finish().roots[0]!.table).toBe(-4);
  });
});
