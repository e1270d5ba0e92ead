import { expect, test } from "vitest";
import { LogLines } from "../../../src/base/kernel_log.js";
import { Memory } from "../../../src/mem/memory.js";
import { Direction } from "../../../src/spec/dma/direction.js";
import { Allocator } from "../../../src/sw/swiotlb/allocator.js";
import { Bounce } from "../../../src/sw/swiotlb/bounce.js";
import type { BugId } from "../../../src/sw/swiotlb/bugs.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";

const start = 0x10_0000;
const { bidirectional, toDevice, fromDevice, none } = Direction;

function setUp(bugs: readonly BugId[] = []) {
  const memory = new Memory(2048);
  const pool = new Pool({ start, slots: 128, areas: 1, bugs });
  const copied = { in: 0, out: 0 };
  const log = new LogLines();
  const bounce = new Bounce(memory, new Allocator({ pool, growth: null, bugs }), {
    log,
    copied(bytes, toSlots) {
      copied[toSlots ? "in" : "out"] += bytes;
    },
  });
  const read = (address: number, count: number) => {
    const bytes = new Uint8Array(count);
    memory.read(address, bytes);
    return [...bytes];
  };
  const map = (orig: number, size: number, direction: Direction, o: { min?: number; alloc?: number } = {}) => {
    const request = { cpu: 0, device: 0, orig, size, boundarySlots: 0, limit: 2 ** 32 - 1, direction };
    return bounce.map({ ...request, minAlignMask: o.min ?? 0, allocAlignMask: o.alloc ?? 0 });
  };
  return { memory, pool, bounce, warned: log.lines, copied, read, map };
}

const names = ["bidirectional", "toDevice", "fromDevice"];

type Row = readonly [call: string, direction: Direction, skip: boolean, copiesIn: boolean, copiesOut: boolean];

const rows: readonly Row[] = [
  ["map", toDevice, false, true, false],
  ["map", bidirectional, false, true, false],
  ["map", fromDevice, false, true, false],
  ["map", fromDevice, true, true, false],
  ["map", toDevice, true, true, false],
  ["syncForDevice", toDevice, false, true, false],
  ["syncForDevice", bidirectional, false, true, false],
  ["syncForDevice", fromDevice, false, false, false],
  ["syncForCpu", toDevice, false, false, false],
  ["syncForCpu", bidirectional, false, false, true],
  ["syncForCpu", fromDevice, false, false, true],
  ["unmap", toDevice, false, false, false],
  ["unmap", bidirectional, false, false, true],
  ["unmap", fromDevice, false, false, true],
  ["unmap", fromDevice, true, false, false],
  ["unmap", bidirectional, true, false, false],
];

for (const [call, direction, skipCpuSync, copiesIn, copiesOut] of rows) {
  const copies = copiesIn ? "copies in" : copiesOut ? "copies out" : "copies nothing";
  test(`${call} ${names[direction]}${skipCpuSync ? " without CPU sync" : ""} ${copies}`, () => {
    const { memory, bounce, read, map } = setUp();
    const range = { size: 100, direction, minAlignMask: 0, skipCpuSync };
    memory.fill(0x2000, 100, 0x11);
    if (call === "map") {
      memory.fill(start, 100, 0x99);
      const request = { cpu: 0, device: 0, orig: 0x2000, allocAlignMask: 0, boundarySlots: 0, limit: 2 ** 32 - 1 };
      expect(bounce.map({ ...request, ...range })).toBe(start);
      expect(read(start, 100)).toEqual(Array(100).fill(copiesIn ? 0x11 : 0x99));
      expect(read(0x2000, 100)).toEqual(Array(100).fill(0x11));
      return;
    }
    const address = map(0x2000, 100, direction);
    memory.fill(address, 100, 0x22);
    memory.fill(0x2000, 100, 0x33);
    if (call === "syncForDevice") bounce.syncForDevice({ ...range, address });
    else if (call === "syncForCpu") bounce.syncForCpu({ ...range, address });
    else expect(bounce.unmap({ ...range, address })).toBe(true);
    expect(read(address, 100)).toEqual(Array(100).fill(copiesIn ? 0x33 : 0x22));
    expect(read(0x2000, 100)).toEqual(Array(100).fill(copiesOut ? 0x22 : 0x33));
  });
}

test("a mapping without a direction stops the kernel, and the caller here", () => {
  const { bounce, map } = setUp();
  expect(() => map(0x2000, 100, none)).toThrow("dma-direction");
  const address = map(0x2000, 100, toDevice);
  for (const call of ["syncForDevice", "syncForCpu", "unmap"] as const)
    expect(() => bounce[call]({ address, size: 1, direction: none, minAlignMask: 0 })).toThrow("dma-direction");
});

test("what lay in the slots before reaches nobody, and what the device leaves alone comes back", () => {
  const { memory, bounce, read, map } = setUp();
  memory.fill(0x2000, 512, 0x5e);
  const secret = map(0x2000, 512, toDevice);
  bounce.unmap({ address: secret, size: 512, direction: toDevice, minAlignMask: 0 });
  memory.fill(0x3000, 512, 0x0b);
  const address = map(0x3000, 512, fromDevice);
  memory.fill(address, 10, 0xdd);
  bounce.unmap({ address, size: 512, direction: fromDevice, minAlignMask: 0 });
  expect(read(0x3000, 512)).toEqual([...Array(10).fill(0xdd), ...Array(502).fill(0x0b)]);
});

