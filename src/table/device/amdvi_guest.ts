/**
 * AMD-Vi guest translation: from a device table entry with GV through the GCR3 table to a first-stage table.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, sections 2.2.6.3 (GCR3 table, GLX) and 2.2.2.1
 * (GIOV). Addresses in it are inputs of the host table where the entry names one.
 */

import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import { read } from "../../bits/field.js";
import type { MemoryView } from "../../mem/view.js";
import { DeviceEntry } from "../../spec/amdvi/device_entry.js";
import { Gcr3Entry, gcr3LevelBits, gcr3TableEntries } from "../../spec/amdvi/guest_cr3.js";
import { functionName } from "../../spec/pcie/requester.js";
import type { TableRoot } from "../root.js";
import { hostDevice } from "./amdvi_host.js";
import { gcr3Table, v1Table, v2Table } from "./amdvi_tables.js";
import type { Attachment, UnitRoot } from "./attachment.js";
import { entryAt, isLookupEnd, type LookupEnd, type Path, reservedSet } from "./entry.js";
import type { Gathering } from "./gathering.js";
import { made, type Whose } from "./made.js";
import { through } from "./through.js";

const Event = { pageFault: 2, pageTableError: 4 };
/** A PASID has 20 bits, so that three levels resolve more than there are. */
const pasidMax = 2 ** 20;

/** What the entry says of guest translation. */
interface Guest {
  readonly words: Uint32Array;
  readonly host: TableRoot | null;
  readonly levels: number;
  readonly table: number;
}

function guestOf(unit: UnitRoot, words: Uint32Array): Guest {
  const host = read(words, 0, DeviceEntry.mode) === 0 ? null : v1Table(unit, words);
  return { words, host, levels: read(words, 0, DeviceEntry.glx) + 1, table: gcr3Table(words) };
}

/** One request of a device whose entry has GV. */
export function guestDevice(memory: MemoryView, whose: Whose, words: Uint32Array, path: Path): Attachment | LookupEnd {
  const giov = read(words, 0, DeviceEntry.giov) === 1;
  if (whose.pasid === null && !giov) return hostDevice(whose, words, path);
  return ofPasid(memory, { ...whose, pasid: whose.pasid ?? 0 }, guestOf(whose.unit, words), path);
}

function ofPasid(memory: MemoryView, whose: Whose, guest: Guest, path: Path): Attachment | LookupEnd {
  const pasid = whose.pasid!;
  const name = `PASID ${hex(pasid)} of ${functionName(whose.requester)}`;
  if (pasid >= Math.min(2 ** (gcr3LevelBits * guest.levels), pasidMax)) {
    return path.refuse("absent", Event.pageFault, `${name} is beyond the ${guest.levels} levels of the GCR3 table`);
  }
  let table = guest.table;
  for (let level = guest.levels - 1; level >= 0; level--) {
    const next = gcr3Entry(memory, whose, guest, { table, level, index: indexAt(pasid, level) }, path);
    if (typeof next !== "number") return next;
    table = next;
  }
  return attached(whose, guest, table, path);
}

const indexAt = (pasid: number, level: number) => Math.floor(pasid / 2 ** (gcr3LevelBits * level)) % gcr3TableEntries;

interface Place {
  readonly table: number;
  readonly level: number;
  readonly index: number;
}

/** @returns what the entry points to: the next table, or at level 0 the top first-stage table. */
function gcr3Entry(memory: MemoryView, whose: Whose, guest: Guest, at: Place, path: Path): number | LookupEnd {
  const where = `the GCR3 table at ${hex(at.table)} of ${functionName(whose.requester)}`;
  const real = through(memory, guest.host, at.table);
  if (real === null) return path.refuse("outside", Event.pageFault, `${where} is not mapped by the host table`);
  const words = entryAt(memory, real + at.index * 8, 2);
  if (words === undefined) return path.refuse("outside", Event.pageTableError, `${where} lies outside this memory`);
  if (read(words, 0, Gcr3Entry.v) === 0) {
    path.add(real + at.index * 8, words, Gcr3Entry.$, "not valid");
    return path.refuse("absent", Event.pageFault, `entry ${at.index} of ${where} is not valid`);
  }
  const next = read(words, 0, Gcr3Entry.frame) * frameBytes;
  path.add(real + at.index * 8, words, Gcr3Entry.$, `${at.level === 0 ? "first-stage" : "GCR3"} table at ${hex(next)}`);
  if (reservedSet(words, 0, Gcr3Entry.$)) {
    return path.refuse("reserved", Event.pageFault, `reserved bits are set in entry ${at.index} of ${where}`);
  }
  return next;
}

function attached(whose: Whose, guest: Guest, table: number, path: Path): Attachment {
  const { words, host } = guest;
  const domain = read(words, 0, DeviceEntry.did);
  const first = v2Table(whose.unit, words, table, host);
  if ((host ?? first).allow === 0) {
    return made(whose, path, "blocked", "IR and IW are 0 in the device table entry", { domain, allow: 0 });
  }
  return made(whose, path, "translated", "GV is 1 in the device table entry", {
    domain,
    stage: host === null ? "first" : "nested",
    ats: read(words, 0, DeviceEntry.i) === 1,
    first: [first],
    second: host,
  });
}

/** Every PASID of a device that has a table, and what its requests without PASID come to. */
export function guestPasids(
  memory: MemoryView,
  of: { readonly unit: UnitRoot; readonly requester: number },
  words: Uint32Array,
  path: Path,
  gathering: Gathering,
): void {
  const guest = guestOf(of.unit, words);
  const giov = read(words, 0, DeviceEntry.giov) === 1;
  if (!giov) {
    const whose = { ...of, pasid: null };
    gathering.add(whose, hostDevice(whose, words, path.fork()));
  }
  const descend = (table: number, level: number, from: number, here: Path): void => {
    const real = through(memory, guest.host, table);
    for (let index = 0; index < gcr3TableEntries && gathering.mayRead(1); index++) {
      const pasid = from + index * 2 ** (gcr3LevelBits * level);
      if (pasid >= pasidMax) return;
      const entry = real === null ? undefined : entryAt(memory, real + index * 8, 1);
      if (entry === undefined) {
        gathering.refused(
          gcr3Entry(memory, { ...of, pasid }, guest, { table, level, index }, here.fork()) as LookupEnd,
        );
        return;
      }
      if (read(entry, 0, Gcr3Entry.v) === 0) continue;
      const next = here.fork();
      const found = gcr3Entry(memory, { ...of, pasid }, guest, { table, level, index }, next);
      const whose = { ...of, pasid };
      if (typeof found !== "number") gathering.add(whose, found);
      else if (level > 0) descend(found, level - 1, pasid, next);
      else gathering.add(whose, attached(whose, guest, found, next));
    }
  };
  if (giov) {
    // Requests without PASID use PASID 0: the device is listed even when that has no table.
    const found = ofPasid(memory, { ...of, pasid: 0 }, guest, path.fork());
    if (isLookupEnd(found) && found.kind === "absent") gathering.add({ ...of, pasid: 0 }, found, true);
  }
  descend(guest.table, guest.levels - 1, 0, path);
}
