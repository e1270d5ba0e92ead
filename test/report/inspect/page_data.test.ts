/** What the page of an inspection is given: nothing is lost on the way, limits hold and are said. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deviceName } from "../../../src/audit/inspect/device_name.js";
import { Rng } from "../../../src/base/rng.js";
import { coarseBlocks, packRanges } from "../../../src/report/inspect/columns.js";
import { inspectHtml } from "../../../src/report/inspect/html.js";
import { type InspectPage, inspectPage, pageLimitsUsual } from "../../../src/report/inspect/html_data.js";
import { Ranges } from "../../../src/table/ranges.js";
import { parseAsked } from "../../../web/inspect/src/address.js";
import { decodeBlocks, decodeRows } from "../../../web/inspect/src/columns.js";
import { extentsOf, rowAt, rowOf, rowPlan, wholePlan } from "../../../web/inspect/src/rows.js";
import { countPages, sweep } from "../../../web/inspect/src/sweep.js";
import { captures, inspected, truthOf } from "../../audit/inspect/captured.js";
import { device, type Row, ranges } from "../../audit/inspect/machine.js";
import { long } from "../../tier.js";
import { reportOf, sampleDevices, sampleInspection } from "./sample_inspection.js";

const built = { script: "0", style: "", digest: "" };
const wholeMemory = 2 ** 40;
const fewRanges = fc.array(
  fc.tuple(fc.nat(2 ** 40), fc.nat(2 ** 30), fc.integer({ min: 1, max: 2 ** 20 }), fc.constantFrom(1, 2, 3)),
  { maxLength: 30 },
);
const rangesOf = (rows: readonly (readonly number[])[]): Ranges =>
  ranges(...rows.map(([i, p, n, a]): Row => [i! * 4096, p! * 4096, n! * 4096, a as 1 | 2 | 3]));

/** Ranges that do not merge, of a few pages each. */
function scattered(count: number, seed: number): Ranges {
  const rng = new Rng(seed);
  const made = new Ranges();
  for (let i = 0; i < count; i++)
    made.push(i * 65536, rng.below(wholeMemory / 65536) * 65536, 4096 * (1 + rng.below(8)), 3);
  return made;
}
const ofMany = (...tables: readonly Ranges[]) =>
  reportOf(sampleInspection(tables.map((t, i) => device(8 * (i + 1), t))));
const blocksOf = ({ rest }: InspectPage["reaches"][number]) => decodeBlocks(rest!.packed, rest!.count);

describe("columns", () => {
  test("ranges come back as they were", () => {
    fc.assert(
      fc.property(fewRanges, (rows) => {
        const from = rangesOf(rows);
        const { packed, count } = packRanges(from, Number.POSITIVE_INFINITY);
        const back = decodeRows(packed, count);
        expect(count).toBe(from.count);
        for (let row = 0; row < count; row++) {
          const pages = [back.iova[row]!, back.paddr[row]!, back.pages[row]!].map((n) => n * 4096);
          expect([...pages, back.allow[row]]).toEqual([
            from.iova[row],
            from.paddr[row],
            from.bytes[row],
            from.allow[row],
          ]);
        }
      }),
    );
  });

  test("the highest addresses too", () => {
    const from = ranges([2 ** 64 - 4096, 2 ** 52 - 4096, 4096], [0, 0, 4096], [2 ** 63, 2 ** 51, 8192, 1]);
    const back = decodeRows(packRanges(from, 1000).packed, 3);
    expect([...back.iova]).toEqual([2 ** 52 - 1, 0, 2 ** 51]);
    expect([...back.paddr]).toEqual([2 ** 40 - 1, 0, 2 ** 39]);
  });

  test("blocks are as few as asked for and cover every page that was left out", () => {
    fc.assert(
      fc.property(fewRanges, fc.integer({ min: 1, max: 6 }), (rows, max) => {
        const from = rangesOf(rows);
        const blocks = coarseBlocks(from, 0, max);
        expect(blocks.count).toBeLessThanOrEqual(max);
        const { from: begins, to: ends } = decodeBlocks(blocks.packed, blocks.count);
        for (let row = 0; row < from.count; row++) {
          const page = from.paddr[row]! / 4096;
          expect([...begins].some((b, i) => b <= page && page + from.bytes[row]! / 4096 <= ends[i]!)).toBe(true);
        }
      }),
    );
  });
});

