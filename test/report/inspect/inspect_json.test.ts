/** The document `dmalab.inspect/1`: keys as promised, valid against its schema, never in one string. */
import { describe, expect, test } from "vitest";
import { parseDeviceAddress } from "../../../src/audit/inspect/device_name.js";
import { differenceOf } from "../../../src/audit/inspect/difference/difference.js";
import { walkAnswer } from "../../../src/audit/inspect/walk/walk_device.js";
import { inspectJson } from "../../../src/report/inspect/inspect_json.js";
import { exitCodeOf, type InspectReport } from "../../../src/report/inspect/inspect_report.js";
import type { InspectDocument } from "../../../src/report/schema/documents.js";
import { inspectSchema } from "../../../src/report/schema/inspect.js";
import { documentNames, jsonSchema } from "../../../src/report/schema/json_schema.js";
import { Ranges } from "../../../src/table/ranges.js";
import { captures, inspected, truthOf } from "../../audit/inspect/captured.js";
import { device, ranges } from "../../audit/inspect/machine.js";
import { amount } from "../../tier.js";
import { reportOf, sampleInspection } from "./sample_inspection.js";

const documentOf = (report: InspectReport): InspectDocument => {
  const text = [...inspectJson(report)].join("");
  expect(text.endsWith("}\n")).toBe(true);
  return inspectSchema.parse(JSON.parse(text)) as InspectDocument;
};

test("the promised keys, in their order", () => {
  const doc = documentOf(reportOf(sampleInspection()));
  expect(Object.keys(doc)).toEqual([
    "schema",
    "source",
    "verdict",
    "units",
    "firmware",
    "devices",
    "mappings",
    "findings",
    "troubles",
  ]);
  expect(doc.units[0]).toMatchObject({ kind: "vtd", mode: "legacy", root: "0x100000", found: "registers" });
  expect(Object.keys(doc.devices[0]!).slice(0, 8)).toEqual([
    "bdf",
    "pasid",
    "state",
    "domain",
    "stage",
    "leaves",
    "bytes",
    "ats",
  ]);
  expect(doc.devices[0]).toMatchObject({
    bdf: "0000:00:03.0",
    pasid: 0,
    stage: "second",
    leaves: 2,
    bytes: 12288,
    ats: true,
  });
  expect(doc.devices[2]).toMatchObject({ state: "identity", pasid: null, leaves: 0, perm: "r-" });
  expect(doc.devices[3]).toMatchObject({ state: "blocked", perm: "--" });
  expect(doc.devices[6]).toMatchObject({ bdf: "sid:0x12345", domain: null });
  expect(Object.keys(doc.mappings[0]!)).toEqual(["bdf", "pasid", "iova", "paddr", "bytes", "perm"]);
  expect(Object.keys(doc.findings[0]!).slice(0, 3)).toEqual(["what", "where", "why"]);
});

test("addresses at the top of the space are exact", () => {
  const doc = documentOf(reportOf(sampleInspection()));
  expect(doc.mappings.slice(0, 2)).toEqual([
    { bdf: "0000:00:03.0", pasid: 0, iova: "0xfffff000", paddr: "0x5000000", bytes: 4096, perm: "rw" },
    { bdf: "0000:00:03.0", pasid: 0, iova: "0xffffffffffffe000", paddr: "0x6000000", bytes: 8192, perm: "-w" },
  ]);
});

test("a device that is asked for is shown alone, with the findings about it", () => {
  const doc = documentOf(reportOf(sampleInspection(), { shown: [2] }));
  expect(doc.devices.map((d) => d.bdf)).toEqual(["0000:00:04.0"]);
  expect(doc.mappings).toEqual([]);
  expect(doc.findings.map((f) => f.rule)).toEqual(["identity"]);
});

test("an inspection of nothing is a valid document", () => {
  const empty = { ...sampleInspection([]), units: [], findings: [], unitTroubles: [] };
  expect(documentOf(reportOf(empty))).toMatchObject({
    units: [],
    devices: [],
    mappings: [],
    findings: [],
    troubles: [],
  });
});

