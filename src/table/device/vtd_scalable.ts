/**
 * VT-d scalable mode: root entry, context entry, PASID directory, PASID entry.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, sections 3.4.3, 9.2, 9.4 to 9.6; the order of checks and their
 * fault codes: section 7.1.3 (SRT, SCT, SPD, SPT conditions).
 */

import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import { read } from "../../bits/field.js";
import type { MemoryView } from "../../mem/view.js";
import { functionName } from "../../spec/pcie/requester.js";
import { ScalableContextEntry, scalableContextEntryBytes } from "../../spec/vtd/context_entry.js";
import {
  PasidDirectoryEntry,
  PasidEntry,
  PasidTranslation,
  pasidDirectoryEntryBytes,
  pasidEntryBytes,
  pasidTableEntries,
} from "../../spec/vtd/pasid.js";
import { rootEntryBytes, ScalableRootEntry } from "../../spec/vtd/root_entry.js";
import type { Attachment, UnitRoot } from "./attachment.js";
import { entryAt, isLookupEnd, type LookupEnd, type Path, reservedSet } from "./entry.js";
import { made, type Whose } from "./made.js";
import { firstStage, firstWidthIsSupported, secondStage, widthIsSupported } from "./vtd_tables.js";

const Fault = {
  ...{ root: 0x38, rootP: 0x39, rootReserved: 0x3a },
  ...{ context: 0x40, contextP: 0x41, contextReserved: 0x42, contextInvalid: 0x43 },
  ...{ paside: 0x45, pasidSize: 0x46, ridPasid: 0x48 },
  ...{ directory: 0x50, directoryP: 0x51, directoryReserved: 0x52 },
  ...{ entry: 0x58, entryP: 0x59, entryReserved: 0x5a, entryInvalid: 0x5b },
};

/** What a scalable context entry says. */
export interface ScalableContext {
  readonly name: string;
  readonly directory: number;
  /** Entries of the directory. */
  readonly directoryEntries: number;
  readonly ridPasid: number;
  readonly takesPasids: boolean;
  readonly ats: boolean;
}

/** @returns the address of the context table of half a bus (0 = devices 0 to 15). */
export function scalableContextTable(
  memory: MemoryView,
  unit: UnitRoot,
  bus: number,
  upper: boolean,
  path: Path,
): number | LookupEnd {
  const at = unit.root + bus * rootEntryBytes;
  const words = entryAt(memory, at, 4);
  if (words === undefined) {
    return path.refuse("outside", Fault.root, `the root table at ${hex(unit.root)} lies outside this memory`);
  }
  const half = upper ? "upper" : "lower";
  if (read(words, 0, upper ? ScalableRootEntry.upperP : ScalableRootEntry.lowerP) === 0) {
    path.add(at, words, ScalableRootEntry.$, `${half} half not present`);
    return path.refuse("absent", Fault.rootP, `the ${half} half of the root entry of bus ${hex(bus)} is not present`);
  }
  const table = read(words, 0, upper ? ScalableRootEntry.upper : ScalableRootEntry.lower) * frameBytes;
  path.add(at, words, ScalableRootEntry.$, `${half} context table at ${hex(table)}`);
  const from = upper ? 2 : 0;
  if (reservedSet(words, 0, ScalableRootEntry.$, from, from + 2) || table >= 2 ** unit.outputBits) {
    return path.refuse("reserved", Fault.rootReserved, `reserved bits are set in the root entry of bus ${hex(bus)}`);
  }
  return table;
}

