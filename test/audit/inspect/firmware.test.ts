/** Who is behind which unit, and under which name: by the firmware's tables, on machines built for each question. */
import { describe, expect, it, test } from "vitest";
import { deviceName, parseDevice, parseDeviceAddress } from "../../../src/audit/inspect/device_name.js";
import type { Inspected } from "../../../src/audit/inspect/image/inspect_image.js";
import { askedSender } from "../../../src/audit/inspect/pci/senders.js";
import { walkAnswer } from "../../../src/audit/inspect/walk/walk_device.js";
import { whole } from "../../whole.js";
import { inspectMachine, type Machine } from "./firmware_machine.js";
import * as fw from "./firmware_tables.js";

/** Each rule that spoke, with what it is about. */
function said(machine: Machine): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  const { inspection } = inspectMachine(machine);
  const { findings, source } = inspection;
  expect({ findings, notes: source.notes, all: whole(inspection) }).toMatchSnapshot();
  for (const { rule, what, where } of findings) {
    found[rule] = [...(found[rule] ?? []), `${what} | ${where}`];
  }
  return found;
}
function names(machine: Machine): string[] {
  const { devices } = inspectMachine(machine).inspection;
  expect(whole(devices)).toMatchSnapshot();
  return devices.map(deviceName);
}
/** A walk is also compared whole with the one that was written down. */
function walked(found: Inspected, at: string) {
  const answer = walkAnswer(found, parseDeviceAddress(at));
  expect(whole(answer)).toMatchSnapshot();
  return answer;
}

const [one, two, three] = [0xfed90000, 0xfed91000, 0xfed92000];

