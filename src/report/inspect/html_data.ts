/** What the page of an inspection is given, as one JSON value. Addresses are hexadecimal strings or counted in pages. */

import { deviceName } from "../../audit/inspect/device_name.js";
import { type DeviceReach, type Finding, inOrder } from "../../audit/inspect/facts/inspection.js";
import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import type { MemoryView } from "../../mem/view.js";
import type { EntryRead } from "../../table/device/attachment.js";
import type { Ranges } from "../../table/ranges.js";
import type { Trouble } from "../../table/trouble.js";
import { type CoarseBlocks, coarseBlocks, PackedNumbers, packRanges } from "./columns.js";
import { type FirmwareWords, firmwareWords } from "./firmware_words.js";
import { type PageField, type PageTables, TableCollector, type TableLimits, tableLimitsUsual } from "./html_tables.js";
import { type InspectReport, shownFindings } from "./inspect_report.js";
import { type InspectVerdict, imageWords, inspectVerdict } from "./inspect_verdict.js";
import { entryValue } from "./words.js";

export interface PageEntry {
  readonly at: string;
  readonly value: string;
  /** Index into `layouts`. */
  readonly layout: number;
  readonly meaning: string;
}

/** One device, or neighbours that are blocked for the same reason. */
export interface PageReacher {
  readonly name: string;
  /** Name of the last of `count` devices. */
  readonly last: string;
  readonly count: number;
  readonly segment: number;
  readonly requester: number;
  /** What its unit sees: the stream, where that is another number. */
  readonly stream: number;
  /** It is a function on PCI. */
  readonly onBus: boolean;
  readonly pasid: number | null;
  readonly unit: number;
  readonly state: DeviceReach["state"];
  readonly why: string;
  readonly stage: DeviceReach["stage"];
  readonly domain: number | null;
  readonly ats: boolean;
  readonly allow: number;
  /** Index into `reaches`; -1 = it is not translated. */
  readonly reach: number;
  readonly entries: readonly PageEntry[];
  /** Indices into `tables.roots`. */
  readonly roots: readonly number[];
  readonly troubles: readonly string[];
}

/** What one set of page tables lets its devices reach. */
export interface PageReach {
  readonly leaves: number;
  readonly bytes: number;
  /** Ranges that there are, and those of them that `rows` holds: the first ones. */
  readonly total: number;
  readonly carried: number;
  readonly rows: string;
  /** Where the others are; null when there are no others. */
  readonly rest: CoarseBlocks | null;
}

export interface PageUnit {
  readonly kind: string;
  readonly mode: string;
  readonly root: string;
  readonly found: string;
  readonly translating: boolean | null;
  readonly interruptRemapping: boolean | null;
  readonly registersAt: string | null;
  readonly segment: number;
  readonly troubles: readonly string[];
}

export interface PageFinding {
  readonly rule: string;
  readonly weight: Finding["weight"];
  readonly what: string;
  readonly where: string;
  readonly why: string;
  /** Indices into `devices`. */
  readonly devices: readonly number[];
  /** In pages. */
  readonly place: { readonly page: number; readonly pages: number } | null;
}

export interface InspectPage {
  readonly verdict: InspectVerdict;
  readonly source: { readonly file: string; readonly words: string; readonly notes: readonly string[] };
  /** Pages that the image holds: gap since the last run, pages; packed. */
  readonly held: string;
  readonly heldCount: number;
  readonly units: readonly PageUnit[];
  /** What firmware says; null: the image holds no tables of it. */
  readonly firmware: FirmwareWords | null;
  readonly devices: readonly PageReacher[];
  /** Devices that the page does not carry. */
  readonly devicesLeftOut: number;
  readonly reaches: readonly PageReach[];
  readonly layouts: readonly { readonly title: string; readonly fields: readonly PageField[] }[];
  readonly tables: PageTables;
  readonly findings: readonly PageFinding[];
  readonly findingsLeftOut: number;
}

/** What a page carries at most: together less than 10 MB of text. */
export interface PageLimits {
  readonly deviceCountMax: number;
  readonly findingCountMax: number;
  /** Of all devices together, before base64. */
  readonly rangeBytesMax: number;
  readonly blockCountMax: number;
  readonly heldRunCountMax: number;
  readonly tables: TableLimits;
}

