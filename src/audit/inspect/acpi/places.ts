/** MADT, HPET and TPM2 into places that are no memory. Sources: see spec/acpi/madt.ts, hpet.ts, tpm2.ts. */
import { frameBytes } from "../../../base/frame.js";
import { tableHeaderBytes } from "../../../spec/acpi/header.js";
import { HpetBody, hpetBytes } from "../../../spec/acpi/hpet.js";
import {
  MadtEntry,
  MadtGic,
  MadtGicRedistributor,
  MadtHeader,
  MadtIoApic,
  MadtLocalApicOverride,
  MadtType,
  madtEntriesAt,
  registerBytes,
} from "../../../spec/acpi/madt.js";
import { Tpm2Body, tpm2ControlBytes } from "../../../spec/acpi/tpm2.js";
import type { Place } from "../place.js";
import { type Structure, structureAt } from "./bytes.js";
import { type Gathered, structuresMax } from "./reading.js";

type Reader = (entry: Uint8Array) => Place | null;

/** A row of the table below: the layout of an entry, and what its address is. */
const at =
  (
    about: Parameters<typeof structureAt>[2],
    kind: Place["kind"],
    what: string,
    stretch: (s: Structure) => readonly [number, number],
  ): Reader =>
  (entry) => {
    const s = structureAt(entry, 0, about);
    if (s === null) return null;
    const [from, bytes] = stretch(s);
    return { kind, what, from, to: from + bytes };
  };

const gicAddress = (s: Structure): number => s.get(MadtGic.address);

const madtReaders: Readonly<Record<number, Reader>> = {
  [MadtType.ioApic]: at(MadtIoApic.$, "interrupts", "an I/O APIC", (s) => [
    s.get(MadtIoApic.address),
    registerBytes.ioApic,
  ]),
  [MadtType.localApicOverride]: at(MadtLocalApicOverride.$, "interrupts", "the local APICs", (s) => [
    s.get(MadtLocalApicOverride.address),
    registerBytes.localApic,
  ]),
  [MadtType.gicDistributor]: at(MadtGic.$, "interrupts", "the interrupt controller (GIC distributor)", (s) => [
    gicAddress(s),
    registerBytes.distributor,
  ]),
  [MadtType.gicMsiFrame]: at(MadtGic.$, "interrupts", "a frame of message interrupts (GICv2m)", (s) => [
    gicAddress(s),
    registerBytes.msiFrame,
  ]),
  [MadtType.gicRedistributor]: at(
    MadtGicRedistributor.$,
    "interrupts",
    "the interrupt controller (GIC redistributors)",
    (s) => [s.get(MadtGicRedistributor.address), s.get(MadtGicRedistributor.bytes)],
  ),
  [MadtType.gicIts]: at(MadtGic.$, "translated interrupts", "an interrupt translation service (GIC ITS)", (s) => [
    gicAddress(s),
    registerBytes.its,
  ]),
};

export function readMadt(bytes: Uint8Array, out: Gathered): void {
  const head = structureAt(bytes, tableHeaderBytes, MadtHeader.$);
  const localApic = head?.get(MadtHeader.localApic) ?? 0;
  if (localApic > 0)
    add(out, { kind: "interrupts", what: "the local APICs", from: localApic, to: localApic + registerBytes.localApic });
  for (let offset = madtEntriesAt, n = 0; n < structuresMax && offset < bytes.length; n++) {
    const entry = structureAt(bytes, offset, MadtEntry.$);
    const length = entry?.get(MadtEntry.length) ?? 0;
    if (entry === null || length < 2 || offset + length > bytes.length) {
      out.note(`MADT: entry ${n} at byte ${offset} does not lie in the table; the rest is left out`);
      return;
    }
    const read = madtReaders[entry.get(MadtEntry.type)];
    const place = read?.(bytes.subarray(offset, offset + length)) ?? null;
    if (place !== null) add(out, place);
    offset += length;
  }
}

export function readHpet(bytes: Uint8Array, out: Gathered): void {
  const s = structureAt(bytes, tableHeaderBytes, HpetBody.$);
  if (s === null || s.get(HpetBody.space) !== 0) return;
  const from = s.get(HpetBody.address);
  add(out, { kind: "timer", what: "a timer block (HPET)", from, to: from + hpetBytes });
}

export function readTpm2(bytes: Uint8Array, out: Gathered): void {
  const s = structureAt(bytes, tableHeaderBytes, Tpm2Body.$);
  if (s === null) return;
  const from = s.get(Tpm2Body.address);
  add(out, { kind: "tpm", what: "a TPM", from, to: from + tpm2ControlBytes });
}

/** Whole pages, as a table maps them; what no address reaches is left out. */
function add(out: Gathered, { from, to, ...rest }: Place): void {
  const [first, end] = [Math.floor(from / frameBytes) * frameBytes, Math.ceil(to / frameBytes) * frameBytes];
  if (from > 0 && end > first && end <= 2 ** 52) out.places.push({ ...rest, from: first, to: end });
}
