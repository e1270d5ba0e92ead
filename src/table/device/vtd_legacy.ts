/**
 * VT-d legacy mode: root entry, context entry.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, sections 3.4.2, 9.1, 9.3; the order of checks and their fault
 * codes: section 7.1.3 (LRT, LCT conditions).
 */

import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import { read } from "../../bits/field.js";
import type { MemoryView } from "../../mem/view.js";
import { functionName } from "../../spec/pcie/requester.js";
import { ContextEntry, contextEntryBytes, TranslationType } from "../../spec/vtd/context_entry.js";
import { RootEntry, rootEntryBytes } from "../../spec/vtd/root_entry.js";
import type { Attachment, UnitRoot } from "./attachment.js";
import { entryAt, type LookupEnd, type Path, reservedSet } from "./entry.js";
import { made, type Whose } from "./made.js";
import { secondStage, widthIsSupported } from "./vtd_tables.js";

const Fault = { rootP: 1, contextP: 2, contextInvalid: 3, root: 8, context: 9, rootReserved: 10, contextReserved: 11 };

/** @returns the address of a bus's context table. */
export function contextTable(memory: MemoryView, unit: UnitRoot, bus: number, path: Path): number | LookupEnd {
  const at = unit.root + bus * rootEntryBytes;
  const words = entryAt(memory, at, 4);
  if (words === undefined) {
    return path.refuse("outside", Fault.root, `the root table at ${hex(unit.root)} lies outside this memory`);
  }
  if (read(words, 0, RootEntry.p) === 0) {
    path.add(at, words, RootEntry.$, "not present");
    return path.refuse("absent", Fault.rootP, `the root entry of bus ${hex(bus)} is not present`);
  }
  const table = read(words, 0, RootEntry.frame) * frameBytes;
  path.add(at, words, RootEntry.$, `context table at ${hex(table)}`);
  if (reservedSet(words, 0, RootEntry.$) || table >= 2 ** unit.outputBits) {
    return path.refuse("reserved", Fault.rootReserved, `reserved bits are set in the root entry of bus ${hex(bus)}`);
  }
  return table;
}

/** One device without PASID; units in this mode take no others. */
export function legacyDevice(memory: MemoryView, whose: Whose, path: Path): Attachment | LookupEnd {
  const { unit, requester } = whose;
  const table = contextTable(memory, unit, requester >>> 8, path);
  return typeof table === "number" ? contextOf(memory, whose, table, path) : table;
}

/** @param table the bus's context table, read before. */
export function contextOf(memory: MemoryView, whose: Whose, table: number, path: Path): Attachment | LookupEnd {
  const { unit, requester } = whose;
  const name = functionName(requester);
  const at = table + (requester & 0xff) * contextEntryBytes;
  const words = entryAt(memory, at, 4);
  if (words === undefined) {
    return path.refuse("outside", Fault.context, `the context table at ${hex(table)} lies outside this memory`);
  }
  if (read(words, 0, ContextEntry.p) === 0) {
    path.add(at, words, ContextEntry.$, "not present");
    return path.refuse("absent", Fault.contextP, `the context entry of ${name} is not present`);
  }
  const tt = read(words, 0, ContextEntry.tt);
  const aw = read(words, 0, ContextEntry.aw);
  const top = read(words, 0, ContextEntry.frame) * frameBytes;
  const passes = tt === TranslationType.passThrough;
  path.add(at, words, ContextEntry.$, passes ? "pass-through" : `second-stage table at ${hex(top)}, ${aw + 2} levels`);
  const refuse = (kind: LookupEnd["kind"], code: number, why: string) =>
    path.refuse(kind, code, `context entry of ${name}: ${why}`);
  if (reservedSet(words, 0, ContextEntry.$) || top >= 2 ** unit.outputBits) {
    return refuse("reserved", Fault.contextReserved, "reserved bits are set");
  }
  if (!widthIsSupported(unit, aw)) {
    return refuse("reserved", Fault.contextInvalid, `AW is ${aw}, a width that the unit does not have`);
  }
  if (tt === TranslationType.reserved) return refuse("reserved", Fault.contextInvalid, "TT is 3, which is reserved");
  if (tt === TranslationType.translateAndAts && unit.abilities?.ats === false) {
    return refuse("reserved", Fault.contextInvalid, "TT is 1, and the unit knows no device TLBs");
  }
  if (passes && unit.abilities?.passThrough === false) {
    return refuse("reserved", Fault.contextInvalid, "TT is 2, and the unit knows no pass-through");
  }
  const domain = read(words, 0, ContextEntry.did);
  if (passes) return made(whose, path, "identity", "the context entry's TT is 2: pass-through", { domain });
  return made(whose, path, "translated", `the context entry's TT is ${tt}`, {
    domain,
    stage: "second",
    ats: tt === TranslationType.translateAndAts,
    second: secondStage(unit, aw, top),
  });
}
