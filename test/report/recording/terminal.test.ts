/** Lines for people: order, widths, colour only when asked for, and no harm from hostile text. */
import { describe, expect, test } from "vitest";
import { countWords } from "../../../src/base/count_words.js";
import type { Timeline } from "../../../src/lab/replay/told/outcome.js";
import { runLines } from "../../../src/report/recording/lines/run_lines.js";
import { cut, table, wrap } from "../../../src/report/text/layout.js";
import { failureMarks, sparkLine } from "../../../src/report/text/spark.js";
import { harmless } from "../../../src/report/text/style.js";
import { whyLines } from "../../../src/report/why/why_lines.js";
import { bytesWords, hexWords, shareWords, spanWords } from "../../../src/report/words/quantity.js";
import { calmReport, sampleReport } from "./sample.js";

const plain = { color: false, width: 100 };

function timeline(most: number[], failures: number[] = most.map(() => 0)): Timeline {
  const column = Uint32Array.from(most);
  return { from: 0, width: 1, most: column, fewest: column, failures: Uint32Array.from(failures) };
}

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [1023, "1023 bytes"],
  [1024, "1 KiB"],
  [69632, "68 KiB"],
  [1_572_864, "1.5 MiB"],
  [2 ** 30, "1 GiB"],
])("%d bytes are %s", (bytes, words) => expect(bytesWords(bytes)).toBe(words));

test.each([
  [250, "250 µs"],
  [14_000, "14 ms"],
  [3_240_000, "3.2 s"],
  [1_200_000_000, "20 min"],
])("%d µs are %s", (span, words) => expect(spanWords(span)).toBe(words));

test.each([
  [0, 512, "0 %"],
  [1, 100_000, "<0.1 %"],
  [99_999, 100_000, ">99.9 %"],
  [512, 512, "100 %"],
  [0, 0, "–"],
])("%d of %d is %s", (part, whole, words) => expect(shareWords(part, whole)).toBe(words));

test("numbers and addresses", () => {
  expect(countWords(1234567)).toBe("1,234,567");
  expect(hexWords(0xb000000)).toBe("0xb000000");
  expect(hexWords(2 ** 52)).toBe("0x10000000000000");
  expect(hexWords(Number.NaN)).toBeNull();
});

test("the spark line's heights are shares of the pool", () => {
  expect(sparkLine(timeline([0, 1, 63, 64, 256, 511, 512]), 512, 80)).toBe(" ▁▁▂▅██");
});

test("a spark line narrower than the bins keeps every peak", () => {
  const most = Array.from({ length: 100 }, () => 0);
  most[57] = 512;
  const line = sparkLine(timeline(most), 512, 10);
  expect(line).toBe("     █    ");
  expect(failureMarks(timeline(most, most), 10)).toBe("     ×");
});

describe("a table", () => {
  const columns = [
    { title: "name", align: "left" },
    { title: "count", align: "right", spare: 1 },
    { title: "more", align: "right", spare: 2 },
  ] as const;
  const rows = [
    ["a", "1", "2"],
    ["long", "1,000", "3"],
  ];
  const worded = [
    { title: "device", align: "left" },
    { title: "bytes", align: "right" },
    { title: "why", align: "left" },
  ] as const;
  const reasons = [["0000:00:03.0", "4,096", "it lies above what the device reaches, and is bounced"]];

  test("has its columns aligned, and is as wide as its cells where nothing breaks lines", () => {
    const wide = ["  name  count  more", "  a         1     2", "  long  1,000     3"];
    expect(table(columns, rows, 80)).toEqual(wide);
    expect(table(columns, rows, Number.POSITIVE_INFINITY)).toEqual(wide);
    const words = "word ".repeat(60).trim();
    expect(table(worded, [["a", "1", words]], Number.POSITIVE_INFINITY)).toEqual([
      "  device  bytes  why",
      `  a           1  ${words}`,
    ]);
  });

  test("names the columns that there is no room for", () => {
    expect(table(columns, rows, 14)).toEqual([
      "  name  count",
      "  a         1",
      "  long  1,000",
      "  (no room",
      "  here for:",
      "  more)",
    ]);
  });

  test("wraps the words of its last column", () => {
    expect(table(worded, reasons, 48)).toEqual([
      "  device        bytes  why",
      "  0000:00:03.0  4,096  it lies above what the",
      "                       device reaches, and is",
      "                       bounced",
    ]);
    const [, ...lines] = table(worded, [["a", "1", "x".repeat(60)]], 40);
    expect(lines.map((line) => line.slice(17)).join("")).toBe("x".repeat(60));
  });

  test("is told row by row where it is still too wide, and loses nothing", () => {
    expect(table(worded, reasons, 30)).toEqual([
      "  device, bytes, why",
      "  0000:00:03.0, bytes 4,096,",
      "    why it lies above what the",
      "    device reaches, and is",
      "    bounced",
    ]);
  });

  test("does not grow with a hostile cell", () => {
    const lines = table(columns, [["x".repeat(1e6), "1", "2"]], Number.POSITIVE_INFINITY);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(1100);
    expect(cut("abcdef", 4)).toBe("abc…");
  });
});

