/** Numbers in queues by a hash, against lists that are searched from their beginning. */

import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { hashOf, Queues } from "../../../src/lab/replay/events/queues.js";

/** Take out the first number of a hash's chain that `wanted` holds for. */
function take(queues: Queues, hash: number, wanted: (n: number) => boolean): number {
  const last = queues.last(hash);
  for (let before = last; before !== -1; ) {
    const n = queues.after(before);
    if (wanted(n)) {
      queues.removeAfter(before);
      return n;
    }
    before = n === last ? -1 : n;
  }
  return -1;
}

test.each([1, 2, 3])("the oldest of several alike is found first, however many there are (seed %i)", (seed) => {
  const rng = new Rng(seed);
  const queues = new Queues();
  const plain: { n: number; key: number }[] = [];
  const keyOf = new Map<number, number>();
  const free = Array.from({ length: 5000 }, (_, n) => n);
  for (let step = 0; step < 20_000; step++) {
    const key = rng.below(step < 10_000 ? 700 : 40);
    if (free.length > 0 && rng.below(3) > 0) {
      const n = free.splice(rng.below(free.length), 1)[0]!;
      keyOf.set(n, key);
      plain.push({ n, key });
      queues.add(n, hashOf(7, key));
      continue;
    }
    const at = plain.findIndex((p) => p.key === key);
    const expected = at < 0 ? -1 : plain.splice(at, 1)[0]!.n;
    expect(take(queues, hashOf(7, key), (n) => keyOf.get(n) === key)).toBe(expected);
    if (expected >= 0) free.push(expected);
  }
  expect([...queues].sort((a, b) => a - b)).toEqual(plain.map(({ n }) => n).sort((a, b) => a - b));
});

test("addresses above 4 GiB, and of other devices, have hashes of their own", () => {
  const hashes = new Set<number>();
  for (let k = 0; k < 1000; k++) {
    for (const device of [0, 1])
      for (const high of [0, 1, 2 ** 20]) hashes.add(hashOf(device, high * 2 ** 32 + k * 4096));
  }
  expect(hashes.size).toBeGreaterThan(5990);
});
