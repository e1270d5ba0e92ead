/** The writer of entries, against the kernel's own tests of it (arm-smmu-v3-test.c), and for other hardware than that. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { harmlessBits, usedBits } from "../../../../src/sw/iommu/entry/entry_format.js";
import { smmuContext } from "../../../../src/sw/iommu/entry/formats/smmu_context.js";
import { smmuStream } from "../../../../src/sw/iommu/entry/formats/smmu_stream.js";
import { vtdPasid } from "../../../../src/sw/iommu/entry/formats/vtd_pasid.js";
import { type StreamKindName, streamEntry, streamKinds } from "../../../../src/sw/iommu/entry/kinds/smmu_stream.js";
import { type PasidKindName, pasidEntry, pasidKinds } from "../../../../src/sw/iommu/entry/kinds/vtd_pasid.js";
import { type WritePlan, writeEntry } from "../../../../src/sw/iommu/entry/write_entry.js";

const smmu = { store: 64, fetch: 64 } as const;

/** Words of 64 bits, the first of them; the others are 0. */
function entry(...words: readonly string[]): Uint32Array {
  const all = new BigUint64Array(8);
  for (const [n, word] of words.entries()) all[n] = BigInt(`0x${word}`);
  return new Uint32Array(all.buffer);
}

/** As the kernel's tests make them. */
const streams = {
  abort: entry("0000000000000001"),
  bypass: entry("0000000000000009", "0000100000000000"),
  cdt_ssid0_ats: entry("f800f0f0f0f0f0eb", "00000000180000d6"),
  cdt_dssbyp_ats: entry("f800f0f0f0f0f0eb", "00001000180000d5"),
  cdt_dssbyp_4b_ats: entry("f800004b4b4b4b6b", "00001000180000d5"),
  cdt_stall: entry("f800f0f0f0f0f0eb", "00000000000000d6"),
  s2_ats: entry("000000000000000d", "0000100010000000", "0449b6c400000000", "000dbeefdeadbee0"),
  s2_noats: entry("000000000000000d", "0000100000000000", "0449b6c400000000", "000dbeefdeadbee0"),
  s2_stall: entry("000000000000000d", "0000100000000000", "0649b6c400000000", "000dbeefdeadbee0"),
  nested_dssbyp_ats: entry("f800f0f0f0f0f0ef", "00001000180800d5", "0449b6c400000000", "000dbeefdeadbee0"),
};
/** A process's descriptor has no values of the kernel's tests, whose counts do not depend on them. */
const contexts = {
  zero: entry("0"),
  s1_778: entry("030ae201c0003684", "000dbeefdeadbee0", "0", "0abcdef012345678"),
  s1_1997: entry("07cde201c0003684", "000dbeefdeadbee0", "0", "0abcdef012345678"),
  sva_1997: entry("07cde20580003510", "0000000012345000", "0", "00000000bbff440c"),
  sva_release: entry("07cde20580004000", "0", "0", "00000000bbff440c"),
};

