/**
 * Who is behind which unit, over every kind of scope and of bus list: which unit, which ones it may be, and what it would
 * take to know. The rows are compared with those that were written down.
 */
import { describe, expect, test } from "vitest";
import type { AcpiReading, AcpiScope, AcpiUnit } from "../../../src/audit/inspect/acpi/acpi_tables.js";
import { Gathered } from "../../../src/audit/inspect/acpi/reading.js";
import { Coverage } from "../../../src/audit/inspect/firmware/coverage.js";
import { reservedRegions } from "../../../src/audit/inspect/firmware/regions.js";
import { senderOf, streamOf } from "../../../src/audit/inspect/firmware/streams.js";
import { busFromText } from "../../../src/audit/inspect/pci/bus.js";
import { Topology } from "../../../src/audit/inspect/pci/topology.js";
import { unit } from "./machine.js";

const scope = (what: AcpiScope["what"], first: number | null, more: Partial<AcpiScope> = {}): AcpiScope => ({
  ...{ segment: 0, first, last: first, what, name: `${what} ${first}`, stream: null },
  ...more,
});
const path = (bus: number, ...functions: number[]) => ({ path: { bus, functions }, name: `path ${bus} ${functions}` });
const listed = (n: number, scopes: readonly AcpiScope[], more: Partial<AcpiUnit> = {}): AcpiUnit => ({
  ...{ kind: "vtd", registersAt: 0xfed90000 + n * 0x1000, segment: 0, includeAll: false, scopes, requester: null },
  ...more,
});
const readingOf = (units: readonly AcpiUnit[], more: Partial<AcpiReading> = {}): AcpiReading =>
  Object.assign(new Gathered(), { addressBits: null, ...more, units }) as never;

/** Two units whose tables are here; a third one's are not. */
const here = [0, 1].map((n) => ({ ...unit, registersAt: 0xfed90000 + n * 0x1000 }));

const port = (at: string, buses: string) =>
  `${at} 0604: 1:1${buses === "" ? "" : `\n\tBus: primary=00, ${buses}, x`}\n`;
const buses: Readonly<Record<string, string | null>> = {
  "nobody says": null,
  "a bridge with its buses": `${port("00:1c.0", "secondary=03, subordinate=05")}03:00.0 0200: 1:1\n04:01.0 0200: 1:1\n05:00.0 0200: 1:1\n06:00.0 0200: 1:1\n`,
  "a bridge without": `${port("00:1c.0", "")}03:00.0 0200: 1:1\n00:02.0 0300: 1:1\n`,
  "no bridge": "00:02.0 0300: 1:1\n03:00.0 0200: 1:1\n04:00.0 0600: 1:1\n05:01.0 0200: 1:1\n",
  "what is no bridge": "00:1c.0 0200: 1:1\n03:00.0 0200: 1:1\n",
  "a lost card and one below another bridge": `00:02.0 0300: 1:1\n${port("00:01.0", "secondary=05, subordinate=05")}03:00.0 0200: 1:1\n05:00.0 0200: 1:1\n`,
  "virtual functions": `00:1c.0 Card [8086:1572]\n\tNumber of VFs: 2, F\n\tVF offset: 768, stride: 1, Device\n03:1c.0 Ethernet [0200]: Virtual Function [8086:154c]\n00:1c.1 Ethernet [0200]: Virtual Function [8086:154c]\n`,
};

const scopes: Readonly<Record<string, AcpiScope>> = {
  endpoint: scope("device", 0xe0, path(0, 0xe0)),
  "endpoint by id": scope("device", 0xe0),
  bridge: scope("bridge", 0xe0, path(0, 0xe0)),
  range: scope("range", 0x300, { last: 0x30f }),
  all: scope("all", 0, { last: 0xffff }),
  path: scope("device", null, path(0, 0xe0, 0)),
  "bridge at a path": scope("bridge", null, path(0, 0xe0, 8)),
  "a longer path": scope("device", null, path(0, 0xe0, 8, 0)),
  unresolved: scope("device", null),
  "another segment": scope("device", 0xe0, { segment: 1 }),
  "io-apic": scope("io-apic", 0xe0),
  hpet: scope("hpet", 0xe0),
  named: scope("named", 0xe0),
  stream: scope("stream", 0xe0, { stream: 5 }),
};

const asked = [0x00, 0xdf, 0xe0, 0xe1, 0x2ff, 0x300, 0x307, 0x308, 0x30f, 0x310, 0x3e0, 0x408, 0x500, 0x5ff, 0x600];

