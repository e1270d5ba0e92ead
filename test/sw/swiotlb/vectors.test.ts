/**
 * Slot choices worked out by hand from the rules of the search, on a pool at 0x70000000 with 256 slots in 2 areas, and
 * addresses that commit 04867a7a3332 of Linux prints.
 */
import { expect, test } from "vitest";
import { PlainPool } from "../../../src/sw/swiotlb/plain_pool.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import { before2024, profileOf } from "../../../src/sw/swiotlb/profile.js";
import { mappingBytesMaxFor } from "../../../src/sw/swiotlb/request.js";

const start = 0x7000_0000;

const vectors: readonly [
  name: string,
  orig: number,
  size: number,
  allocAlignMask: number,
  minAlignMask: number,
  address: number,
  firstSlot: number,
  slots: number,
  padSlots: number,
  allocSize: number,
][] = [
  ["V1", 0x1_2345_6200, 512, 0, 0, 0x7000_0000, 0, 1, 0, 512],
  ["V2: the page rule skips slot 1", 0x1_2345_7000, 4096, 0, 0, 0x7000_1000, 2, 2, 0, 4096],
  ["V3", 0x1_2345_9000, 2048, 0, 0, 0x7000_2000, 4, 1, 0, 2048],
  ["V4: NVMe keeps the offset in the page", 0x1_2345_a600, 4096, 0, 0xfff, 0x7000_3600, 6, 3, 0, 4096],
  ["V5: a padding slot", 0x1_2345_ba10, 0x300, 0xfff, 0xfff, 0x7000_5a10, 10, 2, 1, 1520],
  ["V6: a whole page for an untrusted device", 0x1_2345_ca10, 0x300, 0xfff, 0, 0x7000_6000, 12, 2, 0, 4096],
  ["V7: the largest mapping goes to the other area", 0x2_0000_0000, 262144, 0, 0, 0x7004_0000, 128, 128, 0, 262144],
];

for (const Kind of [Pool, PlainPool]) {
  test(`${Kind.name}: the vectors of the search, one after the other`, () => {
    const pool = new Kind({ start, slots: 256, areas: 2 });
    for (const [name, orig, size, alloc, min, address] of vectors) {
      const at = pool.map(0, Math.floor(orig / 2 ** 32), orig >>> 0, size, min, alloc, 0);
      expect(start + at, name).toBe(address);
    }
    expect(pool.map(0, 2, 0, 262145, 0, 0, 0), "V8: no mapping is larger than a slot set").toBe(-1);
  });

  test(`${Kind.name}: a pool of which every second slot is free is full for two slots`, () => {
    const pool = new Kind({ start, slots: 128, areas: 1 });
    for (let slot = 0; slot < 128; slot++) expect(pool.map(0, 1, 0, 2048, 0, 0, 0)).toBe(slot * 2048);
    for (let slot = 0; slot < 128; slot += 2) pool.unmap(slot * 2048, 0);
    expect(pool.used).toBe(64);
    expect(pool.map(0, 1, 0, 4096, 0, 0, 0)).toBe(-1);
    expect(pool.map(0, 1, 0, 2048, 0, 0, 0)).toBe(0);
  });

  test(`${Kind.name}: no mapping crosses the segment boundary`, () => {
    const pool = new Kind({ start, slots: 256, areas: 1 });
    expect(pool.map(0, 1, 0, 30000, 0, 0, 16)).toBe(0);
    expect(pool.map(0, 1, 0, 8000, 0, 0, 16)).toBe(16 * 2048);
    expect(pool.map(0, 1, 0, 8192, 0, 0, 2)).toBe(-1);
  });

  test(`${Kind.name}: the addresses of commit 04867a7a3332, and what they are since`, () => {
    const base = 0x9832_6800 - 1645 * 2048;
    const indexAt = (pool: Pool | PlainPool) => {
      if (pool instanceof Pool) pool.setAreaIndex(0, 1645);
      else pool.areaIndex[0] = 1645;
      return pool;
    };
    const old = indexAt(new Kind({ start: base, slots: 4096, areas: 1, profile: before2024 }));
    expect(base + old.map(0, 0, 0, 0x2000, 0, 0, 0)).toBe(0x9832_6800);
    expect(base + old.map(0, 0, 0, 0x2000, 0, 0, 0)).toBe(0x9832_8800);
    const now = indexAt(new Kind({ start: base, slots: 4096, areas: 1 }));
    expect(base + now.map(0, 0, 0, 0x2000, 0, 0x1fff, 0)).toBe(0x9832_8000);
  });
}

test("what the pool keeps of each vector: first slot, slots, padding, bytes", () => {
  const pool = new Pool({ start, slots: 256, areas: 2 });
  const plain = new PlainPool({ start, slots: 256, areas: 2 });
  for (const [name, orig, size, alloc, min, address, first, slots, padSlots, allocSize] of vectors) {
    const at = pool.map(0, Math.floor(orig / 2 ** 32), orig >>> 0, size, min, alloc, 0);
    plain.map(0, Math.floor(orig / 2 ** 32), orig >>> 0, size, min, alloc, 0);
    expect(pool.headAt(at), name).toBe(first);
    expect(pool.slotsAt(first), name).toBe(slots);
    expect(Math.floor((address - start) / 2048) - first, name).toBe(padSlots);
    expect(plain.allocSize[first + padSlots], name).toBe(allocSize);
    expect(pool.bytesLeft(first + padSlots), name).toBe(allocSize);
    expect(pool.padSlotsAt(first), name).toBe(padSlots);
  }
  expect([pool.usedOf(0), pool.usedOf(1)]).toEqual([11, 128]);
  expect([pool.areaIndex(0), pool.areaIndex(1)]).toEqual([14, 0]);
  expect(pool.hiwater).toBe(139);
});