/** from, to, waits, no gap, words of 64 bits in which a bit that both use changes. */
type Row = readonly [string, string, number, boolean, number];
const streamRows: readonly Row[] = [
  ["bypass", "abort", 2, true, 1],
  ["abort", "bypass", 2, true, 1],
  ["cdt_ssid0_ats", "abort", 2, true, 1],
  ["abort", "cdt_ssid0_ats", 2, true, 1],
  ["cdt_ssid0_ats", "bypass", 3, true, 1],
  ["bypass", "cdt_ssid0_ats", 3, true, 1],
  ["cdt_ssid0_ats", "cdt_dssbyp_ats", 1, true, 2],
  ["cdt_dssbyp_ats", "cdt_ssid0_ats", 1, true, 2],
  ["cdt_dssbyp_ats", "bypass", 2, true, 1],
  ["bypass", "cdt_dssbyp_ats", 2, true, 1],
  ["s2_ats", "abort", 2, true, 1],
  ["abort", "s2_ats", 2, true, 1],
  ["s2_ats", "bypass", 2, true, 1],
  ["bypass", "s2_ats", 2, true, 1],
  ["cdt_ssid0_ats", "s2_ats", 3, true, 1],
  ["s2_ats", "cdt_ssid0_ats", 3, true, 1],
  ["cdt_ssid0_ats", "cdt_dssbyp_4b_ats", 3, false, 3],
  ["cdt_stall", "s2_stall", 3, true, 1],
  ["s2_stall", "cdt_stall", 3, true, 1],
  ["nested_dssbyp_ats", "s2_noats", 3, true, 1],
  ["s2_noats", "nested_dssbyp_ats", 2, true, 1],
];
const contextRows: readonly Row[] = [
  ["zero", "s1_1997", 2, false, 1],
  ["s1_1997", "zero", 2, false, 1],
  ["s1_778", "s1_1997", 1, true, 1],
  ["s1_1997", "s1_778", 1, true, 1],
  ["zero", "sva_1997", 2, false, 1],
  ["sva_1997", "zero", 2, false, 1],
  ["sva_1997", "sva_release", 2, true, 1],
  ["sva_release", "sva_1997", 2, true, 1],
];

/** As the kernel's tests judge it: what a unit may read at each wait. */
function judged(format: typeof smmuStream, from: Uint32Array, to: Uint32Array, plan: WritePlan) {
  const now = from.slice();
  let [syncs, hitless] = [0, true];
  for (const step of plan.steps) {
    if (step.kind === "store") {
      now.set(step.words, step.word);
      continue;
    }
    syncs++;
    if (now[0] === 0 && now[1] === 0) hitless = false;
    if ((now[format.present.word]! & (1 << format.present.shift)) === 0) continue;
    const [used, harmless] = [usedBits(format, now), harmlessBits(format, from, to)];
    const is = (other: Uint32Array) => now.every((w, n) => ((w ^ other[n]!) & used[n]! & ~harmless[n]!) === 0);
    expect(is(from) || is(to)).toBe(true);
  }
  return { syncs, hitless, final: now };
}

test.each([
  ...streamRows.map((row) => ["stream", smmuStream, streams, row] as const),
  ...contextRows.map((row) => ["context", smmuContext, contexts, row] as const),
])("the kernel's row of a %s entry", (_, format, values, [from, to, syncs, hitless, critical]) => {
  const [a, b] = [from, to].map((name) => (values as Record<string, Uint32Array>)[name]!) as [Uint32Array, Uint32Array];
  const plan = writeEntry(format, a, b, smmu);
  expect([from, to, judged(format, a, b, plan), plan.critical]).toEqual([
    from,
    to,
    { syncs, hitless, final: b },
    critical,
  ]);
});

/** Rows and columns in the order of `kinds`. Source: reference of the writer of 2026, replayed with all features. */
const kinds: readonly StreamKindName[] = [
  ...(["abort", "bypass", "s1", "s1noats", "s1term", "s1dssbyp", "s2", "s2noats", "nested", "nestedbyp"] as const),
  "s2stall",
];
const all = `
-  2H 2H 2H 2H 2H 2H 2H 2H 2H 2H
2H -  3H 3H 3H 2H 2H 2H 3B 2H 2H
2H 3H -  1H 1H 1H 3H 3H 2H 3B 3B
2H 3H 1H -  1H 1H 3H 3H 2H 3B 3H
2H 3H 1H 1H -  1H 3H 3H 3B 3B 3B
2H 2H 1H 1H 1H -  3H 3H 3B 2H 3B
2H 2H 3H 3H 3H 3H -  1H 3B 2H 3B
2H 2H 3H 3H 3H 3H 1H -  3B 2H 1H
2H 3B 3H 3H 3B 3B 3B 3B -  1H 3B
2H 2H 3B 3B 3B 3H 3H 3H 1H -  3B
2H 2H 3B 3H 3B 3B 3B 1H 3B 3B -`
  .trim()
  .split("\n")
  .map((line) => line.trim().split(/ +/));

