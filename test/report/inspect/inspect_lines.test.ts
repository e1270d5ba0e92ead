/** Inspections as lines: what comes first, what is left out and said so, no harm from hostile text. */
import { describe, expect, test } from "vitest";
import { differenceOf } from "../../../src/audit/inspect/difference/difference.js";
import type { Finding } from "../../../src/audit/inspect/facts/inspection.js";
import { inspectJson } from "../../../src/report/inspect/inspect_json.js";
import { inspectLines } from "../../../src/report/inspect/inspect_lines.js";
import type { InspectReport } from "../../../src/report/inspect/inspect_report.js";
import { device, ranges, unit } from "../../audit/inspect/machine.js";
import { reportOf, sampleInspection } from "./sample_inspection.js";

const plain = { color: false, width: 100 };
const linesOf = (report: InspectReport, options = plain) => [...inspectLines(report, options)];
const textOf = (report: InspectReport, options = plain) => linesOf(report, options).join("\n");

test("the verdict stands first, and says how many are confined and how many are not", () => {
  const [first] = linesOf(reportOf(sampleInspection()));
  expect(first).toBe("✗ 1 trouble: 3 devices are confined to 12 KiB, 1 device reaches all of memory.");
  const calm = { ...sampleInspection([device(8, null)]), findings: [] };
  expect(linesOf(reportOf(calm))[0]).toBe("✓ no device reaches anything.");
});

test("devices that are blocked one after the other take one line", () => {
  const text = textOf(reportOf(sampleInspection()));
  expect(text).toMatch(/0000:00:04\.1 to 00:04\.3 +blocked \(3\)/);
  expect(text).toMatch(/0000:00:04\.0 +identity r- .*everything/);
});

test("a table that is shared is printed once", () => {
  expect(textOf(reportOf(sampleInspection()))).toMatch(/0000:00:03\.0\/7 +the same: it shares the table/);
});

test("some mappings of each device are shown, and the rest is counted; all of one that was asked for", () => {
  const many = ranges(...Array.from({ length: 30 }, (_, i) => [i * 8192, i * 4096, 4096] as const));
  const inspection = sampleInspection([device(8, many)]);
  expect(textOf(reportOf(inspection))).toMatch(/and 26 ranges more \(--device 0000:00:01\.0\)/);
  const all = textOf(reportOf(inspection, { everyMapping: true }));
  expect(all).not.toMatch(/ranges more/);
  expect(all.match(/0000:00:01\.0 +0x/g)).toHaveLength(30);
});

test("troubles come with their reasons; notes as well unless something was asked", () => {
  const report = reportOf(sampleInspection());
  expect(textOf(report)).toMatch(/✗ it passes through\n {4}0000:00:04\.0\n {4}TT is 2\n {2}· they share/);
  const asked = textOf({ ...report, who: { paddr: 0, held: true, isInterrupt: false, hits: [] } });
  expect(asked).toMatch(/^Nobody reaches 0x0\.\n/);
  expect(asked).toMatch(/it passes through/);
  expect(asked).not.toMatch(/they share|Units/);
});

test("a unit that was never set up has no tables", () => {
  const never = { ...unit, root: 0, translating: false };
  expect(textOf(reportOf({ ...sampleInspection(), units: [never] }))).toMatch(
    /^ {2}0 vtd +legacy +none +registers +no /m,
  );
});

describe("an address that no table leads to", () => {
  const asked = (isInterrupt: boolean, ...rules: (readonly [rule: string, weight: Finding["weight"]])[]) => {
    const findings = rules.map(([rule, weight]): Finding => ({ rule, weight, what: `is ${rule}`, where: "", why: "" }));
    const who = { paddr: 0x5000, held: true, isInterrupt, hits: [] };
    const report = reportOf({ ...sampleInspection([device(8, null)]), findings }, { who });
    const lines = linesOf(report);
    const doc = JSON.parse([...inspectJson(report)].join(""));
    return [lines.slice(0, lines.indexOf("")), doc.who.open, doc.who.unknown];
  };
  test.each([
    [false, [], ["Nobody reaches 0x5000."], [], []],
    [false, [["unit-off", "note"]], ["Nobody reaches 0x5000."], [], []],
    [
      ...[false, [["unit-off", "trouble"]]],
      ...[["0x5000 is open to what no entry confines.", "  ✗ is unit-off"], ["unit-off"], []],
    ],
    [
      ...[false, [["unit-unknown", "unproven"]]],
      ...[["Nobody reaches 0x5000, as far as is known.", "  ⚠ is unit-unknown"], [], ["unit-unknown"]],
    ],
    [
      ...[true, [["uncovered", "trouble"]]],
      ...[["Nobody reaches 0x5000.", expect.stringMatching("is an interrupt")], [], []],
    ],
  ] as const)("interrupts: %s, findings: %j", (isInterrupt, rules, lines, open, unknown) => {
    expect(asked(isInterrupt, ...(rules as readonly (readonly [string, Finding["weight"]])[]))).toEqual([
      ...[lines, open, unknown],
    ]);
  });
});

test("who reaches an address: by which of its own, or because nothing translates", () => {
  const hits = [
    { device: 0, iova: 0xfffff010, allow: 3, through: "translated" },
    { device: 2, iova: 0x5000010, allow: 1, through: "untranslated" },
  ] as const;
  const lines = linesOf(
    reportOf(sampleInspection(), { who: { paddr: 0x5000010, held: false, isInterrupt: false, hits } }),
  );
  expect(lines.slice(0, 3)).toEqual([
    "0x5000010 is reached in 2 ways (the image does not hold this page)",
    "  0000:00:03.0  rw  iova 0xfffff010",
    "  0000:00:04.0  r-  as it is (identity: reaches everything)",
  ]);
});

test("a difference is told in ranges, devices that come and go by their states", () => {
  const before = sampleInspection([device(8, ranges([0, 0, 2 ** 20])), device(9, null)]);
  const after = sampleInspection([
    device(8, ranges([4096, 4096, 2 ** 20 - 4096])),
    device(10, null, { state: "identity" }),
  ]);
  const text = textOf(
    reportOf(before, { diff: { file: "after.elf", difference: differenceOf(before, after), other: reportOf(after) } }),
  );
  expect(text).toMatch(/3 changes to after\.elf, 0 devices the same/);
  expect(text).toMatch(/0000:00:01\.0 {2}lost 4 KiB\n {4}- 0x0 to 0x0, 4 KiB, rw/);
  expect(text).toMatch(/0000:00:01\.1 {2}removed: was blocked/);
  expect(text).toMatch(/0000:00:01\.2 {2}added: identity/);
  const same = differenceOf(before, before);
  expect(textOf(reportOf(before, { diff: { file: "x", difference: same, other: reportOf(before) } }))).toMatch(
    /^Nothing differs from x \(2 /,
  );
});

test("hostile text moves no cursor, and no line is wider than the terminal", () => {
  for (const width of [60, 80, 140]) {
    for (const line of linesOf(reportOf(sampleInspection()), { color: false, width })) {
      expect(line).not.toContain("\u001b");
      expect(line.length).toBeLessThanOrEqual(width);
    }
  }
  expect(textOf(reportOf(sampleInspection()), { color: true, width: 100 })).toContain("\u001b[31m✗ 1 trouble");
});
