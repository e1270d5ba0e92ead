/**
 * The firmware's tables in a memory image: which units there are, which devices each serves, what must stay reachable.
 *
 * They are found through the root pointer in low memory where there is one (BIOS), and otherwise by their signatures
 * and checksums (UEFI, Arm). Everything in them may be wrong: what cannot be read is left out and named in `notes`.
 */
import type { Mfn } from "../../../base/frame.js";
import type { Image } from "../../../read/image/image.js";
import {
  McfgEntry,
  mcfgEntriesAt,
  Rsdp,
  rsdpShortBytes,
  rsdpSignature,
  TableHeader,
  tableHeaderBytes,
} from "../../../spec/acpi/header.js";
import { bytesAt, structureAt, sum } from "./bytes.js";
import { readDmar } from "./dmar.js";
import { readIort } from "./iort.js";
import { readIvrs } from "./ivrs.js";
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

type Memory = Pick<Image, "frame" | "each">;

const readers: Readonly<Record<string, (bytes: Uint8Array, out: Gathered) => void>> = {
  DMAR: readDmar,
  IVRS: readIvrs,
  IORT: readIort,
  VIOT: readViot,
  MCFG: readMcfg,
};

/** `DMAR` as a little-endian word. */
const code = (name: string) => [...name].reduce((n, c, i) => n + c.charCodeAt(0) * 2 ** (8 * i), 0);
const byCode = new Map(Object.keys(readers).map((name) => [code(name), name]));
const codeMin = Math.min(...byCode.keys());
const codeMax = Math.max(...byCode.keys());
const xsdtCode = code("XSDT");

/** The largest DMAR and IORT tables have some hundred KiB. */
const tableBytesMax = 2 ** 22;
const tableCountMax = 256;
/** Where a BIOS puts the root pointer: addresses 0xe0000 to 0xfffff. */
const biosFirst = 0xe0;
const biosFrames = 0x20;

/**
 * @param image is read from end to end when low memory holds no root pointer
 * @param progress is told the share done of that
 */
export function acpiTables(image: Memory, progress?: (share: number) => void): AcpiReading {
  const out = new Gathered();
  const listed = fromRootPointer(image, out);
  if (listed === null) bySignature(image, out, progress);
  return out;
}

/** @returns null when there is no root pointer to go by. */
function fromRootPointer(image: Memory, out: Gathered): true | null {
  const root = rootPointer(image);
  if (root === null) return null;
  const list = tableAt(image, root, null);
  if (list === null) {
    out.note(`the table list at 0x${root.toString(16)} is not in this memory or not valid`);
    return null;
  }
  const width = structureAt(list, 0, TableHeader.$)!.get(TableHeader.signature) === xsdtCode ? 8 : 4;
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  for (let at = tableHeaderBytes, n = 0; at + width <= list.length && n < tableCountMax; at += width, n++) {
    const address = view.getUint32(at, true) + (width === 8 ? view.getUint32(at + 4, true) * 2 ** 32 : 0);
    take(image, address, out);
  }
  return true;
}

function rootPointer(image: Memory): number | null {
  for (let n = 0; n < biosFrames; n++) {
    const words = image.frame((biosFirst + n) as Mfn);
    if (words === undefined) continue;
    for (let w = 0; w < 1024; w += 4) {
      if (words[w] !== rsdpSignature[0] || words[w + 1] !== rsdpSignature[1]) continue;
      const bytes = bytesAt(image, (biosFirst + n) * 4096 + w * 4, Rsdp.$.bitCount / 8);
      if (bytes === null || sum(bytes.subarray(0, rsdpShortBytes)) !== 0) continue;
      const s = structureAt(bytes, 0, Rsdp.$)!;
      const xsdt = s.wide(Rsdp.xsdtLow, Rsdp.xsdtHigh);
      return s.get(Rsdp.revision) >= 2 && xsdt !== 0 ? xsdt : s.get(Rsdp.rsdt);
    }
  }
  return null;
}

/**
 * @param name what the table must be called; null = any
 * @returns the whole table; null when it does not lie in the memory, or its checksum is wrong.
 */
function tableAt(image: Memory, address: number, name: string | null): Uint8Array | null {
  const head = bytesAt(image, address, tableHeaderBytes);
  if (head === null) return null;
  const s = structureAt(head, 0, TableHeader.$)!;
  if (name !== null && s.get(TableHeader.signature) !== code(name)) return null;
  const length = s.get(TableHeader.length);
  if (length < tableHeaderBytes || length > tableBytesMax) return null;
  const bytes = bytesAt(image, address, length);
  return bytes !== null && sum(bytes) === 0 ? bytes : null;
}

function take(image: Memory, address: number, out: Gathered): void {
  const head = bytesAt(image, address, tableHeaderBytes);
  if (head === null) return;
  const name = byCode.get(structureAt(head, 0, TableHeader.$)!.get(TableHeader.signature));
  if (name === undefined) return;
  const bytes = tableAt(image, address, name);
  if (bytes === null) {
    out.note(`the ${name} table at 0x${address.toString(16)} is not whole, or its checksum is wrong`);
    return;
  }
  // Firmware keeps one of each; copies that a kernel makes say the same again.
  if (out.tables.some((t) => t.signature === name)) return;
  out.tables.push({ signature: name, address, bytes: bytes.length });
  readers[name]!(bytes, out);
}

function bySignature(image: Memory, out: Gathered, progress: ((share: number) => void) | undefined): void {
  const places: number[] = [];
  image.each((m, words) => {
    for (let w = 0; w < 1024; w++) {
      const word = words[w]!;
      // Nearly every word is outside the range of the codes: the cheap test first.
      if (word < codeMin || word > codeMax) continue;
      if (byCode.has(word) && places.length < tableCountMax) places.push(m * 4096 + w * 4);
    }
  }, progress);
  for (const address of places) {
    const quiet = new Gathered();
    take(image, address, quiet);
    if (quiet.tables.length > 0) take(image, address, out);
  }
}

function readMcfg(bytes: Uint8Array, out: Gathered): void {
  for (let at = mcfgEntriesAt, n = 0; n < tableCountMax; at += 16, n++) {
    const s = structureAt(bytes, at, McfgEntry.$);
    if (s === null) return;
    out.configuration.push({
      segment: s.get(McfgEntry.segment),
      base: s.wide(McfgEntry.baseLow, McfgEntry.baseHigh),
      firstBus: s.get(McfgEntry.firstBus),
      lastBus: s.get(McfgEntry.lastBus),
    });
  }
}
