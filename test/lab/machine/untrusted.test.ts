/** Devices that are not trusted, behind an IOMMU: they see no byte beside their buffers, and wait for no later flush. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { isTrouble, outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";

const preset = readFileSync("machines/vtd-strict.yaml", "utf8").replaceAll(/requests: \d+/g, "requests: 20");
const untrusted = (text: string) =>
  text.replace("driver: ide,", "driver: ide, untrusted: true,").replace("ats: true", "ats: true, untrusted: true");

function ran(text: string) {
  return outcomeOf(runMachine(describeMachine("m.yaml", text)));
}
const ofIde = (o: ReturnType<typeof ran>) => o.devices[1]!;

test.for(["strict", "lazy", "pass-through"])(
  "%s: what is no whole page bounces, whole pages do not; every byte arrives",
  (policy) => {
    const o = ran(untrusted(preset).replace("policy: strict", `policy: ${policy}`));
    expect([isTrouble(o), o.iommu!.refused]).toEqual([false, []]);
    const { maps, bounced, translated, causes, engine } = ofIde(o);
    expect([engine, bounced + translated]).toEqual(["iommu", maps]);
    expect([bounced > 0, translated > 0]).toEqual([true, true]);
    expect(causes.find((c) => c.cause === "untrusted")?.count).toBe(bounced);
    expect([o.pool!.used, o.pool!.hiwater > 0, o.iommu!.translationRequests]).toEqual([0, true, 0]);
  },
);

test("without a pool such a mapping is refused as the kernel says it", () => {
  const o = ran(`swiotlb: { mode: off }\n${untrusted(preset)}`);
  expect(ofIde(o).failed).toBeGreaterThan(0);
  expect(ofIde(o).refusals.every((r) => r.reason === "absent")).toBe(true);
  expect(o.log.join("\n")).toContain(
    "pci 0000:00:04.0: DMA bounce buffers are inactive, unable to map unaligned transaction.",
  );
});

test.for([
  [(t: string) => t.replace(/^iommu.*$/m, "").replace("ats: true, ", ""), "or an iommu: without one"],
  [(t: string) => t.replace('"7.2"', '"5.4"'), '("5.12" or later)'],
] as const)("what cannot be is said", ([change, said]) => {
  expect(() => describeMachine("m.yaml", change(untrusted(preset)))).toThrow(said);
});
