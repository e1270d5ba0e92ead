/** The same requests on other pools. */
import { describe, expect, test } from "vitest";
import { Mappings } from "../../src/lab/replay/contracts/mappings.js";
import { Outcome } from "../../src/lab/replay/contracts/operation.js";
import { RequestStream } from "../../src/lab/replay/other_pools/request_stream.js";
import { autoSettings, nearbySettings } from "../../src/lab/replay/other_pools/settings.js";
import { type Made, made } from "./replay/made.js";
import { fixture, logOf, replayed, replayOf } from "./replayed.js";

test("64 settings, each of them one that swiotlb= can ask for", () => {
  const settings = autoSettings({ forced: true });
  expect(settings).toHaveLength(64);
  expect(new Set(settings.map((s) => `${s.slots},${s.areas}`)).size).toBe(64);
  for (const s of settings) {
    expect(Math.log2(s.slots) % 1).toBe(0);
    expect(s.slots / s.areas).toBeGreaterThanOrEqual(128);
  }
});

describe("on the recording of a full pool", () => {
  const bytes = fixture("swiotlb-full/trace.txt.gz");
  const log = logOf("swiotlb-full");

  test("more slots never refuse more, and a size that suffices is advised", async () => {
    const o = await replayOf("swiotlb-full", { log: true });
    const failed = o.whatIf.map((w) => w.failed);
    expect(failed).toEqual([...failed].sort((a, b) => b - a));
    const enough = o.whatIf.find((w) => w.failed === 0)!;
    expect(o.advice).toMatchObject({ swiotlb: `swiotlb=${enough.slots},force`, confidence: "bounded" });
    expect(o.advice.because).toMatch(/418 mappings and 59 lists of buffers \(408 requests/);
    expect(o.advice.because).toMatch(/how long the refused requests would have been held is not recorded/);
  });

  test("another pool instead: its failures, and nothing to compare with", async () => {
    const small = await replayed(bytes, { log, replacement: { slots: 256, areas: 2, forced: true } });
    const large = await replayed(bytes, { log, replacement: { slots: 32768, areas: 4, forced: true } });
    expect(small.pool!.failures.length).toBeGreaterThan(418);
    expect(large.pool).toMatchObject({ slots: 32768, areas: 4, failures: [] });
    expect(large.exact).toMatchObject({ compared: 0, note: expect.stringMatching(/another pool/) });
  });

  test("not forced: 64-bit devices reach their buffers and nothing bounces", async () => {
    const o = await replayed(bytes, { log, replacement: { slots: 512, areas: 2, forced: false } });
    expect(o.maps).toMatchObject({ bounced: 0, failed: 0 });
    expect(o.maps.direct).toBe(13462 + 408);
  });
});

test("forcing a pool on a recording that was translated makes every mapping bounce", async () => {
  const bytes = fixture("vtd-scalable/trace.txt.gz");
  const o = await replayed(bytes, { replacement: { slots: 32768, areas: 2, forced: true } });
  expect(o.maps.bounced + o.maps.failed).toBe(o.maps.total);
  expect(o.maps.bounced).toBeGreaterThan(1000);
});

test("sizes around a pool are powers of two and include it", () => {
  const settings = nearbySettings({ slots: 4096, areas: 4, forced: false });
  expect(settings.map((s) => s.slots)).toEqual([512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]);
});

describe("what a driver tries again is one request", () => {
  const asked = { mask: 0, forced: true };
  const begun = (asks: readonly Made[]) => {
    const maps = new Mappings();
    const ids: number[] = [];
    const stream = new RequestStream(maps, { begin: (_m, id) => ids.push(id), end: () => {} });
    for (const ask of asks) stream.mapped(made(maps, { ...asked, ...ask }));
    return { begun: ids.length, assumed: stream.assumed };
  };
  const list = (time: number, entries: number): Made[] =>
    Array.from({ length: entries }, (_, k) => {
      return { time, orig: 0x1000 * (k + 1), list: true, listEnd: k === entries - 1, outcome: Outcome.refusedList };
    });
  const rows: [what: string, asks: Made[], count: number][] = [
    ["a mapping tried a thousand times", Array.from({ length: 1000 }, (_, k) => ({ time: k * 1000 })), 1],
    ["again after more than a second", [{ time: 0 }, { time: 1_000_001 }], 2],
    ["other buffers", [{ time: 0 }, { time: 1, orig: 0x2000 }], 2],
    ["another device", [{ time: 0 }, { time: 1, device: 1 }], 2],
    ["served in between", [{ time: 0 }, { time: 1, address: 7 }, { time: 2 }], 3],
    ["a list tried again", [...list(0, 3), ...list(1000, 3), ...list(2000, 3)], 3],
    ["an attempt that comes further", [...list(0, 2), ...list(1000, 5), ...list(2000, 1)], 5],
    ["a list that names one page twice", [0, 1].map((k) => ({ time: k, list: true, listEnd: k === 1 })), 2],
  ];
  test.each(rows)("%s", (_what, asks, count) => {
    const served = asks.filter(({ address }) => address !== undefined).length;
    expect(begun(asks)).toEqual({ begun: count, assumed: count - served });
  });
});

test("a refused request is held as long as its device's mappings lived on average", () => {
  const maps = new Mappings();
  const refused = new Set<number>();
  const ends: number[] = [];
  const stream = new RequestStream(maps, {
    begin: (m, id) => void (maps.outcome[m] === Outcome.refused && refused.add(id)),
    end: (id, time) => void (refused.has(id) && ends.push(time)),
  });
  const say = (time: number, address?: number) => {
    const m = made(maps, { time, mask: 2 ** 64, forced: true, ...(address === undefined ? {} : { address }) });
    stream.mapped(m);
    return m;
  };
  const first = say(0, 0x70000000);
  const second = say(10, 0x70001000);
  stream.unmapped(first, 100);
  stream.unmapped(second, 210);
  say(300);
  say(449, 0x70000000);
  expect(ends).toEqual([]);
  say(451, 0x70001000);
  expect(ends).toEqual([450]);
  expect(stream.assumed).toBe(1);
});
