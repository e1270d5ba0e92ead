/** One page table of an IOMMU: built, changed, walked and listed. */
import { Misuse } from "../../base/assert.js";
import { type Address, checkedAddress, type Dfn, frameBytes, type Mfn, mfn } from "../../base/frame.js";
import type { MemoryView } from "../../mem/view.js";
import { enumerate } from "../../table/enumerate.js";
import type { Fault } from "../../table/fault.js";
import type { FormatName } from "../../table/format.js";
import { formats } from "../../table/formats.js";
import { FrameSource } from "../../table/frame_source.js";
import { Mapper } from "../../table/mapper.js";
import { enumerateNested, NestedWalker } from "../../table/nested.js";
import { planOf } from "../../table/plan.js";
import { Ranges } from "../../table/ranges.js";
import { Allow, type TableRoot } from "../../table/root.js";
import { type Trace, trace, traceNested } from "../../table/trace.js";
import { type Trouble, Troubles } from "../../table/trouble.js";
import { Need, walk } from "../../table/walk.js";
import { BadOption, checkNames, flag, oneOf, wholeNumber } from "../work_options.js";
import type { Memory } from "./memory.js";

/** How a table is made and where its own frames come from. */
export interface CreatePageTableOptions {
  /** Holds the table; it is written. */
  readonly memory: Memory;
  readonly format: FormatName;
  /** Levels of the table, 1 to 5. */
  readonly levels: number;
  /** Neighbouring frames of zeros that tables are taken from: the top first, from the first on. */
  readonly tables: { readonly first: Mfn; readonly count: number };
  /** Bits of the addresses that it translates. Default: all that its levels resolve, as far as the format goes. */
  readonly inputBits?: number;
  /** Bits of physical addresses. Default: 52, or what the format has if that is less. */
  readonly outputBits?: number;
  /** What bits above `inputBits` must be. Default: `zero`; `sign` for first stages. */
  readonly upper?: TableRoot["upper"];
  /** Use the largest leaf that alignment and length allow. Default: yes. */
  readonly superpages?: boolean;
  /** SMMUv3: set the contiguous bit on whole aligned runs. Default: no. */
  readonly contiguous?: boolean;
  /** AMD-Vi v1: pages of every power of two. Default: no. */
  readonly encodedSizes?: boolean;
  /** AMD-Vi v1: leave out levels whose address bits are zero. Default: no. */
  readonly skipLevels?: boolean;
}

/** Where a table is that somebody else has made. */
export interface OpenPageTableOptions {
  /** Memory of a model, or an image of a machine. */
  readonly memory: MemoryView;
  /** As a device's entry says it: see `lookup`. */
  readonly root: TableRoot;
  /** The second stage of a nested translation: tables, and what they lead to, are its inputs. */
  readonly through?: TableRoot;
}

/** What is mapped where. */
export interface MapOptions {
  /** The device's own address. */
  readonly iova: Address;
  /** The memory behind it. */
  readonly paddr: Address;
  /** A multiple of the format's page. */
  readonly bytes: number;
  readonly allow: Allow;
}

/** Addresses of a device that lead to memory in one piece. */
export interface Mapping {
  readonly iova: Address;
  readonly paddr: Address;
  readonly bytes: number;
  readonly allow: Allow;
}

/** All that a table maps. */
export interface Mappings {
  /** Neighbours merged, in ascending order of iova. */
  readonly mappings: readonly Mapping[];
  /** Entries that could not be believed; the first 200 of them. */
  readonly troubles: readonly Trouble[];
  /** false: a limit was met, and mappings may be missing. */
  readonly complete: boolean;
}

/** A table that can be asked. */
export interface PageTable {
  /** Where it stands and how it is read: what a device's entry has to say of it. */
  readonly root: TableRoot;
  /**
   * What a unit finds for one frame of a device's addresses, as fast as it can be said: see `isFault`.
   * @param need what the access needs; by default the translation alone
   */
  walk(frame: Dfn, need?: Need): Mfn | Fault;
  /**
   * The same for one byte address, entry by entry, with each decoded.
   * @param iova a bigint where it is beyond 2^53 and not where a frame begins
   */
  trace(iova: Address | bigint, need?: Need): Trace;
  /** Every mapping of it. */
  list(): Mappings;
}

/** A table that can be changed as well. */
export interface WritablePageTable extends PageTable {
  /**
   * Map addresses to memory.
   * @throws Misuse `unaligned`, `input-size`, `address-size`, `not-expressible`, and nothing is stored; `mapped` when it
   *   meets a leaf, and what was mapped before it stays; `no-tables` when there are no more frames for tables. BadOption.
   */
  map(o: MapOptions): void;
  /**
   * Remove every leaf that begins in the range, whole.
   * @returns bytes that are no longer mapped
   * @throws Misuse `inside-leaf` when the range begins inside a leaf; BadOption.
   */
  unmap(o: { readonly iova: Address; readonly bytes: number }): number;
  /** Frames that its tables take, the top included. */
  readonly tableCount: number;
}

/** Is a walk's answer a fault? What it is not is the frame that was reached. */
export const isFault = (answer: Mfn | Fault): answer is Fault => answer < 0;

const formatNames = Object.keys(formats) as FormatName[];
const uppers = ["zero", "sign", "ones"] as const;

