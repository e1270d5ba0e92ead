/** The documents' types are what their schemas say, and the documents hold nothing else. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import type { RunDocument, WhyDocument } from "../../src/report/index.js";
import { documentTypes } from "../../tools/document_types.js";
import { schemaFiles } from "../../tools/schema_files.js";
import { dmalab } from "../cli/called.js";
import { amount } from "../tier.js";
import { undescribed } from "./described.js";

test("the types in the sources are those of the schemas (npm run types writes them anew)", () => {
  expect(readFileSync("src/report/schema/documents.ts", "utf8")).toBe(documentTypes());
});

test("the schemas in files are those that documents and descriptions are held against (npm run types)", () => {
  const files = schemaFiles();
  for (const [path, text] of files) expect(readFileSync(path, "utf8"), path).toBe(text);
  const there = readdirSync("docs/schemas").map((name) => `docs/schemas/${name}`);
  expect(there.sort()).toEqual(files.flatMap(([path]) => (path.startsWith("docs/") ? [path] : [])).sort());
});

test("a key that no schema describes is seen", () => {
  const finding = { line: "", cause: "", evidence: "", do: "", surprise: 1 };
  const document: WhyDocument = { schema: "dmalab.why/1", findings: [finding] };
  expect(undescribed(document)).toEqual([".findings[].surprise"]);
});

const folder = mkdtempSync(join(tmpdir(), "dmalab-types-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The beginning of a recording, with its first refusals; and a machine that has little to do. */
const recorded = gunzipSync(readFileSync("fixtures/swiotlb-full/trace.txt.gz")).toString().split("\n");
const recording = file("trace.txt", recorded.slice(0, amount(2000, recorded.length)).join("\n"));
copyFileSync("fixtures/swiotlb-full/dmesg.txt.gz", join(folder, "dmesg.txt.gz"));
const preset = readFileSync("machines/xen-pvh.yaml", "utf8");
const machine = file("machine.yaml", preset.replaceAll(/requests: \d+/g, `requests: ${amount(10, 1000)}`));

const image = "fixtures/vtd-legacy-strict/mem.elf.gz";
const calls = [
  ["run", recording],
  ["run", "fixtures/swiotlb-force/trace.dat", "--sizes", "1024"],
  ["run", machine],
  ["run", "--scenario", "ring"],
  ["run", "--scenarios", "--bugs"],
  ["why", "fixtures/swiotlb-full/dmesg.txt.gz"],
  ["why", "--swiotlb", "65536", "--cpus", "64"],
  ["inspect", image, "--who", "0x5097010"],
  ["inspect", image, "--at", "00:03.0:0xfffc0123"],
  ["inspect", image, "--diff", "fixtures/vtd-ats/mem.elf.gz"],
  ["inspect", "fixtures/smmuv3/mem.elf.gz"],
];

test.each(calls)("%s %s %s", async (...args) => {
  const { out, err } = await dmalab([...args.filter((a) => a !== undefined), "--json"]);
  expect(err).toBe("");
  expect(undescribed(JSON.parse(out) as RunDocument)).toEqual([]);
});
