/** Both decoders of zstd: the engine's own, where it has one, and the one that needs nothing. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Decompress, openZstd, portableZstd } from "../../src/read/zstd.js";

/** The first chunk of a recording: ten pages in one frame. Source: trace-cmd.dat.v7(5). */
const file = readFileSync(new URL("../../fixtures/swiotlb-force/trace.dat", import.meta.url));
const size = 40960;
const head = file.lastIndexOf(Buffer.from([0x00, 0xa0, 0x00, 0x00, 0x28, 0xb5, 0x2f, 0xfd]));
const packed = file.subarray(head + 4, head + 4 + file.readUInt32LE(head - 4));
/** A frame without a size whose one block is stored as it is. Source: RFC 8878, section 3.1.1. */
const stored = (text: string) =>
  Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, (text.length << 3) | 1, 0, 0]), Buffer.from(text)]);

let copy: Promise<Decompress> | null = null;
/** Of another copy of the library: the portable decoder is then started already. */
const another = () => (copy ??= ofCopy());
async function ofCopy(): Promise<Decompress> {
  await portableZstd();
  const again = (await import(`../../src/read/zstd.js?${"again"}`)) as typeof import("../../src/read/zstd.js");
  expect(again.portableZstd).not.toBe(portableZstd);
  return again.portableZstd();
}

const decoders: [string, () => Promise<Decompress>][] = [
  ["the engine's", openZstd],
  ["the portable one", portableZstd],
  ["the portable one, started by another copy of the library", another],
];

describe.each(decoders)("%s", (_, open) => {
  const unpack = async (bytes: Uint8Array, length: number) => {
    const into = new Uint8Array(length);
    (await open())(bytes, into);
    return into;
  };

  test("a chunk of pages: each begins with a time stamp", async () => {
    const pages = Buffer.from(await unpack(packed, size));
    const times = Array.from({ length: 10 }, (_, page) => pages.readBigUInt64LE(page * 4096));
    expect(times.every((t, i) => t > 0n && (i === 0 || t > times[i - 1]!))).toBe(true);
  });

  test("frames in a row are one text", async () => {
    const text = Buffer.from(await unpack(Buffer.concat([stored("abc"), stored("defg")]), 7));
    expect(text.toString()).toBe("abcdefg");
  });

  const wrong: [string, Uint8Array, number][] = [
    ["too short", stored("abc"), 4],
    ["too long", stored("abc"), 2],
    ["of many pages, too long", packed, size - 1],
    ["cut", packed.subarray(0, packed.length - 5), size],
    ["with other bytes behind it", Buffer.concat([stored("abc"), Buffer.from("rubbish!")]), 3],
    ["that is none", Buffer.from("not zstd at all"), 10],
    ["of nothing", new Uint8Array(0), 3],
  ];
  test.each(wrong)("data %s is refused, and the next is good", async (_, bytes, length) => {
    await expect(unpack(bytes, length)).rejects.toThrow();
    expect(Buffer.from(await unpack(stored("abc"), 3)).toString()).toBe("abc");
  });

  test("no bytes need nothing", async () => {
    expect(await unpack(new Uint8Array(0), 0)).toHaveLength(0);
  });
});
