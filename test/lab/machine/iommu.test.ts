/** What a machine's IOMMU was asked, told and refused, in its outcome and in what is printed of it. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { isTrouble, outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { machineLines } from "../../../src/report/machine/machine_lines.js";

const preset = readFileSync("machines/vtd-strict.yaml", "utf8").replaceAll(/requests: \d+/g, "requests: 20");

function ran(change: (text: string) => string) {
  const o = outcomeOf(runMachine(describeMachine("m.yaml", change(preset))));
  const iommu = o.iommu!;
  const posted = Object.fromEntries(iommu.descriptors.map((d) => [d.what, d.count]));
  const lines = machineLines(o, { color: false, width: 200 });
  const at = lines.findIndex((line) => line.startsWith("IOMMU"));
  return { o, iommu, posted, told: lines.slice(at, lines.indexOf("", at)) };
}
const same = (text: string) => text;
const policy = (name: string) => (text: string) => text.replace("policy: strict", `policy: ${name}`);

test("strict: a flush and a wait for each unmapping, one more descriptor where the device has a TLB", () => {
  const { o, iommu, posted, told } = ran(same);
  const [nvme] = o.devices;
  const unmappings = o.devices.reduce((n, d) => n + d.maps, 0);
  // Beside them: the unit switched on, three devices attached, eight coherent buffers of the drivers given back.
  expect(posted["IOTLB invalidate"]).toBe(posted["invalidation wait"]);
  expect(posted["IOTLB invalidate"]! - unmappings).toBe(1 + 3 + 8);
  expect(posted["device-TLB invalidate"]! - nvme!.maps).toBeLessThan(4);
  expect(iommu).toMatchObject({ kind: "vtd", policy: "strict", refused: [], recorded: 0, domainFlushes: 0 });
  expect(iommu.fromCache).toBeGreaterThan(0);
  expect(iommu.fromCache).toBeLessThan(iommu.untranslated);
  expect([isTrouble(o), told.length]).toEqual([false, 4]);
});

test("lazy: few flushes, each for many addresses, and what that leaves open is said", () => {
  const { iommu, posted, told } = ran(policy("lazy"));
  expect(iommu.domainFlushes).toBeGreaterThan(0);
  expect(iommu.waitingMost).toBeGreaterThan(1);
  expect(posted["IOTLB invalidate"]).toBe(iommu.domainFlushes + 4);
  expect(told.join("\n")).toMatch(/flush(es)? of a whole domain; at most \d+ unmapped addresses waited/);
});

test("passed by: nothing is translated, nothing is flushed", () => {
  const { iommu, posted, told } = ran(policy("pass-through"));
  expect(iommu).toMatchObject({ fromCache: 0, translationRequests: 0, domainFlushes: 0, refused: [] });
  expect(posted["IOTLB invalidate"]).toBe(4);
  expect(told[0]).toBe("IOMMU: VT-d, the kernel lets devices pass it");
});

test("a driver that hands out physical addresses is refused, and it is said whose, why and where", () => {
  const legacy = 'program: legacy-dma, device: "0000:00:04.0"';
  const { o, iommu, told } = ran((text) => text.replace('program: disk, device: "0000:00:04.0"', legacy));
  const words = "no entry on the way to the page allows reading";
  expect(iommu.refused).toMatchObject([{ device: "0000:00:04.0", asked: "read", isFault: true, code: 6, words }]);
  const { count } = iommu.refused[0]!;
  expect(count).toBeGreaterThan(3);
  expect(iommu.recorded).toBeGreaterThan(0);
  expect(iommu.recorded).toBeLessThanOrEqual(count);
  expect(isTrouble(o)).toBe(true);
  expect(told.join("\n")).toContain(`0000:00:04.0: ${count} reads refused (${words}), first at 0x`);
  expect(machineLines(o, { color: false, width: 200 })[0]).toContain(
    `The IOMMU refused ${count} requests of 0000:00:04.0`,
  );
});

test.for(["strict", "lazy", "pass-through"])("tables above 4 GiB, %s: every byte arrives", (name) => {
  const { o, iommu } = ran((text) => policy(name)(text).replace("2GiB", "8GiB"));
  expect([isTrouble(o), iommu.refused]).toEqual([false, []]);
  expect(o.programs.map((p) => p.ended)).toEqual([20, 20, 20]);
});

test("a device told that there is no translation has made no fault, and it is said which requests were none", () => {
  const legacy = 'program: legacy-dma, device: "0000:00:03.0"';
  const { iommu, told } = ran((text) => text.replace('program: disk, device: "0000:00:03.0"', legacy));
  expect(iommu.refused).toMatchObject([{ device: "0000:00:03.0", asked: "translation", isFault: false, code: 0 }]);
  expect(new Set(iommu.refused[0]!.first).size).toBe(iommu.refused[0]!.first.length);
  expect([iommu.recorded, told.some((line) => line.includes("the kernel was told"))]).toEqual([0, false]);
  expect(told.join(" ").replace(/ +/g, " ")).toContain("translations refused (the tables have no translation");
});

test.for([
  ["arch: arm", (text: string) => `arch: arm\n${text}`, "an IOMMU of arm; vtd is known here on x86"],
  ["an old kernel", (text: string) => text.replace('"7.2"', '"2.6.23"'), 'a driver for vtd ("2.6.24" or later)'],
  ["encrypted", (text: string) => `encrypted: true\n${text}`, "memory that is not encrypted"],
  ["no IOMMU", (text: string) => text.replace(/^iommu.*$/m, ""), "an iommu: of the machine"],
  [
    "fetchBits: 100",
    (text: string) => text.replace("policy: strict", "policy: strict, fetchBits: 100"),
    "64, 128, 256",
  ],
] as const)("what cannot be at once, or at all, is said with its place: %s", ([, change, said]) => {
  expect(() => describeMachine("m.yaml", change(preset))).toThrow(said);
});
