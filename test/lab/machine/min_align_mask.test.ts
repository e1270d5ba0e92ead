/** What a bounce keeps of an address where the description does not say it: what the driver asks for. */
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";

const bdf = "0000:00:03.0";

test.each([
  ["nvme", "", "7.2", 0xfff],
  ["nvme", ", minAlignMask: 0x1ff", "7.2", 0x1ff],
  ["nvme", ", minAlignMask: 0", "7.2", 0],
  ["nvme", "", "5.11", 0],
  ["NVMe", "", "5.12", 0xfff],
  ["e1000e", "", "7.2", 0],
])("%s%s of %s: bounces keep %i", (driver, more, kernel, kept) => {
  const text =
    `kernel: "${kernel}"\nmemory: 128MiB\nswiotlb: { mode: force, slots: 4096 }\n` +
    `devices: [ { bdf: '${bdf}', driver: ${driver}${more} } ]\n` +
    `workload: [ { program: disk, device: '${bdf}', requests: 20, size: 512..8192 } ]`;
  const o = outcomeOf(runMachine(describeMachine("m.yaml", text)));
  expect(o.devices[0]!.minAlignMask).toBe(kept);
  const low = o.dma.map(({ phys, bus }) => [phys % 4096, bus % 4096] as const);
  expect(o.devices[0]!.bounced).toBeGreaterThan(20);
  expect(low.every(([phys, bus]) => (phys & kept) === (bus & kept))).toBe(true);
  // And no more than that: where nothing is asked for, some slot begins elsewhere.
  if (kept < 0xfff) expect(low.some(([phys, bus]) => phys !== bus)).toBe(true);
});
