/** Edges of a pool: its first byte at bus address 0, and an end inside a slot set, by every kernel's rules. */
import { expect, test } from "vitest";
import { Memory } from "../../../src/mem/memory.js";
import { Direction } from "../../../src/spec/dma/direction.js";
import { Allocator } from "../../../src/sw/swiotlb/allocator.js";
import { Bounce } from "../../../src/sw/swiotlb/bounce.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import { profiles } from "../../../src/sw/swiotlb/profile.js";

const slot = 2048;

test("bus address 0 is one like any other", () => {
  const memory = new Memory(1024);
  const pool = new Pool({ start: 0, slots: 128, areas: 1 });
  const bounce = new Bounce(memory, new Allocator({ pool, growth: null }));
  const orig = 0x10_0000;
  memory.write(orig, Uint8Array.of(1, 2, 3));
  const plain = { cpu: 0, device: 0, minAlignMask: 0, allocAlignMask: 0, boundarySlots: 0 };
  const request = { ...plain, orig, size: 3, limit: 2 ** 32 - 1, direction: Direction.bidirectional };
  expect(bounce.map(request)).toBe(0);
  const bytes = new Uint8Array(3);
  memory.read(0, bytes);
  expect([...bytes]).toEqual([1, 2, 3]);
  memory.write(0, Uint8Array.of(7));
  bounce.unmap({ ...request, address: 0 });
  memory.read(orig, bytes);
  expect([[...bytes], pool.used]).toEqual([[7, 2, 3], 0]);
});

test.each(profiles.map((p) => [p.kernels, p] as const))("%s: no run goes past the end of the pool", (_, profile) => {
  const fresh = (slots: number, bugs: readonly "runs-past-end"[] = []) => {
    const pool = new Pool({ start: 0x10_0000, slots, areas: 1, profile, bugs });
    const map = (count: number) => pool.map(0, 0, 0, count * slot, 0, 0, 0);
    // The next search begins behind these, in a slot set that the end of the pool cuts short, and there is room before.
    expect([map(64), map(64)]).toEqual([0, 64 * slot]);
    pool.unmap(0, 0);
    return map;
  };
  expect([40, 41].map((count) => fresh(168)(count))).toEqual([128 * slot, 0]);
  expect([128, 41].map((count) => fresh(256)(count))).toEqual([128 * slot, 128 * slot]);
  expect(fresh(168, ["runs-past-end"])(41)).toBe(128 * slot);
});
