/** Pages unpacked: of the real packers, of random streams, and of streams that lie. */
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { unpackLzo1x } from "../../../src/read/image/unpack/lzo1x.js";
import { type Unpackers, unpackPage } from "../../../src/read/image/unpack/page.js";
import { unpackSnappy } from "../../../src/read/image/unpack/snappy.js";
import { openInflate, portableInflate } from "../../../src/read/inflate.js";
import { openZstd, portableZstd } from "../../../src/read/zstd.js";
import { fixtureText } from "../fixture.js";

interface Packed {
  page: string;
  packed: { by: string; flags: number; bytes: string }[];
}
const real = JSON.parse(fixtureText("images/packed-pages.json")) as Packed[];
/** Of zlib and zstd both that there are: a page unpacks alike in Node and without it. */
const unpackers: Unpackers = { inflate: await openInflate(), zstd: await openZstd() };
const each: Unpackers[] = [unpackers, { inflate: await portableInflate(), zstd: await portableZstd() }];
const base64 = (text: string) => new Uint8Array(Buffer.from(text, "base64"));

describe("pages packed by the real libraries", () => {
  for (const [i, { page, packed }] of real.entries()) {
    for (const { by, flags, bytes } of packed) {
      test(`page ${i} by ${by}`, () => {
        for (const unpackers of each) {
          const into = new Uint8Array(4096).fill(0xee);
          expect(unpackPage(flags, base64(bytes), into, unpackers)).toBeNull();
          expect(Buffer.compare(into, inflateSync(base64(page)))).toBe(0);
        }
      });

      test(`page ${i} by ${by}: cut anywhere it is refused or left short, and never written beyond`, () => {
        const whole = base64(bytes);
        const step = Math.max(1, Math.floor(whole.length / 60));
        for (let n = 0; n < whole.length; n += step) {
          for (const unpackers of each) {
            const room = new Uint8Array(4096 + 8).fill(0xee);
            const found = unpackPage(flags, whole.subarray(0, n), room.subarray(0, 4096), unpackers);
            expect(found, `${n} bytes`).not.toBeNull();
            expect(room.subarray(4096).every((b) => b === 0xee)).toBe(true);
          }
        }
      });
    }
  }

  test("a page of another size is refused", () => {
    const { bytes, flags } = real[0]!.packed.find((p) => p.by === "snappy")!;
    for (const size of [4095, 4097, 8192]) {
      expect(unpackPage(flags, base64(bytes), new Uint8Array(size), unpackers)).toMatch(/^snappy data /);
    }
    expect(unpackPage(0, new Uint8Array(100), new Uint8Array(4096), unpackers)).toBe("plain data of 100 bytes");
  });
});

/** Writes an instruction and what it means, side by side. */
interface Stream {
  bytes: number[];
  out: number[];
}

const repeat = (s: Stream, distance: number, length: number) => {
  for (let i = 0; i < length; i++) s.out.push(s.out[s.out.length - distance]!);
};
const literals = (s: Stream, rng: Rng, count: number) => {
  for (let i = 0; i < count; i++) {
    const b = rng.below(256);
    s.bytes.push(b);
    s.out.push(b);
  }
};

