/** What firmware says, in lines, in the document and on the page. */
import { describe, expect, it } from "vitest";
import type { InspectReport } from "../../../src/report/index.js";
import { inspectJson, inspectLines } from "../../../src/report/index.js";
import { inspectPage } from "../../../src/report/inspect/html_data.js";
import { inspectSchema } from "../../../src/report/schema/inspect.js";
import { inspectMachine, type Machine } from "../../audit/inspect/firmware_machine.js";
import * as fw from "../../audit/inspect/firmware_tables.js";

const [one, two, lost] = [0xfed90000, 0xfed91000, 0xfed97000];

function reportOf(machine: Machine): InspectReport {
  const { inspection } = inspectMachine(machine);
  const shown = [...inspection.devices.keys()];
  return { inspection, shown, everyMapping: false, who: null, walk: null, diff: null };
}

const sections = (machine: Machine): string => {
  const all = [...inspectLines(reportOf(machine), { color: false, width: Number.POSITIVE_INFINITY })].join("\n");
  // Long sentences are wrapped.
  return (/^Firmware\n([\s\S]*?)\n\n/m.exec(all)?.[1] ?? "").replaceAll("\n    ", " ");
};
const documentOf = (machine: Machine) =>
  inspectSchema.parse(JSON.parse([...inspectJson(reportOf(machine))].join(""))).firmware!;

const intel: Machine = {
  kind: "vtd",
  units: [{ at: one }, { at: two }],
  tables: [
    fw.dmarWith(
      { width: 39, flags: 7 },
      fw.drhd(two, { scopes: [fw.endpoint("00:02.0"), fw.bridge("20:00.0"), fw.scope(4, "00:1f.0")] }),
      fw.drhd(lost, { segment: 2, all: true }),
      fw.drhd(one, { all: true, scopes: [fw.scope(3, "f0:1f.7")] }),
      fw.rmrr(0x7d000000, 0x7d001fff, 0, fw.endpoint("00:1c.0 00.0")),
      fw.atsr(0, fw.bridge("20:00.0")),
    ),
    fw.mcfg([0xe0000000, 0, 0, 0x7f]),
  ],
};
const amd: Machine = {
  kind: "amdvi",
  units: [{ at: one }],
  tables: [
    fw.ivrs(
      fw.ivhd(
        one,
        { flags: 0, features: 0x1454 },
        fw.range("00:01.0", "1f:1f.7"),
        fw.aliasSelect("02:00.0", "01:00.0"),
        fw.special(1, 33, "00:14.0"),
      ),
      fw.ivmd(0x21, 0x7a000000, 0x1000, "00:14.0"),
    ),
  ],
};
const arm: Machine = {
  kind: "smmuv3",
  units: [{ at: one }],
  tables: [
    fw.iort(
      fw.smmu(0x5000000),
      fw.smmuv3(one),
      fw.rootComplex(4, true, { count: 0x10000, to: 0x40000, node: 1 }),
      fw.named("\\_SB.DPU0", { to: 3, node: 1, single: true }, { to: 5, node: 1, single: true }),
      fw.reserved(0x7e000000, 0x10000, { to: 3, node: 1, single: true }),
    ),
  ],
};

