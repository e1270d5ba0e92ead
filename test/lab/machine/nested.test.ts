/** Guests with a unit of their own: two stages lead their devices, and what they have forgotten is forgotten below. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { isTrouble, outcomeOf } from "../../../src/lab/machine/outcome.js";
import { placesOf } from "../../../src/lab/machine/platform/guest_memory.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { machineLines } from "../../../src/report/machine/machine_lines.js";
import { long } from "../../tier.js";

const kinds = ["vtd", "amdvi", "smmuv3"] as const;
type Kind = (typeof kinds)[number];

const preset = (kind: Kind) => readFileSync(`machines/${kind}-nested.yaml`, "utf8");
const small = (kind: Kind) =>
  preset(kind)
    .replaceAll(/requests: \d+/g, "requests: 8")
    .replaceAll(/\d+\.\.131072|\d+\.\.65536/g, "4096..16384")
    .replace("memory: 2GiB", "memory: 16MiB");

function ran(text: string, options: Parameters<typeof runMachine>[1] = {}) {
  const run = runMachine(describeMachine("m.yaml", text), options);
  return { run, o: outcomeOf(run) };
}

/** One kind of each test suffices where time is short. */
const isEnough = (kind: Kind, one: Kind) => long || kind === one;

describe.each(kinds)("%s", (kind) => {
  test("strict: devices are led through the guest's tables and the host's; each command is carried over", () => {
    const { run, o } = ran(small(kind));
    const { nesting, descriptors } = o.iommu!;
    expect([isTrouble(o), o.left, o.violations]).toEqual([false, [], []]);
    expect(nesting).toMatchObject({ nested: 3, lost: 0, stale: 0 });
    // Of eight pieces of 2 MiB, two were gathered page by page.
    expect(nesting!.pieces).toBe(6 + 2 * 512);
    const unmapped = run.log.first.length;
    expect(nesting!.carriedOver).toBeGreaterThan(unmapped);
    const posted = descriptors.reduce((sum, d) => sum + d.count, 0);
    expect(posted).toBeGreaterThan(nesting!.carriedOver);
    expect(o.dma.every((d) => d.phys !== run.host.iommu!.behind(d.device, d.bus))).toBe(true);
  });

  test.runIf(isEnough(kind, "amdvi"))("a guest that lets devices pass is led by the host's second stage alone", () => {
    const { o } = ran(small(kind).replace("policy: strict", "policy: pass-through"));
    expect([isTrouble(o), o.iommu!.nesting]).toMatchObject([false, { nested: 0, carriedOver: expect.any(Number) }]);
    expect(o.iommu!.untranslated + o.iommu!.translated).toBeGreaterThan(50);
  });

  test.runIf(isEnough(kind, "vtd"))(
    "an invalidation that the host loses: a device reaches what was to be forgotten, and the run says so",
    () => {
      const text = small(kind)
        .replace("policy: strict", "policy: strict, hostBug: lost-invalidation")
        .replaceAll("requests: 8", "requests: 60");
      const { o } = ran(text);
      expect(isTrouble(o)).toBe(true);
      expect(o.iommu!.nesting!.lost).toBeGreaterThan(5);
      expect(o.violationTotals.find((v) => v.rule === "carried-over")?.count).toBe(o.iommu!.nesting!.lost);
      const stale = o.violations.filter((v) => v.rule === "I1");
      expect(stale.length).toBeGreaterThan(0);
      expect(stale[0]!.detail).toMatch(
        /by what the host's unit kept of 0x\w+, which the guest's unit had said is forgotten/,
      );
      expect(machineLines(o, { color: false, width: 300 }).join("\n")).toMatch(/and\s+\d+\s+not\s+\(hostBug\)/);
    },
  );

  test.runIf(long).each(["strict", "lazy", "pass-through"])(
    "%s: 2,400 requests in 6 GiB",
    (policy) => {
      const text = preset(kind)
        .replace("policy: strict", `policy: ${policy}`)
        .replace("memory: 2GiB", "memory: 6GiB")
        .replaceAll("requests: 1000", "requests: 800");
      const { o } = ran(text, { checks: false });
      expect([isTrouble(o), o.left, o.iommu!.refused]).toEqual([false, [], []]);
      expect(o.programs.map((p) => [p.ended, p.failed, p.wrong.length])).toEqual(Array(3).fill([800, 0, 0]));
    },
    900_000,
  );
});

