/** The CPU's cache between driver and device: who maintains it, in which order, and what is seen when nobody does. */
import { describe, expect, test } from "vitest";
import { attrSkipCpuSync, Direction } from "../../../src/spec/dma/direction.js";
import { DmaApi } from "../../../src/sw/dma/index.js";
import { type CachedGuest, type CacheOps, CpuCache, engines, NativeGuest } from "../../../src/sw/engine/index.js";
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
    expect(b.log).toEqual(["cache clean of a foreign frame was refused: -1"]);
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

describe("the CPU's cache", () => {
  const setUp = () => {
    const guest = new NativeGuest(16);
    const told: string[] = [];
    const cache = new CpuCache({
      ...{ inner: guest.memory, machine: guest.memory, physToBus: (a: number) => a },
      told: (what) => told.push(what),
    });
    return { machine: guest.memory, cache, told };
  };

  test("what the CPU writes reaches memory when it is cleaned, and not before", () => {
    const { machine, cache, told } = setUp();
    cache.write(100, new Uint8Array([1, 2, 3]));
    expect([...readBytes(machine, 100, 3)]).toEqual([0, 0, 0]);
    expect([...readBytes(cache, 100, 3)]).toEqual([1, 2, 3]);
    cache.clean(102, 1);
    expect([...readBytes(machine, 100, 3)]).toEqual([1, 2, 3]);
    expect(told).toEqual(["written back"]);
  });

  test("what memory holds is seen after an invalidation; a line that reaches beyond is written back first", () => {
    const { machine, cache, told } = setUp();
    cache.write(0, new Uint8Array(256).fill(7));
    machine.write(64, new Uint8Array(128).fill(9));
    cache.invalidate(64, 128);
    expect([[...readBytes(cache, 64, 2)], told]).toEqual([
      [9, 9],
      ["lost", "lost"],
    ]);
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
