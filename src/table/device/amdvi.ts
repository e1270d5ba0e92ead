/**
 * AMD-Vi device table.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, sections 2.2.2 (device table), 2.2.3 (host
 * tables), 2.2.6 (guest tables), 2.5 (events).
 */

import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import { read } from "../../bits/field.js";
import type { MemoryView } from "../../mem/view.js";
import { DeviceEntry, deviceEntryBytes, translationWords } from "../../spec/amdvi/device_entry.js";
import { functionName } from "../../spec/pcie/requester.js";
import { guestDevice, guestPasids } from "./amdvi_guest.js";
import { hostDevice } from "./amdvi_host.js";
import { levelsAreSupported } from "./amdvi_tables.js";
import type { Attachment, DeviceTables, LookupFault, UnitRoot } from "./attachment.js";
import { entryAt, isLookupEnd, type LookupEnd, Path, reservedSet } from "./entry.js";
import { Gathering } from "./gathering.js";
import { faultOf, type Whose, whileOff } from "./made.js";

const Event = { illegalEntry: 1, pageFault: 2, hardwareError: 3, invalidRequest: 8 };
const entryWords = deviceEntryBytes / 4;

export const amdviTables: DeviceTables = {
  kind: "amdvi",

  attachments(memory, unit, troubles, goOn) {
    const gathering = new Gathering(unit, troubles, goOn);
    for (let requester = 0; requester < entryCount(unit) && !gathering.full; requester++) {
      const words = entryAt(memory, unit.root + requester * deviceEntryBytes, entryWords);
      if (words === undefined) {
        // A whole page of the table is missing: one trouble, and on to the next page.
        gathering.refused(missingEntry(unit, requester, new Path()));
        requester |= frameBytes / deviceEntryBytes - 1;
        continue;
      }
      if (words.every((w) => w === 0)) continue;
      const path = new Path();
      const entry = deviceEntry(memory, unit, requester, path);
      if (isLookupEnd(entry)) gathering.add({ unit, requester, pasid: null }, entry);
      else if (usesGuest(unit, entry)) guestPasids(memory, { unit, requester }, entry, path, gathering);
      else gathering.add({ unit, requester, pasid: null }, hostDevice({ unit, requester, pasid: null }, entry, path));
    }
    return gathering.list;
  },

  lookup(memory, unit, requester, pasid): Attachment | LookupFault {
    const path = new Path();
    const whose = { unit, requester: requester & 0xffff, pasid };
    const off = whileOff(whose, path);
    if (off !== null) return off;
    const entry = deviceEntry(memory, unit, whose.requester, path);
    const found = isLookupEnd(entry) ? entry : device(memory, whose, entry, path);
    return isLookupEnd(found) ? faultOf(found) : found;
  },
};

/** Requesters whose whole entry is zeros: V is 0, so that the unit passes their addresses untranslated. */
export function silentRequesters(memory: MemoryView, unit: UnitRoot): { first: number; last: number }[] {
  const ranges: { first: number; last: number }[] = [];
  for (let requester = 0; requester < entryCount(unit); requester++) {
    const words = entryAt(memory, unit.root + requester * deviceEntryBytes, entryWords);
    if (words === undefined || words.some((w) => w !== 0)) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last.last === requester - 1) last.last = requester;
    else ranges.push({ first: requester, last: requester });
  }
  return ranges;
}

const entryCount = (unit: UnitRoot) => Math.min(Math.floor(unit.size / deviceEntryBytes), 65536);

const usesGuest = (unit: UnitRoot, words: Uint32Array) =>
  read(words, 0, DeviceEntry.v) === 1 &&
  read(words, 0, DeviceEntry.tv) === 1 &&
  read(words, 0, DeviceEntry.gv) === 1 &&
  unit.abilities?.first !== false;

const missingEntry = (unit: UnitRoot, requester: number, path: Path) =>
  path.refuse(
    "outside",
    Event.hardwareError,
    `the device table's entry of ${functionName(requester)} at ${hex(unit.root + requester * deviceEntryBytes)} lies outside this memory`,
  );

/** The entry, once what the unit refuses in it is ruled out. */
function deviceEntry(memory: MemoryView, unit: UnitRoot, requester: number, path: Path): Uint32Array | LookupEnd {
  const name = functionName(requester);
  if (requester >= entryCount(unit)) {
    return path.refuse("absent", Event.illegalEntry, `the device table ends before the entry of ${name}`);
  }
  const at = unit.root + requester * deviceEntryBytes;
  const words = entryAt(memory, at, entryWords);
  if (words === undefined) return missingEntry(unit, requester, path);
  path.add(at, words, DeviceEntry.$, meaning(words));
  if (read(words, 0, DeviceEntry.v) === 0) return words;
  const refuse = (why: string) => path.refuse("reserved", Event.illegalEntry, `device table entry of ${name}: ${why}`);
  if (reservedSet(words, 0, DeviceEntry.$, 0, translationWords)) return refuse("reserved bits are set");
  if (read(words, 0, DeviceEntry.tv) === 0) return words;
  const mode = read(words, 0, DeviceEntry.mode);
  if (!levelsAreSupported(unit, mode)) return refuse(`Mode is ${mode}, levels that the unit does not have`);
  if (mode !== 0 && read(words, 0, DeviceEntry.frame) * frameBytes >= 2 ** unit.outputBits) {
    return path.refuse(
      "address-size",
      Event.illegalEntry,
      `device table entry of ${name}: its table lies beyond ${unit.outputBits} bits`,
    );
  }
  if (!usesGuest(unit, words)) return words;
  if (read(words, 0, DeviceEntry.glx) === 3) return refuse("GLX is 3, which is reserved");
  const paging = read(words, 0, DeviceEntry.guestPagingMode);
  const levels = unit.abilities?.firstLevels;
  if (paging > 1 || (levels !== undefined && ((levels >>> (paging + 4)) & 1) === 0)) {
    return refuse(`GuestPagingMode is ${paging}, levels that the unit does not have`);
  }
  return words;
}

function device(memory: MemoryView, whose: Whose, words: Uint32Array, path: Path): Attachment | LookupEnd {
  const valid = read(words, 0, DeviceEntry.v) === 1 && read(words, 0, DeviceEntry.tv) === 1;
  if (usesGuest(whose.unit, words)) return guestDevice(memory, whose, words, path);
  if (whose.pasid !== null && valid) {
    const why = `a request with PASID, and GV is 0 in the entry of ${functionName(whose.requester)}`;
    return path.refuse("absent", Event.invalidRequest, why);
  }
  return hostDevice(whose, words, path);
}

function meaning(words: Uint32Array): string {
  if (read(words, 0, DeviceEntry.v) === 0) return "V is 0: passes untranslated";
  if (read(words, 0, DeviceEntry.tv) === 0) return "TV is 0: blocked";
  const mode = read(words, 0, DeviceEntry.mode);
  const host =
    mode === 0
      ? "no host table"
      : `host table at ${hex(read(words, 0, DeviceEntry.frame) * frameBytes)}, ${mode} levels`;
  return read(words, 0, DeviceEntry.gv) === 1 ? `${host}, with a guest table` : host;
}
