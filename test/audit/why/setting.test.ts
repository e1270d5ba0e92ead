/** `swiotlb=` as the kernel reads it, and what is wrong with it. */
import { expect, test } from "vitest";
import { explainSetting, nothingKnown } from "../../../src/audit/index.js";
import { writtenDown } from "./written_down.js";

const gib = 2 ** 30;

/** Setting, CPUs, memory, troubles, notices. */
const rows: readonly (readonly [string, number | null, number | null, string[], string[]])[] = [
  ["65536", 4, 16 * gib, [], ["setting"]],
  ["", 4, 16 * gib, [], ["setting"]],
  ["force", 4, 16 * gib, [], ["setting"]],
  ["32768,4,force", 4, 16 * gib, [], ["setting"]],
  ["swiotlb=32768", 4, 16 * gib, [], ["setting"]],
  ["quiet swiotlb=64M splash swiotlb=32768", 4, 16 * gib, [], ["setting"]],
  ["64M", 4, 16 * gib, ["setting-unit"], ["setting"]],
  ["1G,force", 4, 16 * gib, ["setting-unit"], ["setting"]],
  ["64", 4, 16 * gib, ["setting-small"], ["setting"]],
  ["511", 1, 16 * gib, ["setting-small"], ["setting"]],
  ["512", 1, 16 * gib, [], ["setting"]],
  ["force,65536", 4, 16 * gib, ["setting-order"], ["setting"]],
  ["noforce,65536", 4, 16 * gib, ["setting-order"], ["setting"]],
  ["65536,ON", 4, 16 * gib, ["setting-unknown"], ["setting"]],
  ["off", 4, 16 * gib, ["setting-unknown"], ["setting"]],
  ["0", 4, 16 * gib, ["setting-zero"], ["setting-narrow-areas", "setting"]],
  ["524288", 4, 16 * gib, [], ["setting-low-memory", "setting"]],
  ["1048576", 4, 16 * gib, ["setting-low-memory"], ["setting"]],
  ["2097152", 4, 64 * gib, ["setting-low-memory"], ["setting"]],
  ["262144", 4, gib, [], ["setting"]],
  ["262144", 4, gib - 1, ["setting-memory"], ["setting"]],
  ["noforce", 4, 16 * gib, ["setting-off"], []],
  ["noforce", 4, 2 * gib, [], ["setting-off"]],
  ["noforce", 4, null, ["setting-off"], []],
  ["512", 64, 16 * gib, ["setting-areas"], ["setting-narrow-areas", "setting"]],
  ["4096", 64, 16 * gib, [], ["setting-areas", "setting-narrow-areas", "setting"]],
  ["512,8", 1, 16 * gib, [], ["setting-areas", "setting-narrow-areas", "setting"]],
  ["1536", 2, 16 * gib, [], ["setting-rounded", "setting"]],
  ["1536", null, null, [], ["setting"]],
  ["hv_pci_swiotlb=3M", 2, gib, ["setting-other"], []],
];

test.each(rows)("%s with %s CPUs, %s bytes", (text, cpus, memoryBytes, troubles, notices) => {
  const findings = writtenDown(explainSetting(text, { ...nothingKnown, cpus, memoryBytes }));
  expect(findings.filter((f) => f.trouble).map((f) => f.kind)).toEqual(troubles);
  expect(findings.filter((f) => !f.trouble).map((f) => f.kind)).toEqual(notices);
});

test("slots and bytes are both said, and what was probably meant", () => {
  const text = (setting: string) =>
    writtenDown(explainSetting(setting, { ...nothingKnown, cpus: 2 }))
      .map((f) => `${f.cause} ${f.evidence} ${f.do}`)
      .join(" ");
  expect(text("65536")).toContain("65,536 slots (128 MiB)");
  expect(text("8192")).toContain("8,192 slots (16 MiB)");
  expect(text("64")).toContain("swiotlb=32768");
  expect(text("64M")).toContain("For 64 MiB write swiotlb=32768");
  expect(text("1G")).toContain("swiotlb=524288");
  expect(text("force,65536")).toContain("swiotlb=65536,force");
  // microsoft/WSL2-Linux-Kernel#260: 3 MiB silently become 4 MiB.
  expect(text("1536")).toContain("1,536 slots (3 MiB) becomes 2,048 slots (4 MiB)");
  expect(text("2097152")).toContain("cannot exist");
});

test("a larger pool is said not to help larger requests", () => {
  expect(explainSetting("65536")[0]!.evidence).toContain("256 KiB at most");
});

test("hostile settings give findings, not errors", () => {
  for (const text of [
    "9".repeat(5000),
    "0x",
    "-1",
    ",,,,",
    "\u0000",
    `${"swiotlb=".repeat(1000)}`,
    "1e9",
    "08",
    "0x1g",
  ]) {
    expect(
      () => explainSetting(text, { ...nothingKnown, cpus: 2 ** 31, memoryBytes: 0 }),
      text.slice(0, 20),
    ).not.toThrow();
  }
  for (const cpus of [0, -1, Number.NaN, 1.5])
    expect(() => explainSetting("512", { ...nothingKnown, cpus })).not.toThrow();
});