/** A random LZO1X stream, instruction by instruction as the kernel's description has them. */
function randomLzo(rng: Rng, enough: number): Stream {
  const s: Stream = { bytes: [], out: [] };
  const long = (rest: number) => {
    for (; rest > 255; rest -= 255) s.bytes.push(0);
    s.bytes.push(rest);
  };
  let state = 0;
  if (rng.below(2) === 0) {
    const n = 1 + rng.below(238);
    s.bytes.push(17 + n);
    literals(s, rng, n);
    state = Math.min(4, n);
  } else {
    const n = 4 + rng.below(600);
    if (n <= 18) s.bytes.push(n - 3);
    else {
      s.bytes.push(0);
      long(n - 18);
    }
    literals(s, rng, n);
    state = 4;
  }
  const lengthOf = (field: number, full: number) =>
    rng.below(2) === 0 ? 1 + rng.below(full) : full + 1 + rng.below(field);
  while (s.out.length < enough) {
    const reach = s.out.length;
    const tail = rng.below(4);
    const kind = rng.below(5);
    if (kind === 0) {
      if (state === 0) {
        const n = 4 + rng.below(400);
        if (n <= 18) s.bytes.push(n - 3);
        else {
          s.bytes.push(0);
          long(n - 18);
        }
        literals(s, rng, n);
        state = 4;
        continue;
      }
      const base = state === 4 ? 2049 : 1;
      if (reach < base) continue;
      const distance = base + rng.below(Math.min(1024, reach - base + 1));
      const d = distance - base;
      s.bytes.push(((d & 3) << 2) | tail, d >> 2);
      repeat(s, distance, state === 4 ? 3 : 2);
    } else if (kind === 1) {
      const distance = 1 + rng.below(Math.min(2048, reach));
      const length = 3 + rng.below(6);
      const d = distance - 1;
      const low = (d & 7) << 2;
      s.bytes.push((length <= 4 ? 64 | ((length - 3) << 5) : 128 | ((length - 5) << 5)) | low | tail, d >> 3);
      repeat(s, distance, length);
    } else {
      const far = kind === 2 && reach > 16385;
      const full = far ? 7 : 31;
      const size = lengthOf(700, full);
      const distance = far ? 16385 + rng.below(Math.min(32767, reach - 16384)) : 1 + rng.below(Math.min(16384, reach));
      const d = far ? distance - 16384 : distance - 1;
      const code = far ? 16 | ((d >> 14) << 3) : 32;
      s.bytes.push(code | (size <= full ? size : 0));
      if (size > full) long(size - full);
      s.bytes.push(((d & 63) << 2) | tail, (d >> 6) & 255);
      repeat(s, distance, size + 2);
    }
    literals(s, rng, tail);
    state = tail;
  }
  s.bytes.push(17, 0, 0);
  return s;
}

function randomSnappy(rng: Rng, enough: number): Stream {
  const s: Stream = { bytes: [], out: [] };
  while (s.out.length < enough) {
    const kind = s.out.length === 0 ? 0 : rng.below(4);
    const reach = s.out.length;
    if (kind === 0) {
      const n = 1 + rng.below(rng.below(3) === 0 ? 700 : 60);
      if (n <= 60) s.bytes.push((n - 1) << 2);
      else if (n <= 256) s.bytes.push(60 << 2, n - 1);
      else s.bytes.push(61 << 2, (n - 1) & 255, (n - 1) >> 8);
      literals(s, rng, n);
    } else if (kind === 1) {
      const length = 4 + rng.below(8);
      const distance = 1 + rng.below(Math.min(2047, reach));
      s.bytes.push(((distance >> 8) << 5) | ((length - 4) << 2) | 1, distance & 255);
      repeat(s, distance, length);
    } else {
      const length = 1 + rng.below(64);
      const distance = 1 + rng.below(Math.min(65535, reach));
      s.bytes.push(((length - 1) << 2) | kind, distance & 255, distance >> 8);
      if (kind === 3) s.bytes.push(0, 0);
      repeat(s, distance, length);
    }
  }
  const size: number[] = [];
  let n = s.out.length;
  for (; n >= 128; n >>= 7) size.push((n & 127) | 128);
  return { bytes: [...size, n, ...s.bytes], out: s.out };
}

const kinds = [
  ["LZO1X", randomLzo, unpackLzo1x],
  ["snappy", randomSnappy, unpackSnappy],
] as const;

for (const [name, make, unpack] of kinds) {
  describe(name, () => {
    test("random streams of every instruction give what they mean", () => {
      for (let seed = 1; seed <= 120; seed++) {
        const { bytes, out } = make(new Rng(seed), seed % 10 === 0 ? 60_000 : 4000);
        const into = new Uint8Array(out.length);
        expect(unpack(Uint8Array.from(bytes), into), `seed ${seed}`).toBe(out.length);
        expect(Buffer.compare(into, Uint8Array.from(out)), `seed ${seed}`).toBe(0);
        expect(unpack(Uint8Array.from(bytes), new Uint8Array(out.length - 1)), "no room").toBe(-1);
      }
    });

    test("damaged streams end and write nothing beyond the page", () => {
      for (let seed = 1; seed <= 600; seed++) {
        const rng = new Rng(seed);
        const { bytes } = make(rng, 600);
        for (let n = 0; n < 3; n++) bytes[rng.below(bytes.length)] = rng.below(256);
        const room = new Uint8Array(1024 + 64).fill(0xee);
        const held = unpack(Uint8Array.from(bytes), room.subarray(0, 1024));
        expect(held).toBeLessThanOrEqual(1024);
        expect(room.subarray(1024).every((b) => b === 0xee)).toBe(true);
      }
    });
  });
}