/** @param table the context table of the device's half of the bus. */
export function scalableContext(
  memory: MemoryView,
  unit: UnitRoot,
  requester: number,
  table: number,
  path: Path,
): ScalableContext | LookupEnd {
  const name = functionName(requester);
  const at = table + (requester & 0x7f) * scalableContextEntryBytes;
  const words = entryAt(memory, at, 8);
  if (words === undefined) {
    return path.refuse("outside", Fault.context, `the context table at ${hex(table)} lies outside this memory`);
  }
  if (read(words, 0, ScalableContextEntry.p) === 0) {
    path.add(at, words, ScalableContextEntry.$, "not present");
    return path.refuse("absent", Fault.contextP, `the context entry of ${name} is not present`);
  }
  const directory = read(words, 0, ScalableContextEntry.frame) * frameBytes;
  path.add(at, words, ScalableContextEntry.$, `PASID directory at ${hex(directory)}`);
  const refuse = (code: number, why: string) => path.refuse("reserved", code, `context entry of ${name}: ${why}`);
  if (reservedSet(words, 0, ScalableContextEntry.$) || directory >= 2 ** unit.outputBits) {
    return refuse(Fault.contextReserved, "reserved bits are set");
  }
  const ats = read(words, 0, ScalableContextEntry.dte) === 1;
  if (ats && unit.abilities?.ats === false)
    return refuse(Fault.contextInvalid, "DTE is 1, and the unit knows no device TLBs");
  const takesPasids = read(words, 0, ScalableContextEntry.paside) === 1;
  if (takesPasids && unit.abilities?.pasidBits === 0) {
    return refuse(Fault.contextInvalid, "PASIDE is 1, and the unit knows no requests with PASID");
  }
  return {
    name,
    directory,
    directoryEntries: 2 ** (read(words, 0, ScalableContextEntry.pdts) + 7),
    ridPasid: unit.abilities?.ridPasid === false ? 0 : read(words, 0, ScalableContextEntry.ridPasid),
    takesPasids,
    ats,
  };
}

/** @returns the address of the PASID table that holds `pasid`. */
export function pasidTable(
  memory: MemoryView,
  unit: UnitRoot,
  context: ScalableContext,
  index: number,
  path: Path,
): number | LookupEnd {
  const { name } = context;
  const at = context.directory + index * pasidDirectoryEntryBytes;
  const words = entryAt(memory, at, 2);
  if (words === undefined) {
    return path.refuse(
      "outside",
      Fault.directory,
      `the PASID directory of ${name} at ${hex(context.directory)} lies outside this memory`,
    );
  }
  if (read(words, 0, PasidDirectoryEntry.p) === 0) {
    path.add(at, words, PasidDirectoryEntry.$, "not present");
    return path.refuse("absent", Fault.directoryP, `entry ${index} of the PASID directory of ${name} is not present`);
  }
  const table = read(words, 0, PasidDirectoryEntry.frame) * frameBytes;
  path.add(at, words, PasidDirectoryEntry.$, `PASID table at ${hex(table)}`);
  if (reservedSet(words, 0, PasidDirectoryEntry.$) || table >= 2 ** unit.outputBits) {
    return path.refuse(
      "reserved",
      Fault.directoryReserved,
      `reserved bits are set in entry ${index} of the PASID directory of ${name}`,
    );
  }
  return table;
}

/** @param table the PASID table, read before. `whose.pasid` is a number. */
export function pasidEntry(
  memory: MemoryView,
  whose: Whose,
  context: ScalableContext,
  table: number,
  path: Path,
): Attachment | LookupEnd {
  const pasid = whose.pasid!;
  const { unit } = whose;
  const at = table + (pasid % pasidTableEntries) * pasidEntryBytes;
  const words = entryAt(memory, at, 16);
  const name = `PASID ${hex(pasid)} of ${context.name}`;
  if (words === undefined)
    return path.refuse("outside", Fault.entry, `the PASID table at ${hex(table)} lies outside this memory`);
  if (read(words, 0, PasidEntry.p) === 0) {
    path.add(at, words, PasidEntry.$, "not present");
    return path.refuse("absent", Fault.entryP, `the entry of ${name} is not present`);
  }
  const pgtt = read(words, 0, PasidEntry.pgtt);
  const first = read(words, 0, PasidEntry.fsFrame) * frameBytes;
  const second = read(words, 0, PasidEntry.ssFrame) * frameBytes;
  path.add(at, words, PasidEntry.$, meaning(pgtt, first, second));
  const refuse = (kind: LookupEnd["kind"], code: number, why: string) =>
    path.refuse(kind, code, `entry of ${name}: ${why}`);
  if (reservedSet(words, 0, PasidEntry.$)) return refuse("reserved", Fault.entryReserved, "reserved bits are set");
  const usesFirst = pgtt === PasidTranslation.first || pgtt === PasidTranslation.nested;
  const usesSecond = pgtt === PasidTranslation.second || pgtt === PasidTranslation.nested;
  const invalid = (why: string) => refuse("reserved", Fault.entryInvalid, why);
  if (pgtt < PasidTranslation.first || pgtt > PasidTranslation.passThrough)
    return invalid(`PGTT is ${pgtt}, which is reserved`);
  const lacks = missing(unit, pgtt);
  if (lacks !== null) return invalid(`PGTT is ${pgtt}, and the unit has no ${lacks}`);
  const aw = read(words, 0, PasidEntry.aw);
  const fspm = read(words, 0, PasidEntry.fspm);
  if (usesSecond && !widthIsSupported(unit, aw)) return invalid(`AW is ${aw}, a width that the unit does not have`);
  if (usesFirst && !firstWidthIsSupported(unit, fspm))
    return invalid(`FSPM is ${fspm}, a width that the unit does not have`);
  if (usesSecond && second >= 2 ** unit.outputBits)
    return refuse("address-size", Fault.entryReserved, `the second stage stands at ${hex(second)}`);
  const firstLimit = pgtt === PasidTranslation.nested ? Math.min(30 + 9 * aw, 52) : unit.outputBits;
  if (usesFirst && first >= 2 ** firstLimit)
    return refuse("address-size", Fault.entryReserved, `the first stage stands at ${hex(first)}`);
  const domain = read(words, 0, PasidEntry.did);
  const why = `the PASID entry's PGTT is ${pgtt}`;
  if (pgtt === PasidTranslation.passThrough)
    return made(whose, path, "identity", `${why}: pass-through`, { domain, ats: context.ats });
  const secondRoot = usesSecond ? secondStage(unit, aw, second) : null;
  return made(whose, path, "translated", why, {
    domain,
    stage: usesFirst ? (usesSecond ? "nested" : "first") : "second",
    ats: context.ats,
    first: usesFirst ? [firstStage(unit, fspm, first, secondRoot?.inputBits ?? null)] : [],
    second: secondRoot,
  });
}