test("padding is not written: neither before nor behind the mapping", () => {
  const { memory, pool, read, map } = setUp();
  memory.fill(start, 0x4000, 0x77);
  memory.fill(0x2000, 0x2000, 0x11);
  const address = map(0x2a10, 0x300, toDevice, { min: 0xfff, alloc: 0xfff });
  expect(address).toBe(start + 0xa10);
  expect(read(start, 0xa10)).toEqual(Array(0xa10).fill(0x77));
  expect(read(address, 0x300)).toEqual(Array(0x300).fill(0x11));
  expect(read(address + 0x300, 0x100)).toEqual(Array(0x100).fill(0x77));
  expect(pool.used).toBe(2);
});

test("copies of any size reach as far as the mapping, and no further", () => {
  for (const size of [1, 4095, 4096, 4097, 8192, 10_000, 200_001]) {
    const { memory, bounce, read, map, copied } = setUp();
    const orig = 0x40_0000;
    memory.write(
      orig,
      Uint8Array.from({ length: size + 64 }, (_, n) => 1 + (n % 251)),
    );
    memory.write(start, new Uint8Array(size + 9000).fill(0xee));
    const address = map(orig, size, bidirectional);
    const slots = read(address, size + 64);
    expect(slots.slice(0, size)).toEqual(read(orig, size));
    expect(slots.slice(size)).toEqual(new Array(64).fill(0xee));
    memory.write(address, new Uint8Array(size + 64).fill(7));
    bounce.unmap({ address, size, direction: bidirectional, minAlignMask: 0 });
    expect(read(orig + size - 1, 2)).toEqual([7, 1 + (size % 251)]);
    expect(copied).toEqual({ in: size, out: size });
  }
});

test("a sync inside a mapping copies there: in any slot, and before the offset that the first slot keeps", () => {
  const { memory, bounce, warned, read, map } = setUp();
  const orig = 0x2600;
  const address = map(orig, 4096, fromDevice, { min: 0xfff });
  expect(address % 4096).toBe(0x600);
  const device = Uint8Array.from({ length: 4096 }, (_, i) => (i * 7) & 0xff);
  memory.write(address, device);
  const parts = [0, 64, 0x200, 0x9ff, 0xa00, 0xfc0];
  for (const at of parts) {
    bounce.syncForCpu({ address: address + at, size: 64, direction: fromDevice, minAlignMask: 0xfff });
    expect(read(orig + at, 64), `at ${at}`).toEqual([...device.slice(at, at + 64)]);
  }
  expect(read(orig + 0x300, 64), "nothing else is copied").toEqual(Array(64).fill(0));
  expect(warned).toEqual([]);
});

test("a sync in padding or in a free slot does nothing", () => {
  const { memory, bounce, copied, map } = setUp();
  const address = map(0x2a10, 0x300, fromDevice, { min: 0xfff, alloc: 0xfff });
  memory.fill(start, 0x4000, 0x77);
  for (const at of [address - 0x810, start + 0x3000, start + 2 ** 20])
    bounce.syncForCpu({ address: at, size: 16, direction: fromDevice, minAlignMask: 0xfff });
  expect(copied.out).toBe(0);
});

test("a copy larger than the mapping is cut at its end, with one warning", () => {
  const { memory, bounce, warned, read, map } = setUp();
  const address = map(0x2000, 1000, toDevice);
  memory.fill(0x2000, 4000, 0x44);
  for (const size of [1001, 3000]) bounce.syncForDevice({ address, size, direction: toDevice, minAlignMask: 0 });
  expect(read(address + 999, 2)).toEqual([0x44, 0]);
  expect(warned).toEqual(["Buffer overflow detected. Allocation size: 1000. Mapping size: 1001."]);
});

test("with an allocation mask the slack of rounding up is not noticed", () => {
  const { bounce, warned, copied, map } = setUp();
  const address = map(0x2000, 1000, toDevice, { alloc: 0xfff });
  bounce.syncForDevice({ address, size: 4096, direction: toDevice, minAlignMask: 0 });
  expect(warned).toEqual([]);
  expect(copied.in).toBe(1000 + 4096);
});

test("slots above the device's reach are given back, with the kernel's words", () => {
  const { pool, bounce, warned } = setUp();
  const request = { cpu: 0, device: 0, orig: 0x2000, size: 512, boundarySlots: 0, minAlignMask: 0, allocAlignMask: 0 };
  expect(bounce.map({ ...request, limit: 0xf_ffff, direction: fromDevice })).toBe(-1);
  expect(pool.used).toBe(0);
  expect(warned).toEqual(["swiotlb addr 0x0000000000100000+512 overflow (mask fffff, bus limit 0)."]);
});

test("what the CPU writes between two syncs of a buffer that the device writes is lost at unmap, as in Linux", () => {
  const { memory, bounce, read, map } = setUp();
  const range = { address: map(0x2000, 64, fromDevice), size: 64, direction: fromDevice, minAlignMask: 0 };
  memory.fill(range.address, 64, 0xdd);
  bounce.syncForCpu(range);
  memory.fill(0x2000, 8, 0xcc);
  bounce.syncForDevice(range);
  bounce.unmap(range);
  expect(read(0x2000, 64)).toEqual(Array(64).fill(0xdd));
});

test("unmapping what is not mapped says so", () => {
  const { bounce, map } = setUp();
  const range = { address: map(0x2000, 64, toDevice), size: 64, direction: toDevice, minAlignMask: 0 };
  expect(bounce.unmap(range)).toBe(true);
  expect(bounce.unmap(range)).toBe(false);
  expect(bounce.unmap({ ...range, address: 0x5000 })).toBe(false);
});
