/** The documents' types are what their schemas say, and the documents hold nothing else. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { RunDocument, WhyDocument } from "../../src/report/index.js";
import { documentTypes } from "../../tools/document_types.js";
import { dmalab } from "../cli/called.js";
import { undescribed } from "./described.js";

test("the types in the sources are those of the schemas (npm run types writes them anew)", () => {
  expect(readFileSync("src/report/schema/documents.ts", "utf8")).toBe(documentTypes());
});

test("a key that no schema describes is seen", () => {
  const finding = { line: "", cause: "", evidence: "", do: "", surprise: 1 };
  const document: WhyDocument = { schema: "dmalab.why/1", findings: [finding] };
  expect(undescribed(document)).toEqual([".findings[].surprise"]);
});

const image = "fixtures/vtd-legacy-strict/mem.elf.gz";
const calls = [
  ["run", "fixtures/swiotlb-full/trace.txt.gz"],
  ["run", "fixtures/swiotlb-full/trace.dat", "--sizes", "1024"],
  ["run", "machines/xen-pvh.yaml"],
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