describe("limits", () => {
  test("a hundred thousand ranges are carried whole, in less than 10 MB", () => {
    const report = ofMany(scattered(60_000, 1), scattered(40_000, 2));
    const { reaches } = inspectPage(report, null);
    expect(reaches.map((r) => [r.carried, r.rest])).toEqual([
      [60_000, null],
      [40_000, null],
    ]);
    expect(inspectHtml(report, built, null).length).toBeLessThan(10e6);
  });

  test.skipIf(!long)(
    "of two million, small tables are carried whole, the largest are cut, and blocks stand for the rest",
    () => {
      const tables = [scattered(1_500_000, 3), scattered(500_000, 4), scattered(100, 5)];
      const report = ofMany(...tables);
      const { reaches } = inspectPage(report, null);
      expect(reaches[2]).toMatchObject({ carried: 100, total: 100, rest: null });
      for (const [i, reach] of reaches.slice(0, 2).entries()) {
        expect(reach.carried).toBeGreaterThan(100_000);
        expect(reach.total).toBe(tables[i]!.count);
        const { from, to, count } = blocksOf(reach);
        expect(count).toBeLessThanOrEqual(pageLimitsUsual.blockCountMax / 2);
        const page = tables[i]!.paddr[reach.total - 1]! / 4096;
        expect(from.findIndex((f, n) => f <= page && page < to[n]!)).toBeGreaterThanOrEqual(0);
      }
      expect(inspectHtml(report, built, null).length).toBeLessThan(10e6);
    },
  );

  test("devices and findings beyond the limits are counted", () => {
    const devices = Array.from({ length: 3000 }, (_, i) => device(i * 2, null));
    const findings = Array.from({ length: 700 }, () => sampleInspection().findings[1]!);
    const page = inspectPage(reportOf({ ...sampleInspection(devices), findings }), null);
    expect([page.devices.length, page.devicesLeftOut]).toEqual([1500, 1500]);
    expect([page.findings.length, page.findingsLeftOut]).toEqual([500, 200]);
  });

  test("entries of tables beyond the limit are counted, and what points to them says so", async () => {
    const { inspection, image } = await inspected("vtd-legacy-strict");
    const limits = { ...pageLimitsUsual, tables: { tableCountMax: 12, entryCountMax: 60_000 } };
    const { tables } = inspectPage(reportOf(inspection), image, limits);
    expect(tables.tables).toHaveLength(12);
    expect(tables.leftOut).toBeGreaterThan(0);
    const cut = tables.tables.flatMap((t) => t.leads.filter((l) => l === -3));
    const roots = tables.roots.filter((r) => r.table === -3);
    expect(cut.length + roots.length).toBe(tables.leftOut);
    const few = { ...pageLimitsUsual, tables: { tableCountMax: 1000, entryCountMax: 40 } };
    const cutEntries = inspectPage(reportOf(inspection), image, few).tables;
    expect(cutEntries.tables.reduce((sum, t) => sum + t.leads.length, 0)).toBe(40);
  });
});

describe("what stands on it", () => {
  test("neighbours that are blocked alike are one row; findings with trouble come first", () => {
    const { inspection } = { inspection: sampleInspection() };
    const page = inspectPage(reportOf({ ...inspection, findings: [...inspection.findings].reverse() }), null);
    expect(page.devices.map((d) => [d.name, d.last, d.count])).toContainEqual(["0000:00:04.1", "0000:00:04.3", 3]);
    expect(page.findings.map((f) => f.weight)).toEqual(["trouble", "note"]);
    expect(page.findings[0]!.devices.map((d) => page.devices[d]!.state)).toEqual(["identity"]);
    expect(page.devices.map((d) => d.reach)).toEqual([0, 0, -1, -1, 1]);
    expect(sampleDevices()).toHaveLength(7);
  });

  test("blocked devices that are not neighbours stay apart", () => {
    const devices = [1, 2, 4, 5].map((requester) => device(requester, null));
    expect(inspectPage(reportOf(sampleInspection(devices)), null).devices.map((d) => d.count)).toEqual([1, 1, 1, 1]);
  });

  test("hostile names stay text", () => {
    const evil = '</script><script>alert(1)</script><!-- " & \u2028';
    const inspection = sampleInspection();
    const source = { ...inspection.source, file: evil, notes: [evil] };
    const findings = [{ ...inspection.findings[0]!, what: evil, where: evil, why: evil }];
    const devices = [device(8, null, { why: evil })];
    const html = inspectHtml(reportOf({ ...inspection, source, findings, devices }), built, null);
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script>/g)).toHaveLength(2);
    expect(html).not.toMatch(/\s(src|href)=/);
    expect(html.slice(html.indexOf("<body>"))).not.toContain("\u2028");
    const data = JSON.parse(/id="data">(.*)<\/script>/.exec(html)![1]!) as InspectPage;
    expect([data.source.file, data.findings[0]!.what, data.devices[0]!.why]).toEqual([evil, evil, evil]);
  });
});

