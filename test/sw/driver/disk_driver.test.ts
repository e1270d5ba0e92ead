/** A disk and its driver, end to end, on the engines of a kernel without a hypervisor. */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import type { DmaPort } from "../../../src/bus/dma_port.js";
import { Disk } from "../../../src/hw/device/disk.js";
import { oneWay } from "../../../src/sim/actor.js";
import { runUntilIdle } from "../../../src/sim/schedule.js";
import { DmaApi } from "../../../src/sw/dma/index.js";
import { DiskDriver } from "../../../src/sw/driver/disk_driver.js";
import { engines, NativeGuest, plainDevice } from "../../../src/sw/engine/index.js";

const frames = 8192;

function machine(name: "direct" | "swiotlb", o: { addressBits?: number; mask?: number; force?: boolean } = {}) {
  const guest = new NativeGuest(frames);
  /** Decides of each access of the disk whether the bus refuses it. */
  const bus = { refuses: (_at: number): boolean => false };
  const port: DmaPort = {
    read: (_, at, into) => {
      if (bus.refuses(at)) return "fault";
      guest.memory.read(at, into);
      return "done";
    },
    write: (_, at, from) => {
      if (bus.refuses(at)) return "fault";
      guest.memory.write(at, from);
      return "done";
    },
  };
  const start = guest.allocPages(9)! * 4096;
  const pool = { start, slots: 1024, areas: 1 };
  const engine = engines[name].build({ guest, pool: name === "direct" ? null : pool, force: o.force ?? false });
  const mask = o.mask ?? 2 ** 64;
  const device = plainDevice({ bdf: "0000:00:03.0", maxSegmentBytes: 65536, mask, coherentMask: mask });
  const disk = new Disk({ port, requester: 0x18, blocks: 4096, addressBits: o.addressBits ?? 64 });
  let resets = 0;
  const driver = new DiskDriver({
    memory: guest.memory,
    api: new DmaApi({ engine, device }),
    registers: disk.registers,
    interrupt: disk.interrupt,
    onReset: () => resets++,
  });
  return { guest, disk, driver, bus, resets: () => resets };
}

/** A buffer of random bytes in scattered pieces of memory, in whole blocks. */
function scattered(guest: NativeGuest, rng: Rng, blocks: number) {
  const list: { phys: number; size: number }[] = [];
  const bytes = Uint8Array.from({ length: blocks * 512 }, () => rng.below(256));
  for (let at = 0; at < bytes.length; ) {
    const size = Math.min(bytes.length - at, 512 * (1 + rng.below(8)));
    const phys = guest.allocPages(1)! * 4096 + 512 * rng.below(8);
    guest.memory.write(phys, bytes.subarray(at, at + size));
    list.push({ phys, size });
    at += size;
  }
  return { list, bytes };
}

function gathered(guest: NativeGuest, list: readonly { phys: number; size: number }[]) {
  const parts = list.map(({ phys, size }) => {
    const part = new Uint8Array(size);
    guest.memory.read(phys, part);
    return part;
  });
  return Uint8Array.from(parts.flatMap((p) => [...p]));
}

test.each([
  ["direct", {}],
  ["swiotlb", {}],
  ["swiotlb", { force: true }],
] as const)("what was written comes back: %s %o", (name, o) => {
  const rng = new Rng(7);
  const { guest, disk, driver } = machine(name, o);
  const errors: (string | null)[] = [];
  const written = Array.from({ length: 40 }, (_, n) => ({
    block: n * 64,
    ...scattered(guest, rng, 1 + rng.below(40)),
  }));
  for (const w of written) driver.submit({ toDisk: true, ...w, done: (e) => errors.push(e) });
  expect(runUntilIdle([oneWay("disk", disk), oneWay("driver", driver)], rng, 1e5).idle).toBe(true);
  for (const w of written) same(disk.medium.subarray(w.block * 512, w.block * 512 + w.bytes.length), w.bytes);
  const into = written.map((w) => scattered(guest, rng, w.bytes.length / 512));
  for (const [n, { list }] of into.entries())
    driver.submit({ toDisk: false, block: written[n]!.block, list, done: (e) => errors.push(e) });
  expect(runUntilIdle([oneWay("disk", disk), oneWay("driver", driver)], rng, 1e5).idle).toBe(true);
  for (const [n, { list }] of into.entries()) same(gathered(guest, list), written[n]!.bytes);
  expect(errors).toEqual(new Array(80).fill(null));
  driver.close();
});

test("a disk with too few address lines, whose driver says so, still gets its bytes", () => {
  const rng = new Rng(3);
  const { guest, disk, driver } = machine("swiotlb", { addressBits: 24, mask: 2 ** 24 - 1 });
  const w = scattered(guest, rng, 60);
  driver.submit({ toDisk: true, block: 5, list: w.list, done: (e) => expect(e).toBeNull() });
  runUntilIdle([oneWay("disk", disk), oneWay("driver", driver)], rng, 1e5);
  same(disk.medium.subarray(5 * 512, 65 * 512), w.bytes);
});

test("a transfer beyond the end of the disk fails and moves nothing", () => {
  const { guest, disk, driver } = machine("direct");
  const before = disk.medium.slice();
  const errors: (string | null)[] = [];
  const { list } = scattered(guest, new Rng(1), 8);
  driver.submit({ toDisk: true, block: 4090, list, done: (e) => errors.push(e) });
  runUntilIdle([oneWay("disk", disk), oneWay("driver", driver)], new Rng(1), 1e4);
  expect(errors).toEqual(["the disk answered status 0x80"]);
  same(disk.medium, before);
});

test.each(["fetched", "answered"])(
  "commands that cannot be %s are given back with an error, and the next ones work",
  (what) => {
    const rng = new Rng(5);
    const { guest, disk, driver, bus, resets } = machine("swiotlb", { force: true });
    const entryBytes = what === "fetched" ? 64 : 16;
    let refusals = 2;
    bus.refuses = (at) => {
      const from = disk.registers.get(what === "fetched" ? "submissionQueue" : "completionQueue");
      return at >= from + 2 * entryBytes && at < from + 8 * entryBytes && refusals-- > 0;
    };
    const ended: { n: number; error: string | null }[] = [];
    const transfers = Array.from({ length: 30 }, (_, n) => ({
      block: n * 16,
      ...scattered(guest, rng, 1 + rng.below(16)),
    }));
    for (const [n, w] of transfers.entries())
      driver.submit({ toDisk: true, ...w, done: (error) => ended.push({ n, error }) });
    expect(runUntilIdle([oneWay("disk", disk), oneWay("driver", driver)], rng, 1e5).idle).toBe(true);
    expect([resets(), ended.length, driver.idle]).toEqual([2, 30, true]);
    expect(new Set(ended.map((e) => e.n)).size).toBe(30);
    expect(new Set(ended.map((e) => e.error))).toEqual(
      new Set([null, "the controller has stopped (CSTS.CFS) and was reset"]),
    );
    for (const { n, error } of ended) {
      const { block, bytes } = transfers[n]!;
      if (error === null) same(disk.medium.subarray(block * 512, block * 512 + bytes.length), bytes);
    }
    driver.close();
  },
);

/** Compared as memory: an expectation over each byte takes seconds. */
function same(got: Uint8Array, want: Uint8Array) {
  expect(Buffer.compare(got, want)).toBe(0);
}
