/** What a timeline hears of a run: every DMA with all that became of it, and nothing that changes the run. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { Timeline } from "../../../src/lab/machine/timeline/timeline.js";
import { machinePageData } from "../../../src/report/machine/page/machine_page.js";

const preset = (name: string) =>
  readFileSync(`machines/${name}.yaml`, "utf8").replaceAll(/requests: \d+/g, "requests: 6");

function ran(text: string, eventMax = 1e6) {
  const timeline = new Timeline(eventMax);
  const outcome = outcomeOf(runMachine(describeMachine("m.yaml", text), { timeline }));
  return { timeline, outcome, of: (lane: string) => timeline.events.filter((e) => e.lane === lane) };
}

test.for(["vtd-strict", "vtd-lazy", "bare-metal", "xen-arm-dom0"])(
  "%s: the run is the same, and each DMA is told",
  (name) => {
    const { timeline, outcome, of } = ran(preset(name));
    expect(outcome).toEqual(outcomeOf(runMachine(describeMachine("m.yaml", preset(name)))));
    const streaming = timeline.dmas.filter((d) => d.kind !== "coherent");
    expect(streaming.length).toBe(outcome.devices.reduce((n, d) => n + d.maps - d.failed, 0));
    for (const [n, d] of timeline.dmas.entries()) {
      expect(timeline.events[d.begin]).toMatchObject({ dma: n, lane: "engine", device: d.device });
      expect(timeline.events[d.end!]).toMatchObject({ dma: n, lane: "DMA API", device: d.device });
    }
    expect(timeline.events.every((e, n) => n === 0 || e.step >= timeline.events[n - 1]!.step)).toBe(true);
    expect([timeline.leftOut, of("device").every((e) => e.dma >= 0)]).toEqual([0, true]);
  },
);

test("an IOMMU: each request is told with the entries that it read, and each command with the DMA that it is for", () => {
  const { of, outcome, timeline } = ran(preset("vtd-strict"));
  const { untranslated, translationRequests, translated, fromCache, descriptors } = outcome.iommu!;
  const unit = of("unit");
  expect(unit.length).toBe(untranslated + translationRequests + translated);
  expect(unit.filter((e) => /^(read|write) .*from the IOTLB/.test(e.what)).length).toBe(fromCache);
  for (const e of unit) {
    const names = e.entries.map((entry) => entry.name);
    const walks = e.what.includes("by its tables");
    expect(names).toEqual(walks ? ["SS-PML4E", "SS-PDPE", "SS-PDE", "SS-PTE"] : []);
  }
  // All but the three with which the unit was brought up, before anybody listened.
  expect(of("queue").length).toBe(descriptors.reduce((n, d) => n + d.count, 0) - 3);
  const flushes = of("queue").filter((e) => e.what.startsWith("IOTLB") && e.dma >= 0);
  // A list is flushed at once, behind the last of its buffers.
  const flushed = new Set(flushes.map((e) => e.dma));
  const isLast = (n: number) => timeline.dmas[n + 1]?.end !== timeline.dmas[n]!.end! + 1;
  for (const [n, d] of timeline.dmas.entries())
    expect([n, flushed.has(n)]).toEqual([n, d.kind !== "list" || isLast(n)]);
});

test("a refusal is trouble on the unit's lane and on the device's", () => {
  const legacy = 'program: legacy-dma, device: "0000:00:04.0"';
  const { of } = ran(
    preset("vtd-strict")
      .replaceAll("requests: 6", "requests: 30")
      .replace('program: disk, device: "0000:00:04.0"', legacy),
  );
  for (const lane of ["unit", "device"])
    expect(of(lane).find((e) => e.isTrouble)).toMatchObject({
      device: "0000:00:04.0",
      what: expect.stringMatching(/refused/),
    });
});

test("what is more than is kept is counted, and lives are open then", () => {
  const { timeline } = ran(preset("vtd-strict"));
  const short = ran(preset("vtd-strict"), 100).timeline;
  expect(short.events).toEqual(timeline.events.slice(0, 100));
  expect(short.leftOut).toBe(timeline.events.length - 100);
  expect(short.dmas.some((d) => d.end === null)).toBe(true);
});

test("the page carries them with indices that are there", () => {
  const { timeline, outcome } = ran(preset("vtd-strict"));
  const data = machinePageData("m.yaml", outcome, timeline);
  expect(data.events.every((e) => data.lanes[e.lane] !== undefined && e.device < data.devices.length)).toBe(true);
  expect(data.dmas.every((d) => data.devices[d.device] !== undefined)).toBe(true);
});
