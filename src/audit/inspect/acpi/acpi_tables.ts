/**
 * The firmware's tables in a memory image: which units there are, which devices each serves, what must stay reachable.
 *
 * They are found through the root pointer in low memory where there is one (BIOS), and otherwise by their signatures
 * and checksums (UEFI, Arm). Everything in them may be wrong: what cannot be read is left out and named in `notes`.
 */

import { frameBytes, type Mfn } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import { u64At } from "../../../base/u64.js";
import type { MemoryView } from "../../../mem/view.js";
import type { InBlocks } from "../../../read/image/block.js";
import {
  McfgEntry,
  mcfgEntriesAt,
  Rsdp,
  rsdpShortBytes,
  rsdpSignature,
  TableHeader,
  tableHeaderBytes,
} from "../../../spec/acpi/header.js";
import { codeOf, hiddenDmar, nameByCode, type TableName } from "../../../spec/acpi/signatures.js";
import { Survey } from "../survey/survey.js";
import { bytesAt, structureAt, sum } from "./bytes.js";
import { readDmar } from "./dmar.js";
import { readIort } from "./iort.js";
import { readIvrs } from "./ivrs.js";
import { readHpet, readMadt, readTpm2 } from "./places.js";
import { type AcpiReading, Gathered } from "./reading.js";
import { readViot } from "./viot.js";

export type {
  AcpiAlias,
  AcpiReading,
  AcpiReserved,
  AcpiScope,
  AcpiTable,
  AcpiUnit,
  AcpiWindow,
} from "./reading.js";

const readers: Readonly<Record<TableName, (bytes: Uint8Array, out: Gathered) => void>> = {
  DMAR: readDmar,
  IVRS: readIvrs,
  IORT: readIort,
  VIOT: readViot,
  MCFG: readMcfg,
  APIC: readMadt,
  HPET: readHpet,
  TPM2: readTpm2,
};

const xsdtCode = codeOf("XSDT");

/** The largest DMAR and IORT tables have some hundred KiB. */
const tableBytesMax = 2 ** 22;
const tableCountMax = 256;
/** Where a BIOS puts the root pointer: addresses 0xe0000 to 0xfffff. */
const biosFirst = 0xe0;
const biosFrames = 0x20;

/** @param image is read from end to end when low memory holds no root pointer */
export function acpiTables(image: MemoryView & InBlocks): AcpiReading {
  return listedTables(image) ?? namedTables(image, new Survey(image, { names: true }).found().names);
}

/** @returns the tables that the root pointer in low memory leads to; null when there is none to go by. */
export function listedTables(image: MemoryView): AcpiReading | null {
  const out = new Gathered();
  return fromRootPointer(image, out) ? out : null;
}

/**
 * The tables of a memory whose root pointer leads nowhere.
 * @param names where in it their names stand, by their codes
 */
export function namedTables(image: MemoryView, names: ReadonlyMap<number, readonly number[]>): AcpiReading {
  const out = new Gathered();
  fromRootPointer(image, out);
  const tables = [...names.values()].flat().flatMap((address) => {
    const found = tableAt(image, address, null);
    return found === null ? [] : [{ address, ...found }];
  });
  for (const { address } of tables.filter((t) => t.rightSum)) take(image, address, out);
  for (const { address, bytes } of tables.filter((t) => !t.rightSum)) if (isHeader(bytes)) take(image, address, out);
  return out;
}

/** @returns false when there is no root pointer to go by. */
function fromRootPointer(image: MemoryView, out: Gathered): boolean {
  const root = rootPointer(image);
  if (root === null) return false;
  const found = tableAt(image, root, null);
  if (found === null) {
    out.note(`the table list at ${hex(root)} is not in this memory`);
    return false;
  }
  const list = found.bytes;
  if (!found.rightSum)
    out.note(`the table list at ${hex(root)} is read although ${wrongSum(list)}: Linux warns and takes it`);
  const width = structureAt(list, 0, TableHeader.$)!.get(TableHeader.signature) === xsdtCode ? 8 : 4;
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  let missing = 0;
  for (let at = tableHeaderBytes, n = 0; at + width <= list.length && n < tableCountMax; at += width, n++) {
    const address = width === 8 ? u64At(view, at) : view.getUint32(at, true);
    if (bytesAt(image, address, tableHeaderBytes) === null) missing++;
    else take(image, address, out);
  }
  out.isComplete = missing === 0 && found.rightSum;
  return true;
}

