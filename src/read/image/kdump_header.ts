/**
 * Headers of kdump-compressed files, of makedumpfile and of QEMU.
 *
 * Block 0 has the header, the next `sub_hdr_size` blocks the sub header, `bitmap_blocks` blocks two bitmaps (pages that
 * exist, pages that are in the file), then come page descriptors, one for each page that is in the file.
 * Source: makedumpfile's IMPLEMENTATION notes and diskdump_mod.h; offsets were checked against dumps of QEMU 7.2 and
 * 11.1 and of makedumpfile 1.7.2.
 */

import { hex } from "../../base/hex.js";
import { u64At } from "../../base/u64.js";
import type { ByteSource } from "../bytes.js";
import { Unreadable, type Warnings } from "../unreadable.js";
import { readAt, textAt } from "./bytes_at.js";
import { machineOfUname } from "./machines.js";

export interface KdumpHeader {
  /** Bytes of a page and of a block of headers; a power of two, 4096 to 65536. */
  readonly blockSize: number;
  readonly machine: string | null;
  /** Pages 0 to pageCount - 1 have a bit. */
  readonly pageCount: number;
  /** Where the bitmap of pages in the file begins. */
  readonly bitmapAt: number;
  /** Where the page descriptors begin. */
  readonly descriptorsAt: number;
  /** Pages that this file is about: all, or those of one part of a split dump; half open. */
  readonly firstPage: number;
  readonly endPage: number;
}

const versionAt = 8;
const sysnameAt = 12;
const machineAt = 12 + 4 * 65;
const flagIncomplete = 8;
/** 256 TiB in pages of 4 KiB: what 48 bits of physical address reach. */
const pagesMax = 2 ** 36;
const noteBytesMax = 2 ** 20;

/** Offsets that depend on whether the machine that wrote the dump had 32 or 64 bits. */
interface Layout {
  readonly wide: boolean;
  /** `status`; block_size, sub_hdr_size, bitmap_blocks and max_mapnr follow it. */
  readonly statusAt: number;
}

/** The header's time is aligned to 8 bytes and 16 long, or to 4 and 8 long. */
const wide: Layout = { wide: true, statusAt: 424 };
const narrow: Layout = { wide: false, statusAt: 412 };

/** Offsets in the sub header. */
interface SubLayout {
  readonly split: number;
  readonly startPage: number;
  readonly endPage: number;
  readonly noteOffset: number;
  readonly noteBytes: number;
  readonly startPage64: number;
}

const subWide: SubLayout = { split: 12, startPage: 16, endPage: 24, noteOffset: 48, noteBytes: 56, startPage64: 80 };
const subNarrow: SubLayout = { split: 8, startPage: 12, endPage: 16, noteOffset: 32, noteBytes: 40, startPage64: 56 };
/** 32-bit machines that align 64-bit numbers to 8 bytes (Arm). */
const subNarrowAligned: SubLayout = { ...subNarrow, noteOffset: 40, noteBytes: 48, startPage64: 72 };