/** Names, regions and aliases of the firmware that are listed. */
const firmwareNamesMax = 64;

export const pageLimitsUsual: PageLimits = {
  deviceCountMax: 1500,
  findingCountMax: 500,
  rangeBytesMax: 3_500_000,
  blockCountMax: 40_000,
  heldRunCountMax: 50_000,
  tables: tableLimitsUsual,
};

/** @param memory the image; null when its tables are not at hand: the page then shows none */
export function inspectPage(
  report: InspectReport,
  memory: MemoryView | null,
  limits: PageLimits = pageLimitsUsual,
): InspectPage {
  const { inspection } = report;
  const grouped = groupedDevices(report);
  const carried = grouped.slice(0, limits.deviceCountMax);
  const tables = new TableCollector(memory ?? { frame: () => undefined }, limits.tables);
  const layouts = new Layouts();
  const reaches = new Map<Ranges, number>();
  const places = new Map<number, number>();
  const devices = carried.map(({ indices }, place): PageReacher => {
    for (const index of indices) places.set(index, place);
    const device = inspection.devices[indices[0]!]!;
    const { ranges } = device;
    if (ranges !== null && !reaches.has(ranges)) reaches.set(ranges, reaches.size);
    const { segment, requester, stream = requester, path, pasid, unit, state, why, stage, domain, ats, allow } = device;
    return {
      name: deviceName(device),
      last: deviceName(inspection.devices[indices.at(-1)!]!),
      count: indices.length,
      ...{ segment, requester, stream, onBus: path === undefined, pasid, unit, state, why, stage, domain, ats, allow },
      reach: ranges === null ? -1 : reaches.get(ranges)!,
      entries: device.entries.map((e) => layouts.entry(e)),
      roots: memory === null || state !== "translated" ? [] : tables.add(device),
      troubles: device.troubles.slice(0, troublesMax).map(troubleWords),
    };
  });
  const findings = inOrder(shownFindings(report));
  return {
    verdict: inspectVerdict(report),
    source: {
      file: inspection.source.file,
      words: imageWords(inspection.source),
      notes: inspection.source.notes ?? [],
    },
    ...heldPages(report, limits.heldRunCountMax),
    firmware: inspection.firmware == null ? null : firmwareWords(inspection.firmware, firmwareNamesMax),
    units: inspection.units.map((unit, i) => ({
      ...{ kind: unit.kind, mode: unit.mode, root: hex(unit.root), found: unit.found, segment: unit.segment },
      ...{ translating: unit.translating, interruptRemapping: unit.interruptRemapping },
      registersAt: unit.registersAt === null ? null : hex(unit.registersAt),
      troubles: (inspection.unitTroubles?.[i] ?? []).slice(0, troublesMax).map(troubleWords),
    })),
    devices,
    devicesLeftOut: grouped.slice(limits.deviceCountMax).reduce((sum, g) => sum + g.indices.length, 0),
    reaches: pageReaches([...reaches.keys()], limits),
    tables: tables.finish(),
    layouts: layouts.list,
    findings: findings.slice(0, limits.findingCountMax).map((f) => pageFinding(f, places)),
    findingsLeftOut: Math.max(0, findings.length - limits.findingCountMax),
  };
}

/** Troubles of one device or unit that are shown. */
const troublesMax = 20;

const troubleWords = ({ kind, entryAt, value, what }: Trouble): string =>
  `${kind}: entry ${value} at ${hex(entryAt)}: ${what}`;

/** Three or more that are blocked alike and whose requester ids follow each other are one row. */
function groupedDevices({ inspection, shown }: InspectReport): { readonly indices: readonly number[] }[] {
  const groups: { indices: number[] }[] = [];
  for (const index of shown) {
    const device = inspection.devices[index]!;
    const last = groups.at(-1);
    const before = last === undefined ? undefined : inspection.devices[last.indices.at(-1)!]!;
    if (before !== undefined && alike(before, device)) last!.indices.push(index);
    else groups.push({ indices: [index] });
  }
  return groups.flatMap((g) => (g.indices.length > 2 ? [g] : g.indices.map((i) => ({ indices: [i] }))));
}