describe.each(Object.entries(buses))("bus: %s", (_, text) => {
  const bus = text === null ? null : busFromText("pci", text);

  test.each(["alone", "beside the rest"])("a unit with one scope, %s", (beside) => {
    const rows = Object.entries(scopes).map(([name, one]) => {
      const others = beside === "alone" ? [] : [listed(1, [], { includeAll: true })];
      const coverage = new Coverage(readingOf([listed(0, [one]), ...others]), here, bus);
      const answers = asked.map((requester) => {
        const device = { segment: 0, requester };
        return `${requester.toString(16)}:${coverage.behind(device)}/${coverage.possible(device).join("+")}`;
      });
      return `${name}: ${answers.join(" ")}\n  ${coverage.whyUnknown({ segment: 0, requester: 0x300 })}`;
    });
    expect(rows.join("\n")).toMatchSnapshot();
  });

  test("where paths lead, and who is below whom", () => {
    const topology = new Topology(bus);
    const paths = [[0], [0xe0], [0xe0, 0], [0xe0, 8, 0], [8, 0, 0], [0x18, 7]];
    const ends = [0, 3].flatMap((from) => paths.map((p) => JSON.stringify(topology.follow(0, from, p))));
    const below = asked.map((requester) =>
      [0x08, 0x10, 0xe0, 0x300].map((b) => topology.isBelow({ segment: 0, requester }, { segment: 0, requester: b })),
    );
    const own = asked.map((requester) => {
      const place = { segment: 0, requester };
      return [topology.physical(place).requester, topology.isOrphan(place), topology.at(place)?.about];
    });
    expect([ends, below.map(String), own.map(String)]).toMatchSnapshot();
    expect(topology.isBelow({ segment: 1, requester: 0x300 }, { segment: 0, requester: 0xe0 })).toBe(false);
  });

  test("regions that firmware keeps, with those they are for", () => {
    const of = { kind: "RMRR", segment: 0, allow: 3 } as const;
    const bounds = [
      [0x1000, 0x1fff],
      [0x1001, 0x2000],
      [0x1001, 0x1002],
      [0, 0],
    ] as const;
    const streams = [0, 2, 9, undefined].map((u) =>
      scope("stream", 4, { last: 7, ...(u !== undefined && { unit: u }) }),
    );
    const reserved = [
      ...Object.values(scopes).map((s) => ({ ...of, first: 0x1000, last: 0x2fff, scopes: [s] })),
      ...bounds.map(([first, last]) => ({ ...of, first, last, scopes: [scopes["range"]!, scopes["path"]!] })),
      ...streams.map((s) => ({ ...of, first: 0, last: 1, scopes: [s] })),
      { ...of, first: 0, last: 1, scopes: [] },
    ];
    const units = [0, 1, 2].map((n) => listed(n, []));
    expect(
      reservedRegions(new Coverage(readingOf(units, { reserved }), here, bus))
        .map((r) => JSON.stringify(r))
        .join("\n"),
    ).toMatchSnapshot();
  });
});

test("of many bridges whose buses nobody gives, three are named", () => {
  const names = (count: number, what: AcpiScope["what"]) => {
    const units = [...Array(count).keys()].map((n) => listed(n, [scope(what, null, { name: `b${n}` })]));
    const coverage = new Coverage(readingOf(units), here, null);
    const device = { segment: 0, requester: 0x300 };
    return [coverage.whyUnknown(device), coverage.possible(device), coverage.missing.length];
  };
  expect([0, 1, 2, 3, 4, 5].flatMap((n) => [names(n, "bridge"), names(n, "device")])).toMatchSnapshot();
});

test("streams and the devices that send them", () => {
  const of = (...own: AcpiScope[]) => listed(0, own, { kind: "smmuv3" });
  const range = scope("range", 0x100, { last: 0x1ff, stream: 0x1000, segment: 2 });
  const one = scope("range", 0x200, { last: 0x2ff, stream: 0x2000, segment: 2, oneStream: true });
  const device = scope("named", null, { stream: 7, name: "\\_SB.DMA" });
  const units = [undefined, of(), of(range), of(one), of(device), of(range, one, device), listed(0, [range])];
  const streams = [0, 6, 7, 8, 0xfff, 0x1000, 0x1001, 0x10ff, 0x1100, 0x2000, 0x2001];
  const ids = [0x7, 0xff, 0x100, 0x101, 0x1ff, 0x200, 0x2ff, 0x300];
  const rows = units.map((u) => [
    ...streams.map((s) => JSON.stringify(senderOf(u, 3, s))),
    [2, 3].map((segment) => ids.map((requester) => streamOf(u, { segment, requester })).join(" ")).join(" / "),
  ]);
  expect(rows).toMatchSnapshot();
});
