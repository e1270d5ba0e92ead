/** Damaged and hostile images: one clear refusal, or the readable part with warnings; bounded time, no other error. */
import { describe, expect, test } from "vitest";
import { type Mfn, mfn } from "../../../src/base/frame.js";
import { Rng } from "../../../src/base/rng.js";
import { type ByteSource, memorySource } from "../../../src/read/bytes.js";
import type { Image } from "../../../src/read/image/image.js";
import { openImage } from "../../../src/read/image/open_image.js";
import { Unreadable } from "../../../src/read/unreadable.js";
import { amount } from "../../tier.js";
import { flatten, partsOf, writeElf, writeLime } from "./image_writer.js";
import { writeKdump } from "./kdump_writer.js";
import { expectHolds, frameBytes, randomFrames } from "./memory_model.js";

const fuzzRounds = amount(60, 5000);

const frames = randomFrames(new Rng(4), { runs: 3, longest: 5, below: 100 });
const files: Record<string, Uint8Array> = {
  ELF64: writeElf(partsOf(frames, 3), { bits: 64 }),
  "ELF32, extended": writeElf(partsOf(frames, 3), { bits: 32, extended: true }),
  LiME: writeLime(partsOf(frames)),
  "kdump, zlib": writeKdump(frames, { bits: 64, packing: "zlib" }),
  "kdump, lzo, 32 bits": writeKdump(frames, { bits: 32, packing: "lzo" }),
  "kdump, snappy, split": writeKdump(frames, { bits: 64, packing: "snappy", part: { first: 3, end: 80 } }),
  "flattened ELF": flatten(writeElf(partsOf(frames, 3), { bits: 64 }), new Rng(2), { longest: 9000, stale: false }),
  "flattened kdump": flatten(writeKdump(frames, { bits: 64, packing: "zstd" }), new Rng(3), {
    longest: 9000,
    stale: false,
  }),
};

/** Opens and reads all; anything but an image or Unreadable fails the test. */
async function read(source: ByteSource): Promise<Image | string> {
  let image: Image;
  try {
    image = await openImage(source, { cacheBytes: 2 ** 16 });
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    expect(error.message).toMatch(/^damaged.*: expected .*, found .*/);
    expect(error.message).not.toMatch(/\n|undefined|NaN/);
    return error.message;
  }
  let visits = 0;
  let last = -1;
  image.each((m, words) => {
    if (words.length !== 1024 || m <= last) throw new Error(`frame ${m} of ${words.length} words after ${last}`);
    last = m;
    visits++;
  });
  expect(visits).toBeLessThanOrEqual(image.runs.reduce((sum, r) => sum + r.frameCount, 0));
  for (const r of image.runs.slice(0, 20)) {
    for (const m of [r.first - 1, r.first, r.first + r.frameCount - 1]) if (m >= 0) image.frame(m as Mfn);
  }
  for (const m of [0, 2 ** 31, 2 ** 51]) image.frame(mfn(m));
  expect(image.warnings.length).toBeLessThanOrEqual(20);
  for (const w of image.warnings)
    expect(`${w.where} ${w.what}`).toMatch(/^[^\n]*expected (?!.*(undefined|NaN))[^\n]*, found [^\n]*$/);
  return image;
}

describe("a file that was cut", () => {
  for (const [name, bytes] of Object.entries(files)) {
    test(`${name}: what is left is right, what is missing is missing`, async () => {
      let refused = 0;
      let partly = 0;
      for (let size = 0; size < bytes.length; size += size < 700 ? 9 : 997) {
        const image = await read(memorySource("damaged", bytes.subarray(0, size)));
        if (typeof image === "string") {
          refused++;
          continue;
        }
        expect(image.warnings.length, `${size} bytes`).toBeGreaterThan(0);
        expectHolds(image, frames, { missing: (f) => image.frame(f as Mfn) === undefined });
        if ([...frames.keys()].some((f) => image.frame(f as Mfn) !== undefined)) partly++;
      }
      expect(refused).toBeGreaterThan(0);
      if (!name.startsWith("flattened")) expect(partly).toBeGreaterThan(3);
    });
  }
});

describe("headers of ten thousand kinds", () => {
  for (const [name, bytes] of Object.entries(files)) {
    test(name, async () => {
      const odd = [0, 1, 4, 0x7f, 0x80, 0xff, 0xfe, 0x10];
      const outcomes = new Set<string>();
      for (let seed = 1; seed <= fuzzRounds; seed++) {
        const rng = new Rng(seed);
        const damaged = bytes.slice();
        const reach = rng.below(3) === 0 ? 12_500 : 600;
        for (let n = 1 + rng.below(4); n > 0; n--) {
          const at = rng.below(Math.min(reach, damaged.length));
          const width = [1, 2, 4, 8][rng.below(4)]!;
          damaged.fill(rng.below(3) === 0 ? rng.below(256) : odd[rng.below(odd.length)]!, at, at + width);
        }
        const image = await read(memorySource("damaged", damaged));
        outcomes.add(typeof image === "string" ? "refused" : image.warnings.length > 0 ? "warned" : "read");
      }
      expect(outcomes.size).toBeGreaterThan(1);
    }, 600_000);
  }
});

