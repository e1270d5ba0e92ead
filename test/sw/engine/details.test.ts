/** What single engines do at their edges: refusals, caches, exchanges, and the order of steps. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { attrMmio, attrSkipCpuSync, Direction } from "../../../src/spec/dma/direction.js";
import { Checker, DmaApi } from "../../../src/sw/dma/index.js";
import {
  BounceTable,
  type CachedGuest,
  type CacheOps,
  CpuCache,
  engines,
  linkParts,
  NativeGuest,
  plainDevice,
  todaysEngines,
} from "../../../src/sw/engine/index.js";
import { NativePages } from "../../../src/sw/engine/native_pages.js";
import { bench, kinds, readBytes } from "./bench.js";

const { toDevice, fromDevice, bidirectional } = Direction;
const kind = (what: string) => kinds.find((k) => k.what === what)!;
const foreignAt = 3000;
const at = 64 * 4096;
const arm = kind("swiotlb-xen Arm, not coherent");

describe("cache maintenance of another domain's page", () => {
  test("goes through the hypervisor, one call a frame, with the operation that the direction asks for", () => {
    const b = bench(arm);
    b.scattered!.mapForeign({ at: foreignAt, ownersNumber: 1 });
    const calls = b.scattered!.cacheCalls;
    const rows = [
      [toDevice, ["clean"]],
      [fromDevice, ["invalidate", "invalidate"]],
      [bidirectional, ["clean", "invalidate"]],
    ] as const;
    for (const [direction, expected] of rows) {
      calls.length = 0;
      const m = b.api.map(foreignAt * 4096, 4096, direction);
      b.api.unmap(m.bus, 4096, direction);
      expect(calls).toEqual(expected);
    }
    calls.length = 0;
    b.api.unmap(b.api.map(foreignAt * 4096, 4096, toDevice, attrSkipCpuSync).bus, 4096, toDevice, attrSkipCpuSync);
    b.api.unmap(b.api.map(at, 4096, bidirectional).bus, 4096, bidirectional);
    expect(calls, "not for own pages, and not when it is skipped").toEqual([]);
  });

  test("where the hypervisor has no such call, the page bounces, but only for a device that needs it", () => {
    const old = bench(arm);
    old.scattered!.cacheStatus = -38;
    const make = (coherent: boolean) => {
      const { guest, engine } = old;
      const pool = { start: engine.pool!.start, slots: engine.pool!.slabCount, areas: 1 };
      const cache = (guest as CachedGuest).cache;
      const fresh = engines["swiotlb-xen-arm"].build({ guest, pool, cache });
      return fresh.map({ ...old.device, coherent }, foreignAt * 4096, 4096, toDevice, 0);
    };
    old.scattered!.mapForeign({ at: foreignAt, ownersNumber: 1 });
    expect(make(false)).toMatchObject({ bounced: true, cause: "foreign-noncoherent", foreign: true });
    expect(make(true)).toMatchObject({ bounced: false, cause: "translated" });
  });

  test("a call that the hypervisor refuses is said once and leaves the cache alone", () => {
    const b = bench(arm);
    b.scattered!.mapForeign({ at: foreignAt, ownersNumber: 1 });
    b.scattered!.cacheStatus = -1;
    for (let n = 0; n < 3; n++) b.api.map(foreignAt * 4096, 100, toDevice);
    expect(b.engine.log).toEqual(["cache clean of a foreign frame was refused: -1"]);
  });
});

test("copies and cache maintenance are in order: the copy before the clean, the invalidation before the copy", () => {
  for (const what of ["swiotlb forced, not coherent", "swiotlb-xen Arm forced, not coherent"]) {
    const b = bench(kind(what));
    const steps: string[] = [];
    const spy: CacheOps = {
      clean: () => steps.push("clean"),
      invalidate: () => steps.push("invalidate"),
      setUncached: () => {},
    };
    const pool = { start: b.engine.pool!.start, slots: 512, areas: 1 };
    const inner = b.scattered ?? new NativeGuest(2048);
    const memory = {
      read: (a: number, into: Uint8Array) => inner.memory.read(a, into),
      write: (a: number, from: Uint8Array) => {
        steps.push("copy");
        inner.memory.write(a, from);
      },
      copy: () => {},
    };
    const guest = Object.create(inner, { memory: { value: memory } });
    const bound = new Proxy(guest, {
      get: (_t, name) => {
        if (name === "memory") return memory;
        const value = (inner as unknown as Record<string | symbol, unknown>)[name];
        return typeof value === "function" ? value.bind(inner) : value;
      },
    });
    const engine = engines[kind(what).engine].build({ guest: bound, pool, force: true, cache: spy });
    const api = new DmaApi({ engine, device: b.device });
    const m = api.map(at, 64, bidirectional);
    expect(steps.splice(0)).toEqual(["copy", "clean"]);
    api.syncForCpu(m.bus, 64, bidirectional);
    expect(steps.splice(0)).toEqual(["invalidate", "copy"]);
    api.syncForDevice(m.bus, 64, bidirectional);
    expect(steps.splice(0)).toEqual(["copy", "clean"]);
    api.unmap(m.bus, 64, bidirectional);
    expect(steps.splice(0)).toEqual(["invalidate", "copy"]);
  }
});

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
    expect(b.engine.log[0]).toMatch(/^WARNING: coherent memory .* is left allocated$/);
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
  expect(b.engine.log[0]).toBe("DMA addr 0x00000000fe000000+256 overflow (mask 7fffff, bus limit 0).");
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

describe("the CPU's cache", () => {
  const setUp = () => {
    const guest = new NativeGuest(16);
    const cache = new CpuCache({ inner: guest.memory, machine: guest.memory, physToBus: (a) => a });
    return { machine: guest.memory, cache };
  };

  test("what the CPU writes reaches memory when it is cleaned, and not before", () => {
    const { machine, cache } = setUp();
    cache.write(100, new Uint8Array([1, 2, 3]));
    expect([...readBytes(machine, 100, 3)]).toEqual([0, 0, 0]);
    expect([...readBytes(cache, 100, 3)]).toEqual([1, 2, 3]);
    cache.clean(102, 1);
    expect([...readBytes(machine, 100, 3)]).toEqual([1, 2, 3]);
    expect(cache.cleaned).toBe(1);
  });

  test("what memory holds is seen after an invalidation; a line that reaches beyond is written back first", () => {
    const { machine, cache } = setUp();
    cache.write(0, new Uint8Array(256).fill(7));
    machine.write(64, new Uint8Array(128).fill(9));
    cache.invalidate(64, 128);
    expect([...readBytes(cache, 64, 2), cache.lost]).toEqual([9, 9, 2]);
    cache.write(192, new Uint8Array([5]));
    cache.invalidate(193, 1);
    expect(readBytes(machine, 192, 1)[0]).toBe(5);
  });

  test("uncached memory is the same on both sides, and looking leaves no line", () => {
    const { machine, cache } = setUp();
    cache.setUncached(4096, 4096, true);
    cache.write(4096, new Uint8Array([3]));
    expect(readBytes(machine, 4096, 1)[0]).toBe(3);
    readBytes(cache.peek(), 0, 64);
    machine.write(0, new Uint8Array([8]));
    expect(readBytes(cache, 0, 1)[0]).toBe(8);
  });

  test("a missing sync shows: the CPU reads what it had, the device what memory had", () => {
    const b = bench(kind("direct, not coherent"));
    const m = b.api.map(at, 64, fromDevice);
    readBytes(b.guest.memory, at, 64);
    b.port.write(b.requester, m.bus, new Uint8Array(64).fill(0xd0));
    expect(readBytes(b.memory, at, 1)[0]).toBe(0);
    expect(b.checker.count("missing-sync-for-cpu")).toBe(1);
  });
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
  expect(table.whyRefused(device, { ...call, size: 2 ** 20 })).toContain("more than one mapping");
  for (let n = 0; n < 8; n++) table.map(device, call);
  expect(table.whyRefused(device, call)).toBe("the pool is exhausted: 2 slots asked, 0 free");
});