test("mappings by the hundred thousand come in small pieces", () => {
  const mappings = amount(60_000, 300_000);
  const many = new Ranges();
  for (let i = 0; i < mappings; i++) many.push(i * 8192, i * 4096 * 3, 4096, 3);
  const inspection = sampleInspection([device(8, many)]);
  let count = 0;
  let longest = 0;
  for (const piece of inspectJson(reportOf(inspection))) {
    longest = Math.max(longest, piece.length);
    count += piece.split('"paddr"').length - 1;
  }
  expect(count).toBe(mappings);
  expect(longest).toBeLessThan(2 ** 17);
});

test("who, walk and diff have their keys when they were asked for", async () => {
  const { inspection, index, image } = await inspected("vtd-scalable");
  const after = { ...inspection, devices: inspection.devices.slice(1) };
  const difference = differenceOf(inspection, after);
  const doc = documentOf(
    reportOf(inspection, {
      who: { paddr: 0x438b010, held: false, isInterrupt: false, hits: index.at(0x438b010) },
      walk: walkAnswer({ inspection, image }, parseDeviceAddress("00:03.0:0xfffc0123")),
      diff: { file: "other", difference, other: reportOf(after) },
    }),
  );
  expect(doc.who).toEqual({
    paddr: "0x438b010",
    held: false,
    open: [],
    unknown: [],
    place: null,
    isInterrupt: false,
    reached: [{ bdf: "0000:00:03.0", pasid: 0, iova: "0xfffc0010", perm: "rw", through: "translated" }],
  });
  expect(doc.walk).toMatchObject({
    bdf: "0000:00:03.0",
    state: "translated",
    paddr: "0x438b123",
    bytes: 4096,
    fault: null,
  });
  expect(doc.walk!.steps[0]).toMatchObject({
    at: "0x3571000",
    title: "VT-d scalable-mode root entry",
    stage: "device",
  });
  expect(doc.walk!.steps).toHaveLength(8);
  expect(doc.diff).toMatchObject({
    same: 8,
    changes: [{ bdf: "0000:00:00.0", before: "translated", after: null, gained: [] }],
  });
});

test("the code of a fault and its sentence are in the walk, and the exit code says trouble", async () => {
  const { inspection, image } = await inspected("smmuv3");
  const report = reportOf(inspection, {
    walk: walkAnswer({ inspection, image }, parseDeviceAddress("00:02.0:0x1000")),
  });
  expect(documentOf(report).walk).toMatchObject({
    paddr: null,
    fault: { code: 16, name: "F_TRANSLATION", words: "nothing is mapped at the address" },
  });
  expect(exitCodeOf(report)).toBe(1);
  expect(exitCodeOf(reportOf(inspection))).toBe(0);
  expect(exitCodeOf(reportOf(sampleInspection()))).toBe(1);
});

test("ranges lost and gained are whole documents' mappings", () => {
  const before = sampleInspection([device(8, ranges([0, 0, 16384]))]);
  const after = sampleInspection([device(8, ranges([0, 0, 4096], [8192, 8192, 8192], [2 ** 20, 0, 4096, 1]))]);
  const doc = documentOf(
    reportOf(before, { diff: { file: "b", difference: differenceOf(before, after), other: reportOf(after) } }),
  );
  const change = { bdf: "0000:00:01.0", pasid: null };
  expect(doc.diff!.changes[0]).toMatchObject({
    lost: [{ ...change, iova: "0x1000", paddr: "0x1000", bytes: 4096, perm: "rw" }],
    gained: [{ ...change, iova: "0x100000", paddr: "0x0", bytes: 4096, perm: "r-" }],
  });
});

describe.each(captures)("%s", async (name) => {
  const { inspection } = await inspected(name);
  test("leaves and bytes are those of the truth, and merged mappings cover them", () => {
    const doc = documentOf(reportOf(inspection));
    const truth = truthOf(name);
    expect(doc.devices.reduce((sum, d) => sum + d.leaves, 0)).toBe(truth.mappings.length);
    const bytes = truth.mappings.reduce((sum, m) => sum + m.bytes, 0);
    expect(doc.devices.reduce((sum, d) => sum + d.bytes, 0)).toBe(bytes);
    expect(doc.mappings.reduce((sum, m) => sum + m.bytes, 0)).toBe(bytes);
  });
});

test("the schema is published", () => {
  expect(documentNames).toContain("dmalab.inspect/1");
  const schema = jsonSchema("dmalab.inspect/1") as { required: string[] };
  expect(schema.required).toEqual([
    "schema",
    "source",
    "verdict",
    "units",
    "devices",
    "mappings",
    "findings",
    "troubles",
  ]);
});