describe("a device that is switched while it works", () => {
  const asked = long ? 40 : 6;
  const file = readFileSync("machines/viommu-switch.yaml", "utf8")
    .replace("memory: 64MiB", "memory: 16MiB")
    .replaceAll(/requests: (1000|500)/g, `requests: ${long ? 1000 : 40}`)
    .replace("requests: 20", `requests: ${asked}`);
  const pieces = 6 + 2 * 512;

  test("its entry is replaced: no DMA in flight is refused, and only the guest's own mappings are mapped", () => {
    const { o } = ran(file);
    const { switching } = o.iommu!;
    expect([isTrouble(o), o.violations, o.left]).toEqual([false, [], []]);
    expect(switching).toMatchObject({ way: "replace", refusedAlike: 0, met: { blocked: 0, wrong: 0 } });
    expect(switching!.met.alike).toBeGreaterThan(0);
    // That both devices are attached when their drivers come is no switch.
    expect([switching!.switches, o.programs.find((p) => p.program === "switch")!.ended]).toEqual(Array(2).fill(asked));
    expect([switching!.met.old, switching!.met.new]).toEqual([0, 0]);
    expect(switching!.callsOtherWay).toBe(switching!.calls + switching!.switches * pieces);
    // What is mapped in identity is direct for the guest, what is mapped in the domain is translated.
    const [disk, net] = o.devices;
    expect(disk!.direct).toBeGreaterThan(0);
    expect(disk!.translated).toBeGreaterThan(0);
    expect(disk!.direct + disk!.translated).toBe(disk!.maps);
    expect([net!.direct, net!.translated]).toEqual([0, net!.maps]);
    const mappings = o.dma.filter((d) => d.device === disk!.bdf);
    expect(mappings.length).toBeGreaterThan(0);
    for (const { phys, bus, cause } of mappings) expect(cause).toBe(bus === phys ? "direct" : "iommu");
  });

  test("nobody has it switched: what is attached at the start is no switch, by either way", () => {
    const without = file.replace(/ *- \{ program: switch.*\n/, "").replaceAll("requests: 40", "requests: 4");
    for (const text of [without, without.replace("hostSwitch: replace", "hostSwitch: remap")]) {
      const { o } = ran(text, { checks: false });
      const counted = o.iommu!.switching;
      expect(counted).toMatchObject({ switches: 0, calls: 0, callsOtherWay: 0, deviceSteps: 0 });
      expect(machineLines(o, { color: false, width: 300 }).join("\n")).toContain("no device was switched");
    }
  });

  test("all its mappings are taken out, and others put in: what both lead alike is refused meanwhile (I5)", () => {
    const text = file.replace("shadow, hostSwitch: replace", "shadow, hostSwitch: remap");
    const { o } = ran(text.replaceAll("requests: 40", "requests: 120").replace("requests: 6 ", "requests: 12 "), {
      checks: false,
    });
    const { switching } = o.iommu!;
    expect(switching!.calls).toBe(switching!.callsOtherWay + switching!.switches * pieces);
    expect(switching!.refusedAlike).toBeGreaterThan(0);
    expect(switching!.met.blocked).toBeGreaterThanOrEqual(switching!.refusedAlike);
    expect(switching!.met.wrong).toBe(0);
    expect(o.violationTotals).toEqual([{ rule: "I5", count: switching!.refusedAlike }]);
    expect(isTrouble(o)).toBe(true);
    expect(o.programs.flatMap((p) => p.wrong)).toEqual([]);
  });

  const twoStages = (kind: Kind, bug = "") =>
    `${small(kind).replace('"7.2"', '"6.12"').replace(", ats: true", "").replace("policy: strict", `policy: strict${bug}`)}
  - { program: switch, device: "0000:00:03.0", requests: 6 }
  - { program: switch, device: "0000:00:04.0", requests: 6 }
`.replaceAll("requests: 8", "requests: 40");

  test.each(kinds.filter((kind) => isEnough(kind, "smmuv3")))("%s: between a host's second stage and both", (kind) => {
    const { o } = ran(twoStages(kind));
    expect([isTrouble(o), o.violations, o.left]).toEqual([false, [], []]);
    expect(o.iommu!.nesting!.nested).toBeGreaterThanOrEqual(1 + 2 * 3);
    expect(o.iommu!.nesting!.recycled).toBe(0);
  });

  test("a nested domain's id that serves again and was not flushed (O-AMD3) breaks I6", () => {
    const { o } = ran(twoStages("amdvi", ", hostBug: nested-id-recycled"));
    const { recycled } = o.iommu!.nesting!;
    expect(recycled).toBeGreaterThan(0);
    expect(o.violationTotals.find((v) => v.rule === "I6")?.count).toBe(recycled);
    expect(isTrouble(o)).toBe(true);
  });
});

test("a guest's memory is nowhere at its own address, each frame once, and the host's frames are none of it", () => {
  let drawn = 0;
  const { places, end } = placesOf(9 * 512 + 100, (ways) => drawn++ % ways);
  expect(new Set(places).size).toBe(places.length);
  for (const [frame, place] of places.entries()) {
    expect(place).not.toBe(frame);
    expect(place).toBeGreaterThanOrEqual(512);
    expect(place).toBeLessThan(end);
  }
});

test.each([
  ["a unit with one stage", "iommu: { kind: vtd, stage: nested }", "stage: nested of a unit with two stages"],
  ["an old guest", 'kernel: "6.0"\niommu: { kind: amdvi, stage: nested }', '"6.1" or later'],
  ["no such host", "iommu: { kind: vtd-scalable, hostBug: lost-invalidation }", "hostBug: only with stage: nested"],
  [
    "an id that none of its hosts gives again",
    "iommu: { kind: smmuv3, stage: nested, hostBug: nested-id-recycled }\narch: arm",
    "of kind: amdvi",
  ],
  ["a way without a shadow", "iommu: { kind: vtd, hostSwitch: remap }", "hostSwitch: only with stage: shadow"],
  [
    "a shadow of a unit that is told of no mapping",
    "iommu: { kind: amdvi, stage: shadow }",
    "stage: shadow of kind: vtd",
  ],
  [
    "a shadow on another architecture, too: one complaint",
    "iommu: { kind: smmuv3, stage: shadow, hostSwitch: remap }",
    /^(?!.*IOMMU of x86)[^\n]*stage: shadow of kind: vtd[^\n]*$/,
  ],
  [
    "a switch without tables",
    'devices: [{ bdf: "0000:00:03.0" }]\nworkload: [{ program: switch, device: "0000:00:03.0" }]',
    "an iommu: of the machine",
  ],
  [
    "a network controller",
    'iommu: { kind: vtd }\nmemory: 64MiB\ndevices: [{ bdf: "0000:00:03.0" }]\nworkload: [{ program: net, device: "0000:00:03.0" }, { program: switch, device: "0000:00:03.0" }]',
    "a program that takes its device for a network controller",
  ],
  [
    "a hypervisor with domains",
    "xen: { model: vp+iommu, domains: [{ id: 0, memory: 4MiB }] }\niommu: { kind: amdvi, stage: nested }",
    "no xen: of the machine",
  ],
])("%s: told with its place", (_, text, expected) => {
  expect(() => describeMachine("m.yaml", text)).toThrow(expected);
});
