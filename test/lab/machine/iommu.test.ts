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
  expect(iommu.refused).toMatchObject([{ device: "0000:00:04.0", write: false, code: 6, words }]);
  const { count } = iommu.refused[0]!;
  expect(count).toBeGreaterThan(3);
  expect(iommu.recorded).toBeGreaterThan(0);
  expect(iommu.recorded).toBeLessThanOrEqual(count);
  expect(isTrouble(o)).toBe(true);
  expect(told.join("\n")).toContain(`0000:00:04.0: ${count} reads refused (${words}), at 0x`);
  expect(machineLines(o, { color: false, width: 200 })[0]).toContain(`The IOMMU refused ${count} accesses of 0000:00:04.0`);
});
