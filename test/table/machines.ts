/** Roots of every format and width, and memory to put tables in: what every test of tables starts from. */
import type { Mfn } from "../../src/base/index.js";
import { FlatMemory, type ReadonlyWords } from "../../src/mem/index.js";
import {
  type AllocateFrames,
  type Allow,
  type FormatName,
  FrameSource,
  formats,
  type TableMemory,
  type TableRoot,
} from "../../src/table/index.js";
import type { ReadEntry } from "./slow_walk.js";

/** Memory in one piece whose frames are handed out from the front. */
export class Arena {
  readonly words: Uint32Array;
  readonly memory: FrameSource;
  /** The same frames, to build in. */
  readonly tables: FlatMemory;
  #next: number;
  readonly allocate: AllocateFrames = (frameCount) => {
    this.#next = Math.ceil(this.#next / frameCount) * frameCount;
    const first = this.#next;
    this.#next += frameCount;
    if (this.#next * 1024 > this.words.length) throw new Error("the arena is full");
    return first;
  };
  /** The same words, as the slow reading wants them. */
  readonly entryAt: ReadEntry = (address) => {
    const word = Number(address / 4n);
    if (address >= BigInt(this.words.length) * 4n) return undefined;
    return BigInt(this.words[word]!) | (BigInt(this.words[word + 1]!) << 32n);
  };

  constructor(frameCount: number) {
    this.words = new Uint32Array(frameCount * 1024);
    this.tables = new FlatMemory(this.words);
    this.memory = new FrameSource(this.tables);
    this.#next = 16;
  }

  /** Store an entry at a byte address. */
  put(at: number, low: number, high: number): void {
    this.words[at / 4] = low;
    this.words[at / 4 + 1] = high;
  }

  get framesUsed(): number {
    return this.#next;
  }

  frame(m: number): ReadonlyWords | undefined {
    return this.memory.frame(m as Mfn);
  }
}

/** Memory of a guest, to build in: its frames stand elsewhere in a machine's. */
export function guestMemory(frame: (m: number) => ReadonlyWords | undefined): TableMemory {
  return {
    frame,
    store64(address, low, high) {
      // What an arena gives is a part of its own words.
      (frame(Math.floor(address / 4096)) as Uint32Array).set([low, high], (address % 4096) / 4);
    },
  };
}

/** Frames of a top table; at least the sixteen of a concatenated one, so that noise has room. */
export function topFrames(format: FormatName, level: number, inputBits: number): number {
  const { granuleLg2 } = formats[format];
  return Math.max(16, 2 ** (inputBits - granuleLg2 - level * (granuleLg2 - 3) + 3 - 12));
}

/** A root whose top table stands in fresh frames of the arena. */
export function rootOf(
  arena: Arena,
  format: FormatName,
  level: number,
  inputBits: number,
  more: Partial<TableRoot> = {},
): TableRoot {
  const address = arena.allocate(topFrames(format, level, inputBits)) * 4096;
  return { format, address, level, inputBits, upper: "zero", outputBits: 48, allow: 3 as Allow, ...more };
}

export type Width = readonly [format: FormatName, level: number, inputBits: number, more?: Partial<TableRoot>];

/** Widths that units really have, one row each; every test of the family runs on all of them. */
export const widths: readonly Width[] = [
  ["vtd-ss", 2, 39],
  ["vtd-ss", 3, 48, { outputBits: 46, lacks: ["device-tlb"] }],
  ["vtd-ss", 4, 57, { outputBits: 52, lacks: ["snoop-control", "pages-1g"] }],
  ["vtd-fs", 3, 48, { upper: "sign" }],
  ["vtd-fs", 4, 57, { upper: "sign", outputBits: 52, privileged: true }],
  ["amdvi-v1", 0, 21],
  ["amdvi-v1", 2, 39, { allow: 1 }],
  ["amdvi-v1", 3, 48, { outputBits: 52 }],
  ["amdvi-v1", 5, 64, { outputBits: 52 }],
  ["amdvi-v2", 3, 48, { upper: "sign", allow: 3 }],
  ["amdvi-v2", 4, 57, { upper: "sign", outputBits: 52 }],
  ["smmu-s1-4k", 3, 48],
  ["smmu-s1-4k", 3, 48, { upper: "ones", topByteIgnored: true }],
  ["smmu-s1-4k", 2, 32, { outputBits: 40, tablePermissions: "ignore" }],
  ["smmu-s1-4k", 1, 25, { outputBits: 32, privileged: true }],
  ["smmu-s1-16k", 3, 48],
  ["smmu-s1-16k", 2, 47, { upper: "ones", accessFlag: "ignore" }],
  ["smmu-s1-64k", 2, 48],
  ["smmu-s1-64k", 2, 52, { outputBits: 52 }],
  ["smmu-s1-64k", 1, 42, { upper: "ones" }],
  ["smmu-s1-64k", 2, 48, { outputBits: 50 }],
  ["smmu-s2-4k", 2, 40, { outputBits: 40 }],
  ["smmu-s2-4k", 2, 43, { outputBits: 48, accessFlag: "ignore" }],
  ["smmu-s2-4k", 3, 48],
  ["smmu-s2-16k", 2, 40, { outputBits: 40 }],
  ["smmu-s2-16k", 2, 48],
  ["smmu-s2-64k", 2, 52, { outputBits: 52 }],
  ["smmu-s2-64k", 1, 42, { outputBits: 42 }],
  ["smmu-s2-64k", 1, 46, { outputBits: 48 }],
];

export const widthName = ([format, level, inputBits, more]: Width) =>
  `${format} level ${level}, ${inputBits} bits${more === undefined ? "" : ` ${JSON.stringify(more)}`}`;

/** Bits above the input that make an address one of the upper half. */
export function upperBase(root: TableRoot): number {
  return 2 ** 64 - 2 ** root.inputBits;
}
