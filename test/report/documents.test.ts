/** The JSON documents: keys and units as promised, and valid against their own schemas. */
import { expect, test } from "vitest";
import { runDocument } from "../../src/report/recording/run_document.js";
import { machineFacts } from "../../src/report/recording/words/machine.js";
import { documentNames, jsonSchema } from "../../src/report/schema/json_schema.js";
import { runSchema } from "../../src/report/schema/run.js";
import { whySchema } from "../../src/report/schema/why.js";
import { whyDocument } from "../../src/report/why/why_document.js";
import { calmReport, sampleReport } from "./recording/sample.js";

const report = sampleReport();
const document = runDocument(report);

/** The document as a program reads it. */
const parsed = JSON.parse(JSON.stringify(document)) as Record<string, unknown>;

test("the sample is worth printing", () => {
  const { pool, devices } = report.outcome;
  const reasons = new Set(pool!.failures.map((f) => f.reason));
  expect(pool!.failures.length).toBeGreaterThan(300);
  expect([...reasons].sort()).toEqual(["exhausted", "fragmented", "too-large"]);
  expect(devices).toHaveLength(3);
});

test("a run has the promised keys", () => {
  const promised = ["schema", "source", "machine", "maps", "pool", "exact", "leaks", "violations", "advice"];
  for (const key of promised) expect(parsed).toHaveProperty(key);
  expect(parsed["schema"]).toBe("dmalab.run/1");
  expect(Object.keys(document.maps)).toEqual([
    "total",
    "direct",
    "bounced",
    "translated",
    "foreign",
    "failed",
    "unknown",
  ]);
  for (const key of ["time", "device", "size", "reason", "free", "longestRun"]) {
    expect(document.pool!.failures[0]).toHaveProperty(key);
  }
  expect(Object.keys(document.leaks[0]!).slice(0, 4)).toEqual(["device", "count", "bytes", "since"]);
  expect(Object.keys(document.violations[0]!)).toEqual(["rule", "device", "time", "detail", "relies"]);
});

test("addresses are hexadecimal strings, times seconds to the microsecond", () => {
  expect(document.pool!.base).toBe("0xbe00000");
  expect(document.machine.swiotlb!.base).toBe("0xbe00000");
  expect(document.devices[0]!.minAlignMask).toBe("0xfff");
  const first = report.outcome.pool!.failures[0]!;
  expect(document.pool!.failures[0]!.time).toBe(Number((first.time / 1e6).toFixed(6)));
  expect(document.source.from).toBe(6.929439);
});

test("an address of all ones and an unknown one", () => {
  const mismatch = { time: 1, device: 0, size: 4096, kernel: -1, model: null };
  const { outcome, audit } = report;
  const doc = runDocument({ outcome: { ...outcome, exact: { ...outcome.exact, mismatches: [mismatch] } }, audit });
  expect(doc.exact.mismatches[0]).toMatchObject({ kernel: "0xffffffffffffffff", model: null, device: "0000:00:03.0" });
});

test("nothing but source.format depends on the file", () => {
  const { outcome, audit } = report;
  const other = {
    ...outcome,
    source: { ...outcome.source, name: "elsewhere/trace.dat", format: "trace.dat" as const },
  };
  const twin = runDocument({ outcome: other, audit });
  expect(JSON.stringify(document)).not.toContain("sample/trace");
  expect({ ...twin, source: { ...twin.source, format: "ftrace" } }).toEqual(document);
});

test("no pool is null, and the document stays valid", () => {
  const doc = runDocument(calmReport());
  expect(doc.pool).toBeNull();
  expect(runSchema.safeParse(JSON.parse(JSON.stringify(doc))).error).toBeUndefined();
});

test("a run is valid against its schema, and a damaged one is not", () => {
  expect(runSchema.safeParse(parsed).error).toBeUndefined();
  expect(runSchema.safeParse({ ...parsed, surprise: 1 }).success).toBe(true);
  expect(runSchema.safeParse({ ...parsed, schema: "dmalab.run/2" }).success).toBe(false);
  expect(runSchema.safeParse({ ...parsed, pool: { ...document.pool, base: 123 } }).success).toBe(false);
});

test("the answers of why keep their four keys and whatever else they carry", () => {
  const finding = { line: "swiotlb buffer is full", cause: "c", evidence: "e", do: "d", kind: "pool" };
  const doc = whyDocument([finding]);
  expect(doc).toEqual({ schema: "dmalab.why/1", findings: [finding] });
  expect(whySchema.safeParse(JSON.parse(JSON.stringify(doc))).success).toBe(true);
  expect(whySchema.safeParse({ schema: "dmalab.why/1", findings: [{ line: "x" }] }).success).toBe(false);
});

test("JSON Schemas name their dialect and require the promised keys", () => {
  for (const name of documentNames) {
    const schema = jsonSchema(name) as { $schema: string; required: string[]; properties: Record<string, unknown> };
    expect(schema.$schema).toBe("https://json-schema.org/draft/2020-12/schema");
    expect(schema.required).toContain("schema");
    expect(schema.properties["schema"]).toMatchObject({ const: name });
  }
});

test("a recording without an event has no beginning and no end", () => {
  const { outcome, audit } = calmReport();
  const source = { ...outcome.source, events: 0, from: Number.NaN, to: Number.NaN };
  const doc = JSON.parse(JSON.stringify(runDocument({ outcome: { ...outcome, source }, audit }))) as unknown;
  expect(runSchema.parse(doc).source).toMatchObject({ events: 0, from: null, to: null });
  expect(machineFacts({ ...outcome, source }).at(-1)!.words).toBe("0 events, none lost");
});

test.each([
  [{ lost: 0 }, "none lost"],
  [{ lost: 7 }, "7 lost"],
  [{ lost: 0, absent: 1 }, "none said to be lost, but 1 more that its header counts is not here"],
  [{ lost: 7, absent: 1200 }, "7 lost, but 1,200 more that its header counts are not here"],
  [{ lost: 0, holes: "Parts cannot be read" }, "none said to be lost, but it is not whole (see the warnings)"],
  [{ lost: 0, absent: 3, excerpt: true }, "an excerpt does not say what was lost"],
])("none is lost only of a recording that is whole: %o", (told, words) => {
  const { outcome } = calmReport();
  const fact = machineFacts({ ...outcome, source: { ...outcome.source, ...told } }).at(-1)!;
  expect(fact.words.endsWith(`, ${words}`)).toBe(true);
});
