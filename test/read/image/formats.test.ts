/** One suite for every form of image: what a writer put in is what the reader holds, and nothing else. */
import { describe, expect, test } from "vitest";
import { mfn } from "../../../src/base/frame.js";
import { Rng } from "../../../src/base/rng.js";
import { memorySource } from "../../../src/read/bytes.js";
import { sniffImage } from "../../../src/read/image/image_form.js";
import { type ImageOptions, openImage } from "../../../src/read/image/open_image.js";
import { amount } from "../../tier.js";
import { flatten, partsOf, writeElf, writeLime } from "./image_writer.js";
import { type KdumpShape, type Packing, writeKdump } from "./kdump_writer.js";
import { expectHolds, type Frames, frameBytes, randomFrames } from "./memory_model.js";

const rounds = amount(3, 60);
const open = (bytes: Uint8Array, o?: ImageOptions) => openImage(memorySource("image", bytes), o);
const hole = 2 ** 20;

type Writer = (frames: Frames, rng: Rng) => Uint8Array;
const kdump =
  (shape: KdumpShape): Writer =>
  (frames) =>
    writeKdump(frames, shape);
const flattened =
  (writer: Writer): Writer =>
  (frames, rng) =>
    flatten(writer(frames, rng), rng, { longest: 3 * frameBytes });
const elf =
  (bits: 64 | 32, more = {}): Writer =>
  (frames, rng) =>
    writeElf(shuffled(partsOf(frames, 1 + rng.below(9)), rng), { bits, ...more });

const forms: readonly (readonly [what: string, format: string, machine: string | null, writer: Writer])[] = [
  ["an ELF64 core", "elf64", "x86-64", elf(64)],
  ["an ELF64 core with its number of segments in a section header", "elf64", "x86-64", elf(64, { extended: true })],
  [
    "an ELF64 core at odd file offsets, with long headers",
    "elf64",
    "aarch64",
    elf(64, { gap: 13, entryBytes: 71, machine: 183 }),
  ],
  ["an ELF32 core", "elf32", "x86", elf(32)],
  ["an ELF32 core, extended, of Arm", "elf32", "arm", elf(32, { extended: true, machine: 40 })],
  ["LiME", "lime", null, (frames) => writeLime(partsOf(frames))],
  ...(["none", "zlib", "lzo", "snappy", "zstd"] satisfies Packing[]).map(
    (packing) => [`kdump, 64 bits, ${packing}`, "kdump", "x86-64", kdump({ bits: 64, packing })] as const,
  ),
  ["kdump, 32 bits, zlib", "kdump", "x86", kdump({ bits: 32, packing: "zlib" })],
  ["kdump, 64 bits, version 5", "kdump", "x86-64", kdump({ bits: 64, version: 5 })],
  ["kdump, 32 bits, version 1", "kdump", "x86", kdump({ bits: 32, version: 1 })],
  ["kdump of QEMU for Arm, 64 bits", "kdump", "aarch64", kdump({ bits: 64, sysname: "", registerBytes: 392 })],
  ["kdump of QEMU for Arm, 32 bits", "kdump", "arm", kdump({ bits: 32, sysname: "", registerBytes: 148 })],
  ["kdump of Arm, 32 bits, aligned", "kdump", "arm", kdump({ bits: 32, machine: "armv7l", aligned: true })],
  ["a flattened ELF64 core", "elf64", "x86-64", flattened(elf(64))],
  ["flattened kdump, lzo", "kdump", "x86-64", flattened(kdump({ bits: 64, packing: "lzo" }))],
];

