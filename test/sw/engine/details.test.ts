/** What single engines do at their edges: refusals, exchanges, registers, small buffers, parts. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { attrMmio, Direction } from "../../../src/spec/dma/direction.js";
import { Checker, DmaApi } from "../../../src/sw/dma/index.js";
import {
  BounceTable,
  engines,
  linkParts,
  NativeGuest,
  plainDevice,
  todaysEngines,
} from "../../../src/sw/engine/index.js";
import { NativePages } from "../../../src/sw/engine/kernel/native_pages.js";
import { bench, kinds, readBytes } from "./bench.js";

const { toDevice, fromDevice } = Direction;
const kind = (what: string) => kinds.find((k) => k.what === what)!;
const at = 64 * 4096;

describe("coherent memory of swiotlb-xen on x86", () => {
  test("what lies in pieces is exchanged, what does not is left alone", () => {
    const b = bench(kind("swiotlb-xen x86"));
    const one = b.api.alloc(4096)!;
    expect(b.scattered!.regions.size).toBe(0);
    const four = b.api.alloc(16384)!;
    expect(b.scattered!.regions.size).toBe(1);
    b.api.free(four, 16384);
    b.api.free(one, 4096);
    expect([b.scattered!.regions.size, b.scattered!.unpaired]).toEqual([0, 0]);
  });

  test("a narrow coherent mask is met by an exchange, and null is the answer when none is left", () => {
    const b = bench({ ...kind("swiotlb-xen x86"), device: { coherentMask: 2 ** 23 - 1 } });
    const held = [];
    for (;;) {
      const region = b.api.alloc(262144);
      if (region === null) break;
      expect(region.bus + 262144).toBeLessThanOrEqual(2 ** 23);
      held.push(region);
    }
    expect(held.length).toBeGreaterThan(0);
    const left = b.scattered!.pagesLeft;
    expect(b.api.alloc(262144)).toBeNull();
    expect(b.scattered!.pagesLeft, "pages of a failed allocation are free again").toBe(left);
  });

  test("what is freed under a narrower mask than it was had is left allocated, with a warning", () => {
    const b = bench(kind("swiotlb-xen x86"));
    const region = b.api.alloc(16384)!;
    const left = b.scattered!.pagesLeft;
    b.engine.freeCoherent({ ...b.device, coherentMask: 0xfff }, { ...region, size: 16384 });
    expect(b.scattered!.pagesLeft).toBe(left);
    expect(b.log[0]).toMatch(/^WARNING: coherent memory .* is left allocated$/);
  });

  test("a size is rounded up to pages today and to its order in 6.1: three pages may do without an exchange", () => {
    const b = bench(kind("swiotlb-xen x86"));
    const at = b.api.alloc(12288)!;
    expect(readBytes(b.memory, at.phys, 16384).every((x) => x === 0)).toBe(true);
  });
});

test("registers go untranslated or not at all, and never through the pool", () => {
  for (const what of ["direct", "swiotlb, a narrow device", "swiotlb-xen x86", "swiotlb-xen x86 forced"]) {
    const b = bench(kind(what));
    const m = b.api.map(0x10_0000, 256, toDevice, attrMmio);
    expect([what, m.bus, m.bounced, m.cause]).toEqual([what, 0x10_0000, false, "mmio"]);
  }
  const b = bench(kind("swiotlb-xen x86, a narrow device"));
  expect(b.api.map(0xfe00_0000, 256, toDevice, attrMmio).bus).toBe(-1);
  expect(b.log[0]).toBe("DMA addr 0x00000000fe000000+256 overflow (mask 7fffff, bus limit 0).");
});

test("a small receive buffer of a device that does not see the cache bounces, unless its size is safe", () => {
  const bounced = (size: number, direction: Direction, what = "swiotlb, a wide device") => {
    const b = bench({ ...kind(what), noncoherent: true });
    const m = b.api.map(at, size, direction);
    return m.bounced ? m.cause : null;
  };
  expect([16, 64, 96, 128, 192, 200, 255, 256].map((n) => bounced(n, fromDevice))).toEqual([
    ...["kmalloc", null, "kmalloc", null, null, null, null, null],
  ]);
  expect(bounced(16, toDevice)).toBeNull();
  expect(bench(kind("swiotlb, a wide device")).api.map(at, 16, fromDevice).bounced).toBe(false);
});

test("bugs of the slot table are seen by the checks on bytes", () => {
  const run = (bug: "sync-overwrites" | "stale-bounce" | "sync-from-start") => {
    const native = new NativeGuest(1024);
    const pool = { start: native.allocPages(6)! * 4096, slots: 128, areas: 1 };
    const found = (poolBugs: readonly (typeof bug)[]) => {
      const engine = engines.swiotlb.build({ guest: native, pool, force: true, poolBugs });
      const checker = new Checker({ guest: native, memory: native.memory });
      const api = new DmaApi({ engine, device: plainDevice({ bdf: "0000:00:03.0" }), checks: checker });
      const port = checker.watchPort({
        read: (_r, a, into) => {
          native.memory.read(a, into);
          return "done";
        },
        write: (_r, a, from) => {
          native.memory.write(a, from);
          return "done";
        },
      });
      native.memory.fill(pool.start, 128 * 2048, 0x5e);
      native.memory.fill(0x20_0000, 8192, 0x11);
      const m = api.map(0x20_0000, 8192, fromDevice);
      port.write(0x18, m.bus + 4096, new Uint8Array(4096).fill(0xd4));
      api.syncForCpu(m.bus + 4096, 100, fromDevice);
      api.syncForDevice(m.bus + 4096, 100, fromDevice);
      port.write(0x18, m.bus, new Uint8Array(64).fill(0xd5));
      api.syncForDevice(m.bus, 8192, fromDevice);
      api.mappingError(m.bus);
      api.unmap(m.bus, 8192, fromDevice);
      return checker.count("stale-bytes") + checker.count("foreign-bytes");
    };
    return [found([]), found([bug]) > 0];
  };
  expect(run("stale-bounce")).toEqual([0, true]);
  expect(run("sync-from-start")).toEqual([0, true]);
  expect(run("sync-overwrites")).toEqual([0, true]);
});

test("a buffer is linked as head, whole granules and tail, and every byte is in one part", () => {
  const { rules } = todaysEngines;
  const rng = new Rng(6);
  for (let n = 0; n < 500; n++) {
    const phys = rng.below(20000);
    const size = 1 + rng.below(20000);
    const parts = linkParts(rules, { phys, size }, 4096);
    let next = phys;
    for (const p of parts) {
      expect(p.phys).toBe(next);
      expect(p.size).toBeGreaterThan(0);
      if (!p.bounces) expect([p.phys % 4096, p.size % 4096]).toEqual([0, 0]);
      next += p.size;
    }
    expect(next).toBe(phys + size);
  }
});

test("pages of a native kernel: aligned to their size, never twice, and all of them back", () => {
  const pages = new NativePages(1, 1000);
  const rng = new Rng(14);
  const taken = new Map<number, number>();
  const owner = new Set<number>();
  for (let n = 0; n < 3000; n++) {
    const order = rng.below(5);
    if (rng.below(2) === 0 && taken.size > 0) {
      const [first, o] = [...taken][rng.below(taken.size)]!;
      pages.release(first, o);
      taken.delete(first);
      for (let k = 0; k < 2 ** o; k++) owner.delete(first + k);
      continue;
    }
    const first = pages.allocate(order);
    if (first < 0) continue;
    expect(first % 2 ** order).toBe(0);
    for (let k = 0; k < 2 ** order; k++) {
      expect(owner.has(first + k)).toBe(false);
      owner.add(first + k);
    }
    taken.set(first, order);
  }
  for (const [first, o] of taken) pages.release(first, o);
  expect(pages.pagesLeft).toBe(999);
  expect(pages.allocate(8), "what was split is whole again").toBe(256);
  expect(() => pages.release(4, 0)).toThrow("page-free");
});

test("a table says why it refuses", () => {
  const memory = new NativeGuest(64).memory;
  const table = new BounceTable(memory, { start: 0x8000, slots: 16, areas: 1 }, { growth: null });
  const device = plainDevice({ bdf: "0000:00:03.0" });
  const call = { phys: 0, size: 4096, direction: toDevice, attributes: 0 };
  expect(table.whyRefused(device, { ...call, size: 2 ** 20 }).words).toContain("more than one mapping");
  for (let n = 0; n < 8; n++) table.map(device, call);
  expect(table.whyRefused(device, call).words).toBe("the pool is exhausted: 2 slots asked, 0 free");
});