describe("hostile headers", () => {
  const elf = files["ELF64"]!;
  const kdump = files["kdump, zlib"]!;
  const patched = (bytes: Uint8Array, at: number, ...values: bigint[]) => {
    const copy = bytes.slice();
    const v = new DataView(copy.buffer);
    for (const [i, n] of values.entries()) v.setBigUint64(at + 8 * i, n, true);
    return copy;
  };
  const patched32 = (bytes: Uint8Array, at: number, ...values: number[]) => {
    const copy = bytes.slice();
    const v = new DataView(copy.buffer);
    for (const [i, n] of values.entries()) v.setUint32(at + 4 * i, n, true);
    return copy;
  };
  const firstLoad = 64 + 64 + 56;
  const all = 2n ** 64n - 1n;
  const lime = (first: bigint, last: bigint) => patched(files["LiME"]!, 8, first, last);
  const sub = 4096;
  const rows: readonly (readonly [what: string, bytes: Uint8Array, told: RegExp])[] = [
    ["an empty file", new Uint8Array(0), /found an empty file/],
    ["a file of zeros", new Uint8Array(9000), /or raw, when told\), found bytes 00 00/],
    ["a Windows dump", new TextEncoder().encode("PAGEDU64\0\0\0\0"), /found a Windows crash dump/],
    ["a saved state of libvirt", new TextEncoder().encode("LibvirtQemudSave..."), /virsh dump --memory-only/],
    ["an image of AVML", new TextEncoder().encode("AVML\x02\0\0\0"), /avml-convert/],
    [
      "a big-endian core",
      writeElf([], { bits: 64, order: 2 }),
      /expected a little-endian core, found a big-endian one/,
    ],
    [
      "an executable",
      writeElf(partsOf(frames), { bits: 64, type: 2 }),
      /expected an ELF core \(type 4\), found type 2/,
    ],
    ["a class that does not exist", patched32(elf, 4, 0x0101_0103), /32-bit or 64-bit ELF file \(1, 2\), found 3/],
    [
      "an unknown machine",
      writeElf(partsOf(frames), { bits: 64, machine: 999 }),
      /machine that is known, found number 999/,
    ],
    ["a core without program headers", patched32(elf, 56, 0), /expected program headers, found none .*xl dump-core/],
    ["program headers beyond 2^53", patched(elf, 32, 2n ** 60n), /expected program headers, found the end of the file/],
    ["program headers of four bytes", patched32(elf, 52, 0x0004_0040), /at least 56 bytes, found 4 bytes/],
    [
      "four thousand million program headers",
      patched32(patched32(elf, 56, 0x0040_ffff), 64 + 44, 0xffff_ffff),
      /expected 4294967295 program headers, found the end of the file after \d+/,
    ],
    [
      "a section header that is not there",
      patched(patched32(elf, 56, 0x0040_ffff), 40, all),
      /section header with the number of segments/,
    ],
    [
      "a segment at an offset beyond 2^53",
      patched(elf, firstLoad + 8, 2n ** 63n),
      /more bytes of memory, found the end of the file/,
    ],
    [
      "a segment of 2^63 bytes",
      patched(elf, firstLoad + 32, 2n ** 63n),
      /addresses below 2\^53, found 1 segments beyond/,
    ],
    [
      "a segment of 2^50 bytes",
      patched(elf, firstLoad + 32, 2n ** 50n),
      /more bytes of memory, found the end of the file/,
    ],
    ["a segment without address", patched(elf, firstLoad + 24, all), /found 1 segments without; they are left out/],
    [
      "the core of a process",
      writeElf(
        [1, 2].map(() => ({ address: 0, bytes: new Uint8Array(frameBytes) })),
        { bits: 64 },
      ),
      /physical addresses, found none/,
    ],
    [
      "LiME of another version",
      writeLime(partsOf(frames), { version: 2 }),
      /LiME header of version 1, found version 2/,
    ],
    ["a LiME range that ends before it begins", lime(0x5000n, 0x1000n), /a range of memory, found 0x5000 to 0x1000/],
    ["a LiME range of all addresses", lime(0n, all), /addresses below 2\^53, found 1 segments beyond/],
    [
      "a big-endian kdump file",
      patched32(kdump, 8, 0x0600_0000),
      /little-endian kdump header, found that of a big-endian/,
    ],
    ["a block size of zero", patched32(kdump, 428, 0), /block size, headers and bitmaps/],
    ["a block size that is no power of two", patched32(kdump, 428, 5000), /block size, headers and bitmaps/],
    ["a block size of 2^31", patched32(kdump, 428, 2 ** 31), /block size, headers and bitmaps/],
    ["sub headers beyond the file", patched32(kdump, 432, 2 ** 19), /bitmaps up to 0x\w+, found the end of the file/],
    ["a bitmap of 2^32 blocks", patched32(kdump, 436, 2 ** 32 - 1), /bitmaps up to 0x\w+, found the end of the file/],
    ["2^60 pages", patched(kdump, sub + 96, 2n ** 60n), /expected 1 to 68719476736 pages/],
    ["more pages than bits", patched(kdump, sub + 96, 2n ** 30n), /expected a bitmap of 134217728 bytes, found 8192/],
    ["no pages", patched(kdump, sub + 96, 0n), /expected 1 to 68719476736 pages, found 0/],
    ["a dump whose writer ran out of space", patched32(kdump, 424, 8), /its writer ran out of space/],
    ["notes beyond 2^53", patched(patched32(kdump, 12, 0), sub + 48, all, all), /^$/],
    [
      "a flattened dump without records",
      flatten(new Uint8Array(0), new Rng(1), { longest: 1 }),
      /a record of a flattened dump, found none/,
    ],
    [
      "a flattened dump inside a flattened dump",
      flatten(files["flattened ELF"]!, new Rng(1), { longest: 9000 }),
      /inside a flattened dump/,
    ],
    [
      "a flattened dump without an end mark",
      flatten(elf, new Rng(1), { longest: 9000, ended: false }),
      /the end mark of a flattened dump/,
    ],
    ["gzip data", Uint8Array.from([0x1f, 0x8b, 8, 0]), /found gzip data/],
  ];
  for (const [what, bytes, told] of rows) {
    test(what, async () => {
      const image = await read(memorySource("damaged", bytes));
      expect(typeof image === "string" ? image : image.warnings.map((w) => w.what).join("; ")).toMatch(told);
    });
  }

  test("descriptors that lie leave out their page and no other", async () => {
    const plain = writeKdump(frames, { bits: 64, packing: "zlib" });
    const at = 2 * frameBytes + 2 * frameBytes;
    const lies: readonly (readonly [what: string, field: number, value: bigint, told: RegExp])[] = [
      ["no offset", 0, 0n, /found a descriptor that points nowhere/],
      ["an offset beyond 2^53", 0, all, /found the end of the file/],
      ["an offset at itself", 0, BigInt(at), /found (zlib|plain) data/],
      ["a size of 2^32", 8, 0x1_ffff_ffffn, /1 to 4096 bytes, found 4294967295/],
      ["a size of zero", 8, 0x1_0000_0000n, /1 to 4096 bytes, found 0/],
      ["another packing", 8, 0x2_0000_0040n, /found LZO data/],
    ];
    const index = [...frames.values()].findIndex((page) => page.some((b) => b !== 0));
    const frame = [...frames.keys()][index]!;
    for (const [what, field, value, told] of lies) {
      const image = await read(memorySource("damaged", patched(plain, at + index * 24 + field, value)));
      if (typeof image === "string") throw new Error(`${what}: ${image}`);
      expect(
        image.warnings.map((w) => `${w.where}: ${w.what}`),
        what,
      ).toEqual([expect.stringMatching(told)]);
      expect(image.warnings[0]!.where).toBe(`address 0x${(frame * frameBytes).toString(16)}`);
      expectHolds(image, frames, { missing: (f) => f === frame });
    }
  });

  test("a sparse source of 2^45 bytes opens at once, whatever it claims to hold", async () => {
    const sparse = (head: Uint8Array): ByteSource => ({
      name: "damaged",
      size: 2 ** 45,
      read: (offset, into) => {
        into.fill(0);
        if (offset < head.length) into.set(head.subarray(offset, offset + into.length));
        return Math.max(0, Math.min(into.length, 2 ** 45 - offset));
      },
    });
    const claims = [
      patched32(patched32(elf, 56, 0x0040_ffff), 64 + 44, 0xffff_ffff),
      patched(elf, firstLoad + 32, 2n ** 44n),
      patched(lime(0n, 2n ** 44n - 1n), 0, 0x1_4c69_4d45n),
      files["flattened ELF"]!.slice(0, 4096),
      files["flattened kdump"]!,
    ];
    for (const head of claims.slice(0, amount(3, 5)))
      await openImage(sparse(head)).catch((e: unknown) => expect(e).toBeInstanceOf(Unreadable));
  }, 20_000);
});