/** @throws Unreadable for headers that contradict themselves or the file. */
export function readKdumpHeader(source: ByteSource, warnings: Warnings): KdumpHeader {
  const wrong = (where: number, expected: string, found: string) =>
    new Unreadable(source.name, `offset ${hex(where)}`, expected, found);
  const header = readAt(source, 0, 464);
  if (header === null) throw wrong(source.size, "a kdump header", "the end of the file");
  const version = header.getInt32(versionAt, true);
  if (version < 0 || version > 1000) {
    const found = header.getInt32(versionAt) <= 1000 ? "that of a big-endian machine" : `version ${version}`;
    throw wrong(versionAt, "a little-endian kdump header", found);
  }
  const uname = machineOfUname(textAt(header, machineAt, 65));
  const layout = [uname === "x86" || uname === "arm" ? narrow : wide, wide, narrow].find((l) => plausible(header, l));
  if (layout === undefined)
    throw wrong(narrow.statusAt, "block size, headers and bitmaps of a kdump file", "no such numbers");

  const status = header.getUint32(layout.statusAt, true);
  const blockSize = header.getUint32(layout.statusAt + 4, true);
  const subBlocks = header.getUint32(layout.statusAt + 8, true);
  const bitmapBlocks = header.getUint32(layout.statusAt + 12, true);
  const sub = readAt(source, blockSize, 104);
  if (sub === null) throw wrong(blockSize, "a kdump sub header", "the end of the file");
  const subLayout = layout.wide ? subWide : uname === "arm" ? subNarrowAligned : subNarrow;
  const pageCount =
    version >= 6 ? u64At(sub, subLayout.startPage64 + 16) : header.getUint32(layout.statusAt + 16, true);
  if (pageCount === 0 || pageCount > pagesMax) throw wrong(blockSize, `1 to ${pagesMax} pages`, String(pageCount));

  const bitmapBytes = bitmapBlocks * blockSize;
  const needed = Math.ceil(pageCount / 8);
  if (bitmapBytes < needed) throw wrong(blockSize, `a bitmap of ${needed} bytes`, String(bitmapBytes));
  const bitmapsAt = (1 + subBlocks) * blockSize;
  const twoBitmaps = bitmapBlocks >= Math.ceil(needed / blockSize) * 2;
  if ((status & flagIncomplete) !== 0) {
    warnings.add(
      "offset 0x0",
      "expected a complete dump, found the mark that its writer ran out of space; pages are missing",
    );
  }
  const range = partOf(sub, subLayout, { layout, version, pageCount });
  if (range.split) {
    const pages = range.endPage > range.firstPage ? `${hex(range.firstPage)} to ${hex(range.endPage - 1)}` : "none";
    const found = `one part of a split dump: pages ${pages}`;
    warnings.add(`offset ${hex(blockSize)}`, `expected a whole dump, found ${found}; the other parts are left out`);
  }
  return {
    blockSize,
    machine: machineOf(source, header, sub, { subLayout, version, uname }),
    pageCount,
    bitmapAt: bitmapsAt + (twoBitmaps ? bitmapBytes / 2 : 0),
    descriptorsAt: bitmapsAt + bitmapBytes,
    firstPage: range.firstPage,
    endPage: range.endPage,
  };
}

/** A header of the other width shows a time or a count where this one has sizes. */
function plausible(header: DataView, l: Layout): boolean {
  const blockSize = header.getUint32(l.statusAt + 4, true);
  const subBlocks = header.getUint32(l.statusAt + 8, true);
  const bitmapBlocks = header.getUint32(l.statusAt + 12, true);
  const round = blockSize >= 4096 && blockSize <= 65536 && (blockSize & (blockSize - 1)) === 0;
  return round && subBlocks >= 1 && subBlocks <= 2 ** 20 && bitmapBlocks >= 1;
}

function partOf(
  sub: DataView,
  s: SubLayout,
  o: { layout: Layout; version: number; pageCount: number },
): { split: boolean; firstPage: number; endPage: number } {
  const { layout, version, pageCount } = o;
  const split = version >= 2 && sub.getUint32(s.split, true) !== 0;
  if (!split) return { split, firstPage: 0, endPage: pageCount };
  const old = (at: number) => (layout.wide ? u64At(sub, at) : sub.getUint32(at, true));
  const first = version >= 6 ? u64At(sub, s.startPage64) : old(s.startPage);
  const end = version >= 6 ? u64At(sub, s.startPage64 + 8) : old(s.endPage);
  const endPage = Math.min(end, pageCount);
  return { split, firstPage: Math.min(first, endPage), endPage };
}

/**
 * QEMU leaves the system's name empty and writes `x86_64` or `i686` for every machine of that width; the size of a
 * CPU's registers (the first ELF note, NT_PRSTATUS) tells which one it is.
 */
function machineOf(
  source: ByteSource,
  header: DataView,
  sub: DataView,
  o: { subLayout: SubLayout; version: number; uname: string | null },
): string | null {
  if (textAt(header, sysnameAt, 65) !== "" || o.version < 4) return o.uname;
  const noteBytes = u64At(sub, o.subLayout.noteBytes);
  const note = noteBytes > noteBytesMax ? null : readAt(source, u64At(sub, o.subLayout.noteOffset), 12);
  if (note === null || note.getUint32(8, true) !== 1) return o.uname;
  return byRegisterBytes[note.getUint32(4, true)] ?? o.uname;
}

/** sizeof(struct elf_prstatus) of Linux, by machine. */
const byRegisterBytes: Readonly<Record<number, string>> = {
  144: "x86",
  148: "arm",
  336: "x86-64",
  376: "riscv",
  392: "aarch64",
};
