/** Registers that do not belong to the image: one trouble, and no word of what devices reach. */
import { describe, expect, test } from "vitest";
import type { Inspected } from "../../../src/audit/inspect/image/inspect_image.js";
import { inspectFile } from "../../../src/cli/inspect/inspect_source.js";
import type { InspectReport } from "../../../src/report/inspect/inspect_report.js";
import { exitCodeOf } from "../../../src/report/inspect/inspect_report.js";
import { inspectVerdict } from "../../../src/report/inspect/inspect_verdict.js";
import { quiet } from "../../cli/called.js";

const rows = [
  ["SMMUv3 with an x86 image", "vtd-legacy-strict", "smmuv3", "2 troubles", ["missing-table", "other-machine"]],
  ["VT-d with an Arm image", "smmuv3", "vtd-scalable", "2 troubles", ["missing-table", "other-machine"]],
  ["AMD-Vi with an Intel image", "vtd-legacy-strict", "amdvi", "1 trouble", ["missing-table"]],
  ["VT-d with an AMD image", "amdvi", "vtd-scalable", "1 trouble", ["missing-table"]],
] as const;

const reportOf = (image: string, registers: string) => {
  const flags = { registers: `fixtures/${registers}/mem.registers.json` };
  const whole = (i: Inspected) => {
    const { inspection } = i;
    return {
      ...i,
      shown: [...inspection.devices.keys()],
      who: null,
      walk: null,
      diff: null,
    } as unknown as InspectReport;
  };
  return inspectFile(`fixtures/${image}/mem.elf.gz`, flags, whole, quiet());
};

describe("registers of another machine", () => {
  test.each(rows)("%s", async (_, image, registers, count, rules) => {
    const report = await reportOf(image, registers);
    const { inspection } = report;
    expect(inspection.unitTroubles!.map((t) => t.map((one) => one.kind))).toEqual([["outside"]]);
    expect(inspection.unreadUnits).toEqual([0]);
    expect(inspectVerdict(report)).toMatchObject({ level: "trouble", words: `${count}: nothing is known of unit 0.` });
    expect(exitCodeOf(report)).toBe(1);
    const troubles = inspection.findings.filter((f) => f.weight === "trouble");
    expect(troubles.map((f) => f.rule)).toEqual(rules);
  });

  test("the image's own are read", async () => {
    const report = await reportOf("vtd-legacy-strict", "vtd-legacy-strict");
    expect(report.inspection.unreadUnits).toEqual([]);
    expect(inspectVerdict(report).level).not.toBe("trouble");
  });
});