const alike = (a: DeviceReach, b: DeviceReach): boolean =>
  a.state === "blocked" &&
  b.state === "blocked" &&
  a.why === b.why &&
  a.unit === b.unit &&
  a.segment === b.segment &&
  a.pasid === b.pasid &&
  a.path === b.path &&
  a.requester + 1 === b.requester;

/** Rows of all tables share the room: a small table is carried whole, large ones are cut alike. */
function pageReaches(tables: readonly Ranges[], limits: PageLimits): PageReach[] {
  const whole = tables.map((ranges) => packRanges(ranges, limits.rangeBytesMax));
  let left = limits.rangeBytesMax;
  const order = [...whole.keys()].sort((a, b) => whole[a]!.bytes - whole[b]!.bytes);
  const room = new Map<number, number>();
  for (const [done, i] of order.entries()) {
    const own = Math.min(whole[i]!.bytes, Math.floor(left / (order.length - done)));
    room.set(i, own);
    left -= own;
  }
  const cutCount = tables.filter(
    (ranges, i) => whole[i]!.count < ranges.count || room.get(i)! < whole[i]!.bytes,
  ).length;
  return tables.map((ranges, i) => {
    const fits = whole[i]!.bytes <= room.get(i)!;
    const rows = fits ? whole[i]! : packRanges(ranges, room.get(i)!);
    const { leafCount, byteCount, count } = ranges;
    const blocks = Math.max(1, Math.floor(limits.blockCountMax / cutCount));
    const rest = rows.count < count ? coarseBlocks(ranges, rows.count, blocks) : null;
    return { leaves: leafCount, bytes: byteCount, total: count, carried: rows.count, rows: rows.packed, rest };
  });
}

/** Runs that lie next to each other are joined across small gaps when there are too many. */
function heldPages({ inspection }: InspectReport, countMax: number): Pick<InspectPage, "held" | "heldCount"> {
  const runs = inspection.source.runs ?? [];
  let gapMax = 0;
  let joined = joinedRuns(runs, gapMax);
  while (joined.length > 2 * countMax) {
    gapMax = gapMax === 0 ? 1 : gapMax * 2;
    joined = joinedRuns(runs, gapMax);
  }
  const out = new PackedNumbers();
  let end = 0;
  for (let i = 0; i < joined.length; i += 2) {
    out.add(joined[i]! - end);
    out.add(joined[i + 1]! - joined[i]!);
    end = joined[i + 1]!;
  }
  return { held: out.base64(), heldCount: joined.length / 2 };
}

function joinedRuns(runs: NonNullable<InspectReport["inspection"]["source"]["runs"]>, gapMax: number): number[] {
  const joined: number[] = [];
  for (const { first, frameCount } of runs) {
    const last = joined.length - 1;
    if (last >= 0 && first - joined[last]! <= gapMax) joined[last] = Math.max(joined[last]!, first + frameCount);
    else joined.push(first, first + frameCount);
  }
  return joined;
}

/** Layouts that entries of devices have, each once. */
class Layouts {
  readonly list: { title: string; fields: PageField[] }[] = [];
  readonly #places = new Map<EntryRead["about"], number>();

  entry({ at, words, about, meaning }: EntryRead): PageEntry {
    let layout = this.#places.get(about);
    if (layout === undefined) {
      layout = this.list.length;
      this.#places.set(about, layout);
      this.list.push({
        title: about.title,
        fields: about.fields.map(({ name, msb, lsb, doc }) => ({ name, msb, lsb, doc })),
      });
    }
    return { at: hex(at), value: entryValue(words), layout, meaning };
  }
}

function pageFinding(finding: Finding, places: ReadonlyMap<number, number>): PageFinding {
  const { rule, weight, what, where, why, devices, place } = finding;
  const known = (devices ?? []).flatMap((i) => places.get(i) ?? []);
  return {
    ...{ rule, weight, what, where, why },
    devices: [...new Set(known)].slice(0, devicesOfFindingMax),
    place:
      place === undefined
        ? null
        : { page: Math.floor(place.paddr / frameBytes), pages: Math.max(1, Math.ceil(place.bytes / frameBytes)) },
  };
}

const devicesOfFindingMax = 100;
