import { expect, test } from "vitest";
import { LogLines } from "../../../src/base/kernel_log.js";
import { Allocator, type AllocatorShape, type MapRequest } from "../../../src/sw/swiotlb/allocator.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import { before2024 } from "../../../src/sw/swiotlb/profile.js";
import { MachinePages } from "./machine_pages.js";

const start = 0x10_0000;

function request(o: Partial<MapRequest>): MapRequest {
  const plain = { cpu: 0, device: 0, orig: 0x1_0000_0000, size: 262144, minAlignMask: 0, allocAlignMask: 0 };
  return { ...plain, boundarySlots: 0, limit: 2 ** 32 - 1, ...o };
}

function growing(o: Partial<AllocatorShape> & { slots?: number; areas?: number } = {}) {
  const pages = new MachinePages(0x4000_0000);
  const { slots = 512, areas = 2 } = o;
  const pool = new Pool({ start, slots, areas });
  const log = new LogLines();
  const allocator = new Allocator({ pool, growth: { pages, limit: 2 ** 32 - 1, areas }, log, ...o });
  return { pages, pool, allocator, log: log.lines };
}

test("no pool: the kernel says that it can't now provide one", () => {
  const log = new LogLines();
  const allocator = new Allocator({ pool: null, growth: null, log });
  expect(allocator.map(request({}))).toBe(-1);
  expect(log.lines).toEqual([
    "Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer",
  ]);
});

test("a full pool that cannot grow says how full, in the kernel's words", () => {
  const log = new LogLines();
  const allocator = new Allocator({ pool: new Pool({ start, slots: 512, areas: 1 }), growth: null, log });
  for (let i = 0; i < 4; i++) expect(allocator.map(request({}))).toBe(start + i * 262144);
  expect(allocator.map(request({ size: 2000, orig: 0x600, minAlignMask: 0xfff }))).toBe(-1);
  expect(allocator.map(request({ noWarn: true }))).toBe(-1);
  expect(log.lines).toEqual(["swiotlb buffer is full (sz: 3536 bytes), total 512 (slots), used 512 (slots)"]);
  expect(allocator.slots).toBe(512);
});

test("the log of a pool that stays full is bounded", () => {
  const log = new LogLines();
  const allocator = new Allocator({ pool: new Pool({ start, slots: 128, areas: 1 }), growth: null, log });
  for (let i = 0; i < 3000; i++) allocator.map(request({}));
  expect(log.lines.length).toBe(1000);
});

test("a failed search makes a transient pool of exactly its slots, and asks for a pool", () => {
  const { pages, pool, allocator } = growing();
  for (let i = 0; i < 4; i++) allocator.map(request({}));
  const at = allocator.map(request({ size: 5000 }));
  expect(at).toBe(0x4000_0000);
  expect(allocator.poolAt(at)!.slots).toBe(3);
  expect([allocator.used, allocator.transientSlots, allocator.slots]).toEqual([515, 3, 512]);
  expect(allocator.growthWaits).toBe(true);
  expect(pages.given.get(at)).toBe(3 * 2048);
  expect(allocator.unmap(at, 0)).toBe(true);
  expect(allocator.unmap(at, 0)).toBe(false);
  expect([allocator.used, allocator.transientSlots, pages.given.size]).toEqual([512, 0, 0]);
  expect(allocator.hiwater).toBe(515);
  expect(pool.used).toBe(512);
});

test("a request larger than a slot set neither grows nor is tried", () => {
  const { pages, allocator, log } = growing();
  expect(allocator.map(request({ size: 262145 }))).toBe(-1);
  expect([allocator.growthWaits, pages.given.size]).toEqual([false, 0]);
  expect(log).toEqual(["swiotlb buffer is full (sz: 262145 bytes), total 512 (slots), used 0 (slots)"]);
});

test.each<[string, Partial<MapRequest>, Partial<AllocatorShape>, boolean, number]>([
  ["what is kept in front makes it too large", { orig: 0x1_0000_0200, minAlignMask: 0xfff }, {}, false, 262656],
  [
    "one byte less in front of it would do",
    { orig: 0x1_0000_0001, minAlignMask: 0xfff, size: 262143 },
    {},
    true,
    262144,
  ],
  ["of a mask that the address does not meet", { orig: 0x1_0000_1000, minAlignMask: 0xfff }, {}, true, 262144],
  ["rounded up to the caller's alignment", { size: 258049, allocAlignMask: 0x3fff }, {}, true, 262144],
  [
    "more than it with what is kept in front",
    { orig: 0x1_0000_0e00, minAlignMask: 0xfff, allocAlignMask: 0xfff },
    {},
    false,
    266240,
  ],
  // Before 55c543865bb4 every pool was searched, and one asked for, whatever the size; the message left the front out.
  ["an older kernel", { orig: 0x1_0000_0200, minAlignMask: 0xfff }, { profile: before2024 }, true, 262144],
])("a request that no pool can serve is refused at once: %s", (_, o, shape, grows, logged) => {
  const { pages, pool, allocator, log } = growing(shape);
  // Nothing is left of the first pool, so that only the size decides.
  for (let i = 0; i < 4; i++) expect(pool.map(0, 1, 0, 262144, 0, 0, 0)).toBeGreaterThanOrEqual(0);
  const at = allocator.map(request(o));
  expect(allocator.growthWaits).toBe(grows);
  if (at < 0) {
    expect(log).toEqual([`swiotlb buffer is full (sz: ${logged} bytes), total 512 (slots), used 0 (slots)`]);
    expect(pages.given.size).toBe(0);
  } else expect(allocator.poolAt(at)!.slots * 2048).toBe(logged);
});

