/** What a pool answers when it is asked of what it does not have. */
import { expect, test } from "vitest";
import { Pool } from "../../../src/sw/swiotlb/index.js";

const slots = 1000;
const bytes = 1024 * 2048;

function full(): Pool {
  const pool = new Pool({ start: 0x1000_0000, slots, areas: 1 });
  for (let slot = 0; slot < slots; slot++) pool.place(slot * 2048, 0, 0, 2048, 0, 0);
  pool.setTag(0, 7);
  pool.setTag((slots - 1) * 2048, 8);
  return pool;
}

test("before its first byte, and from its end on, nothing begins and nobody holds a slot", () => {
  const pool = full();
  expect([pool.headAt(0), pool.headAt((slots - 1) * 2048)]).toEqual([0, slots - 1]);
  for (const offset of [-2048, -1, slots * 2048, bytes - 1, bytes, 2 * bytes]) {
    expect([pool.headAt(offset), pool.sizeAt(offset), pool.unmap(offset, 0)]).toEqual([-1, 0, false]);
    pool.setTag(offset, 99);
  }
  for (const slot of [-1, slots, 1023, 1024, 5000]) {
    expect([pool.ownerHead(slot), pool.tagAt(slot), pool.bytesLeft(slot)]).toEqual([-1, -1, 0]);
  }
  expect([pool.tagAt(0), pool.tagAt(slots - 1), pool.used]).toEqual([7, 8, slots]);
});

test("a free slot is nobody's, and between two mappings the one is not the other's", () => {
  const pool = new Pool({ start: 0, slots: 256, areas: 2 });
  const [a, b] = [pool.map(0, 0, 0, 6000, 0, 0, 0), pool.map(0, 0, 0, 2048, 0, 0, 0)];
  expect([a, b]).toEqual([0, 3 * 2048]);
  expect([0, 2, 3, 4].map((slot) => pool.ownerHead(slot))).toEqual([0, 0, 3, -1]);
  expect([0, 2, 3, 4].map((slot) => pool.bytesLeft(slot))).toEqual([6000, 6000 - 2 * 2048, 2048, 0]);
  expect([pool.headAt(2048), pool.sizeAt(2048), pool.unmap(2048, 0)]).toEqual([-1, 0, false]);
  expect([pool.usedOf(0), pool.usedOf(1)]).toEqual([4, 0]);
});
