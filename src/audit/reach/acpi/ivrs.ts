/** IVRS into units. Source: see spec/acpi/ivrs.ts. */
import {
  IvhdEntryType as Entry,
  Ivhd,
  IvhdAlias,
  IvhdEntry,
  IvhdSpecial,
  Ivmd,
  IvrsType,
  ivhdEntriesAt,
  ivhdNamedBytes,
  ivrsBlocksAt,
} from "../../../spec/acpi/ivrs.js";
import { type Structure, structureAt, textAt } from "./bytes.js";
import { type AcpiAlias, type AcpiScope, type AcpiUnit, type Gathered, slot, structuresMax } from "./reading.js";

const name = (requester: number) => `${(requester >>> 8).toString(16).padStart(2, "0")}:${slot(requester & 0xff)}`;

interface Unit {
  readonly type: number;
  readonly unit: AcpiUnit;
  readonly aliases: readonly AcpiAlias[];
}

export function readIvrs(bytes: Uint8Array, out: Gathered): void {
  // The same unit appears once for each form of block; the newest form says the most.
  const units = new Map<number, Unit>();
  let at = ivrsBlocksAt;
  for (let n = 0; at + 4 <= bytes.length && n < structuresMax; n++) {
    const type = bytes[at]!;
    const length = bytes[at + 2]! | (bytes[at + 3]! << 8);
    if (length < 4 || at + length > bytes.length) {
      out.note(`IVRS: the block at byte ${at} has ${length} bytes; the rest is left out`);
      break;
    }
    const block = bytes.subarray(at, at + length);
    at += length;
    if (ivhdEntriesAt[type] !== undefined) {
      const s = structureAt(block, 0, Ivhd.$);
      if (s === null) {
        out.note("IVRS: a unit (IVHD) is cut short");
        continue;
      }
      const base = s.wide(Ivhd.baseLow, Ivhd.baseHigh);
      if ((units.get(base)?.type ?? 0) < type) units.set(base, unitOf(type, block, s, base, out));
    } else if (type === IvrsType.ivmdAll || type === IvrsType.ivmdOne || type === IvrsType.ivmdRange)
      reserved(type, block, out);
  }
  for (const { unit, aliases } of units.values()) {
    out.units.push(unit);
    out.aliases.push(...aliases);
  }
}

function unitOf(type: number, block: Uint8Array, s: Structure, base: number, out: Gathered): Unit {
  const segment = s.get(Ivhd.segment);
  const entries = new Entries(segment);
  let at = ivhdEntriesAt[type]!;
  for (let n = 0; at < block.length && n < structuresMax; n++) {
    const length = lengthAt(block, at);
    if (at + length > block.length) {
      out.note(`IVRS: a device entry of the unit at 0x${base.toString(16)} is cut short`);
      break;
    }
    entries.take(block.subarray(at, at + length));
    at += length;
  }
  const unit: AcpiUnit = {
    kind: "amdvi",
    registersAt: base,
    segment,
    includeAll: entries.all,
    scopes: entries.scopes,
    requester: s.get(Ivhd.device),
  };
  return { type, unit, aliases: entries.aliases };
}

/** Types below 40h have 4 bytes, below 80h 8; F0h says its own length. Others of the upper half have 16 or 32. */
function lengthAt(block: Uint8Array, at: number): number {
  const type = block[at]!;
  if (type === Entry.named) return ivhdNamedBytes + (block[at + ivhdNamedBytes - 1] ?? 0);
  return 4 << (type >>> 6);
}

class Entries {
  readonly scopes: AcpiScope[] = [];
  readonly aliases: AcpiAlias[] = [];
  all = false;
  readonly #segment: number;
  #open: { readonly first: number; readonly source: number | null } | null = null;

  constructor(segment: number) {
    this.#segment = segment;
  }

  take(bytes: Uint8Array): void {
    const s = structureAt(bytes, 0, IvhdEntry.$)!;
    const [type, device] = [s.get(IvhdEntry.type), s.get(IvhdEntry.device)];
    if (type === Entry.all) {
      this.all = true;
    } else if (type === Entry.select || type === Entry.extendedSelect) this.#range(device, device, null);
    else if (type === Entry.rangeStart || type === Entry.extendedRange) this.#open = { first: device, source: null };
    else if (type === Entry.aliasSelect || type === Entry.aliasRange) {
      const source = structureAt(bytes, 0, IvhdAlias.$)!.get(IvhdAlias.source);
      if (type === Entry.aliasSelect) this.#range(device, device, source);
      else this.#open = { first: device, source };
    } else if (type === Entry.rangeEnd) {
      if (this.#open !== null && device >= this.#open.first) this.#range(this.#open.first, device, this.#open.source);
      this.#open = null;
    } else if (type === Entry.special) {
      const special = structureAt(bytes, 0, IvhdSpecial.$)!;
      const source = special.get(IvhdSpecial.source);
      const what = special.get(IvhdSpecial.variety) === 2 ? "hpet" : "io-apic";
      this.scopes.push({
        ...this.#scope(source, source),
        what,
        name: `${what} ${special.get(IvhdSpecial.handle)} as ${name(source)}`,
      });
    } else if (type === Entry.named) {
      this.scopes.push({ ...this.#scope(device, device), what: "named", name: textAt(bytes, 4, 8) });
    }
  }

  #range(first: number, last: number, source: number | null): void {
    const what = first === last ? "device" : "range";
    this.scopes.push({ ...this.#scope(first, last), what });
    if (source !== null) {
      this.aliases.push({ segment: this.#segment, first, last, source });
      this.scopes.push({ ...this.#scope(source, source), what: "device" });
    }
  }

  #scope(first: number, last: number): AcpiScope {
    const shown = first === last ? name(first) : `${name(first)} to ${name(last)}`;
    return { segment: this.#segment, first, last, what: "range", name: shown, stream: null };
  }
}

function reserved(type: number, block: Uint8Array, out: Gathered): void {
  const s = structureAt(block, 0, Ivmd.$);
  if (s === null) {
    out.note("IVRS: reserved memory (IVMD) is cut short");
    return;
  }
  const first = s.wide(Ivmd.startLow, Ivmd.startHigh);
  const bytes = s.wide(Ivmd.bytesLow, Ivmd.bytesHigh);
  if (bytes === 0) return;
  const segment = s.get(Ivmd.segment);
  const device = s.get(Ivmd.device);
  const last = type === IvrsType.ivmdRange ? s.get(Ivmd.last) : type === IvrsType.ivmdOne ? device : 0xffff;
  const from = type === IvrsType.ivmdAll ? 0 : device;
  const what = type === IvrsType.ivmdAll ? "all" : from === last ? "device" : "range";
  const shown = what === "all" ? "every device" : from === last ? name(from) : `${name(from)} to ${name(last)}`;
  out.reserved.push({
    kind: "IVMD",
    first,
    last: first + bytes - 1,
    segment,
    scopes: [{ segment, first: from, last, what, name: shown, stream: null }],
    allow: s.get(Ivmd.exclusion) === 1 ? 3 : s.get(Ivmd.read) | (s.get(Ivmd.write) << 1),
  });
}
