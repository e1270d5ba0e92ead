/** Real kernel logs: trouble is named where there was some, and nowhere else. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { explainLog, nothingKnown } from "../../../src/audit/index.js";
import { readKernelLog } from "../../../src/read/index.js";
import { writtenDown } from "./written_down.js";

function explained(name: string) {
  const text = gunzipSync(readFileSync(`fixtures/${name}/dmesg.txt.gz`)).toString();
  const log = readKernelLog(text);
  const machine = { ...nothingKnown, areas: log.areas, setting: log.swiotlb, memoryBytes: log.memoryBytes };
  return writtenDown(explainLog(text.split("\n"), machine));
}

test("swiotlb-full: ten lines of one device; used up, or room in pieces: one finding", () => {
  const findings = explained("swiotlb-full").filter((f) => f.trouble);
  expect(new Set(findings.map((f) => f.device))).toEqual(new Set(["0000:00:03.0"]));
  expect(findings.reduce((sum, f) => sum + f.count, 0)).toBe(10);
  expect(findings.map((f) => f.kind)).toEqual(["exhausted"]);
  expect(findings[0]!.evidence).toContain("2 of them: The pool has room, but not in one piece (");
  expect(findings[0]!.do).toContain("swiotlb=1024,force");
});

test.each(["swiotlb-force", "swiotlb-32bit", "vtd-scalable"])("%s: nothing is wrong", (name) => {
  expect(explained(name).filter((f) => f.trouble)).toEqual([]);
});

test("a log of a hundred thousand other lines takes no time", () => {
  const lines = Array.from(
    { length: 100_000 },
    (_, i) => `[${i}.000000] usb 1-1: new high-speed USB device number ${i} using xhci_hcd`,
  );
  const begin = performance.now();
  expect(explainLog(lines)).toEqual([]);
  expect(performance.now() - begin).toBeLessThan(3000);
});
