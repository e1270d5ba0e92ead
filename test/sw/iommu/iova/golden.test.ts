/**
 * The answers of Linux 7.2's own allocator to random requests: tree alone, granule 4 KiB, first frame 1. Its digest stands for
 * 300,000 answers; the requests are drawn here as they were drawn then.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type FrameSpace, IovaSpace, PlainIovaSpace } from "../../../../src/sw/iommu/iova/index.js";

const below32 = 2 ** 20 - 1;
const below36Bits = 2 ** 36 - 1;
const low = 2 ** 18 - 1;

function answers(space: FrameSpace, seed: number, count: number): Float64Array {
  let state = seed >>> 0;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state >>> 1;
  };
  const results = new Float64Array(count);
  const live: number[] = [];
  let share = 500;
  for (let i = 0; i < count; i++) {
    if ((i & 4095) === 0) share = 350 + (random() % 400);
    if (live.length === 0 || (random() % 1000 < share && live.length < 60_000)) {
      const r = random();
      let frames = 0;
      if ((r & 7) === 0) frames = 1 + (random() % 4096);
      else if ((r & 7) < 4) frames = 2 ** (random() % 8);
      else frames = 1 + (random() % 64);
      const limit = (r >>> 8) & 1 ? below32 : (r >>> 9) & 1 ? below36Bits : low;
      const at = space.alloc(frames, limit, ((r >>> 10) & 1) === 1);
      results[i] = at < 0 ? -1 : at;
      if (at >= 0) live.push(at);
    } else {
      const k = random() % live.length;
      if (!space.free(live[k]!)) throw new Error(`${live[k]!} cannot be given back`);
      const last = live.pop()!;
      if (k < live.length) live[k] = last;
      results[i] = -2;
    }
  }
  return results;
}

test("300,000 answers are the kernel's own", () => {
  const results = answers(new IovaSpace(), 3, 300_000);
  const digest = createHash("sha256").update(new Uint8Array(results.buffer)).digest("hex");
  expect(digest).toBe("dedb1996847452c224f7448e52b300a48a2cab29e32d33ad6877492f81b148fe");
});

test.each([1, 77, 4711])("seed %s: the plain space gives the same", (seed) => {
  expect(answers(new PlainIovaSpace(), seed, 12_000)).toEqual(answers(new IovaSpace(), seed, 12_000));
});