test("text is wrapped with its prefixes", () => {
  expect(wrap("one two three", 10, "- ", "  ")).toEqual(["- one two", "  three"]);
});

test("a run tells the verdict first and the advice last", () => {
  const lines = runLines(sampleReport(), plain);
  const at = (start: string): number => lines.findIndex((line) => line.startsWith(start));
  expect(lines[0]).toMatch(
    /^✗ \d+ of 2\d,\d{3} mappings failed, 37 mappings leaked and DMA rules were broken 4 times\.$/,
  );
  expect(lines[1]).toMatch(
    /^ {2}Exact: (\S+) of \1 bounce addresses, (\S+) of \2 refusals and (\S+) of \3 decisions to/,
  );
  const sections = ["Machine", "Mappings", "Pool over time", "Failures", "Leaks", "Broken rules"];
  const order = [...sections, "The same requests on other pools", "Advice"].map(at);
  expect(order.every((line, i) => line > (order[i - 1] ?? 0))).toBe(true);
  expect(lines.join("\n")).toContain("swiotlb=2048,2,force");
  expect(lines.join("\n")).toContain("2 areas, forced (inferred)");
});

test.each([40, 60, 100, 200])("no line is wider than %d columns", (width) => {
  for (const report of [sampleReport(), calmReport()]) {
    const long = runLines(report, { color: false, width }).filter((line) => line.length > width);
    expect(long.filter((line) => line.trim().includes(" "))).toEqual([]);
  }
});

test("colour appears only when asked for, and the text beneath is the same", () => {
  const start = String.fromCharCode(27);
  const painted = runLines(sampleReport(), { color: true, width: 100 }).join("\n");
  const bare = runLines(sampleReport(), plain).join("\n");
  expect(bare).not.toContain(start);
  expect(painted).toContain(`${start}[31m`);
  expect(painted.replace(new RegExp(`${start}\\[\\d+m`, "g"), "")).toBe(bare);
});

test("a calm run without a pool says so", () => {
  const text = runLines(calmReport(), plain).join("\n");
  expect(text).toContain("✓ All 1,200 mappings worked, all of them direct.");
  expect(text).toContain("no pool was seen");
  expect(text).not.toContain("Pool over time");
});

test("a pool that was hardly used is drawn to its high-water mark, and says so", () => {
  const { outcome, audit } = sampleReport();
  const pool = { ...outcome.pool!, slots: 32768 };
  const lines = runLines({ outcome: { ...outcome, pool }, audit }, plain);
  const at = lines.findIndex((line) => line.startsWith("Pool over time (a full block is the high-water mark)"));
  expect(lines[at + 1]).toMatch(/█.*496\/32,768$/);
});

test("devices without a mapping are only named", () => {
  const { outcome, audit } = sampleReport();
  const idle = { ...outcome.devices[0]!, name: "0000:00:00.0", maps: 0, failed: 0, live: 0, why: [] };
  const text = runLines({ outcome: { ...outcome, devices: [...outcome.devices, idle] }, audit }, plain).join("\n");
  expect(text).toContain("  no mapping of 0000:00:00.0");
  expect(text.match(/0000:00:00\.0/g)).toHaveLength(1);
});

