/** What an image should hold, byte by byte, and a slow comparison with what it says. */
import { expect } from "vitest";
import type { Mfn } from "../../../src/base/frame.js";
import type { Rng } from "../../../src/base/rng.js";
import { newBlock } from "../../../src/read/image/block.js";
import type { Image } from "../../../src/read/image/image.js";

export const frameBytes = 4096;

/** A page as real memory has them: zeros, noise, a pattern, a table, text. */
export function randomPage(rng: Rng): Uint8Array {
  const page = new Uint8Array(frameBytes);
  const kind = rng.below(5);
  if (kind === 1) for (let i = 0; i < frameBytes; i++) page[i] = rng.below(256);
  if (kind === 2) page.fill(1 + rng.below(255));
  if (kind === 3) for (let i = 0; i < frameBytes; i += 8) page[i] = rng.below(3) * 0x63;
  if (kind === 4) {
    const period = 1 + rng.below(200);
    for (let i = 0; i < frameBytes; i++) page[i] = i < period ? rng.below(256) : page[i - period]!;
  }
  return page;
}

/** Frames by number. */
export type Frames = ReadonlyMap<number, Uint8Array>;

/** Runs of random pages with holes between them, all below `below`. */
export function randomFrames(rng: Rng, o: { runs: number; longest: number; below: number }): Map<number, Uint8Array> {
  const frames = new Map<number, Uint8Array>();
  for (let r = 0; r < o.runs; r++) {
    const first = rng.below(o.below - o.longest);
    const count = 1 + rng.below(o.longest);
    for (let f = first; f < first + count; f++) frames.set(f, randomPage(rng));
  }
  return new Map([...frames].toSorted((a, b) => a[0] - b[0]));
}

const bytesOf = (words: Uint32Array) => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

/** Everything that an image promises: each frame, those beside them, the runs, and one pass over all. */
export function expectHolds(image: Image, frames: Frames, but: { missing?: (frame: number) => boolean } = {}): void {
  const held = [...frames.keys()].filter((f) => !but.missing?.(f));
  for (const f of frames.keys()) {
    for (const beside of [f - 1, f + 1]) {
      if (!frames.has(beside) && beside >= 0) expect(image.frame(beside as Mfn), `frame ${beside}`).toBeUndefined();
    }
    const words = image.frame(f as Mfn);
    if (but.missing?.(f)) expect(words, `frame ${f}`).toBeUndefined();
    else {
      expect(words?.length, `frame ${f}`).toBe(1024);
      expect(Buffer.compare(bytesOf(words!.slice()), frames.get(f)!), `bytes of frame ${f}`).toBe(0);
      expect(image.frame(f as Mfn), `frame ${f} again`).toBe(words);
    }
  }
  const told = image.runs.flatMap((r) => Array.from({ length: r.frameCount }, (_, i) => r.first + i));
  if (but.missing === undefined) expect(told).toEqual(held);
  for (let i = 1; i < image.runs.length; i++) {
    const before = image.runs[i - 1]!;
    expect(image.runs[i]!.first, "runs do not touch").toBeGreaterThan(before.first + before.frameCount);
  }
  expectVisits(image, frames, held);
  expectBlocks(image, frames, held);
}

function expectVisits(image: Image, frames: Frames, held: readonly number[]): void {
  const notZero = held.filter((f) => frames.get(f)!.some((b) => b !== 0));
  const visited: number[] = [];
  const shares: number[] = [];
  image.each(
    (m, words) => {
      visited.push(m);
      if (Buffer.compare(bytesOf(words), frames.get(m) ?? new Uint8Array(0)) !== 0)
        throw new Error(`frame ${m} differs`);
    },
    (share) => shares.push(share),
  );
  expect(visited).toEqual(notZero);
  expect(shares.at(-1)).toBe(1);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
}

/** Blocks hold the same in any order, and together all that is held and not zero, ascending. */
function expectBlocks(image: Image, frames: Frames, held: readonly number[]): void {
  const block = newBlock();
  const numbers: number[][] = [];
  for (const n of [...Array(image.blockCount).keys()].reverse()) {
    image.readBlock(n, block);
    numbers[n] = [...block.frames.subarray(0, block.count)];
    for (const [i, m] of numbers[n].entries()) {
      const bytes = block.bytes.subarray(i * frameBytes, (i + 1) * frameBytes);
      expect(Buffer.compare(bytes, frames.get(m)!), `frame ${m} in block ${n}`).toBe(0);
    }
  }
  const all = numbers.flat();
  expect(all).toEqual(all.toSorted((a, b) => a - b));
  const wanted = new Set(held);
  expect(all.filter((m) => !wanted.has(m))).toEqual([]);
  const given = new Set(all);
  expect(held.filter((m) => !given.has(m) && frames.get(m)!.some((b) => b !== 0))).toEqual([]);
}