/** Make an empty table. @throws BadOption; Misuse `bad-root` when the format has no such table. */
export function createPageTable(options: CreatePageTableOptions): WritablePageTable {
  const o = checkNames(options, [
    ...(["memory", "format", "levels", "tables", "inputBits", "outputBits", "upper"] as const),
    ...(["superpages", "contiguous", "encodedSizes", "skipLevels"] as const),
  ]);
  const format = formats[oneOf("format", o.format, formatNames)];
  const levels = wholeNumber("levels", o.levels, 1, format.levels.length);
  const frames = framesFor(o, 2 ** (format.granuleLg2 - 12));
  const isFirst = format.stage === "first";
  const perLevel = format.granuleLg2 - 3;
  const widest = format.unit === "smmuv3" ? 48 : isFirst ? 57 : 64;
  const root: TableRoot = {
    format: format.name,
    address: frames.take(1) * frameBytes,
    level: levels - 1,
    inputBits:
      o.inputBits === undefined
        ? Math.min(widest, format.granuleLg2 + levels * perLevel)
        : wholeNumber("inputBits", o.inputBits, 1, 64),
    outputBits:
      o.outputBits === undefined ? outputBitsOf(format.name) : wholeNumber("outputBits", o.outputBits, 32, 52),
    upper:
      o.upper === undefined ? (isFirst && format.unit !== "smmuv3" ? "sign" : "zero") : oneOf("upper", o.upper, uppers),
    allow: Allow.readWrite,
  };
  const { memory, superpages, contiguous, encodedSizes, skipLevels } = o;
  const how = {
    ...(superpages !== undefined && { superpages: flag("superpages", superpages, false) }),
    ...(contiguous !== undefined && { contiguous: flag("contiguous", contiguous, false) }),
    ...(encodedSizes !== undefined && { encodedSizes: flag("encodedSizes", encodedSizes, false) }),
    ...(skipLevels !== undefined && { skipLevels: flag("skipLevels", skipLevels, false) }),
  };
  const mapper = new Mapper(memory, root, (count) => frames.take(count), how);
  return {
    ...openPageTable({ memory, root }),
    map({ iova, paddr, bytes, allow }) {
      checkedAddress(iova);
      checkedAddress(paddr);
      wholeNumber("bytes", bytes, 1, 2 ** 64);
      wholeNumber("allow", allow, 0, 3);
      mapper.map(iova, paddr, bytes, allow);
    },
    unmap({ iova, bytes }) {
      return mapper.unmap(checkedAddress(iova), wholeNumber("bytes", bytes, 1, 2 ** 64));
    },
    get tableCount() {
      return frames.taken;
    },
  };
}

/** SMMUv3 without LPA2 has 48 bits with granules below 64 KiB. */
const outputBitsOf = (format: FormatName): number => (/^smmu-s.-(4|16)k$/.test(format) ? 48 : 52);

/** Frames for tables, one after another; of tables of several frames each begins at a multiple of them. */
function framesFor({ memory, tables }: CreatePageTableOptions, each: number) {
  const { first, count } = checkNames(tables, ["first", "count"], "tables");
  wholeNumber("tables.first", first, 0, memory.frameCount - 1);
  wholeNumber("tables.count", count, 1, memory.frameCount - first);
  let next = Math.ceil(first / each) * each;
  const end = first + count;
  let taken = 0;
  return {
    get taken() {
      return taken;
    },
    take(wanted: number): Mfn {
      const at = next;
      if (at + Math.max(wanted, each) > end) throw new Misuse("no-tables", `${count} frames are all in use`);
      next += Math.max(wanted, each);
      taken += Math.max(wanted, each);
      // A frame that was never written is not there to be read: it is made now.
      for (let f = at; f < next; f++) memory.store32(checkedAddress(f * frameBytes), 0);
      return mfn(at);
    },
  };
}

/** Ask a table that is in memory already. @throws Misuse `bad-root` when the format has no such table. */
export function openPageTable(options: OpenPageTableOptions): PageTable {
  const { memory, root, through } = checkNames(options, ["memory", "root", "through"]);
  if (typeof memory?.frame !== "function") throw new BadOption("memory", memory, "a memory was expected");
  const plan = planOf(root);
  const source = FrameSource.of(memory);
  if (through === undefined) {
    return {
      root,
      walk: (frame, need = Need.none) => walk(plan, source, root.address, frame, need) as Mfn | Fault,
      trace: (iova, need = Need.none) => trace(source, root, iova, need),
      list: () => listed((ranges, troubles) => enumerate(source, root, ranges, troubles).complete),
    };
  }
  const roots = { first: root, second: through };
  const walker = new NestedWalker(memory, roots);
  return {
    root,
    walk: (frame, need = Need.none) => walker.walk(frame, need) as Mfn | Fault,
    trace: (iova, need = Need.none) => traceNested(source, roots, iova, need),
    list: () => listed((ranges, troubles) => enumerateNested(source, roots, ranges, troubles).complete),
  };
}

function listed(read: (ranges: Ranges, troubles: Troubles) => boolean): Mappings {
  const ranges = new Ranges();
  const troubles = new Troubles();
  const complete = read(ranges, troubles);
  const mappings = Array.from({ length: ranges.count }, (_, n) => ({
    iova: ranges.iova[n]! as Address,
    paddr: ranges.paddr[n]! as Address,
    bytes: ranges.bytes[n]!,
    allow: ranges.allow[n]! as Allow,
  }));
  return { mappings, troubles: troubles.list, complete };
}