function rootPointer(image: MemoryView): number | null {
  for (let n = 0; n < biosFrames; n++) {
    const words = image.frame((biosFirst + n) as Mfn);
    if (words === undefined) continue;
    for (let w = 0; w < 1024; w += 4) {
      if (words[w] !== rsdpSignature[0] || words[w + 1] !== rsdpSignature[1]) continue;
      const bytes = bytesAt(image, (biosFirst + n) * frameBytes + w * 4, Rsdp.$.bitCount / 8);
      if (bytes === null || sum(bytes.subarray(0, rsdpShortBytes)) !== 0) continue;
      const s = structureAt(bytes, 0, Rsdp.$)!;
      const xsdt = s.get(Rsdp.xsdt);
      return s.get(Rsdp.revision) >= 2 && xsdt !== 0 ? xsdt : s.get(Rsdp.rsdt);
    }
  }
  return null;
}

/** A table as it lies in memory. */
interface Found {
  readonly bytes: Uint8Array;
  readonly rightSum: boolean;
}

/**
 * @param name what the table must be called; null = any
 * @returns the whole table; null when it does not lie in the memory
 */
function tableAt(image: MemoryView, address: number, name: string | null): Found | null {
  const head = bytesAt(image, address, tableHeaderBytes);
  if (head === null) return null;
  const s = structureAt(head, 0, TableHeader.$)!;
  if (name !== null && s.get(TableHeader.signature) !== codeOf(name)) return null;
  const length = s.get(TableHeader.length);
  if (length < tableHeaderBytes || length > tableBytesMax) return null;
  const bytes = bytesAt(image, address, length);
  return bytes === null ? null : { bytes, rightSum: sum(bytes) === 0 };
}

/**
 * Linux takes a table whose checksum is wrong, with a warning; of IVRS alone its driver asks that it be right.
 * Source: drivers/acpi/acpica/utcksum.c (ACPI_CHECKSUM_ABORT is not set), drivers/iommu/amd/init.c (check_ivrs_checksum).
 */
const mustBeRight: readonly string[] = ["IVRS"];

function take(image: MemoryView, address: number, out: Gathered): void {
  const head = bytesAt(image, address, tableHeaderBytes);
  if (head === null) return;
  const signature = structureAt(head, 0, TableHeader.$)!.get(TableHeader.signature);
  const name = nameByCode.get(signature);
  if (name === undefined) return;
  const table = tableAt(image, address, null);
  if (table === null) {
    out.note(`the ${name} table at ${hex(address)} is not whole`);
    return;
  }
  // Firmware keeps one of each; copies that a kernel makes say the same again.
  if (out.tables.some((t) => t.signature === name)) return;
  const { bytes, rightSum } = table;
  const wrong = rightSum ? "" : wrongSum(bytes);
  if (!rightSum && mustBeRight.includes(name)) {
    out.note(`the ${name} table at ${hex(address)} is not read: ${wrong}, and Linux then leaves its units alone`);
    return;
  }
  if (!rightSum) out.note(`the ${name} table at ${hex(address)} is read although ${wrong}: Linux warns and takes it`);
  out.says = signature === codeOf(hiddenDmar) ? [`called ${hiddenDmar} by Xen, which keeps its units to itself`] : [];
  readers[name](bytes, out);
  out.tables.push({
    ...{ signature: name, address, bytes: bytes.length, says: out.says },
    ...(!rightSum && { wrongChecksum: true }),
  });
}

function wrongSum(bytes: Uint8Array): string {
  const byte = (n: number) => hex(n & 0xff, 2);
  const own = bytes[checksumAt]!;
  return `its checksum is wrong (${byte(own)}, and ${byte(own - sum(bytes))} would be right)`;
}
const checksumAt = 9;

/**
 * What has the form of a header, beside the signature: names of a vendor in letters. Of the places where nobody says that a
 * table lies, only these are believed without a right checksum.
 */
function isHeader(bytes: Uint8Array): boolean {
  const letters = (from: number, to: number) => bytes.subarray(from, to).every((b) => b === 0 || (b >= 32 && b < 127));
  return bytes[oemAt]! !== 0 && letters(oemAt, oemRevisionAt) && letters(creatorAt, creatorAt + 4) && bytes[8]! < 16;
}
const [oemAt, oemRevisionAt, creatorAt] = [10, 24, 28];

function readMcfg(bytes: Uint8Array, out: Gathered): void {
  for (let at = mcfgEntriesAt, n = 0; n < tableCountMax; at += 16, n++) {
    const s = structureAt(bytes, at, McfgEntry.$);
    if (s === null) return;
    out.configuration.push({
      segment: s.get(McfgEntry.segment),
      base: s.get(McfgEntry.base),
      firstBus: s.get(McfgEntry.firstBus),
      lastBus: s.get(McfgEntry.lastBus),
    });
  }
}
