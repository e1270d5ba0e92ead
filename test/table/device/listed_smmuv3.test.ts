/** SMMUv3: the list of streams and substreams against single lookups. */
import { expect, it } from "vitest";
import { Rng } from "../../../src/base/index.js";
import { ContextDescriptor as Cd, L1ContextDescriptor } from "../../../src/spec/smmuv3/context_descriptor.js";
import { L1StreamDescriptor, StreamEntry as Ste } from "../../../src/spec/smmuv3/stream_table.js";
import type { UnitRoot } from "../../../src/table/device/attachment.js";
import { Built, lookup, unit } from "./built.js";
import { asked, listed, noDevice, nowhere, type Row } from "./listing.js";

/** 64 streams of every kind from `at` on. */
const streams = (built: Built, at: number, seed: number) => {
  const rng = new Rng(seed);
  for (let n = 0; n < 64; n++) {
    const [config, s1CdMax] = [[0, 4, 5, 5, 5, 5, 6, 7][rng.below(8)]!, [0, 0, 2, 7, 10, 21][rng.below(6)]!];
    built.put(at + n * 64, Ste, {
      ...{ v: rng.below(8) === 0 ? 0 : 1, config, s1CdMax, s1Dss: rng.below(4), s1Fmt: rng.below(3) },
      ...{ s1Context: (0x20 + rng.below(7)) * 64, eats: rng.below(2), s2Vmid: rng.below(65536) },
      ...{ s2Aa64: rng.below(8) === 0 ? 0 : 1, s2T0sz: 24, s2Sl0: 1, s2Ps: 5, s2Ttb: 0x8000 / 16 },
    });
  }
};
/** Frames 0x20 to 0x22 hold leaves, 0x23 to 0x25 descriptors; 0x26 is not there. The second stage maps 0x20 to 0x24. */
const contexts = (built: Built, seed: number) => {
  const rng = new Rng(seed);
  for (let at = 0x20000; at < 0x23000; at += 8)
    if (rng.below(4) === 0) built.put(at, L1ContextDescriptor, { v: rng.below(2), frame: 0x23 + rng.below(4) });
  for (let at = 0x23000; at < 0x26000; at += 64) {
    const [v, aa64, t0sz] = [rng.below(3) === 0 ? 0 : 1, rng.below(8) === 0 ? 0 : 1, rng.below(8) === 0 ? 50 : 25];
    built.put(at, Cd, { v, aa64, t0sz, ips: 5, epd1: 1, a: 1, ttb0: 0x9000 / 16, asid: rng.below(65536) });
  }
  built.put(0x8000, L1StreamDescriptor, {}).memory.write(0x8000, new Uint8Array(Uint32Array.of(0xa003, 0).buffer));
  built.memory.write(0xa000, new Uint8Array(Uint32Array.of(0xb003, 0).buffer));
  for (let page = 0x20; page < 0x25; page++)
    built.memory.write(0xb000 + page * 8, new Uint8Array(Uint32Array.of(page * 4096 + 0x4ff, 0).buffer));
  return built;
};
const expectedOf = (built: Built, u: UnitRoot, requester: number): Row[] => {
  const plain = lookup(built, u, requester, null);
  const row = asked(built, u, requester, null);
  const deep = asked(built, u, requester, 2 ** 21);
  // Of a stream without first stage, or whose entry is refused, there is one row.
  if (!/^S1CDMax is 0|^substream .* is beyond the/.test(deep.why)) return noDevice.test(row.why) ? [] : [row];
  const alone = deep.why.startsWith("S1CDMax");
  const own = "code" in plain ? (alone ? 0 : null) : plain.pasid;
  const rows = /lies outside|not mapped|does not read/.test(row.why) ? [] : [{ ...row, pasid: own }];
  for (let pasid = 0; pasid < 1100 && !alone; pasid++) {
    const found = asked(built, u, requester, pasid);
    if (!noDevice.test(found.why) && !/table at .* of stream/.test(found.why)) rows.push(found);
  }
  return rows;
};

it("linear: every stream that has an entry, with every substream that has a descriptor", () => {
  const built = contexts(new Built(), 6);
  for (let n = 0; n < 3; n++) streams(built, 0x40000 + n * 4096, n);
  // Entries of 256 streams: the last page is not there.
  const u = unit("smmuv3", "linear", { root: 0x40000, size: 8 });
  const expected = [...Array(256).keys()].flatMap((r) => expectedOf(built, u, r));
  expect(expected.length).toBeGreaterThan(700);
  expect(listed(built, u).rows).toEqual(expected);
});

it("two levels: the streams of every descriptor that leads to a table, and no more of them than it says", () => {
  const built = contexts(new Built(), 9);
  // 1,024 descriptors of 64 streams each, of which the second page is not there.
  const spans = [7, 0, 3, 8, 7, 7, 1, 12];
  for (const [n, span] of spans.entries())
    built.put(0x50000 + n * 8, L1StreamDescriptor, { span, l2: (n === 4 ? nowhere : 0x40000 + (n % 3) * 4096) / 64 });
  for (let n = 0; n < 3; n++) streams(built, 0x40000 + n * 4096, 10 + n);
  const u = unit("smmuv3", "two-level", { root: 0x50000, size: 16, split: 6 });
  const expected = [...Array(600).keys()].flatMap((r) => expectedOf(built, u, r));
  expect(expected.length).toBeGreaterThan(500);
  const { rows, troubles } = listed(built, u);
  expect(rows).toEqual(expected);
  // Spans of 128 and of 2^11 streams are refused, and two tables are not there: one trouble for each.
  const above = troubles.list.filter((t) => t.entryAt >= 0x50000 || t.entryAt === u.root);
  expect(above.map((t) => [t.kind, t.entryAt])).toEqual([
    ["reserved", 0x50018],
    ["outside", 0x50020],
    ["reserved", 0x50038],
    ["outside", 0x50000],
  ]);
});
