/**
 * ELF cores: QEMU's `dump-guest-memory`, `virsh dump --memory-only`, `/proc/vmcore`, `makedumpfile -E`.
 *
 * Memory stands in the PT_LOAD segments, by p_paddr. Virtual addresses are not looked at, so a dump with paging is read
 * as one without. Source: System V gABI, chapters 4 and 5; extended numbering: PN_XNUM of the Linux and Solaris ABIs.
 *
 * Bytes between p_filesz and p_memsz are not held. A loader would clear them; in a dump they are what the writer left
 * out: memory of a device (QEMU), or pages of which makedumpfile does not say why it dropped them. In /proc/vmcore
 * the two are equal.
 */

import { hex } from "../../base/hex.js";
import { u64At } from "../../base/u64.js";
import type { ByteSource } from "../bytes.js";
import { Unreadable, type Warnings } from "../unreadable.js";
import { readAt, within } from "./bytes_at.js";
import type { LinearParts } from "./linear_image.js";
import { machineOfElf } from "./machines.js";
import { type Piece, piecesMax } from "./piece.js";

const typeCore = 4;
const typeLoad = 1;
/** e_phnum when the number does not fit: it is in sh_info of the first section header. */
const extendedCount = 0xffff;
/** p_paddr of areas that have no physical address (/proc/kcore). */
const noAddress = { elf64: 2 ** 64, elf32: 2 ** 32 - 1 };

/** Byte offsets of fields, and sizes, that differ between the two classes. */
interface Layout {
  readonly format: "elf64" | "elf32";
  readonly headerBytes: number;
  readonly tableAt: number;
  readonly sectionsAt: number;
  readonly entryBytesAt: number;
  readonly countAt: number;
  readonly entryBytes: number;
  readonly sectionInfoAt: number;
  /** A field as wide as an address. */
  readonly number: (v: DataView, at: number) => number;
  readonly segment: {
    readonly offset: number;
    readonly address: number;
    readonly fileBytes: number;
    readonly memoryBytes: number;
  };
}

const elf64: Layout = {
  format: "elf64",
  headerBytes: 64,
  tableAt: 32,
  sectionsAt: 40,
  entryBytesAt: 54,
  countAt: 56,
  entryBytes: 56,
  sectionInfoAt: 44,
  number: u64At,
  segment: { offset: 8, address: 24, fileBytes: 32, memoryBytes: 40 },
};
const elf32: Layout = {
  format: "elf32",
  headerBytes: 52,
  tableAt: 28,
  sectionsAt: 32,
  entryBytesAt: 42,
  countAt: 44,
  entryBytes: 32,
  sectionInfoAt: 28,
  number: (v, at) => v.getUint32(at, true),
  segment: { offset: 4, address: 12, fileBytes: 16, memoryBytes: 20 },
};

/** @throws Unreadable for what is no little-endian core with physical addresses. */
export function readElf(source: ByteSource, warnings: Warnings): LinearParts {
  const wrong = (where: number, expected: string, found: string) =>
    new Unreadable(source.name, `offset ${hex(where)}`, expected, found);
  const ident = readAt(source, 0, 20);
  if (ident === null) throw wrong(source.size, "an ELF header", "the end of the file");
  const kind = ident.getUint8(4);
  if (kind !== 1 && kind !== 2) throw wrong(4, "a 32-bit or 64-bit ELF file (1, 2)", String(kind));
  const order = ident.getUint8(5);
  const machineNumber = ident.getUint16(18, order !== 2);
  const machine = machineOfElf(machineNumber);
  if (order !== 1) {
    throw wrong(
      5,
      "a little-endian core",
      `${order === 2 ? "a big-endian one" : String(order)} (${machine ?? machineNumber})`,
    );
  }
  const layout = kind === 2 ? elf64 : elf32;
  const type = ident.getUint16(16, true);
  if (type !== typeCore) throw wrong(16, "an ELF core (type 4)", `type ${type}`);
  if (machine === null) warnings.add("offset 0x12", `expected a machine that is known, found number ${machineNumber}`);

  const header = readAt(source, 0, layout.headerBytes);
  if (header === null) throw wrong(source.size, "an ELF header", "the end of the file");
  const table = tableOf(source, header, layout, warnings);
  if (table.count === 0) {
    throw wrong(
      layout.countAt,
      "program headers",
      "none (a core of Xen's `xl dump-core` has sections instead; it is not read)",
    );
  }
  const { pieces, physical } = loadsOf(table, layout, warnings);
  if (!physical) throw wrong(table.at, "segments with physical addresses", "none (the core of a process?)");
  return { format: layout.format, machine, pieces };
}