describe("what was written is held, and nothing else", () => {
  for (const [what, format, machine, writer] of forms) {
    test(what, async () => {
      for (let seed = 1; seed <= rounds; seed++) {
        const rng = new Rng(seed);
        const frames = randomFrames(rng, { runs: 1 + rng.below(8), longest: 20, below: seed === 1 ? 70_000 : 900 });
        const image = await open(writer(frames, rng), { cacheBytes: seed % 2 === 0 ? 2 ** 26 : 2 ** 24 });
        expect([image.format, image.machine, image.warnings]).toEqual([format, machine, []]);
        expectHolds(image, frames);
      }
    });
  }

  test("frames above 4 GiB, and above 2^32 frames", async () => {
    const rng = new Rng(5);
    const near = randomFrames(rng, { runs: 3, longest: 8, below: 400 });
    for (const shift of [hole, 2 ** 33 + 7]) {
      const frames = new Map([...near].map(([f, page]) => [f + shift, page]));
      expectHolds(await open(writeElf(partsOf(frames), { bits: 64 })), frames);
      expectHolds(await open(writeLime(partsOf(frames))), frames);
    }
    const frames = new Map([...near].map(([f, page]) => [f + hole, page]));
    expectHolds(await open(writeKdump(frames, { bits: 64 })), frames);
  });

  test("pages of 64 KiB are sixteen frames", async () => {
    for (const packing of (["none", "zlib", "lzo", "snappy"] as const).slice(0, amount(2, 4))) {
      const frames = new Map(randomFrames(new Rng(9), { runs: 4, longest: 40, below: 600 }));
      for (const f of [...frames.keys()]) {
        const first = f - (f % 16);
        for (let i = first; i < first + 16; i++) if (!frames.has(i)) frames.set(i, new Uint8Array(frameBytes));
      }
      const sorted = new Map([...frames].toSorted((a, b) => a[0] - b[0]));
      expectHolds(await open(writeKdump(sorted, { bits: 64, blockSize: 65536, packing })), sorted);
    }
  });

  test("a part of a split dump holds its own pages and says so", async () => {
    for (const bits of [64, 32] as const) {
      for (const version of [6, 4]) {
        const frames = randomFrames(new Rng(version), { runs: 30, longest: 20, below: 900 });
        const part = { first: 333, end: 677 };
        const image = await open(writeKdump(frames, { bits, version, packing: "zlib", part }));
        expectHolds(image, new Map([...frames].filter(([f]) => f >= 333 && f < 677)));
        expect(image.warnings.map((w) => w.what).join()).toMatch(/one part of a split dump: pages 0x14d to 0x2a4;/);
      }
    }
  });
});

describe("raw files", () => {
  const frames = new Map(Array.from({ length: 12 }, (_, f) => [f, new Uint8Array(frameBytes).fill(f + 1)]));
  const file = Buffer.concat([...frames.values()]);
  const moved = (at: (f: number) => number) => new Map([...frames].map(([f, page]) => [at(f), page]));
  const rows: readonly (readonly [what: string, o: ImageOptions, held: Frames])[] = [
    ["frame 0 is at offset 0", { format: "raw" }, frames],
    ["a base moves it", { base: 0x4000_0000 }, moved((f) => f + 0x40000)],
    ["what is above the low memory begins at 4 GiB", { ramLow: 5 * 4096 }, moved((f) => (f < 5 ? f : f - 5 + hole))],
    ["a file shorter than the low memory is low", { ramLow: 2 ** 31 }, frames],
    [
      "a layout says where each part is",
      {
        layout: [
          { fileOffset: 4096, address: 0x9000, bytes: 8192 },
          { fileOffset: 0, address: 0x1000, bytes: 4096 },
        ],
      },
      new Map([
        [1, frames.get(0)!],
        [9, frames.get(1)!],
        [10, frames.get(2)!],
      ]),
    ],
  ];
  for (const [what, o, held] of rows) {
    test(what, async () => {
      const image = await open(file, o);
      expect([image.format, image.machine, image.warnings]).toEqual(["raw", null, []]);
      expectHolds(image, held);
    });
  }

  const misused: readonly (readonly [what: string, o: ImageOptions])[] = [
    ["a layout and a base", { layout: [], base: 0 }],
    ["a negative base", { base: -4096 }],
    ["half a byte", { ramLow: 0.5 }],
    ["low memory that does not end below 4 GiB", { base: 2 ** 32, ramLow: 1 }],
    ["a layout beyond all addresses", { layout: [{ fileOffset: 0, address: Number.POSITIVE_INFINITY, bytes: 1 }] }],
  ];
  for (const [what, o] of misused) {
    test(`${what} is refused`, () => expect(open(file, o)).rejects.toThrow(/^bad-layout: /));
  }
});