describe("lines", () => {
  it("Intel: flags, widths, units as the kernel numbers them, regions, ATS, configuration", () => {
    const text = sections(intel);
    expect(text).toMatch(
      /DMAR at 0x3f0000, \d+ bytes: 39 address bits, interrupts may be remapped, x2APIC mode is to be left alone, DMA is to be guarded from the start/,
    );
    expect(text).toMatch(/dmar0 +0xfed91000 +unit 0 +0000 +00:02\.0; all below 20:00\.0; HPET 00:1f\.0\n/);
    expect(text).toMatch(/dmar1 +0xfed97000 +not read +0002 +all devices\n/);
    expect(text).toMatch(/dmar2 +0xfed90000 +unit 1 +0000 +I\/O APIC f0:1f\.7; and all that no other unit names\n/);
    expect(text).toContain("RMRR 0x7d000000 to 0x7d001fff (8 KiB) for 00:1c.0 → 00.0\n");
    expect(text).toContain("ATS: 20:00.0\n");
    expect(text).toContain("PCI configuration of segment 0000, buses 00 to 7f, at 0xe0000000");
  });

  it("AMD", () => {
    const text = sections(amd);
    expect(text).toMatch(/IVRS at 0x3f0000, \d+ bytes: 48 physical address bits, 48 virtual address bits/);
    expect(text).toMatch(
      /ivhd0 .* 02:00\.0, 01:00\.0; 00:01\.0 to 1f:1f\.7; I\/O APIC 33 as 00:14\.0; no device TLBs \(ATS\); host tables of up to 5 levels; guest tables of up to 5; x2APIC\n/,
    );
    expect(text).toContain("IVMD 0x7a000000 to 0x7a000fff (4 KiB) for 00:14.0\n");
    expect(text).toContain("0000:02:00.0 sends as 0000:01:00.0");
  });

  it("Arm", () => {
    const text = sections(arm);
    expect(text).toMatch(/^ {2}IORT at 0x3f0000, \d+ bytes: 48 address bits below segment 0004$/m);
    expect(text).toMatch(/arm-smmu\.0\.auto +0x5000000 +not read +0000 +no devices; MMU-500 \(SMMUv2\)\n/);
    expect(text).toMatch(
      /arm-smmu-v3\.1\.auto .* segment 0004 as streams from 0x40000; \\_SB\.DPU0 streams 0x3, 0x5; coherent walks\n/,
    );
    expect(text).toContain("RMR 0x7e000000 to 0x7e00ffff (64 KiB) for stream 0x3\n");
    expect(text).toContain("ATS: segment 0004");
  });

  it("a table with a wrong checksum says so; an image without tables has no section", () => {
    const bad = Uint8Array.from(intel.tables[0]!);
    bad[9]! ^= 1;
    expect(sections({ ...intel, tables: [bad] })).toMatch(/DMAR at .* bytes: its checksum is wrong, 39 address bits/);
    expect(sections({ ...intel, tables: [] })).toBe("");
    expect([...inspectJson(reportOf({ ...intel, tables: [] }))].join("")).toContain('"firmware": null');
  });

  it("long lists are counted", () => {
    const many = Array.from({ length: 30 }, (_, i) =>
      fw.rmrr(i * 0x10000, i * 0x10000 + 0xfff, 0, fw.endpoint("00:02.0")),
    );
    const text = sections({ ...intel, tables: [fw.dmar(fw.drhd(one, { all: true }), ...many)] });
    expect(text.match(/RMRR/g)).toHaveLength(8);
    expect(text).toContain("and 22 more regions (--json has all)");
  });
});

describe("document", () => {
  it("Intel", () => {
    const doc = documentOf(intel);
    expect(doc).toMatchObject({
      ...{ addressBits: 39, interruptRemapping: true, x2apicOptOut: true, dmaOptIn: true },
      units: [
        { name: "dmar0", unit: 0, registersAt: "0xfed91000", includeAll: false },
        { name: "dmar1", unit: null, segment: 2, includeAll: true },
        { name: "dmar2", unit: 1, includeAll: true },
      ],
      regions: [
        { kind: "RMRR", first: "0x7d000000", last: "0x7d001fff", perm: "rw", scopes: [{ name: "00:1c.0 → 00.0" }] },
      ],
      ats: { all: false, scopes: [{ what: "bridge", first: "0000:20:00.0" }] },
      configuration: [{ segment: 0, base: "0xe0000000", firstBus: 0, lastBus: 127 }],
    });
  });

  it("AMD and Arm", () => {
    expect(documentOf(amd)).toMatchObject({
      aliases: [{ first: "0000:02:00.0", last: "0000:02:00.0", source: "0000:01:00.0" }],
      units: [
        {
          name: "ivhd0",
          kind: "amdvi",
          bdf: "0000:00:00.2",
          says: ["no device TLBs (ATS)", "host tables of up to 5 levels", "guest tables of up to 5", "x2APIC"],
        },
      ],
    });
    expect(documentOf(arm)).toMatchObject({
      units: [
        { name: "arm-smmu.0.auto", kind: "smmu", unit: null },
        {
          name: "arm-smmu-v3.1.auto",
          unit: 0,
          scopes: [{ segment: 4, stream: "0x40000" }, { what: "named", stream: "0x3", addressBits: 40 }, {}],
        },
      ],
      regions: [{ kind: "RMR", scopes: [{ what: "stream", first: "0x3", last: "0x3", unit: 1 }] }],
    });
  });

  it("devices carry the stream that their unit sees", () => {
    const doc = JSON.parse(
      [...inspectJson(reportOf({ ...arm, units: [{ at: one, devices: [0x40100, 5] }] }))].join(""),
    );
    expect(doc.devices.map((d: { bdf: string; stream: string }) => [d.bdf, d.stream])).toEqual([
      ["\\_SB.DPU0 stream 0x5", "0x5"],
      ["0004:01:00.0", "0x40100"],
    ]);
  });
});

it("the page carries the same words", () => {
  const { firmware } = inspectPage(reportOf(intel), null);
  expect(firmware!.units.map((u) => [u.name, u.unit])).toEqual([
    ["dmar0", 0],
    ["dmar1", null],
    ["dmar2", 1],
  ]);
  expect(inspectPage(reportOf({ ...intel, tables: [] }), null).firmware).toBeNull();
});
