/** IVRS into units. Source: see spec/acpi/ivrs.ts. */

import { hex } from "../../../base/hex.js";
import {
  IvhdEntryType as Entry,
  Ivhd,
  IvhdAlias,
  IvhdEntry,
  IvhdSpecial,
  Ivmd,
  IvrsInfo,
  IvrsType,
  ivhdCoherentFlag,
  ivhdEntriesAt,
  ivhdFeaturesAt,
  ivhdIotlbFlag,
  ivhdNamedBytes,
  ivrsBlocksAt,
  ivrsInfoAt,
} from "../../../spec/acpi/ivrs.js";
import { ExtendedFeatures } from "../../../spec/amdvi/registers.js";
import { functionName } from "../../../spec/pcie/requester.js";
import { type Structure, structureAt, textAt } from "./bytes.js";
import { type AcpiAlias, type AcpiScope, type AcpiUnit, type Gathered, structuresMax } from "./reading.js";

/** One form of block of one unit. */
interface Form {
  readonly type: number;
  readonly unit: AcpiUnit;
  readonly aliases: readonly AcpiAlias[];
}

export function readIvrs(bytes: Uint8Array, out: Gathered): void {
  says(bytes, out);
  // The same unit appears once for each form of block.
  const units = new Map<number, Form[]>();
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
      const base = s.get(Ivhd.base);
      units.set(base, [...(units.get(base) ?? []), unitOf(type, block, s, base, out)]);
    } else if (type === IvrsType.ivmdAll || type === IvrsType.ivmdOne || type === IvrsType.ivmdRange)
      reserved(type, block, out);
  }
  chosen([...units.values()], out);
}

/**
 * Linux reads the blocks of one form, and numbers the units as it finds them.
 * Source: drivers/iommu/amd/init.c, get_highest_supported_ivhd_type, init_iommu_one.
 */
function chosen(units: readonly (readonly Form[])[], out: Gathered): void {
  const newest = (forms: readonly Form[]) => forms.reduce((a, b) => (b.type > a.type ? b : a));
  const form = units.length === 0 ? 0 : newest(units[0]!).type;
  for (const forms of units) {
    const own = forms.find((f) => f.type === form);
    const { unit, aliases } = own ?? newest(forms);
    if (own === undefined)
      out.note(
        `IVRS: the unit at ${hex(unit.registersAt!)} has no block of form ${form.toString(16)}h, so Linux does not use it`,
      );
    const count = out.units.filter((u) => u.name != null).length;
    out.units.push({ ...unit, name: own === undefined ? null : `ivhd${count}` });
    out.aliases.push(...aliases);
  }
}

function says(bytes: Uint8Array, out: Gathered): void {
  const info = structureAt(bytes, ivrsInfoAt, IvrsInfo.$);
  if (info === null) return;
  out.dmaOptIn = info.get(IvrsInfo.dmaOptIn) === 1;
  const bits = info.get(IvrsInfo.physicalBits);
  if (bits >= 32) out.addressBits = Math.min(bits, 52);
  const widths = [
    [bits, "physical"],
    [info.get(IvrsInfo.virtualBits), "virtual"],
  ] as const;
  out.says.push(
    ...widths.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what} address bits`),
    ...(out.dmaOptIn ? ["DMA is to be guarded from the start (DMA remap support)"] : []),
    ...(info.get(IvrsInfo.atsReserved) === 1 ? ["the range of ATS responses is reserved"] : []),
  );
}

function unitOf(type: number, block: Uint8Array, s: Structure, base: number, out: Gathered): Form {
  const segment = s.get(Ivhd.segment);
  const entries = new Entries(segment);
  let at = ivhdEntriesAt[type]!;
  for (let n = 0; at < block.length && n < structuresMax; n++) {
    const length = lengthAt(block, at);
    if (at + length > block.length) {
      out.note(`IVRS: a device entry of the unit at ${hex(base)} is cut short`);
      break;
    }
    entries.take(block.subarray(at, at + length));
    at += length;
  }
  const flags = s.get(Ivhd.flags);
  const unit: AcpiUnit = {
    kind: "amdvi",
    registersAt: base,
    segment,
    includeAll: entries.all,
    scopes: entries.scopes,
    requester: s.get(Ivhd.device),
    says: [
      (flags & ivhdIotlbFlag) === 0 ? "no device TLBs (ATS)" : "device TLBs (ATS)",
      ...((flags & ivhdCoherentFlag) === 0 ? [] : ["coherent walks"]),
      ...featureWords(type, block),
    ],
  };
  return { type, unit, aliases: entries.aliases };
}

/** The blocks of newer forms repeat the unit's feature register. */
function featureWords(type: number, block: Uint8Array): string[] {
  const features = type === IvrsType.ivhd10 ? null : structureAt(block, ivhdFeaturesAt, ExtendedFeatures.$);
  if (features === null || block.subarray(ivhdFeaturesAt, ivhdFeaturesAt + 8).every((b) => b === 0)) return [];
  const has = (field: (typeof ExtendedFeatures)["xtSup"]) => features.get(field) === 1;
  return [
    `host tables of up to ${4 + features.get(ExtendedFeatures.hats)} levels`,
    ...(has(ExtendedFeatures.gtSup) ? [`guest tables of up to ${4 + features.get(ExtendedFeatures.gats)}`] : []),
    ...(has(ExtendedFeatures.xtSup) ? ["x2APIC"] : []),
  ];
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
        name: `${what} ${special.get(IvhdSpecial.handle)} as ${functionName(source)}`,
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
    const shown = first === last ? functionName(first) : `${functionName(first)} to ${functionName(last)}`;
    return { segment: this.#segment, first, last, what: "range", name: shown, stream: null };
  }
}

function reserved(type: number, block: Uint8Array, out: Gathered): void {
  const s = structureAt(block, 0, Ivmd.$);
  if (s === null) {
    out.note("IVRS: reserved memory (IVMD) is cut short");
    return;
  }
  const first = s.get(Ivmd.start);
  const bytes = s.get(Ivmd.bytes);
  if (bytes === 0) return;
  const segment = s.get(Ivmd.segment);
  const device = s.get(Ivmd.device);
  const last = type === IvrsType.ivmdRange ? s.get(Ivmd.last) : type === IvrsType.ivmdOne ? device : 0xffff;
  const from = type === IvrsType.ivmdAll ? 0 : device;
  const what = type === IvrsType.ivmdAll ? "all" : from === last ? "device" : "range";
  const shown =
    what === "all"
      ? "every device"
      : from === last
        ? functionName(from)
        : `${functionName(from)} to ${functionName(last)}`;
  out.reserve({
    kind: "IVMD",
    first,
    last: first + bytes - 1,
    segment,
    scopes: [{ segment, first: from, last, what, name: shown, stream: null }],
    allow: s.get(Ivmd.exclusion) === 1 ? 3 : s.get(Ivmd.read) | (s.get(Ivmd.write) << 1),
  });
}