describe("pieces that do not fit frames", () => {
  const page = Uint8Array.from({ length: 3 * frameBytes }, (_, i) => 1 + (i % 251));

  test("pieces that meet inside a frame make it whole", async () => {
    const parts = [
      { address: 0x5200, bytes: page.subarray(0x200, 0x1700) },
      { address: 0x5000, bytes: page.subarray(0, 0x200) },
      { address: 0x6700, bytes: page.subarray(0x1700) },
    ];
    const image = await open(writeElf(parts, { bits: 64, gap: 3 }));
    expectHolds(image, new Map([5, 6, 7].map((f) => [f, page.slice((f - 5) * frameBytes, (f - 4) * frameBytes)])));
    expect(image.warnings).toEqual([]);
  });

  test("a frame held in part reads as zeros elsewhere, with a warning", async () => {
    const image = await open(writeLime([{ address: 0x9f010, bytes: page.subarray(0x10, 0xc00) }]));
    const held = page.slice(0, frameBytes);
    held.fill(0, 0, 0x10);
    held.fill(0, 0xc00);
    expectHolds(image, new Map([[0x9f, held]]));
    expect(image.warnings).toEqual([
      {
        where: "address 0x9f000",
        what: expect.stringMatching(/found 0xbf0 of its 0x1000 bytes; the others read as zeros/),
      },
    ]);
  });

  test("of segments that overlap the first listed is taken", async () => {
    const parts = [
      { address: 0x2000, bytes: new Uint8Array(0x1800).fill(2) },
      { address: 0x1000, bytes: new Uint8Array(0x4000).fill(3) },
      { address: 0x2800, bytes: new Uint8Array(0x400).fill(4) },
    ];
    const mixed = new Uint8Array(frameBytes).fill(2, 0, 0x800).fill(3, 0x800);
    const frames = new Map([
      [1, new Uint8Array(frameBytes).fill(3)],
      [2, new Uint8Array(frameBytes).fill(2)],
      [3, mixed],
      [4, new Uint8Array(frameBytes).fill(3)],
    ]);
    const image = await open(writeElf(parts, { bits: 64 }));
    expectHolds(image, frames);
    expect(image.warnings).toEqual([]);
  });

  test("what a segment has in memory beyond the file is not held", async () => {
    const image = await open(writeElf([{ address: 0x3000, bytes: page }], { bits: 64, beyond: 0x5000 }));
    expect(image.runs).toEqual([{ first: 3, frameCount: 3 }]);
    expect(image.frame(mfn(6))).toBeUndefined();
    expect(image.warnings[0]?.what).toMatch(/found 1 shorter ones; their rest is not held/);
  });
});

test("forms are told by content", () => {
  const some = new Map([[1, new Uint8Array(frameBytes)]]);
  const rows = [
    [writeElf(partsOf(some), { bits: 64 }), "elf"],
    [writeKdump(some, { bits: 64 }), "kdump"],
    [writeLime(partsOf(some)), "lime"],
    [flatten(writeLime(partsOf(some)), new Rng(1), { longest: 99 }), "flattened"],
    [new Uint8Array(frameBytes), null],
    [new Uint8Array(0), null],
  ] as const;
  for (const [bytes, form] of rows) expect(sniffImage(memorySource("x", bytes))).toBe(form);
});

function shuffled<T>(list: T[], rng: Rng): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
