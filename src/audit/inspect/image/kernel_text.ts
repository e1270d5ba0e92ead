/**
 * Where the kernel's code lies in an image: from VMCOREINFO, the page of text that Linux keeps for crash dumps, and the
 * kernel's own page table, which says how far the executable pages reach.
 *
 * Source: x86-64 page tables: Intel SDM volume 3, 4.5; arm64: Arm ARM D8.3 (VMSAv8-64 translation table descriptors, PXN
 * bit 53).
 */

import type { Mfn } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import { atOnce, type Paced } from "../../../base/paced.js";
import { u64 } from "../../../base/u64.js";
import type { MemoryView } from "../../../mem/view.js";
import type { Image } from "../../../read/image/image.js";
import type { KernelPlace } from "../facts/known.js";
import { crashInfo } from "../survey/crash_info.js";
import type { Survey } from "../survey/survey.js";

/** A whole image is read for the page; larger ones are not. */
const searchedBytesMax = 2 ** 33;
/** No kernel has more code. */
const textBytesMax = 2 ** 27;

export type KernelText = { readonly place: KernelPlace } | { readonly unknown: string };

/**
 * @param survey is read when the image is searched
 * @returns the place, or a sentence why it is not known.
 */
export const kernelText = (image: Image, survey: Survey): KernelText => atOnce(findingKernelText(image, survey));

/** The same, with stops. */
export function* findingKernelText(image: Image, survey: Survey): Paced<KernelText> {
  const bytes = image.runs.reduce((sum, run) => sum + run.frameCount, 0) * 4096;
  if (bytes > searchedBytesMax) return { unknown: "the kernel's code was not looked for in an image of this size" };
  const { crashInfo: frames } = yield* survey.finding();
  const candidates = frames.flatMap((frame) => {
    const m = frame as Mfn;
    const words = image.frame(m);
    const text = words === undefined ? null : crashInfo(words.slice());
    return text === null ? [] : [{ m, text }];
  });
  let best: KernelPlace | null = null;
  for (const { m, text } of candidates) {
    const place = placeOf(image, text, `VMCOREINFO at ${hex(m * 4096)}`);
    if (place !== null && (best === null || place.to - place.from > best.to - best.from)) best = place;
  }
  if (best !== null) return { place: best };
  return {
    unknown:
      candidates.length === 0
        ? "the kernel's code was not found (no VMCOREINFO page in the image), so nothing is said of mappings of it"
        : "the kernel's page table could not be followed, so nothing is said of mappings of its code",
  };
}

function placeOf(memory: MemoryView, info: string, where: string): KernelPlace | null {
  const symbol = (name: string) => bigOf(info, `SYMBOL\\(${name}\\)=([0-9a-f]+)`, 16);
  const number = (name: string) => bigOf(info, `NUMBER\\(${name}\\)=(-?(?:0x)?[0-9a-f]+)`, 10);
  const stext = symbol("_stext");
  const top = symbol("swapper_pg_dir");
  if (stext === null || top === null) return null;
  const physBase = number("phys_base");
  const voffset = number("kimage_voffset");
  let kind: PageTable;
  let shift: bigint;
  if (physBase !== null) {
    kind = x86(number("pgtable_l5_enabled") === 1n ? 5 : 4);
    shift = 0xffff_ffff_8000_0000n - physBase;
  } else if (voffset !== null && /^PAGESIZE=4096$/m.test(info)) {
    const inputBits = 64 - Number(number("TCR_EL1_T1SZ") ?? 64n - (number("VA_BITS") ?? 48n));
    kind = arm64(Math.ceil((inputBits - 12) / 9));
    shift = BigInt.asUintN(64, voffset);
  } else return null;
  const from = BigInt.asUintN(64, stext - shift);
  const table = BigInt.asUintN(64, top - shift);
  if (from >= 2n ** 52n || table >= 2n ** 52n) return null;
  const bytes = executableBytes(memory, kind, Number(table), { va: stext, paddr: Number(from) });
  if (bytes === 0) return null;
  return { from: Number(from), to: Number(from) + bytes, how: `_stext and the kernel's page table, by ${where}` };
}

function bigOf(info: string, pattern: string, base: 10 | 16): bigint | null {
  const text = new RegExp(`^${pattern}$`, "m").exec(info)?.[1];
  if (text === undefined) return null;
  if (base === 16) return BigInt(`0x${text}`);
  const negative = text.startsWith("-");
  try {
    return negative ? -BigInt(text.slice(1)) : BigInt(text);
  } catch {
    return null;
  }
}

/** What differs between the two CPUs' page tables of 4 KiB pages. */
interface PageTable {
  readonly levels: number;
  isPresent(low: number): boolean;
  isLeaf(low: number, level: number): boolean;
  isExecutable(high: number): boolean;
  addressOf(low: number, high: number): number;
}

/** P 0, PS 7, address 51:12, XD 63. */
const x86 = (levels: number): PageTable => ({
  levels,
  isPresent: (low) => (low & 1) !== 0,
  isLeaf: (low, level) => level === 0 || (low & 0x80) !== 0,
  isExecutable: (high) => high >>> 31 === 0,
  addressOf: (low, high) => u64((low & 0xffff_f000) >>> 0, high & 0xf_ffff),
});

/** Valid 0, table or page 1, address 47:12, PXN 53. */
const arm64 = (levels: number): PageTable => ({
  levels,
  isPresent: (low) => (low & 1) !== 0,
  isLeaf: (low, level) => level === 0 || (low & 2) === 0,
  isExecutable: (high) => (high & 0x20_0000) === 0,
  addressOf: (low, high) => u64((low & 0xffff_f000) >>> 0, high & 0xffff),
});

/** Bytes from `start` on that are mapped in one piece, to neighbouring memory, and may be executed. */
function executableBytes(
  memory: MemoryView,
  kind: PageTable,
  table: number,
  start: { readonly va: bigint; readonly paddr: number },
): number {
  let done = 0;
  while (done < textBytesMax) {
    const leaf = leafAt(memory, kind, table, start.va + BigInt(done));
    if (leaf === null || !leaf.isExecutable || leaf.paddr !== start.paddr + done) break;
    done += leaf.bytesLeft;
  }
  return done;
}

function leafAt(memory: MemoryView, kind: PageTable, top: number, va: bigint) {
  let table = top;
  for (let level = kind.levels - 1; level >= 0; level--) {
    const shift = BigInt(12 + 9 * level);
    const index = Number((va >> shift) & 511n);
    const words = memory.frame(Math.floor(table / 4096) as Mfn);
    if (words === undefined) return null;
    const low = words[index * 2]!;
    const high = words[index * 2 + 1]!;
    if (!kind.isPresent(low)) return null;
    const address = kind.addressOf(low, high);
    if (kind.isLeaf(low, level)) {
      const bytes = 2 ** Number(shift);
      const within = Number(va & BigInt(bytes - 1));
      return {
        paddr: address - (address % bytes) + within,
        bytesLeft: bytes - within,
        isExecutable: kind.isExecutable(high),
      };
    }
    table = address;
  }
  return null;
}
