/** `dmalab run --replace-table` and `--replace`: what they say, and what goes with them. */
import { expect, test } from "vitest";
import { replaceTableSchema } from "../../../src/report/schema/replace.js";
import { dmalab } from "../called.js";

test.each([
  ["a file", ["trace.dat", "--replace", "ss,fs"], /machine of its own/],
  ["a scenario", ["--replace-table", "--scenario", "ring"], /do not go together/],
  ["one kind", ["--replace", "ss"], /takes two kinds/],
  ["a kind that is none", ["--replace", "ss,fss"], /no kind fss \(did you mean/],
  ["kinds of two units", ["--replace", "ss,s1"], /no structure has both/],
  ["a unit that lacks the kind", ["--replace", "ss,fs", "--vendor", "amdvi"], /no kind ss/],
  ["a feature of another unit", ["--replace-table", "--vendor", "vtd", "--without", "stalls"], /--vendor smmuv3/],
  ["a width that is none", ["--replace-table", "--fetch", "100"], /64, 128, 256 or 512/],
])("%s is refused", async (_, args, says) => {
  const { code, out, err } = await dmalab(["run", ...args]);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(says);
});

test("a pair is told: stores, what is torn, the shortest run", async () => {
  const { code, out } = await dmalab(["run", "--replace", "ss,fs"]);
  expect(code).toBe(0);
  expect(out).toContain("vtd, ss → fs: second stage → first stage");
  expect(out).toContain("domain 5 would come to name both second stage at 0x9000, 4 levels");
  expect(out).toMatch(/store bits 127:64: did 0x5 → 0x6/);
  expect(out).toMatch(/broken in \d+ steps: I4/);
});

test("a table is a document, of one unit's structures and of what hardware was asked for", async () => {
  const { out } = await dmalab(["run", "--replace-table", "--vendor", "vtd", "--fetch", "64", "--json"]);
  const { structures, rows } = replaceTableSchema.parse(JSON.parse(out));
  expect(structures.map((s) => [s.structure, s.vendor])).toEqual([
    ["vtd", "vtd"],
    ["vtd-legacy", "vtd"],
  ]);
  const pairs = (structure: string) =>
    new Set(rows.filter((r) => r.structure === structure).map((r) => `${r.from},${r.to},${r.fetchBits}`)).size;
  expect([pairs("vtd"), pairs("vtd-legacy")]).toEqual([36, 9]);
  const best = rows.filter((r) => r.best).map((r) => `${r.from} ${r.to} ${r.method} ${r.verdict}`);
  expect(best).toContain("ss blocked linux hitless");
  expect(new Set(best.map((b) => b.split(" ").at(-1)))).toEqual(new Set(["hitless"]));
  expect(rows.filter((r) => r.verdict === "unsafe" && r.forbidden === null && r.broken.length === 0)).toEqual([]);
});

test("a table for a terminal has a line for each kind, and a page for a reader", async () => {
  const lines = (await dmalab(["run", "--replace-table", "--vendor", "amdvi"])).out;
  expect(lines).toMatch(/nested +2H +2B\+ +2B\+ +2B\+ +1H +2X/);
  const page = (await dmalab(["run", "--replace-table", "--vendor", "amdvi", "--markdown"])).out;
  expect(page).toContain("| nested | 2H |");
});
