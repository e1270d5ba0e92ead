/** Real recordings: nothing is accused that is right, and what is alive at the end is what the kernel says. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { type AuditResult, RecordingAudit } from "../../../src/audit/index.js";
import { EventBatch, memorySource, openFtraceText } from "../../../src/read/index.js";
import { whole } from "../../whole.js";

function audit(name: string, batchSize = 512): AuditResult {
  const text = gunzipSync(readFileSync(`fixtures/${name}/trace.txt.gz`));
  const source = openFtraceText(memorySource(name, text));
  const audit = new RecordingAudit(source),
    batch = new EventBatch(batchSize);
  while (source.next(batch)) audit.feed(batch);
  const result = audit.finish();
  expect(whole(result)).toMatchSnapshot();
  return result;
}

/** Name, mappings, and buffers of the network card's receive ring alive at the end. */
const recordings = [
  ["swiotlb-force", 1373, 255],
  ["swiotlb-full", 11114, 255],
  ["swiotlb-32bit", 272, 255],
  ["vtd-scalable", 419, 255],
  ["vtd-ats", 1476, 128],
  ["amdvi", 418, 255],
] as const;

test.each(recordings)("%s: no rule is broken and nothing leaks", (name, maps, ring) => {
  const result = audit(name);
  expect(result.counts.maps).toBe(maps);
  expect(result.violationTotals).toEqual([]);
  expect(result.leaks).toEqual([]);
  expect(result.counts.before).toBe(0);
  const buffers = result.alive.filter((g) => g.kind === "single mapping" && g.direction === "FROM_DEVICE");
  expect(Math.max(...buffers.map((g) => g.count))).toBe(ring);
});

test("swiotlb-full: the mappings that the kernel refused are counted", () => {
  const facts = JSON.parse(readFileSync("fixtures/swiotlb-full/facts.json", "utf8"));
  expect(audit("swiotlb-full").counts.failed).toBe(facts.maps_that_failed);
});

test("the size of batches makes no difference", () => {
  expect(audit("vtd-ats", 1)).toEqual(audit("vtd-ats", 8192));
});

test("vtd-scalable: the network card's buffers of 1522 bytes leave most of their pages open", () => {
  const card = audit("vtd-scalable").exposure.find((e) => e.device === "0000:00:04.0")!;
  expect(card.reach).toBe("pages");
  expect(card.partial).toBe(card.mappings);
  // 255 buffers in flight; each lies in one page, or in two.
  expect(card.bytesPeak).toBeGreaterThan(255 * (4096 - 1522) - 4096);
  expect(card.bytesPeak).toBeLessThan(256 * (8192 - 1522));
});

test("an event left out is noticed: each unmap of a recording whose maps are missing is from before", () => {
  const text = gunzipSync(readFileSync("fixtures/swiotlb-force/trace.txt.gz")).toString();
  const without = text
    .split("\n")
    .filter((line) => !line.includes(": dma_map_phys:"))
    .join("\n");
  const source = openFtraceText(memorySource("without", new TextEncoder().encode(without)));
  const audit = new RecordingAudit(source),
    batch = new EventBatch();
  while (source.next(batch)) audit.feed(batch);
  const result = audit.finish();
  expect(result.counts.before).toBe(1118);
  expect(result.violationTotals).toEqual([]);
});

test("doubled unmap lines are found, each of them", () => {
  const text = gunzipSync(readFileSync("fixtures/swiotlb-force/trace.txt.gz")).toString();
  let doubled = 0;
  const lines = text.split("\n").flatMap((line, i) => {
    if (!line.includes(": dma_unmap_phys:") || i % 50 !== 0) return [line];
    doubled++;
    return [line, line];
  });
  const source = openFtraceText(memorySource("doubled", new TextEncoder().encode(lines.join("\n"))));
  const audit = new RecordingAudit(source),
    batch = new EventBatch();
  while (source.next(batch)) audit.feed(batch);
  expect(doubled).toBeGreaterThan(10);
  expect(audit.finish().violationTotals).toEqual([{ rule: "double-unmap", count: doubled }]);
});