test("a mapping that is undone leaves no trace", () => {
  const pool = new Pool({ start, slots: 256, areas: 2 });
  const at = pool.map(0, 1, 0x600, 5000, 0xfff, 0, 0);
  const index = pool.areaIndex(0);
  const hiwater = pool.hiwater;
  const next = pool.map(0, 1, 0xa10, 0x300, 0xfff, 0xfff, 0);
  pool.unmap(next, 0xfff);
  pool.setAreaIndex(0, index);
  pool.hiwater = hiwater;
  expect(pool.map(0, 1, 0xa10, 0x300, 0xfff, 0xfff, 0)).toBe(next);
  pool.unmap(at, 0xfff);
  expect(pool.place(at, 1, 0x600, 5000, 0xfff, 0)).toBe(true);
  expect(pool.place(at, 1, 0x600, 5000, 0xfff, 0), "its slots are taken").toBe(false);
  expect(pool.place(at + 2 * 4096 * 4, 1, 0x604, 5000, 0xfff, 0), "it cannot begin there").toBe(false);
  expect(pool.sizeAt(at)).toBe(5000 + 0x600);
  expect(pool.ownerHead(1)).toBe(0);
  expect(pool.ownerHead(100)).toBe(-1);
  pool.setTag(at, 7);
  expect([pool.tagAt(2), pool.tagAt(100)]).toEqual([7, -1]);
  const seen: number[][] = [];
  pool.forEachAllocation((head, count, tag) => seen.push([head, count, tag]));
  expect(seen).toEqual([
    [0, 4, 7],
    [4, 2, -1],
  ]);
});

test("the longest run is that of one slot set, wherever it begins", () => {
  const pool = new Pool({ start, slots: 256, areas: 1 });
  expect(pool.place(0, 1, 0, 100 * 2048, 0, 0)).toBe(true);
  expect(pool.longestRun()).toBe(128);
  expect(pool.place(128 * 2048, 1, 0, 2048, 0, 0)).toBe(true);
  expect(pool.longestRun()).toBe(127);
});

test("the largest mapping leaves room for the device's offset", () => {
  expect([0, 0xfff, 0x7ff, 0x3fff].map(mappingBytesMaxFor)).toEqual([262144, 258048, 260096, 245760]);
});

test("a device that changes its mask leaves a slot behind, in both pools", () => {
  const shape = { start, slots: 128, areas: 1 };
  const pool = new Pool(shape);
  const plain = new PlainPool(shape);
  const at = pool.map(0, 1, 0x600, 2048, 0xfff, 0, 0);
  expect(plain.map(0, 1, 0x600, 2048, 0xfff, 0, 0)).toBe(at);
  expect(pool.unmap(at, 0)).toBe(true);
  plain.unmap(at, 0);
  expect(pool.used).toBe(1);
  expect(plain.used).toBe(1);
  expect(pool.freeRun(0)).toBe(1);
  for (let slot = 0; slot < 128; slot++) expect(pool.freeRun(slot)).toBe(plain.list[slot]);
  expect(pool.unmap(2048, 0), "no address leads to it").toBe(false);
});

test("a second unmap is refused; the kernel takes a slot off its count", () => {
  const shape = { start, slots: 128, areas: 1 };
  const pool = new Pool(shape);
  const plain = new PlainPool(shape);
  const at = pool.map(0, 1, 0x600, 2048, 0xfff, 0, 0);
  plain.map(0, 1, 0x600, 2048, 0xfff, 0, 0);
  for (const p of [pool, plain]) p.unmap(at, 0xfff);
  expect(pool.unmap(at, 0xfff)).toBe(false);
  expect(plain.unmap(at, 0xfff)).toBe(false);
  expect(pool.used).toBe(0);
  expect(plain.used).toBe(-1);
});

test("a pool that no kernel could have is refused with the reason", () => {
  const make = (o: object) => () => new Pool({ start: 0, slots: 128, areas: 1, ...o });
  expect(make({ start: 100 })).toThrow("pool-shape: start 100");
  expect(make({ slots: 0 })).toThrow("pool-shape: 0 slots");
  expect(make({ slots: 2 ** 40 })).toThrow("pool-shape");
  expect(make({ areas: 129 })).toThrow("pool-shape: 129 areas");
  expect(() => make({})().setAreaIndex(0, 128)).toThrow("area-index");
});

test("a kernel with larger pages starts requests of such a page or more on one, and smaller ones anywhere", () => {
  const pool = (kernel: string, pages: number | null = null) => {
    const made = new Pool({ start, slots: 256, areas: 1, profile: profileOf(kernel, pages) });
    return [512, 8192, 16384].map((size) => made.map(0, 1, 0x2345_6000, size, 0, 0, 0));
  };
  expect(pool("7.2.13-arm64")).toEqual([0, 0x1000, 0x3000]);
  expect(pool("7.2.13+deb14-arm64-16k")).toEqual([0, 0x800, 0x4000]);
  expect(pool("6.12.0-55.el10.aarch64+64k")).toEqual([0, 0x800, 0x2800]);
  expect(pool("7.2.13", 16384)).toEqual([0, 0x800, 0x4000]);
});