function missing(unit: UnitRoot, pgtt: number): string | null {
  const can = unit.abilities;
  if (pgtt === PasidTranslation.first && can?.first === false) return "first stage";
  if (pgtt === PasidTranslation.second && can?.second === false) return "second stage";
  if (pgtt === PasidTranslation.nested && can?.nested === false) return "nested translation";
  if (pgtt === PasidTranslation.passThrough && can?.passThrough === false) return "pass-through";
  return null;
}

function meaning(pgtt: number, first: number, second: number): string {
  if (pgtt === PasidTranslation.first) return `first-stage table at ${hex(first)}`;
  if (pgtt === PasidTranslation.second) return `second-stage table at ${hex(second)}`;
  if (pgtt === PasidTranslation.nested)
    return `first-stage table at ${hex(first)} through second-stage table at ${hex(second)}`;
  return pgtt === PasidTranslation.passThrough ? "pass-through" : "a reserved translation type";
}

/** One request as the unit looks it up. @param pasid null = without PASID */
export function scalableDevice(
  memory: MemoryView,
  unit: UnitRoot,
  requester: number,
  pasid: number | null,
  path: Path,
): Attachment | LookupEnd {
  const table = scalableContextTable(memory, unit, requester >>> 8, (requester & 0x80) !== 0, path);
  if (typeof table !== "number") return table;
  const context = scalableContext(memory, unit, requester, table, path);
  if (isLookupEnd(context)) return context;
  return ofPasid(memory, { unit, requester, pasid }, context, path);
}

/** From the context entry on. The PASID of the answer is RID_PASID for a request without one. */
export function ofPasid(
  memory: MemoryView,
  whose: Whose,
  context: ScalableContext,
  path: Path,
): Attachment | LookupEnd {
  const pasid = whose.pasid ?? context.ridPasid;
  const { name } = context;
  if (whose.pasid !== null && !context.takesPasids) {
    return path.refuse("absent", Fault.paside, `PASIDE is 0: ${name} may not send PASIDs`);
  }
  const index = Math.floor(pasid / pasidTableEntries);
  if (index >= context.directoryEntries) {
    const what = `beyond the ${context.directoryEntries} entries of the PASID directory of ${name}`;
    if (whose.pasid !== null) return path.refuse("absent", Fault.pasidSize, `PASID ${hex(pasid)} is ${what}`);
    return path.refuse("reserved", Fault.ridPasid, `RID_PASID ${hex(pasid)} is ${what}`);
  }
  const table = pasidTable(memory, whose.unit, context, index, path);
  if (typeof table !== "number") return table;
  return pasidEntry(memory, { ...whose, pasid }, context, table, path);
}