interface Table {
  readonly at: number;
  readonly count: number;
  readonly entryBytes: number;
  readonly view: DataView;
}

/** The program headers, as many as are there. @throws Unreadable when not one is. */
function tableOf(source: ByteSource, header: DataView, layout: Layout, warnings: Warnings): Table {
  const at = layout.number(header, layout.tableAt);
  const entryBytes = header.getUint16(layout.entryBytesAt, true);
  let count = header.getUint16(layout.countAt, true);
  if (count === extendedCount) {
    const section = readAt(source, layout.number(header, layout.sectionsAt), layout.sectionInfoAt + 4);
    if (section !== null) count = section.getUint32(layout.sectionInfoAt, true);
    else
      warnings.add(
        `offset ${hex(layout.sectionsAt)}`,
        "expected a section header with the number of segments, found none",
      );
  }
  if (count === 0) return { at, count, entryBytes, view: new DataView(new ArrayBuffer(0)) };
  const where = `offset ${hex(at)}`;
  if (entryBytes < layout.entryBytes) {
    const found = `${entryBytes} bytes`;
    throw new Unreadable(source.name, where, `program headers of at least ${layout.entryBytes} bytes`, found);
  }
  if (!within(source, at, layout.entryBytes)) {
    throw new Unreadable(source.name, where, "program headers", "the end of the file");
  }
  const held = Math.floor((source.size - at - layout.entryBytes) / entryBytes) + 1;
  if (held < count) warnings.add(where, `expected ${count} program headers, found the end of the file after ${held}`);
  if (Math.min(held, count) > piecesMax) {
    warnings.add(where, `expected at most ${piecesMax} program headers, found ${count}; the others are left out`);
  }
  const kept = Math.min(held, count, piecesMax);
  const view = readAt(source, at, (kept - 1) * entryBytes + layout.entryBytes);
  if (view === null) throw new Unreadable(source.name, where, "program headers", "the end of the file");
  return { at, count: kept, entryBytes, view };
}

/** @returns the pieces; `physical` is false when no segment says where in memory it stood. */
function loadsOf(t: Table, layout: Layout, warnings: Warnings): { pieces: Piece[]; physical: boolean } {
  const s = layout.segment;
  const pieces: Piece[] = [];
  let shortened = 0;
  let addressless = 0;
  let nowhere = 0;
  for (let i = 0; i < t.count; i++) {
    const at = i * t.entryBytes;
    if (t.view.getUint32(at, true) !== typeLoad) continue;
    const field = (offset: number) => layout.number(t.view, at + offset);
    const piece = { fileOffset: field(s.offset), address: field(s.address), bytes: field(s.fileBytes) };
    if (piece.bytes < field(s.memoryBytes)) shortened++;
    if (piece.bytes === 0) continue;
    if (piece.address === noAddress[layout.format]) addressless++;
    else pieces.push(piece);
    if (piece.address === 0) nowhere++;
  }
  if (shortened > 0) {
    warnings.add(
      `offset ${hex(t.at)}`,
      `expected segments as long in the file as in memory, found ${shortened} shorter ones; their rest is not held`,
    );
  }
  if (addressless > 0) {
    warnings.add(
      `offset ${hex(t.at)}`,
      `expected physical addresses, found ${addressless} segments without; they are left out`,
    );
  }
  return { pieces, physical: addressless === 0 || pieces.length > 0 ? nowhere < 2 || nowhere < pieces.length : false };
}