test("a hundred thousand devices make a short report", () => {
  const { outcome, audit } = sampleReport();
  const one = outcome.devices[0]!;
  const devices = Array.from({ length: 100_000 }, (_, i) => ({
    ...one,
    name: `device ${i}`,
    maps: i % 2,
    live: 0,
    failed: 0,
  }));
  const lines = runLines({ outcome: { ...outcome, devices }, audit }, plain);
  expect(lines.length).toBeLessThan(150);
  expect(lines.join("\n")).toContain("and 49,970 devices more");
  expect(lines.join("\n").replace(/\s+/g, " ")).toContain("and 49,988 more");
});

test("what is said of several devices is said once", () => {
  const lines = runLines(sampleReport(), plain).filter((line) => line.includes("told to bounce everything"));
  expect(lines).toHaveLength(1);
});

test("an inexact replay is said to be one", () => {
  const { outcome, audit } = sampleReport();
  const mismatches = [{ time: 7_000_000, device: 0, size: 4096, kernel: 0xbe01000, model: null }];
  const exact = { ...outcome.exact, compared: 100, equal: 99, corrections: 2, mismatches };
  const text = runLines({ outcome: { ...outcome, exact }, audit }, plain).join("\n");
  const verdict = text.replace(/\s+/g, " ");
  expect(verdict).toContain("Not exact: 99 of 100 bounce addresses, ");
  expect(verdict).toContain("are the kernel's own, after the model was set to the kernel's state 2 times.");
  expect(text).toMatch(/7\.000000 s {2}0000:00:03\.0 {2}4,096 {2}0xbe01000 {2}refused/);
});

test("control characters in names and words are removed", () => {
  const { outcome, audit } = sampleReport();
  const evil = `x${String.fromCharCode(27)}[2Jy${String.fromCharCode(0x9b)}31m\u202ez`;
  const devices = outcome.devices.map((d) => ({ ...d, name: evil }));
  const advice = { ...outcome.advice, because: evil, swiotlb: evil };
  const text = runLines({ outcome: { ...outcome, devices, advice }, audit }, plain).join("\n");
  expect(harmless(evil)).toBe("x[2Jy31mz");
  expect(/[^\P{Cc}\n]/u.test(text)).toBe(false);
});

test("the answers of why, and that there are none", () => {
  const finding = { line: "swiotlb buffer is full", cause: "why", evidence: "this", do: "that" };
  expect(whyLines([finding], plain)).toEqual([
    "swiotlb buffer is full",
    "  cause     why",
    "  evidence  this",
    "  do        that",
  ]);
  const repeated = whyLines([{ ...finding, count: 37, lastTime: 12.5 }], plain);
  expect(repeated.at(-1)).toBe("  seen      37 times, the last at 12.500000 s");
  expect(whyLines([], plain)).toEqual(["Nothing here tells of trouble with swiotlb, an IOMMU or DMA."]);
});

test("columns that fold are wrapped before others are left out", () => {
  const columns = [
    { title: "unit", align: "left" },
    { title: "read as", align: "left", spare: 1 },
    { title: "segment", align: "left", spare: 2, folds: true },
    { title: "serves", align: "left", folds: true },
  ] as const;
  const row = ["ivhd0", "unit 0", "0000, 0001, 0002, 0003", "00:01.0, 00:02.0, 00:03.0, 00:04.0, 00:05.0"];
  expect(table(columns, [row], 100)).toEqual([
    "  unit   read as  segment                 serves",
    "  ivhd0  unit 0   0000, 0001, 0002, 0003  00:01.0, 00:02.0, 00:03.0, 00:04.0, 00:05.0",
  ]);
  expect(table(columns, [row], 60)).toEqual([
    "  unit   read as  segment                 serves",
    "  ivhd0  unit 0   0000, 0001, 0002, 0003  00:01.0, 00:02.0,",
    "                                          00:03.0, 00:04.0,",
    "                                          00:05.0",
  ]);
  expect(table(columns, [row], 52)).toEqual([
    "  unit   read as  segment           serves",
    "  ivhd0  unit 0   0000, 0001,       00:01.0,",
    "                  0002, 0003        00:02.0,",
    "                                    00:03.0,",
    "                                    00:04.0, 00:05.0",
  ]);
});