describe("a bridge's scope owns what is below it", () => {
  const port = "20:00.0 PCI bridge [0604]: Port [8086:3c01]";
  const card = "21:00.0 Ethernet controller [0200]: Card [8086:10fb]";
  const buses = (bus: string, more = "") => `\n\tBus: primary=20, ${bus}, sec-latency=0\n${more}`;
  const tables = [fw.dmar(fw.drhd(one, { scopes: [fw.bridge("20:00.0")] }), fw.drhd(two, { all: true }))];
  const machine = (bus: string, more: Partial<Machine> = {}): Machine => ({
    ...{
      kind: "vtd",
      units: [
        { at: one, off: true },
        { at: two, devices: ["00:1f.0"] },
      ],
      tables,
      bus,
      ...more,
    },
  });
  const passes = /^1 device on the bus has no entry: what it sends passes untranslated/;
  const refused = /^1 device on the bus has no entry: what it sends is refused by the unit/;

  it("the buses below are not given: unknown, and neither refused nor passing", () => {
    const { "unknown-unit": unknown, "no-entry": none } = said(
      machine(`20:00.0 0604: 8086:3c01\n21:00.0 0200: 8086:10fb\n`),
    );
    expect(unknown).toEqual([expect.stringMatching(/^unknown which unit 1 device .*\| 0000:21:00\.0 \(8086:10fb\)$/)]);
    expect(none!.join()).not.toContain("21:00.0");
  });

  it.each([
    ["-vv", `${port}${buses("secondary=21, subordinate=21")}${card}\n`, passes],
    ["-vv, another card", `${port}${buses("secondary=22, subordinate=2f")}${card}\n`, refused],
    [
      "several bridges deep",
      `${port}${buses("secondary=21, subordinate=24")}21:00.0 0604: 1:1\n\tBus: primary=21, secondary=22, subordinate=24\n24:00.0 0200: 8086:10fb\n`,
      passes,
    ],
    [
      "a hot-plug bridge with buses to spare",
      `${port}${buses("secondary=21, subordinate=40")}3f:1f.7 0200: 8086:10fb\n`,
      passes,
    ],
    ["a tree", `20:00.0 0604: 1:1\n21:00.0 0200: 8086:10fb\n-[0000:20]---00.0-[21-23]----00.0\n`, passes],
    ["on the bus of the bridge itself", `${port}\n20:1f.0 0200: 8086:10fb\n`, refused],
    ["on a lower bus", `${port}\n1f:00.0 0200: 8086:10fb\n`, refused],
    [
      "the bridge is not on its bus, and another leads to the card",
      `20:1f.7 0880: 1:1\n20:02.0 0604: 1:1\n\tBus: primary=20, secondary=21, subordinate=21\n21:00.0 0200: 8086:10fb\n`,
      refused,
    ],
    [
      "the bridge is not on its bus, and the card is on a root bus",
      `20:1f.7 0880: 1:1\n21:00.0 0200: 8086:10fb\n21:05.0 0880: 1:1\n`,
      refused,
    ],
  ])("%s", (_, bus, verdict) => {
    const all = said(machine(bus));
    expect(all["unknown-unit"]).toBeUndefined();
    const own = all["no-entry"]!.flatMap((line) => line.split("\n")).find((l) =>
      /(21:00\.0|24:00\.0|3f:1f\.7|20:1f\.0|1f:00\.0) \((8086:10fb)?.*/.test(l),
    );
    const passing = verdict === passes;
    expect(own).toMatch(passing ? /passes? untranslated/ : /refused/);
  });

  it("a list that lacks the bridge of a card is a part: unknown", () => {
    expect(said(machine("20:1f.7 0880: 1:1\n21:00.0 0200: 8086:10fb\n"))["unknown-unit"]).toEqual([
      expect.stringMatching(/\| 0000:21:00\.0/),
    ]);
  });

  it("it is said what would tell: the bridges that are there", () => {
    const more = [
      fw.dmar(fw.drhd(one, { scopes: [fw.bridge("20:00.0"), fw.bridge("20:03.0")] }), fw.drhd(two, { all: true })),
    ];
    const bus = "20:00.0 0604: 8086:3c01\n21:00.0 0200: 8086:10fb\n";
    const { findings } = inspectMachine(machine(bus, { tables: more })).inspection;
    expect(findings.find((f) => f.rule === "unknown-unit")!.why).toMatch(
      /^firmware gives a unit what is below 20:00\.0; the buses below it are not given/,
    );
  });

  it("where the units agree, it is no matter which one it is", () => {
    const both = machine("20:00.0 0604: 8086:3c01\n21:00.0 0200: 8086:10fb\n", { units: [{ at: one }, { at: two }] });
    expect(said(both)["unknown-unit"]).toBeUndefined();
    expect(said(both)["no-entry"]).toEqual([
      expect.stringMatching(/^2 devices on the bus have no entry: what each sends is refused/),
    ]);
  });

  it("an entry shows where the kernel put it", () => {
    const held = machine("20:00.0 0604: 8086:3c01\n21:00.0 0200: 8086:10fb\n", {
      units: [
        { at: one, off: true },
        { at: two, devices: ["21:00.0"] },
      ],
    });
    expect(said(held)["unknown-unit"]).toBeUndefined();
  });

  it("an entry in the tables of another unit is none", () => {
    const wrong = machine(`${port}${buses("secondary=21, subordinate=21")}${card}\n`, {
      units: [
        { at: one, off: true },
        { at: two, devices: ["21:00.0"] },
      ],
    });
    expect(said(wrong)["no-entry"]!.join()).toMatch(/pass.* untranslated \| .*0000:21:00\.0/);
  });

  it("a path through bridges is followed", () => {
    const deep = [fw.dmar(fw.drhd(one, { scopes: [fw.endpoint("00:1c.7 00.2")] }), fw.drhd(two, { all: true }))];
    const bus =
      "00:1c.7 0604: 1:1\n\tBus: primary=00, secondary=07, subordinate=07\n07:00.2 0200: 8086:10fb\n07:00.1 0200: 8086:10fb\n";
    const all = said({ kind: "vtd", units: [{ at: one, off: true }, { at: two }], tables: deep, bus });
    expect(all["no-entry"]).toEqual([
      expect.stringMatching(/^1 device .* passes untranslated \| 0000:07:00\.2/),
      expect.stringMatching(/^2 devices .* refused by the unit \| 0000:00:1c\.7 .*0000:07:00\.1/),
    ]);
    const unknown = said({
      kind: "vtd",
      units: [{ at: one, off: true }, { at: two }],
      tables: deep,
      bus: "00:1c.7 0604: 1:1\n07:00.2 0200: 1:1\n07:00.1 0200: 1:1\n",
    });
    expect(unknown["unknown-unit"]).toEqual([expect.stringMatching(/^unknown which unit 1 device .*\| 0000:07:00\.2/)]);
  });

  it("a virtual function is behind the unit of its physical one, under its own id", () => {
    const pf = "00:05.0 Ethernet controller [0200]: Card [8086:1572]";
    const sriov =
      "\n\tCapabilities: [160 v1] SR-IOV\n\t\tNumber of VFs: 2, Function\n\t\tVF offset: 16, stride: 1, Device ID: 154c\n";
    const vf = "00:07.0 Ethernet controller [0200]: Card Virtual Function [8086:154c]\n";
    const own = [fw.dmar(fw.drhd(one, { scopes: [fw.endpoint("00:05.0")] }), fw.drhd(two, { all: true }))];
    const vfs = (bus: string): Machine => ({
      kind: "vtd",
      units: [{ at: one, off: true }, { at: two }],
      tables: own,
      bus,
    });
    expect(said(vfs(`${pf}${sriov}${vf}`))["no-entry"]).toEqual([
      expect.stringMatching(/^2 devices .* passes untranslated \| 0000:00:05\.0 .* and 0000:00:07\.0/),
    ]);
    expect(said(vfs(`${pf}\n${vf}`))["unknown-unit"]).toEqual([expect.stringMatching(/\| 0000:00:07\.0/)]);
  });
});

describe("Intel VMD", () => {
  const vmd = (place: string) =>
    `${place} RAID bus controller [0104]: Intel Corporation Volume Management Device NVMe RAID Controller [8086:9a0b]\n`;
  const disks =
    "10000:e0:06.0 PCI bridge [0604]: Port [8086:a0b0]\n10000:e1:00.0 Non-Volatile memory controller [0108]: Disk [144d:a80a]\n";
  const machine = (bus: string): Machine => ({
    ...{
      kind: "vtd",
      units: [{ at: one, devices: ["00:0e.0", "64:00.5"] }],
      tables: [fw.dmar(fw.drhd(one, { all: true }))],
      bus,
    },
  });

  it.each([
    ["0000:00:0e.0", vmd("0000:00:0e.0"), "0000:00:0e.0"],
    [
      "by its name alone",
      "0000:64:00.5 RAID bus controller: Intel Corporation Volume Management Device NVMe RAID Controller\n",
      "0000:64:00.5",
    ],
    ["by its number alone", "0000:00:0e.0 0104: 8086:467f\n", "0000:00:0e.0"],
    ["of two nobody knows which", vmd("0000:00:0e.0") + vmd("0000:64:00.5"), "0000:00:0e.0 or 0000:64:00.5"],
  ])("disks send as their endpoint: %s", (_, endpoint, as) => {
    const all = said(machine(endpoint + disks));
    expect(all["sends-as"]).toEqual([
      expect.stringMatching(new RegExp(`^2 devices send as ${as} \\| 10000:e0:06\\.0 .*10000:e1:00\\.0`)),
    ]);
    expect(all["uncovered"]).toBeUndefined();
    expect(all["no-entry"]).toBeUndefined();
  });

  it("no endpoint on the list: unknown", () => {
    const { inspection } = inspectMachine(machine(`0000:00:1f.0 0601: 1:1\n${disks}`));
    const finding = inspection.findings.find((f) => f.rule === "sends-as")!;
    expect([finding.weight, finding.what]).toEqual([
      "unproven",
      "unknown as whom 2 devices of a segment that a driver made send",
    ]);
  });

  it("who asks for a disk is answered for its endpoint", () => {
    const bus = { bus: inspectMachine(machine(vmd("0000:64:00.5") + disks)).bus, aliases: [] };
    expect(askedSender(parseDevice("10000:e1:00.0"), bus)).toMatchObject({ segment: 0, requester: fw.id("64:00.5") });
    expect(askedSender(parseDevice("0000:e1:00.0"), bus)).toMatchObject({ segment: 0, requester: fw.id("e1:00.0") });
    const several = { ...bus, bus: inspectMachine(machine(vmd("0000:00:0e.0") + vmd("0000:64:00.5") + disks)).bus };
    expect(() => askedSender(parseDevice("10000:e1:00.0"), several)).toThrow(/one of 0000:00:0e\.0, 0000:64:00\.5/);
  });
});

describe("AMD", () => {
  const bus = [
    ["00:00.0", "0600", "Host bridge"],
    ["00:00.2", "0806", "IOMMU"],
    ["40:00.0", "0600", "Host bridge"],
    ["40:00.2", "0806", "IOMMU"],
    ["01:00.0", "0108", "Non-Volatile memory controller"],
  ] as const;
  const blocks = [
    fw.ivhd(one, { self: "40:00.2" }, fw.range("40:01.0", "ff:1f.6")),
    fw.ivhd(two, {}, fw.range("00:01.0", "3f:1f.6")),
  ];
  const machine = (more: Partial<Machine> = {}): Machine => ({
    ...{
      kind: "amdvi",
      units: [{ at: one }, { at: two, devices: ["01:00.0"] }],
      tables: [fw.ivrs(...blocks)],
      ...more,
    },
  });

  it.each([
    ["by number", bus.map(([place, cls]) => `${place} ${cls}: 1022:1480`)],
    ["by name", bus.map(([place, , name]) => `${place} ${name}: Advanced Micro Devices Thing`)],
    ["by both", bus.map(([place, cls, name]) => `${place} ${name} [${cls}]: AMD Thing [1022:1480]`)],
  ])("root complexes and IOMMUs are no trouble: %s", (_, lines) => {
    const all = said(machine({ bus: lines.join("\n") }));
    expect(all["uncovered"]).toBeUndefined();
    expect(all["root-functions"]).toEqual([
      expect.stringMatching(/^4 root complexes and IOMMUs are in no unit's scope, as usual/),
    ]);
  });

  it("a virtual function is behind the unit that lists its own id; a bridge that is listed owns nothing below it", () => {
    const tables = [
      fw.ivrs(
        fw.ivhd(one, { self: "40:00.2" }, fw.select("00:05.0"), fw.select("00:1c.0")),
        fw.ivhd(two, {}, fw.range("00:07.0", "00:1b.0"), fw.range("01:00.0", "04:1f.7")),
      ),
    ];
    const bus =
      "00:05.0 0200: 8086:1572\n\t\tNumber of VFs: 1, x\n\t\tVF offset: 16, stride: 1\n00:07.0 0200: 8086:154c\n00:1c.0 0604: 1:1\n\tBus: primary=00, secondary=05, subordinate=05\n05:00.0 0200: 1:1\n";
    const places = ["00:05.0", "00:1c.0"];
    const units = [
      { at: one, devices: places },
      { at: two, devices: ["00:07.0"] },
    ];
    const all = said({ kind: "amdvi", units, tables, bus });
    expect(all["no-entry"]).toBeUndefined();
    expect(all["uncovered"]).toEqual([expect.stringMatching(/\| 0000:05:00\.0/)]);
  });

  it("any other function outside of all ranges is", () => {
    expect(said(machine({ bus: "00:00.3 0200: 1022:1480\n" }))["uncovered"]).toEqual([
      expect.stringMatching(/\| 0000:00:00\.3/),
    ]);
  });

  it("full device tables: each requester once, by the unit that lists it; the others are left out and counted", () => {
    const full = machine({
      units: [
        { at: one, blocksBuses: 3, devices: ["41:00.0", "01:00.0"] },
        { at: two, blocksBuses: 3, devices: ["01:00.0"] },
      ],
    });
    const { inspection } = inspectMachine(full);
    const listed = inspection.devices.map((d) => `${d.unit} ${deviceName(d)} ${d.state}`);
    expect(new Set(inspection.devices.map(deviceName)).size).toBe(inspection.devices.length);
    expect(listed).toContain("0 0000:41:00.0 translated");
    expect(listed.filter((l) => l.includes("01:00.0"))).toEqual(["1 0000:01:00.0 translated"]);
    expect(inspection.devices.length).toBe(3 * 256 - 8 + 1);
    expect(inspection.source.notes!.join("\n")).toMatch(
      /^776 entries of 2 device tables are left out \(one of them lets something through\): firmware/m,
    );
  });

  it("one table for several units: each device is listed with its own unit", () => {
    const { inspection } = inspectMachine(machine());
    expect(inspection.devices.map((d) => [d.unit, deviceName(d)])).toEqual([[1, "0000:01:00.0"]]);
  });

  it.each([
    ["an alias", [fw.aliasSelect("02:00.0", "01:00.0")], "02:00.0"],
    ["a range of aliases", [fw.aliasRange("02:00.0", "02:1f.7", "01:00.0")], "02:0a.1"],
  ])("%s sends under the id of another, whose entry it has", (_, entries, place) => {
    const tables = [fw.ivrs(fw.ivhd(two, {}, fw.select("01:00.0"), ...entries))];
    const all = said({
      kind: "amdvi",
      units: [{ at: two, devices: ["01:00.0"] }],
      tables,
      bus: `01:00.0 0604: 1:1\n${place} 0200: 1:1\n`,
    });
    expect([all["no-entry"], all["uncovered"], all["stale-entry"]]).toEqual([undefined, undefined, undefined]);
    const found = inspectMachine({ kind: "amdvi", units: [{ at: two, devices: ["01:00.0"] }], tables });
    const aliases = found.inspection.firmware!.reading.aliases;
    const asked = askedSender(parseDeviceAddress(`${place}:0x10000`), { bus: null, aliases });
    const { device, sentBy, end } = walkAnswer(found, asked);
    expect([deviceName(device), deviceName(sentBy!), end.kind]).toEqual(["0000:01:00.0", `0000:${place}`, "page"]);
  });

  it.each([
    ["select", [fw.select("03:00.0")], ["03:00.0"]],
    ["everything", [fw.everything()], ["03:00.0", "05:00.0", "06:00.0"]],
    ["an I/O APIC's id", [fw.special(1, 33, "05:00.0")], ["05:00.0"]],
    ["the last of two that list it", [fw.range("03:00.0", "05:1f.7")], ["03:00.0", "05:00.0"]],
  ])("device entries: %s", (_, entries, places) => {
    const tables = [
      fw.ivrs(fw.ivhd(one, { self: "40:00.2" }, fw.range("03:00.0", "05:1f.7")), fw.ivhd(two, {}, ...entries)),
    ];
    const found = inspectMachine({
      kind: "amdvi",
      units: [{ at: one }, { at: two, devices: ["03:00.0", "05:00.0", "06:00.0"] }],
      tables,
    });
    const own = found.inspection.devices.filter((d) => d.unit === 1).map((d) => deviceName(d).slice(5));
    expect(own).toEqual(places);
  });
});

describe("segments", () => {
  it("VT-d: of the unit, as firmware says, in every name and question; regions are of their own segment", () => {
    const tables = [
      fw.dmar(
        fw.drhd(one, { segment: 3, all: true }),
        fw.drhd(two, { all: true }),
        fw.rmrr(0x7d000000, 0x7d000fff, 0, fw.endpoint("00:1d.0")),
      ),
    ];
    const machine: Machine = {
      kind: "vtd",
      units: [
        { at: two, devices: ["00:1d.0"] },
        { at: one, devices: ["00:1d.0", "20:00.0"] },
      ],
      tables,
    };
    const found = inspectMachine(machine);
    expect(names(machine)).toEqual(["0000:00:1d.0", "0003:00:1d.0", "0003:20:00.0"]);
    expect(said(machine)["reserved-missing"]).toEqual([expect.stringMatching(/\| 0000:00:1d\.0$/)]);
    const answer = walked(found, "0003:20:00.0:0x10000");
    expect([deviceName(answer.device), answer.unit, answer.end]).toMatchObject([
      "0003:20:00.0",
      0,
      { kind: "page", paddr: 0x101000n },
    ]);
  });

  it("AMD: of the block", () => {
    const tables = [
      fw.ivrs(
        fw.ivhd(one, { segment: 1 }, fw.range("00:01.0", "ff:1f.7")),
        fw.ivhd(two, { segment: 0 }, fw.range("00:01.0", "ff:1f.7")),
        fw.ivmd(0x20, 0x7d000000, 0x1000, "00:00.0", "00:00.0", 1),
      ),
    ];
    const machine: Machine = {
      kind: "amdvi",
      units: [
        { at: one, devices: ["01:00.0"] },
        { at: two, devices: ["01:00.0"] },
      ],
      tables,
    };
    expect(names(machine)).toEqual(["0000:01:00.0", "0001:01:00.0"]);
    expect(said(machine)["reserved-missing"]).toEqual([expect.stringMatching(/\| 0001:01:00\.0$/)]);
  });

  it("Arm: each of a unit of its own", () => {
    const all = (segment: number, node: number) => fw.rootComplex(segment, true, { count: 0x10000, to: 0, node });
    const tables = [fw.iort(fw.smmuv3(one), fw.smmuv3(two), all(0xc, 0), all(2, 1))];
    const bus = "000c:01:00.0 0300: 10de:2482\n0002:01:00.0 0108: 144d:a80a\n";
    const machine: Machine = { kind: "smmuv3", units: [{ at: two }, { at: one, devices: ["01:00.0"] }], tables, bus };
    expect(names(machine)).toEqual(["000c:01:00.0"]);
    expect(said(machine)["no-entry"]).toEqual([
      expect.stringMatching(/^1 device .* refused by the unit \| 0002:01:00\.0/),
    ]);
    expect(walked(inspectMachine(machine), "000c:01:00.0:0x5000")).toMatchObject({
      unit: 0,
      state: "bypass",
    });
  });
});

describe("streams", () => {
  const tables = [
    fw.iort(
      fw.its(),
      fw.smmuv3(one),
      fw.smmuv3(two),
      fw.rootComplex(4, false, { count: 0x10000, to: 0x40000, node: 1 }),
      fw.rootComplex(
        6,
        false,
        { from: 0, count: 0x100, to: 0x60000, node: 1 },
        { from: 0x100, count: 0xff00, to: 0x71000, node: 1 },
      ),
      fw.rootComplex(8, false, { count: 0x10000, to: 0, node: 0 }),
      fw.named("\\_SB_.DPU0", { to: 0, node: 2, single: true }, { to: 3, node: 2, single: true }),
      fw.named("\\_SB.USB1", { to: 0x20, node: 2, single: true }),
      fw.reserved(0x7e000000, 0x1000, { to: 0, node: 2, single: true }, { to: 0x40, count: 4, node: 2 }),
    ),
  ];
  const machine: Machine = {
    ...{
      kind: "smmuv3",
      tables,
      units: [
        { at: one, devices: [0x40100, 0x60008, 0x71000, 0x9] },
        { at: two, devices: [0, 3, 0x20, 0x42] },
      ],
    },
    bus: "0004:01:00.0 0280: 1:1\n0006:00:01.0 0604: 1:1\n0006:01:00.0 0108: 1:1\n0006:01:00.1 0108: 1:1\n0008:01:00.0 0108: 1:1\n",
  };
  const found = inspectMachine(machine);

  it("one unit serves several segments, each from a stream of its own on; what is on no bus has its path", () => {
    expect(found.inspection.devices.map((d) => `${d.unit} ${deviceName(d)}`).sort()).toEqual(
      [
        ...["0 0004:01:00.0", "0 0006:00:01.0", "0 0006:01:00.0", "0 sid:0x9"],
        ...["1 \\_SB_.DPU0 stream 0x0", "1 \\_SB_.DPU0 stream 0x3", "1 \\_SB.USB1 stream 0x20", "1 sid:0x42"],
      ].sort(),
    );
  });

  it("the bus agrees: what has no entry, and what goes past every unit", () => {
    const all = said(machine);
    expect(all["no-entry"]).toEqual([expect.stringMatching(/\| 0006:01:00\.1/)]);
    expect(all["uncovered"]).toEqual([expect.stringMatching(/\| 0008:01:00\.0/)]);
    expect(all["stale-entry"]).toBeUndefined();
  });

  it.each([
    ["0004:01:00.0", 0, "0004:01:00.0"],
    ["sid:0x40100", 0, "0004:01:00.0"],
    ["0006:01:00.0", 0, "0006:01:00.0"],
    ["\\_SB_.DPU0 stream 0x3", 1, "\\_SB_.DPU0 stream 0x3"],
    ["\\_SB.USB1", 1, "\\_SB.USB1 stream 0x20"],
    ["sid:0x42", 1, "sid:0x42"],
  ])("%s is found", (asked, unit, name) => {
    const answer = walked(found, `${asked}:0x1000`);
    expect([answer.unit, deviceName(answer.device), answer.state]).toEqual([unit, name, "bypass"]);
  });

  it("nothing is made up of a device that no unit serves, or that firmware does not name", () => {
    expect(() => walkAnswer(found, parseDeviceAddress("0008:01:00.0:0x1000"))).toThrow(/in no unit's scope/);
    expect(() => walkAnswer(found, parseDeviceAddress("\\_SB.ABC:0x1000"))).toThrow(/no unit has an entry/);
  });

  it("a count of ids that is one too high gives way to the range that begins there", () => {
    const off = [
      fw.iort(
        fw.smmuv3(one),
        fw.rootComplex(
          0,
          false,
          { from: 0, count: 0x101, to: 0x1000, node: 0 },
          { from: 0x100, count: 0x100, to: 0x5000, node: 0 },
        ),
      ),
    ];
    expect(names({ kind: "smmuv3", units: [{ at: one, devices: [0x1100] }], tables: off })).toEqual(["sid:0x1100"]);
    expect(names({ kind: "smmuv3", units: [{ at: one, devices: [0x5000, 0x10ff] }], tables: off })).toEqual([
      "0000:00:1f.7",
      "0000:01:00.0",
    ]);
  });

  it("regions are for streams of one unit: those alone", () => {
    const units = [
      { at: one, confined: [0, 0x41, 0x40000] },
      { at: two, devices: [3], confined: [0, 0x41, 0x42, 0x44] },
    ];
    const all = said({ kind: "smmuv3", tables, units });
    expect(all["reserved-missing"]).toEqual([
      expect.stringMatching(/RMR region .*\| \\_SB_\.DPU0 stream 0x0, sid:0x41 and sid:0x42$/),
    ]);
  });
});

describe("regions behind bridges", () => {
  const region = (...scopes: Uint8Array[]) => [
    fw.dmar(fw.drhd(one, { all: true }), fw.rmrr(0x7d000000, 0x7d000fff, 0, ...scopes)),
  ];
  const bus =
    "00:1c.0 0604: 1:1\n\tBus: primary=00, secondary=05, subordinate=06\n05:00.0 0200: 1:1\n06:00.0 0200: 1:1\n";
  const look = (tables: Uint8Array[], text: string | undefined, devices: string[]) =>
    said({ kind: "vtd", units: [{ at: one, devices }], tables, ...(text !== undefined && { bus: text }) });

  it.each([
    ["a path", [fw.endpoint("00:1c.0 00.0")], bus, ["05:00.0", "06:00.0"], /\| 0000:05:00\.0$/],
    [
      "a bridge, and all below it",
      [fw.bridge("00:1c.0")],
      bus,
      ["05:00.0", "06:00.0"],
      /\| 0000:05:00\.0 and 0000:06:00\.0$/,
    ],
    ["a function", [fw.endpoint("00:02.0")], bus, ["00:02.0", "05:00.0"], /\| 0000:00:02\.0$/],
  ])("%s", (_, scopes, text, devices, where) => {
    const all = look(region(...scopes), text, devices);
    expect(all["reserved-missing"]).toEqual([expect.stringMatching(where)]);
    expect(all["reserved-unknown"]).toBeUndefined();
  });

  it.each([
    ["without a list of the bus", undefined],
    ["without the buses of bridges", "00:1c.0 0604: 1:1\n05:00.0 0200: 1:1\n"],
  ])("a path is said to be unknown %s", (_, text) => {
    const all = look(region(fw.endpoint("00:1c.0 00.0")), text, ["05:00.0"]);
    expect(all["reserved-missing"]).toBeUndefined();
    expect(all["reserved-unknown"]).toEqual([expect.stringMatching(/0x7d000000 to 0x7d000fff.*for 00:1c\.0 → 00\.0$/)]);
  });

  it("a path to what is not there is for nobody", () => {
    const all = look(region(fw.endpoint("00:1d.0 00.0")), bus, ["05:00.0"]);
    expect([all["reserved-missing"], all["reserved-unknown"]]).toEqual([undefined, undefined]);
  });

  it("a physical function's region is not for its virtual functions", () => {
    const pf =
      "00:05.0 0200: 8086:1572\n\t\tNumber of VFs: 1, x\n\t\tVF offset: 16, stride: 1\n00:07.0 0200: 8086:154c\n";
    expect(look(region(fw.endpoint("00:05.0")), pf, ["00:05.0", "00:07.0"])["reserved-missing"]).toEqual([
      expect.stringMatching(/\| 0000:00:05\.0$/),
    ]);
  });
});

describe("units", () => {
  test.each([
    [
      "VT-d: as the table lists them",
      "vtd",
      [
        fw.dmar(
          fw.drhd(three, { scopes: [fw.endpoint("00:02.0")] }),
          fw.drhd(one, { scopes: [fw.endpoint("00:03.0")] }),
          fw.drhd(two, { all: true }),
        ),
      ],
      [
        [three, "dmar0"],
        [one, "dmar1"],
        [two, "dmar2"],
      ],
    ],
    [
      "AMD: of one form of block",
      "amdvi",
      [
        fw.ivrs(
          fw.ivhd(two, { type: 0x10 }, fw.everything()),
          fw.ivhd(three, { type: 0x10, self: "20:00.2" }, fw.everything()),
          fw.ivhd(three, { self: "20:00.2" }, fw.select("21:00.0")),
          fw.ivhd(two, {}, fw.select("01:00.0")),
        ),
      ],
      [
        [two, "ivhd0"],
        [three, "ivhd1"],
      ],
    ],
    [
      "Arm: with what else has a number",
      "smmuv3",
      [
        fw.iort(
          fw.its(),
          fw.smmu(0x5000000),
          fw.smmuv3(two),
          fw.counters(0x6000000),
          fw.smmuv3(one),
          fw.rootComplex(0, false, { count: 0x10000, to: 0, node: 2 }),
        ),
      ],
      [
        [two, "arm-smmu-v3.1.auto"],
        [one, "arm-smmu-v3.3.auto"],
      ],
    ],
  ] as const)("%s", (_, kind, tables, right) => {
    const given = right.map(([at]) => ({ at })).sort((a, b) => a.at - b.at);
    const { units } = inspectMachine({ kind, units: given, tables }).inspection;
    expect(units.map((u) => [u.registersAt, u.name])).toEqual(right);
  });

  it("those that are not read are named, with the kind", () => {
    const tables = [
      fw.iort(
        fw.smmuv3(two),
        fw.smmu(0x5000000),
        fw.smmuv3(one),
        fw.rootComplex(0, false, { count: 0x10000, to: 0, node: 0 }),
      ),
    ];
    const missing = said({ kind: "smmuv3", units: [{ at: two }], tables })["missing-unit"]!;
    expect(missing[0]).toMatch(
      /^firmware lists 2 units that are not read here \| arm-smmu\.1\.auto, smmu with registers at 0x5000000 \(an SMMU of version 1 or 2: its tables are not read\) and arm-smmu-v3\.2\.auto, smmuv3 with registers at 0xfed90000$/,
    );
  });

  it("a unit that a table lists twice is one", () => {
    const { inspection } = inspectMachine({
      kind: "vtd",
      units: [{ at: one }, { at: two }],
      tables: [fw.dmar(fw.drhd(one), fw.drhd(one), fw.drhd(two, { all: true }))],
    });
    expect(inspection.units.map((u) => u.name)).toEqual(["dmar0", "dmar1"]);
    expect(inspection.firmware!.reading.notes).toEqual([
      "DMAR lists the unit at 0xfed90000 twice: the first counts, as for Linux",
    ]);
  });

  it("what ACPI names has an entry and is on no list of the bus", () => {
    const tables = [
      fw.dmar(
        fw.drhd(one, { all: true, scopes: [fw.namedScope(7, "f0:1e.3"), fw.scope(3, "f0:1f.0")] }),
        fw.andd(7, "\\_SB.PCI0.I2C0"),
      ),
    ];
    const machine: Machine = {
      kind: "vtd",
      units: [{ at: one, devices: ["00:02.0", "f0:1e.3", "f0:1f.0"] }],
      tables,
      bus: "00:02.0 0300: 1:1\n",
    };
    expect(said(machine)["stale-entry"]).toBeUndefined();
    expect(inspectMachine(machine).inspection.firmware!.reading.units[0]!.scopes[0]!.name).toBe(
      "\\_SB.PCI0.I2C0 as f0:1e.3",
    );
    expect(said({ ...machine, bus: "00:03.0 0300: 1:1\n" })["stale-entry"]).toEqual([
      expect.stringMatching(/\| 0000:00:02\.0$/),
    ]);
  });

  it("a device behind one of those is not judged", () => {
    const tables = [fw.dmar(fw.drhd(one, { scopes: [fw.endpoint("00:02.0")] }), fw.drhd(two, { all: true }))];
    const all = said({ kind: "vtd", units: [{ at: two }], tables, bus: "00:02.0 0300: 1:1\n00:03.0 0200: 1:1\n" });
    expect(all["no-entry"]).toEqual([expect.stringMatching(/\| 0000:00:03\.0/)]);
  });
});
