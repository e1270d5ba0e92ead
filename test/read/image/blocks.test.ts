/** An image read block by block, against the same image read frame by frame. */
import { describe, expect, test } from "vitest";
import type { Mfn } from "../../../src/base/frame.js";
import { Rng } from "../../../src/base/rng.js";
import { blockFrames, newBlock } from "../../../src/read/image/block.js";
import { type Image, memorySource, openImage } from "../../../src/read/index.js";
import { amount } from "../../tier.js";

const framesOf = (image: Image) =>
  image.runs.flatMap((r) => Array.from({ length: r.frameCount }, (_, i) => r.first + i));

/** Every block, read in an order of chance. */
function readAll(image: Image, rng: Rng): Map<number, Uint8Array> {
  const block = newBlock();
  const order = Array.from({ length: image.blockCount }, (_, n) => n);
  for (let n = order.length - 1; n > 0; n--) {
    const other = rng.below(n + 1);
    [order[n], order[other]] = [order[other]!, order[n]!];
  }
  const firsts: number[] = [];
  const found = new Map<number, Uint8Array>();
  for (const n of order) {
    expect(image.readBlock(n, block)).toBe(true);
    expect(block.count).toBeLessThanOrEqual(blockFrames);
    firsts[n] = block.frames[0]!;
    for (let i = 0; i < block.count; i++) {
      if (i > 0) expect(block.frames[i]).toBeGreaterThan(block.frames[i - 1]!);
      expect(found.has(block.frames[i]!)).toBe(false);
      found.set(block.frames[i]!, block.bytes.slice(i * 4096, (i + 1) * 4096));
    }
  }
  expect(firsts).toEqual(firsts.toSorted((a, b) => a - b));
  return found;
}

describe("blocks", () => {
  test("of pieces that begin and end anywhere hold what the frames hold", async () => {
    let partial = 0;
    let most = 0;
    const noise = new Rng(1);
    const file = new Uint8Array(2 ** 21).map(() => noise.below(256));
    for (let seed = 1; seed <= amount(12, 500); seed++) {
      const rng = new Rng(seed);
      const layout = [];
      // From many that share frames to few that are long.
      const longest = [3000, 20_000, 400_000][seed % 3]!;
      for (let at = rng.below(9000); at < file.length - longest; ) {
        const bytes = 1 + rng.below(longest);
        const address = rng.below(4) === 0 ? at - (at % 4096) : at;
        layout.push({ fileOffset: rng.below(file.length - bytes), address, bytes });
        at += bytes + (rng.below(2) === 0 ? 0 : rng.below(9000));
      }
      const image = await openImage(memorySource("pieces", file), { layout });
      const numbers = framesOf(image);
      const found = readAll(image, rng);
      expect(
        [...found.keys()].toSorted((a, b) => a - b),
        `seed ${seed}`,
      ).toEqual(numbers);
      for (const m of numbers) {
        const words = image.frame(m as Mfn)!;
        expect(Buffer.compare(found.get(m)!, new Uint8Array(words.slice().buffer)), `seed ${seed}, frame ${m}`).toBe(0);
      }
      partial += layout.length;
      most = Math.max(most, image.blockCount);
    }
    expect(partial).toBeGreaterThan(500);
    expect(most).toBeGreaterThan(1);
  });

  test("that cannot be read whole say so, and warn when they are asked to", async () => {
    const file = new Uint8Array(4096 * 600).fill(7);
    const source = {
      name: "short",
      size: file.length,
      read(offset: number, into: Uint8Array) {
        const part = file.subarray(offset, Math.min(offset + into.length, 4096 * 300 + 100));
        into.set(part);
        return part.length;
      },
    };
    const image = await openImage(source, { format: "raw" });
    const block = newBlock();
    expect(image.readBlock(0, block, true)).toBe(true);
    expect(image.readBlock(1, block, true)).toBe(false);
    expect([block.count, block.frames[block.count - 1]]).toEqual([44, 299]);
    expect(image.warnings).toEqual([]);
    expect(image.readBlock(1, block)).toBe(false);
    const warned = image.warnings.length;
    expect(warned).toBeGreaterThan(0);
    expect(image.readBlock(1, block)).toBe(false);
    expect(image.warnings.length).toBe(warned);
  });
});
