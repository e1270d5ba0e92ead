/** VT-d device tables, in legacy and scalable mode. */
import { read } from "../../bits/field.js";
import type { MemoryView } from "../../mem/view.js";
import { ContextEntry, ScalableContextEntry, scalableContextEntryBytes } from "../../spec/vtd/context_entry.js";
import { PasidDirectoryEntry, PasidEntry, pasidEntryBytes, pasidTableEntries } from "../../spec/vtd/pasid.js";
import { rootEntries } from "../../spec/vtd/root_entry.js";
import type { Attachment, DeviceTables, LookupFault, UnitRoot } from "./attachment.js";
import { entryAt, isLookupEnd, type LookupEnd, Path } from "./entry.js";
import { Gathering } from "./gathering.js";
import { faultOf, made, whileOff } from "./made.js";
import { contextOf, contextTable, legacyDevice } from "./vtd_legacy.js";
import {
  ofPasid,
  pasidEntry,
  pasidTable,
  type ScalableContext,
  scalableContext,
  scalableContextTable,
  scalableDevice,
} from "./vtd_scalable.js";

const Fault = { pasidInLegacy: 0x31, modeReserved: 0x32 };

export const vtdTables: DeviceTables = {
  kind: "vtd",

  attachments(memory, unit, troubles, goOn) {
    const gathering = new Gathering(unit, troubles, goOn);
    for (let bus = 0; bus < rootEntries && !gathering.full; bus++) {
      if (unit.mode === "scalable") {
        scalableHalf(memory, unit, bus, false, gathering);
        scalableHalf(memory, unit, bus, true, gathering);
      } else if (unit.mode === "legacy") legacyBus(memory, unit, bus, gathering);
    }
    return gathering.list;
  },

  lookup(memory, unit, requester, pasid): Attachment | LookupFault {
    const path = new Path();
    const off = whileOff({ unit, requester, pasid }, path);
    if (off !== null) return off;
    const found = device(memory, unit, requester & 0xffff, pasid, path);
    return isLookupEnd(found) ? faultOf(found) : found;
  },
};

function device(
  memory: MemoryView,
  unit: UnitRoot,
  requester: number,
  pasid: number | null,
  path: Path,
): Attachment | LookupEnd {
  const whose = { unit, requester, pasid };
  if (unit.mode === "abort") return made(whose, path, "blocked", "RTADDR.TTM is 3: all DMA is blocked");
  if (unit.mode === "scalable") return scalableDevice(memory, unit, requester, pasid, path);
  if (unit.mode !== "legacy") return path.refuse("reserved", Fault.modeReserved, "RTADDR.TTM is 2, which is reserved");
  if (pasid !== null)
    return path.refuse("absent", Fault.pasidInLegacy, "a request with PASID, and the unit is in legacy mode");
  return legacyDevice(memory, whose, path);
}

function legacyBus(memory: MemoryView, unit: UnitRoot, bus: number, gathering: Gathering): void {
  const path = new Path();
  const table = contextTable(memory, unit, bus, path);
  if (typeof table !== "number") {
    gathering.refused(table);
    return;
  }
  if (entryAt(memory, table, 1) === undefined) {
    const whose = { unit, requester: bus << 8, pasid: null };
    gathering.refused(contextOf(memory, whose, table, path) as LookupEnd);
    return;
  }
  for (let devfn = 0; devfn < 256 && !gathering.full; devfn++) {
    const words = entryAt(memory, table + devfn * 16, 1);
    if (words === undefined || read(words, 0, ContextEntry.p) === 0) continue;
    const whose = { unit, requester: (bus << 8) | devfn, pasid: null };
    gathering.add(whose, contextOf(memory, whose, table, path.fork()));
  }
}

function scalableHalf(memory: MemoryView, unit: UnitRoot, bus: number, upper: boolean, gathering: Gathering): void {
  const path = new Path();
  const table = scalableContextTable(memory, unit, bus, upper, path);
  if (typeof table !== "number") {
    gathering.refused(table);
    return;
  }
  const from = (bus << 8) | (upper ? 0x80 : 0);
  if (entryAt(memory, table, 1) === undefined) {
    gathering.refused(scalableContext(memory, unit, from, table, path) as LookupEnd);
    return;
  }
  for (let n = 0; n < 128 && !gathering.full; n++) {
    const words = entryAt(memory, table + n * scalableContextEntryBytes, 1);
    if (words === undefined || read(words, 0, ScalableContextEntry.p) === 0) continue;
    const here = path.fork();
    const context = scalableContext(memory, unit, from | n, table, here);
    if (isLookupEnd(context)) gathering.add({ unit, requester: from | n, pasid: null }, context);
    else pasidsOf(memory, { unit, requester: from | n }, context, here, gathering);
  }
}

interface Device {
  readonly unit: UnitRoot;
  readonly requester: number;
}

/** Every PASID of one device that has an entry, and RID_PASID even when it has none. */
function pasidsOf(memory: MemoryView, of: Device, context: ScalableContext, path: Path, gathering: Gathering): void {
  let ridDone = false;
  const rid = () => {
    ridDone = true;
    const whose = { ...of, pasid: context.ridPasid };
    gathering.add(whose, ofPasid(memory, { ...of, pasid: null }, context, path.fork()), true);
  };
  for (let index = 0; index < context.directoryEntries && gathering.mayRead(1); index++) {
    const from = index * pasidTableEntries;
    const words = entryAt(memory, context.directory + index * 8, 1);
    if (words === undefined || read(words, 0, PasidDirectoryEntry.p) === 0) continue;
    const here = path.fork();
    const table = pasidTable(memory, of.unit, context, index, here);
    if (typeof table !== "number") {
      if (!holds(from, context.ridPasid)) gathering.refused(table);
      continue;
    }
    for (let n = 0; n < pasidTableEntries && gathering.mayRead(1); n++) {
      const entry = entryAt(memory, table + n * pasidEntryBytes, 1);
      if (entry === undefined || read(entry, 0, PasidEntry.p) === 0) continue;
      const pasid = from + n;
      if (!ridDone && pasid >= context.ridPasid) rid();
      if (pasid === context.ridPasid) continue;
      const whose = { ...of, pasid };
      const why = `PASIDE is 0: ${context.name} may not send PASIDs`;
      if (context.takesPasids) gathering.add(whose, pasidEntry(memory, whose, context, table, here.fork()));
      else gathering.add(whose, made(whose, here, "blocked", why));
    }
  }
  if (!ridDone) rid();
}

const holds = (from: number, pasid: number) => pasid >= from && pasid < from + pasidTableEntries;
