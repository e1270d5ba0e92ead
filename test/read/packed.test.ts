/** Compressed sources in memory: what they give, and what is said of damaged ones, is what Node's own zlib gives and says. */
import { createGunzip, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { atOnce } from "../../src/base/paced.js";
import { Rng } from "../../src/base/rng.js";
import { memorySource } from "../../src/read/bytes.js";
import { gzipDamage, openGunzip, packingOf, type Unpacked, unpackZstd } from "../../src/read/packed.js";
import { fixtureText } from "./fixture.js";
import { zstdFrame } from "./zstd_frame.js";

const gunzip = await openGunzip();
const unpack = (bytes: Uint8Array) => atOnce(gunzip(memorySource("x.gz", bytes)));

/** The same by Node, as a stream, so that what came before the damage is there too. */
async function byNode(bytes: Uint8Array): Promise<{ bytes: Buffer; damage: string | null }> {
  const pieces: Buffer[] = [];
  const stream = createGunzip();
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  const reason = await new Promise<string | null>((resolve) => {
    stream.on("end", () => resolve(null));
    stream.on("error", (error) => resolve(error.message));
    stream.end(bytes);
  });
  const whole = Buffer.concat(pieces);
  return { bytes: whole, damage: reason === null ? null : gzipDamage(reason, whole.length) };
}

/** Node loses what it had not yet given out when it met the damage. */
function agrees(ours: Unpacked, node: { bytes: Buffer; damage: string | null }): void {
  const withoutCount = (damage: string | null) => damage?.replace(/\d+ bytes/, "") ?? null;
  expect(withoutCount(ours.damage)).toBe(withoutCount(node.damage));
  expect(ours.size).toBeGreaterThanOrEqual(node.bytes.length);
  if (node.damage === null) expect(ours.size).toBe(node.bytes.length);
  expect(Buffer.compare(ours.bytes!.subarray(0, node.bytes.length), node.bytes)).toBe(0);
}

const text = Buffer.from(fixtureText("swiotlb-force/trace.txt.gz"), "latin1").subarray(0, 300_000);
const packed = gzipSync(text);

test("what is compressed shows in the first bytes", () => {
  expect(packingOf(memorySource("", packed))).toBe("gzip");
  expect(packingOf(memorySource("", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0)))).toBe("zstd");
  expect(packingOf(memorySource("", text))).toBeNull();
  expect(packingOf(memorySource("", new Uint8Array(1)))).toBeNull();
});

describe("gzip", () => {
  test.each([
    ["whole", packed],
    ["two members", Buffer.concat([packed, gzipSync("and more\n")])],
    ["a member of nothing before it", Buffer.concat([gzipSync(""), packed])],
    ["padded with zeros", Buffer.concat([packed, Buffer.alloc(700)])],
    ["with something behind it", Buffer.concat([packed, Buffer.from("trailer")])],
    ["that lies about its length", Buffer.concat([packed.subarray(0, -4), Buffer.from([1, 0, 0, 0])])],
    ["without its last byte", packed.subarray(0, -1)],
    ["with a wrong checksum", Buffer.concat([packed.subarray(0, -8), Buffer.alloc(4), packed.subarray(-4)])],
    ["with a second member that is cut", Buffer.concat([packed, packed.subarray(0, 500)])],
  ])("%s", async (_, bytes) => {
    agrees(unpack(bytes), await byNode(bytes));
  });

  test("cut, or with a bit flipped, anywhere: as much as Node gives, or more, and damage where Node tells of some", async () => {
    const rng = new Rng(11);
    for (let n = 0; n < 60; n++) {
      const at = 12 + rng.below(packed.length - 20);
      const cut = n % 2 === 0;
      const bytes = cut ? packed.subarray(0, at) : Uint8Array.from(packed);
      if (!cut) bytes[at]! ^= 1 << rng.below(8);
      const node = await byNode(bytes);
      if (node.bytes.length === 0) continue;
      agrees(unpack(bytes), node);
    }
  });

  test("data that gives nothing is refused", () => {
    const nothing = Buffer.concat([packed.subarray(0, 10), Buffer.alloc(50, 0xff)]);
    expect(() => unpack(nothing)).toThrow("x.gz: offset 0x0: expected gzip data, found data that does not unpack");
  });

  test("how far it is is told, and it stops often enough to be ended", () => {
    const told: number[] = [];
    const large = gzipSync(Buffer.alloc(20_000_000, text));
    atOnce(gunzip(memorySource("", large)), (share) => told.push(share));
    expect(told.length).toBeGreaterThan(15);
    expect(told.every((share, i) => share <= 1 && (i === 0 || share >= told[i - 1]!))).toBe(true);
  });
});

describe("zstd", () => {
  test("a frame that states its size", async () => {
    const { bytes, damage } = await unpackZstd(memorySource("", zstdFrame(text)));
    expect([Buffer.compare(bytes!, text), damage]).toEqual([0, null]);
  });

  test.each([
    [
      "that does not state its size",
      () => Uint8Array.from(zstdFrame(text)).fill(0, 4, 5),
      /one that does not state it/,
    ],
    ["that states too much", () => Uint8Array.from(zstdFrame(text)).fill(0xff, 5, 9), /found 4294967295 bytes/],
    ["that is cut", () => zstdFrame(text).subarray(0, 5000), /expected zstd data/],
    ["of a few bytes", () => zstdFrame(text).subarray(0, 9), /one that does not state it/],
  ])("one %s is refused", async (_, bytes, message) => {
    await expect(unpackZstd(memorySource("x", bytes()))).rejects.toThrow(message);
  });
});