describe("the map", () => {
  const reachOf = (own: Ranges) => ({ rows: decodeRows(packRanges(own, 1e9).packed, own.count), rest: null });
  const small = fc.array(
    fc.array(fc.tuple(fc.nat(2 ** 20), fc.nat(60), fc.integer({ min: 1, max: 12 }), fc.constant(3)), { maxLength: 8 }),
    { minLength: 1, maxLength: 5 },
  );

  test("every page is in the stretch of exactly those who reach it", () => {
    fc.assert(
      fc.property(small, fc.nat(4), (tables, hidden) => {
        const swept = sweep(
          tables.map((rows) => reachOf(rangesOf(rows))),
          (i) => i === hidden,
        );
        for (let page = 0; page < 80; page++) {
          const theirs = tables.flatMap((rows, i) =>
            i !== hidden && rows.some(([, p, n]) => p <= page && page < p + n) ? [i] : [],
          );
          const at = swept.from.findIndex((f, i) => f <= page && page < swept.to[i]!);
          expect(at < 0 ? [] : swept.sets[swept.set[at]!]).toEqual(theirs);
        }
        for (let i = 1; i < swept.count; i++) expect(swept.from[i]!).toBeGreaterThanOrEqual(swept.to[i - 1]!);
      }),
    );
  });

  test.each(captures)("%s: counts are those of the true mappings", async (name) => {
    const { inspection, image } = await inspected(name);
    const page = inspectPage(reportOf(inspection), image);
    const tables = page.reaches.map((r) => ({ rows: decodeRows(r.rows, r.carried), rest: null }));
    const counts = countPages(sweep(tables, () => false));
    const pages = new Map<number, Set<string>>();
    for (const m of truthOf(name).mappings) {
      const own = page.devices.find((d) => d.name === m.bdf && d.pasid === m.pasid)!;
      for (let at = m.paddr; at < m.paddr + m.bytes; at += 4096) {
        pages.set(at, (pages.get(at) ?? new Set()).add(`${own.reach}`));
      }
    }
    expect(counts.any).toBe(pages.size);
    expect(counts.shared).toBe([...pages.values()].filter((s) => s.size > 1).length);
    for (const [reach, count] of counts.own) {
      expect(count).toBe([...pages.values()].filter((s) => s.has(`${reach}`)).length);
    }
  });

  test("each page has its row, and rows begin where they say", () => {
    const edges = {
      count: 4,
      from: Float64Array.of(3, 9000, 2 ** 20, 2 ** 40),
      to: Float64Array.of(4000, 9100, 2 ** 20 + 5, 2 ** 40 + 9),
    };
    const extents = extentsOf([edges]);
    expect(extents).toEqual([
      { from: 0, to: 4000 },
      { from: 9000, to: 9100 },
      { from: 2 ** 20, to: 2 ** 20 + 5 },
      { from: 2 ** 40, to: 2 ** 40 + 9 },
    ]);
    for (const pagesPerCell of [1, 4, 64, 2 ** 30]) {
      const plan = rowPlan(extents, 64, pagesPerCell);
      for (const page of [0, 63, 64, 3999, 9000, 9099, 2 ** 20 + 4, 2 ** 40 + 8]) {
        const { page: first, extent } = rowAt(plan, rowOf(plan, page));
        expect(first <= page && page < first + plan.pagesPerRow, `${page} at ${pagesPerCell}`).toBe(true);
        expect(extent.from <= page && page < extent.to).toBe(true);
      }
    }
    expect(wholePlan(extents, 64, 30).rowCount).toBeLessThanOrEqual(30);
    expect(wholePlan([{ from: 0, to: 2 ** 40 }], 64, 30)).toMatchObject({ rowCount: 16, pagesPerCell: 2 ** 30 });
  });
});

test.each([
  ["0x5097010", { kind: "who", address: 0x5097010n }],
  ["ff", { kind: "who", address: 0xffn }],
  [
    "00:03.0:0xfffc0010",
    { kind: "at", segment: null, requester: 0x18, isStream: false, pasid: null, address: 0xfffc0010n },
  ],
  ["0001:81:1f.7/0x5:10", { kind: "at", segment: 1, requester: 0x81ff, isStream: false, pasid: 5, address: 0x10n }],
  [
    "sid:0x12345:0xfffffffffffff000",
    { kind: "at", segment: null, requester: 0x12345, isStream: true, pasid: null, address: 2n ** 64n - 4096n },
  ],
])("%s is asked for", (text, asked) => expect(parseAsked(text)).toEqual(asked));

test.each(["", "zz", "0x10000000000000", "00:03.0:", "00:03.8:0x1", "<b>"])("%j is refused in a sentence", (text) => {
  expect(parseAsked(text)).toMatch(/\.$/);
});

test("every device of an image is in one row", async () => {
  const { inspection } = await inspected("amdvi");
  const rows = inspectPage(reportOf(inspection), null).devices;
  const all = rows.flatMap((d) => Array.from({ length: d.count }, (_, i) => d.requester + i));
  expect(all).toEqual(inspection.devices.map((d) => d.requester));
  const ends = inspection.devices
    .filter((d) => rows.some((r) => r.requester === d.requester))
    .map((d) => deviceName(d));
  expect(rows.map((r) => r.name)).toEqual(ends);
});
