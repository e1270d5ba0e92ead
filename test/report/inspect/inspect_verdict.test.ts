/** The verdict in one sentence: how much was shown, of how much RAM, and by which code a script learns of it. */
import { describe, expect, test } from "vitest";
import type { Finding } from "../../../src/audit/inspect/facts/inspection.js";
import { exitCodeOf } from "../../../src/report/inspect/inspect_report.js";
import { inspectVerdict } from "../../../src/report/inspect/inspect_verdict.js";
import { device, ranges, unit } from "../../audit/inspect/machine.js";
import { reportOf, sampleInspection } from "./sample_inspection.js";

const MiB = 2 ** 20;
const said = (weight: Finding["weight"], devices?: number[]): Finding => ({
  ...{ rule: "test", weight, what: "", where: "", why: "" },
  ...(devices === undefined ? {} : { devices }),
});
const calm = {
  ...sampleInspection([device(0x18, ranges([0, 0, 4 * MiB], [32 * MiB, 0, MiB], [64 * MiB, 512 * MiB, 3 * MiB]))]),
  units: [unit],
  findings: [] as Finding[],
};
const ram = (bytes: number) => ({ ...calm.source, ram: [{ from: 0, to: bytes }] });

describe("levels", () => {
  test.each([
    ["nothing found", [], "shown", /^1 device is confined/, 0, 0],
    ["notes", [said("note")], "shown", /^1 device is confined/, 0, 0],
    ["a doubt", [said("note"), said("unproven")], "unproven", /^Not shown to be safe, for 1 reason: 1 device/, 0, 1],
    ["trouble and doubts", [said("trouble"), said("unproven")], "trouble", /^1 trouble: 1 device/, 1, 1],
    ["a doubt about another device", [said("unproven", [7])], "shown", /^1 device/, 0, 0],
    ["a doubt about this one", [said("unproven", [0])], "unproven", /^Not shown/, 0, 1],
  ] as const)("%s", (_, findings, level, words, code, strict) => {
    const two = { ...calm, devices: [...calm.devices, device(0x20, null)], findings: [...findings] };
    const report = { ...reportOf(two), shown: [0] };
    expect(inspectVerdict(report)).toMatchObject({ level, words: expect.stringMatching(words) });
    expect([exitCodeOf(report), exitCodeOf({ ...report, strict: true })]).toEqual([code, strict]);
  });

  test("what is wrong in the image of --diff counts as well", () => {
    const other = reportOf({ ...calm, findings: [said("unproven")] });
    const diff = { file: "", difference: { changes: [], same: 1 }, other };
    expect(exitCodeOf(reportOf(calm, { diff }))).toBe(0);
    const strict = { ...diff, other: { ...other, strict: true } };
    expect(exitCodeOf(reportOf(calm, { diff: strict, strict: true }))).toBe(1);
  });
});

test.each([
  [null, "1 device is confined to 8 MiB of addresses, which lead to 7 MiB of memory."],
  [
    448 * MiB,
    "1 device is confined to 4 of 448 MiB of RAM (0.9 %) and 3 MiB that is no RAM, mapped at 8 MiB of addresses.",
  ],
  [8 * MiB, "1 device is confined to 4 of 8 MiB of RAM (50 %) and 3 MiB that is no RAM, mapped at 8 MiB of addresses."],
  [2048 * MiB, "1 device is confined to 7 MiB of 2 GiB of RAM (0.3 %), mapped at 8 MiB of addresses."],
])("of %s bytes of RAM", (bytes, words) => {
  const source = bytes === null ? { ...calm.source, ram: null } : ram(bytes);
  expect(inspectVerdict(reportOf({ ...calm, source })).words).toBe(words);
});

test("a table that names nobody is not said to let nobody pass", () => {
  const empty = { ...calm, devices: [], findings: [{ ...said("unproven"), rule: "empty-table" }] };
  expect(inspectVerdict(reportOf(empty)).words).toBe("Not shown to be safe, for 1 reason: the tables name no device.");
});

test("tables of which nobody knows whether they are in use say what would be", () => {
  const units = [{ ...unit, found: "scan" as const, translating: null }];
  const { words } = inspectVerdict(reportOf({ ...calm, units, findings: [said("unproven")] }));
  expect(words).toMatch(/^Not shown to be safe, for 1 reason: 1 device would be confined to/);
});
