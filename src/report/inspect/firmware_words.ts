/** What firmware says, in words: every report of an inspection prints these. */

import type { AcpiReading, AcpiScope, AcpiTable, AcpiUnit } from "../../audit/inspect/acpi/acpi_tables.js";
import { deviceName } from "../../audit/inspect/device_name.js";
import type { FirmwareSays } from "../../audit/inspect/facts/inspection.js";
import { countWords } from "../../base/count_words.js";
import { frameBytes } from "../../base/frame.js";
import { grouped } from "../../base/grouped.js";
import { hex, hexDigits } from "../../base/hex.js";
import { segmentName } from "../../spec/pcie/requester.js";
import { bytesWords } from "../words/quantity.js";

/** A unit as firmware lists it. */
export interface UnitWords {
  /** `dmar0`; `vtd` where the kernel gives it no name. */
  readonly name: string;
  /** Address of its registers, or the PCI device that it is. */
  readonly place: string;
  /** `0000`, `0000, 0001`. */
  readonly segments: string;
  /** What it serves, and what else the table says of it. */
  readonly devices: string;
  /** Index of the unit of the inspection; null: it is not read. */
  readonly unit: number | null;
}

export interface FirmwareWords {
  /** A sentence for each table. */
  readonly tables: readonly string[];
  readonly units: readonly UnitWords[];
  /** A sentence each: reserved regions, who may use ATS, aliases, PCI configuration. */
  readonly rest: readonly string[];
}

/** @param most names and regions that are listed; the others are counted */
export function firmwareWords({ reading, units }: FirmwareSays, most: number): FirmwareWords {
  return {
    tables: reading.tables.map(tableWords),
    units: reading.units.map((unit, i) => unitWords(unit, units[i]!, most)),
    rest: [
      ...listed(
        reading.reserved.map((r) => regionWords(r, most)),
        most,
        ["region", "regions"],
      ),
      ...atsWords(reading.ats, most),
      ...listed(reading.aliases.map(aliasWords), most, ["alias", "aliases"]),
      ...listed(reading.configuration.map(windowWords), most, [
        "window of PCI configuration",
        "windows of PCI configuration",
      ]),
    ],
  };
}

function tableWords({ signature, address, bytes, says = [], wrongChecksum }: AcpiTable): string {
  const wrong = wrongChecksum === true ? ["its checksum is wrong"] : [];
  const all = [...wrong, ...says];
  return `${signature} at ${hex(address)}, ${countWords(bytes)} bytes${all.length === 0 ? "" : `: ${all.join(", ")}`}`;
}

function unitWords(unit: AcpiUnit, index: number, most: number): UnitWords {
  const requesters = unit.scopes.filter((s) => s.what !== "named" && s.what !== "io-apic" && s.what !== "hpet");
  const segments = [...new Set([unit.segment, ...requesters.map((s) => s.segment)])];
  const place =
    unit.registersAt === null
      ? deviceName({ segment: unit.segment, requester: unit.requester ?? 0 })
      : hex(unit.registersAt);
  return {
    name: unit.name ?? unit.kind,
    place,
    segments: listOf(segments.map(segmentName), most),
    devices: [servedWords(unit, most), ...(unit.says ?? [])].join("; "),
    unit: index < 0 ? null : index,
  };
}

/** What stands before the names of each kind of scope. */
const scopeWords: readonly (readonly [AcpiScope["what"], string])[] = [
  ["all", ""],
  ["device", ""],
  ["range", ""],
  ["bridge", "all below "],
  ["named", ""],
  ["io-apic", "I/O APIC "],
  ["hpet", "HPET "],
];

function servedWords({ scopes, includeAll }: AcpiUnit, most: number): string {
  const parts = scopeWords.flatMap(([what, before]) => {
    const own = scopes.filter((s) => s.what === what);
    const names = what === "named" ? namedOf(own) : [...new Set(own.map(({ name }) => bareName(name)))];
    return names.length === 0 ? [] : [`${before}${listOf(names, most)}`];
  });
  if (includeAll) parts.push(parts.length === 0 ? "all devices" : "and all that no other unit names");
  return parts.length === 0 ? "no devices" : parts.join("; ");
}

/** The words of the kind stand before it already. */
const bareName = (name: string) => name.replace(/^(io-apic|hpet) /, "");

/** `\\_SB.DPU0 streams 0x0, 0x3`, `AMDI0020`. */
const namedOf = (scopes: readonly AcpiScope[]): string[] =>
  [...grouped(scopes, (s) => s.name)].map(([name, list]) => {
    const streams = list.flatMap((s) => (s.stream === null ? [] : [hex(s.stream)]));
    return streams.length === 0 ? name : `${name} ${streams.length === 1 ? "stream" : "streams"} ${listOf(streams, 8)}`;
  });

const allowWords = ["", " for reading", " for writing", ""] as const;

function regionWords(
  { kind, first: firstByte, last: lastByte, segment, scopes, allow }: AcpiReading["reserved"][number],
  most: number,
): string {
  // What is mapped for it is whole pages.
  const first = firstByte - (firstByte % frameBytes);
  const last = lastByte - (lastByte % frameBytes) + frameBytes - 1;
  const of = segment === 0 ? "" : ` of segment ${segmentName(segment)}`;
  const who = listOf([...new Set(scopes.map((s) => s.name))], most);
  return `${kind} ${hex(first)} to ${hex(last)} (${bytesWords(last - first + 1)})${allowWords[allow & 3]} for ${who}${of}`;
}

function atsWords(ats: AcpiReading["ats"], most: number): string[] {
  if (ats === null) return [];
  if (ats.all) return ["ATS: below every root port"];
  return [
    ats.scopes.length === 0
      ? "ATS: for nobody"
      : `ATS: ${listOf(
          ats.scopes.map((s) => s.name),
          most,
        )}`,
  ];
}

function aliasWords({ segment, first, last, source }: AcpiReading["aliases"][number]): string {
  const name = (requester: number) => deviceName({ segment, requester });
  const who = first === last ? `${name(first)} sends` : `${name(first)} to ${name(last)} send`;
  return `${who} as ${name(source)}`;
}

const windowWords = ({ segment, base, firstBus, lastBus }: AcpiReading["configuration"][number]): string => {
  const bus = (n: number) => hexDigits(n, 2);
  return `PCI configuration of segment ${segmentName(segment)}, buses ${bus(firstBus)} to ${bus(lastBus)}, at ${hex(base + firstBus * 0x100000)}`;
};

const listOf = (names: readonly string[], most: number): string =>
  names.length > most
    ? `${names.slice(0, most).join(", ")} and ${countWords(names.length - most)} more`
    : names.join(", ");

const listed = (lines: readonly string[], most: number, [one, many]: readonly [string, string]): string[] =>
  lines.length > most
    ? [
        ...lines.slice(0, most),
        `and ${countWords(lines.length - most)} more ${lines.length - most === 1 ? one : many} (--json has all)`,
      ]
    : [...lines];
