/** The faces of kernels, devices, drivers and the bounce pool: data goes through them, and what is no size is refused. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../src/base/rng.js";
import { createDisk, createNic, runUntilIdle } from "../../src/doors/device.js";
import { address, BadOption, createDiskDriver, createKernel, createNicDriver, Misuse } from "../../src/doors/driver.js";
import { createBouncePool } from "../../src/doors/swiotlb.js";
import { Pool } from "../../src/sw/swiotlb/pool.js";

const bdf = "0000:00:03.0";

describe("a disk and its driver", () => {
  test("what is written to the disk is read from it, through the bounce pool", () => {
    const kernel = createKernel({
      ...{ memory: "128MiB", swiotlb: { slots: 2048, mode: "force" } },
      devices: [{ bdf, driver: "nvme" }],
    });
    const disk = createDisk({ bus: kernel.bus, bdf, blocks: 64 });
    const driver = createDiskDriver({ kernel, bdf, registers: disk.registers, interrupt: disk.interrupt });
    const buffer = kernel.allocate(8192)!;
    const bytes = Uint8Array.from({ length: 8192 }, (_, i) => i * 7);
    kernel.memory.write(buffer, bytes);
    const ends: (string | null)[] = [];
    const list = [
      { phys: buffer, size: 4096 },
      { phys: address(buffer + 4096), size: 4096 },
    ];
    driver.submit({ toDisk: true, block: 3, list, done: (error) => ends.push(error) });
    expect(runUntilIdle([driver, disk])).toBeGreaterThan(5);
    expect(Buffer.compare(disk.medium.subarray(3 * 512, 3 * 512 + 8192), bytes)).toBe(0);
    kernel.memory.write(buffer, new Uint8Array(8192));
    driver.submit({ toDisk: false, block: 3, list, done: (error) => ends.push(error) });
    runUntilIdle([driver, disk]);
    const back = new Uint8Array(8192);
    kernel.memory.read(buffer, back);
    expect(Buffer.compare(back, bytes)).toBe(0);
    expect([ends, driver.idle, disk.idle, driver.resets]).toEqual([[null, null], true, true, 0]);
    driver.close();
    kernel.release({ phys: buffer, bytes: 8192 });
    expect(kernel.violations).toEqual([]);
    expect(kernel.dma(bdf).engine).toMatchObject({ name: "swiotlb" });
  });

  test("a bus of one's own sees where the driver sends the device", () => {
    const kernel = createKernel({ memory: "64MiB", devices: [{ bdf, driver: "nvme" }] });
    const seen = new Set<number>();
    const bus = {
      read(requester: number, at: number, into: Uint8Array) {
        seen.add(Math.floor(at / 4096));
        return kernel.bus.read(requester, at, into);
      },
      write: kernel.bus.write.bind(kernel.bus),
    };
    const disk = createDisk({ bus, bdf, blocks: 8 });
    const driver = createDiskDriver({ kernel, bdf, registers: disk.registers, interrupt: disk.interrupt, entries: 4 });
    const buffer = kernel.allocate(512)!;
    driver.submit({ toDisk: true, block: 0, list: [{ phys: buffer, size: 512 }], done: () => {} });
    runUntilIdle([driver, disk]);
    expect(seen.has(buffer / 4096)).toBe(true);
  });
});

test("a network card and its driver send and receive", () => {
  const kernel = createKernel({ memory: "64MiB", devices: [{ bdf, driver: "e1000" }] });
  const sent: Uint8Array[] = [];
  const got: Uint8Array[] = [];
  const nic = createNic({ bus: kernel.bus, bdf, emit: (packet) => sent.push(packet) });
  const { registers, configuration, interrupt } = nic;
  const received = (packet: Uint8Array) => got.push(packet);
  const driver = createNicDriver({ kernel, bdf, registers, configuration, interrupt, entries: 8, received });
  runUntilIdle([driver, nic]);
  const packet = Uint8Array.from({ length: 90 }, (_, i) => i);
  const buffer = kernel.allocate(90)!;
  kernel.memory.write(buffer, packet);
  let ended: string | null = "not yet";
  const done = (error: string | null) => {
    ended = error;
  };
  driver.send({ list: [{ phys: buffer, size: 90 }], done });
  for (let n = 0; n < 20; n++) {
    expect(nic.receive(packet.map((b) => b + n))).toBe(true);
    runUntilIdle([driver, nic]);
  }
  expect([ended, sent.map((p) => [...p])]).toEqual([null, [[...packet]]]);
  expect(got.map((p) => p[1])).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  driver.close();
  expect(kernel.violations).toEqual([]);
});

describe("the DMA API", () => {
  const kernel = () =>
    createKernel({ memory: "6GiB", swiotlb: { slots: 512 }, devices: [{ bdf, driver: "nvme", mask: 32 }] });

  test("a buffer below the mask is used where it is; one above bounces, and comes back with the unmapping", () => {
    const k = kernel();
    const dma = k.dma(bdf);
    const low = dma.map({ phys: address(0x1000000), size: 4096, direction: "to-device" });
    expect(low).toEqual({ bus: 0x1000000, bounced: false, foreign: false, cause: "direct", refused: null });
    const phys = address(5 * 2 ** 30);
    const high = dma.map({ phys, size: 100, direction: "from-device" });
    expect(high).toMatchObject({ bounced: true, cause: "mask", refused: null });
    expect(k.bus.write(0x18, high.bus!, new Uint8Array(100).fill(9))).toBe("done");
    dma.unmap({ bus: high.bus!, size: 100, direction: "from-device" });
    const bytes = new Uint8Array(1);
    k.memory.read(phys, bytes);
    expect(bytes[0]).toBe(9);
    dma.unmap({ bus: low.bus!, size: 4096, direction: "to-device" });
    expect(k.violations).toEqual([]);
  });

  test("what no pool serves is refused with its reason, alone and in a list", () => {
    const dma = kernel().dma(bdf);
    const phys = address(5 * 2 ** 30);
    const refused = { bus: null, refused: { reason: "too-large" } };
    expect(dma.map({ phys, size: 2 ** 20, direction: "both" })).toMatchObject(refused);
    const list = dma.mapList({ list: [{ phys, size: 2 ** 20 }], direction: "both" });
    expect(list).toMatchObject({ segments: [], refused: { reason: "too-large" } });
  });

  test("a list, its syncs and shared memory", () => {
    const k = kernel();
    const dma = k.dma(bdf);
    const pages = [1, 2, 5].map((n) => ({ phys: address(n * 2 ** 24), size: 4096 }));
    const mapped = dma.mapList({ list: pages, direction: "both" });
    expect(mapped.segments).toEqual(pages.map(({ phys, size }) => ({ bus: phys, size })));
    mapped.unmap();
    const one = dma.map({ ...pages[0]!, direction: "both" });
    const range = { bus: one.bus!, size: 4096, direction: "both" } as const;
    dma.syncForCpu(range);
    dma.syncForDevice(range);
    dma.unmap(range);
    const shared = dma.alloc(10_000)!;
    expect(shared.size).toBe(10_000);
    dma.free(shared);
    expect(k.violations).toEqual([]);
  });

  test("a driver that breaks a rule is told, unless nobody watches", () => {
    const [watched, unwatched] = [true, false].map((checks) => createKernel({ checks, devices: [{ bdf }] })) as [
      ReturnType<typeof createKernel>,
      ReturnType<typeof createKernel>,
    ];
    for (const k of [watched, unwatched]) {
      k.dma(bdf).unmap({ bus: address(4096), size: 4096, direction: "both" });
    }
    expect(watched.violations).toMatchObject([{ rule: "unmap-unknown", device: bdf }]);
    expect(unwatched.violations).toEqual([]);
  });
});

describe("a bounce pool", () => {
  test("takes the slots that the pool beneath takes", () => {
    const shape = { start: address(0x7000_0000), slots: 512, areas: 2 };
    const [pool, beneath] = [createBouncePool(shape), new Pool(shape)];
    const rng = new Rng(9);
    const alive: (readonly [number, number])[] = [];
    for (let n = 0; n < 2000; n++) {
      if (alive.length > 0 && rng.below(3) === 0) {
        const [bounce, mask] = alive.splice(rng.below(alive.length), 1)[0]!;
        expect(pool.unmap({ bounce: address(bounce), minAlignMask: mask })).toBe(true);
        beneath.unmap(bounce - shape.start, mask);
        continue;
      }
      const phys = address(rng.below(2 ** 30) * 8);
      const [size, cpu, minAlignMask] = [1 + rng.below(30_000), rng.below(4), rng.below(2) * 0xfff];
      const bounce = pool.map({ phys, size, cpu, minAlignMask });
      const offset = beneath.map(cpu, Math.floor(phys / 2 ** 32), phys >>> 0, size, minAlignMask, 0, 0);
      expect(bounce).toBe(offset < 0 ? null : shape.start + offset);
      if (bounce === null) expect(pool.whyFull({ phys, size, cpu, minAlignMask })).not.toBeNull();
      else alive.push([bounce, minAlignMask]);
    }
    expect([pool.used, pool.hiwater]).toEqual([beneath.used, beneath.hiwater]);
    expect(alive.length).toBeGreaterThan(20);
    const [bounce, minAlignMask] = alive[0]!;
    const again = () => pool.unmap({ bounce: address(bounce), minAlignMask });
    expect([again(), again()]).toEqual([true, false]);
  });
});

const kernel = createKernel({ memory: "64MiB", devices: [{ bdf }] });
const disk = createDisk({ bus: kernel.bus, bdf, blocks: 8 });
const driver = createDiskDriver({ kernel, bdf, registers: disk.registers, interrupt: disk.interrupt });
const pool = createBouncePool({ start: address(0), slots: 128 });
const dma = kernel.dma(bdf);
const phys = address(4096);
const done = () => {};

test.each<[string, (size: number) => unknown]>([
  ["a mapping's size", (size) => dma.map({ phys, size, direction: "both" })],
  ["a list's size", (size) => dma.mapList({ list: [{ phys, size }], direction: "both" })],
  ["a synced size", (size) => dma.syncForCpu({ bus: phys, size, direction: "both" })],
  ["shared memory", (size) => dma.alloc(size)],
  ["memory", (size) => kernel.allocate(size)],
  ["a transfer's size", (size) => driver.submit({ toDisk: true, block: 0, list: [{ phys, size }], done })],
  ["a transfer's block", (block) => driver.submit({ toDisk: true, block, list: [{ phys, size: 512 }], done })],
  ["a bounce's size", (size) => pool.map({ phys, size })],
  ["a bounce's boundary", (boundary) => pool.map({ phys, size: 1, boundary })],
  ["a disk's blocks", (blocks) => createDisk({ bus: kernel.bus, bdf, blocks })],
  ["address lines", (addressBits) => createDisk({ bus: kernel.bus, bdf, blocks: 1, addressBits })],
  ["entries", (entries) => createDiskDriver({ kernel, bdf, ...disk, entries } as never)],
])("%s is a whole number within bounds", (_, call) => {
  for (const size of [2048.5, Number.NaN, -1, Number.POSITIVE_INFINITY, 1e300, "4096" as never, null as never]) {
    expect(() => call(size), String(size)).toThrow(BadOption);
  }
});

test.each<[string, () => unknown, RegExp]>([
  [
    "an address that is none",
    () => dma.map({ phys: 2048.5 as never, size: 1, direction: "both" }),
    /^bad-address: 2048\.5/,
  ],
  [
    "a direction that is none",
    () => dma.map({ phys, size: 1, direction: "up" as never }),
    /direction up: one of to-device/,
  ],
  ["a device that was not described", () => kernel.dma("0000:00:04.0"), /bdf 0000:00:04\.0: there is 0000:00:03\.0/],
  ["no device", () => createDisk({ bus: kernel.bus, bdf: "3", blocks: 1 }), /bdf 3: a device such as/],
  ["no bus", () => createNic({ bus: null as never, bdf, emit: done }), /bus null: something that reads and writes/],
  [
    "no kernel",
    () => createDiskDriver({ ...disk, kernel: {} as never, bdf } as never),
    /there is kernel, bdf, registers/,
  ],
  [
    "half a block",
    () => driver.submit({ toDisk: true, block: 0, list: [{ phys, size: 100 }], done }),
    /list 100: a multiple of 512/,
  ],
  [
    "a pool that starts inside a slot",
    () => createBouncePool({ start: address(100), slots: 1 }),
    /^pool-shape: start 100/,
  ],
  ["half a slot", () => createBouncePool({ start: address(0), slots: 2048.5 }), /^pool-shape: 2048\.5 slots/],
])("%s is refused", (_, call, message) => {
  expect(call).toThrow(message);
  expect(call).toThrow(Misuse);
});

test("a kernel whose description contradicts itself is refused with its place", () => {
  expect(() => createKernel({ memory: "1GiB", devices: [{ bdf, mask: 99 }] })).toThrow(
    /^kernel: devices\[0\]\.mask: expected a whole number from 1 to/,
  );
});
