/** Which unit a device is behind, by what firmware and the bus say. */
import { expect, test } from "vitest";
import type { AcpiReading, AcpiScope, AcpiUnit } from "../../../src/audit/inspect/acpi/acpi_tables.js";
import { type Behind, Coverage } from "../../../src/audit/inspect/firmware/coverage.js";
import { reservedRegions } from "../../../src/audit/inspect/firmware/regions.js";
import { busFromText } from "../../../src/audit/inspect/pci/bus.js";
import { unit } from "./machine.js";

const nothing: AcpiReading = {
  tables: [],
  units: [],
  reserved: [],
  aliases: [],
  ats: null,
  addressBits: null,
  interruptRemapping: null,
  configuration: [],
  places: [],
  notes: [],
};
const scope = (first: number | null, more: Partial<AcpiScope> = {}): AcpiScope => ({
  segment: 0,
  first,
  last: first,
  what: "device",
  name: "",
  stream: null,
  ...more,
});
const drhd = (registersAt: number, scopes: readonly AcpiScope[], includeAll = false): AcpiUnit => ({
  kind: "vtd",
  registersAt,
  segment: 0,
  includeAll,
  scopes,
  requester: null,
});
const graphics = drhd(0xfed90000, [scope(0x10)]);
const rest = drhd(0xfed91000, [scope(0xf8, { what: "io-apic" })], true);
const bridge = drhd(0xfed92000, [scope(0xe0, { what: "bridge" })]);
const units = [
  { ...unit, registersAt: 0xfed90000 },
  { ...unit, registersAt: 0xfed91000 },
];
const bus = busFromText(
  "pci",
  "00:1c.0 0604: 8086:1234\n\tBus: primary=00, secondary=03, subordinate=04, sec-latency=0\n",
);

const rows: readonly (readonly [string, readonly AcpiUnit[], number, Behind])[] = [
  ["the unit that names the device", [graphics, rest], 0x10, 0],
  ["the unit for all others", [graphics, rest], 0x18, 1],
  ["no unit", [graphics], 0x18, "none"],
  ["an I/O APIC is no requester", [drhd(0xfed90000, [scope(0x18, { what: "io-apic" })])], 0x18, "none"],
  ["a unit whose tables nobody gave", [graphics, drhd(0xfed97000, [], true)], 0x18, "elsewhere"],
  ["a bridge that is not on the list of its bus", [drhd(0xfed90000, [scope(0xe8, { what: "bridge" })])], 0x518, "none"],
  ["a bus that the list does not have", [drhd(0xfed90000, [scope(0x4008, { what: "bridge" })])], 0x4100, "unknown"],
  ["what is on the bus of such a bridge", [drhd(0xfed90000, [scope(0x4008, { what: "bridge" })])], 0x4010, "none"],
  ["what is on a lower bus", [drhd(0xfed90000, [scope(0x4008, { what: "bridge" })]), rest], 0x0300, 1],
  ["what is below a bridge that is", [drhd(0xfed90000, [scope(0xe0, { what: "bridge" })])], 0x400, 0],
  ["what is not below it", [drhd(0xfed90000, [scope(0xe0, { what: "bridge" })])], 0x500, "none"],
  ["the bridge itself", [drhd(0xfed90000, [scope(0xe0, { what: "bridge" })])], 0xe0, 0],
  ["a path that firmware does not resolve", [drhd(0xfed90000, [scope(null)])], 0x18, "unknown"],
  ["firmware without units", [], 0x18, "unknown"],
];

test.each(rows)("%s", (_, listed, requester, behind) => {
  const coverage = new Coverage({ ...nothing, units: listed }, units, bus);
  expect(coverage.behind({ segment: 0, requester })).toBe(behind);
});

test("another segment is another machine's half", () => {
  const coverage = new Coverage({ ...nothing, units: [rest] }, units, null);
  expect(coverage.behind({ segment: 1, requester: 0x18 })).toBe("none");
});

test("units that firmware lists and that are not here", () => {
  const coverage = new Coverage({ ...nothing, units: [graphics, bridge] }, units, null);
  expect(coverage.missing.map((u) => u.registersAt)).toEqual([0xfed92000]);
});

test("the only unit of a kind is the one that a scan found, and of two nobody knows which", () => {
  const scanned = { ...unit, registersAt: null, found: "scan" } as const;
  expect(new Coverage({ ...nothing, units: [rest] }, [scanned], null).behind({ segment: 0, requester: 8 })).toBe(0);
  expect(new Coverage({ ...nothing, units: [graphics, rest] }, [scanned], null).missing).toHaveLength(2);
});

test("reserved regions with the devices they are for; of unknown devices their names", () => {
  const region = { kind: "RMRR", first: 0x1000, last: 0x2fff, segment: 0, allow: 3 } as const;
  const reserved = [
    { ...region, scopes: [scope(0x18), scope(null, { name: "00:1c.0 → 00.0" })] },
    { ...region, scopes: [scope(0, { what: "all" as const, last: 0xffff })] },
    { ...region, scopes: [scope(0x10, { what: "named" as const })] },
  ];
  const bounds = { kind: "RMRR", from: 0x1000, to: 0x3000, segment: 0 };
  expect(reservedRegions(new Coverage({ ...nothing, reserved }, [], null))).toEqual([
    { ...bounds, devices: [{ segment: 0, first: 0x18, last: 0x18 }], unknown: ["00:1c.0 → 00.0"] },
    { ...bounds, devices: null },
  ]);
});

const monitorText = `  Bus  0, device   2, function 0:
    Ethernet controller: PCI device 8086:10d3
      BAR0: 32 bit memory at 0xfeb80000 [0xfeb9ffff].
      BAR2: I/O at 0xc040 [0xc05f].
      BAR4: 64 bit prefetchable memory at 0x8000000000 [0x80000fffff].
      BAR6: 32 bit memory at 0xffffffffffffffff [0x0003fffe].
  Bus  1, device  31, function 7:
    SATA controller: PCI device 8086:2922
`;
const lspciText = `0001:02:00.0 Ethernet controller [0200]: Intel Corporation Device [8086:10d3]
\tRegion 0: Memory at fe000000 (64-bit, prefetchable) [size=16K]
\tRegion 2: I/O ports at 6000 [size=32]
\tMemory at fd000000 (32-bit, non-prefetchable) [virtual] [size=1M]
`;

test("windows of devices: of QEMU's monitor and of lspci, and none that is not set", () => {
  expect(busFromText("monitor", monitorText)).toMatchObject([
    {
      segment: 0,
      requester: 0x10,
      about: "8086:10d3 Ethernet controller",
      bars: [
        { from: 0xfeb80000, to: 0xfeba0000 },
        { from: 0x8000000000, to: 0x8000100000 },
      ],
      buses: null,
    },
    { segment: 0, requester: 0x1ff, about: "8086:2922 SATA controller", bars: [], buses: null },
  ]);
  expect(busFromText("lspci", lspciText)).toMatchObject([
    {
      segment: 1,
      requester: 0x200,
      bars: [
        { from: 0xfe000000, to: 0xfe004000 },
        { from: 0xfd000000, to: 0xfd100000 },
      ],
    },
  ]);
});