const contents = {
  contexts: { table: 0xf0f0f0f0f0f0 / 64, max: 31, format: 2 },
  otherContexts: { table: 0xe0e0e0e0e0c0 / 64, max: 31, format: 2 },
  second: { vmid: 0, ttb: 0xdbeefdeadbee0 / 16, ps: 1, tg: 2, sh: 3, or: 1, ir: 2, sl: 3, tsz: 4 },
  otherSecond: { vmid: 1, ttb: 0x1000, ps: 1, tg: 2, sh: 3, or: 1, ir: 2, sl: 3, tsz: 4 },
};

test("every pair of eleven stream table entries takes as many waits as the kernel's writer, and is as hitless", () => {
  const made = kinds.map((k) => streamEntry(streamKinds[k], contents, { overrides: true, stalls: true }));
  const found = made.map((from) =>
    made.map((to) => {
      if (from === to) return "-";
      const { steps, hitless } = writeEntry(smmuStream, from, to, smmu);
      return `${steps.filter((s) => s.kind === "sync").length}${hitless ? "H" : "B"}`;
    }),
  );
  expect(found).toEqual(all);
});

test("without the harmless bits, going between a guest's identity and a second stage is a gap, as it was", () => {
  const strict = { ...smmuStream, harmless: [] };
  const [a, b] = [streams.nested_dssbyp_ats, streams.s2_noats];
  expect([writeEntry(strict, a, b, smmu).hitless, writeEntry(strict, b, a, smmu).hitless]).toEqual([false, false]);
});

describe("other hardware", () => {
  const pasids = Object.keys(pasidKinds) as PasidKindName[];
  const widths = fc.record({
    store: fc.constantFrom(64, 128) as fc.Arbitrary<64 | 128>,
    fetch: fc.constantFrom(64, 128, 256, 512) as fc.Arbitrary<64 | 128 | 256 | 512>,
  });
  const one = (n: number) => ({ did: 5 + n, first: 8 + 2 * n, second: 9 + 2 * n });

  test("whatever is stored and fetched at once, the entry ends as asked, and a wait comes last", () => {
    fc.assert(
      fc.property(fc.constantFrom(...pasids), fc.constantFrom(...pasids), widths, (from, to, w) => {
        const [a, b] = [pasidEntry(from, one(0)), pasidEntry(to, one(1))];
        const { steps } = writeEntry(vtdPasid, a, b, w);
        const now = a.slice();
        for (const s of steps) if (s.kind === "store") now.set(s.words, s.word);
        expect(now).toEqual(b);
        expect(steps.at(-1)?.kind ?? "sync").toBe("sync");
      }),
    );
  });

  test("two second stages are one store of 128 bits, and a gap where a unit reads 64", () => {
    const [a, b] = [pasidEntry("ss", one(0)), pasidEntry("ss", one(1))];
    expect(writeEntry(vtdPasid, a, b, { store: 128, fetch: 128 })).toMatchObject({ hitless: true, critical: 1 });
    expect(writeEntry(vtdPasid, a, b, { store: 128, fetch: 64 })).toMatchObject({ hitless: false, critical: 3 });
  });

  test("where a unit reads the entry at once, the order of stores is enough: one wait", () => {
    const [a, b] = [pasidEntry("ss", one(0)), pasidEntry("fs", one(1))];
    const kindsOf = (fetch: 128 | 512) => writeEntry(vtdPasid, a, b, { store: 128, fetch }).steps.map((s) => s.kind);
    expect(kindsOf(128)).toEqual(["store", "sync", "store", "sync"]);
    expect(kindsOf(512)).toEqual(["store", "store", "sync"]);
  });
});