test("an added pool is as large as the first, at most 4 MiB, and halves down to 1 MiB", () => {
  const large = growing({ slots: 8192, areas: 4 });
  large.allocator.growthWaits = true;
  expect(large.allocator.grow()!.slots).toBe(2048);
  const tight = growing({ slots: 8192, areas: 16 });
  tight.pages.bytesMax = 2 ** 21 - 1;
  tight.allocator.growthWaits = true;
  const added = tight.allocator.grow()!;
  expect([added.slots, added.areas]).toEqual([512, 4]);
  tight.pages.bytesMax = 2 ** 20 - 1;
  tight.allocator.growthWaits = true;
  expect(tight.allocator.grow()).toBeNull();
  expect(tight.log).toEqual(["software IO TLB: Failed to allocate new pool"]);
  expect(tight.allocator.grow(), "nobody waits").toBeNull();
});

test("today all pools are searched in one area before the next area; in 6.6 one pool after the other", () => {
  const places = (profile?: typeof before2024) => {
    const { allocator } = growing(profile === undefined ? {} : { profile });
    allocator.growthWaits = true;
    allocator.grow();
    return Array.from({ length: 6 }, () => (allocator.map(request({})) < 0x4000_0000 ? "boot" : "added"));
  };
  expect(places()).toEqual(["added", "added", "boot", "boot", "added", "added"]);
  expect(places(before2024)).toEqual(["added", "added", "added", "added", "boot", "boot"]);
});

test("pages out of the device's reach are not taken for it", () => {
  const { allocator, pages } = growing();
  for (let i = 0; i < 4; i++) allocator.map(request({}));
  expect(allocator.map(request({ limit: 0x3fff_ffff }))).toBe(-1);
  expect(pages.given.size).toBe(0);
});

test("where memory is encrypted a transient pool comes from pages that are shared already", () => {
  const { pages, allocator, log } = growing({ encrypted: true });
  for (let i = 0; i < 4; i++) allocator.map(request({}));
  expect(allocator.map(request({}))).toBe(-1);
  const back: number[] = [];
  pages.atomic = { allocate: () => 0x7000_0000, release: (a) => a === 0x7000_0000 && back.push(a) > 0 };
  const at = allocator.map(request({}));
  expect(at).toBe(0x7000_0000);
  allocator.unmap(at, 0);
  expect(back).toEqual([at]);
  expect(log[0]).toBe("Memory encryption is active and system is using DMA bounce buffers");
});

test("the high water mark takes 0 and nothing else", () => {
  const allocator = new Allocator({ pool: new Pool({ start, slots: 512, areas: 1 }), growth: null });
  allocator.unmap(allocator.map(request({})), 0);
  expect(allocator.writeHiwater(5)).toBe(-22);
  expect(allocator.hiwater).toBe(128);
  expect(allocator.writeHiwater(0)).toBe(0);
  expect(allocator.hiwater).toBe(0);
});

test("an alignment above a page is warned of, once", () => {
  const log = new LogLines();
  const allocator = new Allocator({ pool: new Pool({ start, slots: 512, areas: 1 }), growth: null, log });
  for (let i = 0; i < 2; i++) allocator.map(request({ size: 4096, allocAlignMask: 0x3fff }));
  expect(log.lines).toEqual(["Alloc alignment may prevent fulfilling requests with max mapping_size"]);
});

test("who asks for the lowest address ends growth", () => {
  const { allocator } = growing();
  expect(allocator.highestAddress()).toBe(2 ** 32 - 1);
  expect(allocator.lowestAddress()).toBe(start);
  for (let i = 0; i < 4; i++) allocator.map(request({}));
  expect(allocator.map(request({}))).toBe(-1);
  const fixed = new Allocator({ pool: new Pool({ start, slots: 512, areas: 1 }), growth: null });
  expect(fixed.highestAddress()).toBe(start + 2 ** 20 - 1);
});

test("before 2024 the message leaves out the offset that is kept", () => {
  const pool = new Pool({ start, slots: 128, areas: 1, profile: before2024 });
  const log = new LogLines();
  const allocator = new Allocator({ pool, growth: null, profile: before2024, log });
  allocator.map(request({}));
  allocator.map(request({ size: 2000, orig: 0x600, minAlignMask: 0xfff }));
  expect(log.lines).toEqual(["swiotlb buffer is full (sz: 2000 bytes), total 128 (slots), used 128 (slots)"]);
});
