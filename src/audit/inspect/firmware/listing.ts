/** What the device tables of all units hold, each entry for the device that firmware says it is for. */
import { plural } from "../../../base/count_words.js";
import type { MemoryView } from "../../../mem/view.js";
import { type Attachment, deviceTables, silentRequesters, type UnitRoot } from "../../../table/device/index.js";
import { type Trouble, Troubles } from "../../../table/trouble.js";
import type { DeviceId } from "../device_name.js";
import type { Silent } from "../facts/known.js";
import type { Coverage } from "./coverage.js";
import { senderOf } from "./streams.js";

/** One entry of a unit's tables. */
export interface Listed extends Attachment, Pick<DeviceId, "stream" | "path"> {
  readonly unit: number;
}

export interface Listing {
  readonly devices: readonly Listed[];
  readonly unitTroubles: readonly (readonly Trouble[])[];
  readonly silent: readonly Silent[];
  /** Sentences on what was left out. */
  readonly notes: readonly string[];
}

/**
 * @param memory is told to note what is read through it
 * @param coverage null: firmware says nothing, so that each unit has every entry of its tables
 */
export function listingOf(memory: MemoryView, units: readonly UnitRoot[], coverage: Coverage | null): Listing {
  const listing = {
    devices: [] as Listed[],
    unitTroubles: [] as (readonly Trouble[])[],
    silent: [] as Silent[],
    notes: [] as string[],
  };
  const read = new Map<string, { readonly first: number; readonly attachments: readonly Attachment[] }>();
  const out = { entries: 0, open: 0, units: 0 };
  const ownerOf = coverage === null ? null : ownersOf(coverage);
  for (const [i, unit] of units.entries()) {
    const listedHere = coverage?.listing(i);
    const owners = ownerOf?.(i, unit) ?? null;
    const isListed = owners === null ? null : (id: number) => owners[id] === i;
    const key = keyOf(unit);
    const twin = read.get(key);
    // Of a unit that is off, the table may be anything: it is without effect.
    const troubles = new Troubles(unit.translating === false ? 0 : undefined);
    // Off, and never given a table: what lies at address 0 is none.
    const isBare = unit.translating === false && unit.root === 0;
    const entries = () => (isBare ? [] : deviceTables[unit.kind].attachments(memory, unit, troubles));
    const attachments = twin?.attachments ?? entries();
    listing.unitTroubles.push(troubles.list);
    if (twin === undefined) read.set(key, { first: i, attachments });
    else if (isListed === null) {
      listing.notes.push(`unit ${i} has the same device tables as unit ${twin.first}: its devices are listed there`);
      continue;
    }
    const own = isListed === null ? attachments : attachments.filter((a) => isListed(a.requester));
    for (const a of own) listing.devices.push({ ...a, ...senderOf(listedHere, a.segment, a.requester), unit: i });
    // What a table that several units share holds for the others is not left out.
    if (twin === undefined) leaveOut(attachments, own, out);
    listing.silent.push(...silentOf(memory, unit, i, owners, twin === undefined));
  }
  listing.notes.push(...leftOutWords(out));
  return listing;
}

const keyOf = (unit: UnitRoot): string =>
  `${unit.kind} ${unit.mode} ${unit.root} ${unit.size} ${unit.segment} ${unit.translating}`;

/**
 * Linux fills an AMD-Vi device table for every requester id of a segment; a unit is asked only for those that firmware
 * lists for it. Of units that list the same one, the last has it (drivers/iommu/amd/init.c, set_iommu_for_device).
 * @returns by requester id the unit that has it, -1 where none has; null for a unit that is asked for any
 */
function ownersOf({ acpi, inspected }: Coverage): (unit: number, root: UnitRoot) => Int32Array | null {
  const bySegment = new Map<number, Int32Array>();
  for (const [listed, { kind, segment, scopes, includeAll }] of acpi.units.entries()) {
    if (kind !== "amdvi") continue;
    const owners = bySegment.get(segment) ?? new Int32Array(65536).fill(-1);
    bySegment.set(segment, owners);
    if (includeAll) owners.fill(inspected(listed));
    for (const { first, last } of scopes) if (first !== null) owners.fill(inspected(listed), first, last! + 1);
  }
  return (unit, { kind, segment }) => {
    const owners = kind === "amdvi" ? bySegment.get(segment) : undefined;
    return owners?.includes(unit) === true ? owners : null;
  };
}

interface LeftOut {
  entries: number;
  open: number;
  units: number;
}

function leaveOut(all: readonly Attachment[], own: readonly Attachment[], out: LeftOut): void {
  if (all.length === own.length) return;
  const kept = new Set(own);
  out.entries += all.length - own.length;
  out.open += all.filter((a) => !kept.has(a) && a.state !== "blocked").length;
  out.units++;
}

function leftOutWords({ entries, open, units }: LeftOut): string[] {
  if (entries === 0) return [];
  const some = open === 0 ? "" : ` (${open === 1 ? "one of them lets" : `${open} of them let`} something through)`;
  const what = plural(entries, "entry", "entries");
  return [
    `${what} of ${units === 1 ? "a device table" : plural(units, "device table")} ${entries === 1 ? "is" : "are"} left out${some}: firmware does not list these requesters for the unit (IVHD), so it is never asked for them`,
  ];
}

/**
 * @param owners as of `ownersOf`
 * @param isFirst no unit before has the same table, of which what firmware lists for none is told once
 */
function silentOf(
  memory: MemoryView,
  unit: UnitRoot,
  i: number,
  owners: Int32Array | null,
  isFirst: boolean,
): Silent[] {
  if (unit.kind !== "amdvi" || unit.translating === false) return [];
  const all = silentRequesters(memory, unit);
  if (owners === null) return all.map((s) => ({ ...s, unit: i }));
  const own: { unit: number; first: number; last: number; listed: boolean }[] = [];
  for (const { first, last } of all) {
    for (let requester = first; requester <= last; requester++) {
      const listed = owners[requester] === i;
      if (!listed && !(isFirst && owners[requester] === -1)) continue;
      const before = own.at(-1);
      if (before?.last === requester - 1 && before.listed === listed) before.last = requester;
      else own.push({ unit: i, first: requester, last: requester, listed });
    }
  }
  return own;
}
