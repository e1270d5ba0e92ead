/** Each historic bug: off, its rule holds in a bounded run; on, it breaks. */
import { expect, test } from "vitest";
import { attrMmio, Direction } from "../../../src/spec/dma/direction.js";
import type { DmaRuleName } from "../../../src/sw/dma/index.js";
import {
  BounceTable,
  bounceUntrusted,
  type EngineBugId,
  type EngineProfile,
  engineBugs,
  engineProfileOf,
  engineProfiles,
  engineRulesWith,
  linkParts,
  NativeGuest,
  plainDevice,
  todaysEngines,
} from "../../../src/sw/engine/index.js";
import { bench, kinds, readBytes } from "./bench.js";

const { toDevice, bidirectional, fromDevice } = Direction;
const kind = (what: string) => kinds.find((k) => k.what === what)!;
const foreignAt = 3000;

/** For each bug: how often its rule is broken in a run with these bugs on. */
const runs: Record<EngineBugId, (on: readonly EngineBugId[]) => number> = {
  "foreign-by-phys": (on) => {
    const b = bench(kind("swiotlb-xen x86"), { bugs: on });
    b.scattered!.mapForeign({ at: foreignAt, ownersNumber: b.engine.pool!.start / 4096 + 3 });
    const m = b.api.map(foreignAt * 4096, 4096, fromDevice);
    b.api.mappingError(m.bus);
    b.api.unmap(m.bus, 4096, fromDevice);
    return b.checker.count("foreign-as-bounce");
  },
  "round-trip-only": (on) => {
    // The page is mapped inside the pool's numbers, at the very number that its owner uses.
    const b = bench(kind("swiotlb-xen x86"), { bugs: on });
    const at = b.engine.pool!.start / 4096 + 3;
    b.scattered!.mapForeign({ at, ownersNumber: at });
    const m = b.api.map(at * 4096, 4096, fromDevice);
    b.api.mappingError(m.bus);
    return b.checker.count("foreign-as-bounce");
  },
  "stub-without-handle": (on) => {
    const b = bench(kind("swiotlb-xen x86"), { bugs: on });
    expect(b.api.alloc(16384)).not.toBeNull();
    return b.checker.count("wrong-address");
  },
  "free-keeps-region": (on) => {
    const b = bench(kind("swiotlb-xen x86"), { bugs: on });
    for (let n = 0; n < 5; n++) b.api.free(b.api.alloc(16384)!, 16384);
    return b.scattered!.regions.size;
  },
  "free-destroys-all": (on) => {
    const b = bench(kind("swiotlb-xen x86"), { bugs: on });
    // One page always lies in one piece: nothing is made for it.
    for (let n = 0; n < 5; n++) b.api.free(b.api.alloc(4096)!, 4096);
    return b.scattered!.unpaired;
  },
  "sync-wrong-op": (on) => {
    const b = bench(kind("swiotlb-xen Arm, not coherent"), { bugs: on });
    b.scattered!.mapForeign({ at: foreignAt, ownersNumber: 9 });
    let stale = 0;
    for (const at of [64, foreignAt]) {
      const m = b.api.map(at * 4096, 4096, bidirectional);
      b.api.mappingError(m.bus);
      b.api.syncForCpu(m.bus, 4096, bidirectional);
      b.memory.write(at * 4096, new Uint8Array(4096).fill(0x77));
      b.api.syncForDevice(m.bus, 4096, bidirectional);
      const seen = new Uint8Array(4096);
      b.port.read(b.requester, m.bus, seen);
      if (seen.some((x) => x !== 0x77)) stale++;
    }
    // A sync for the device that forgets lines loses them for the CPU too, so the shadow alone would not see it.
    return stale + b.checker.count("device-reads-stale");
  },
  "zero-for-error": (on) => {
    // The device reaches the low half of the pool's frames at most, and is never refused the mask.
    const b = bench({ ...kind("swiotlb-xen x86"), device: { mask: 2 ** 12 - 1 } }, { bugs: on });
    const m = b.api.map(64 * 4096, 100, toDevice);
    expect(b.api.mappingError(m.bus)).toBe(on.length === 0);
    return b.checker.count("wrong-address");
  },
  "bus-of-32-bits": (on) => {
    const b = bench(kind("swiotlb-xen Arm"), { bugs: on });
    const frame = b.scattered!.mapForeign({ at: foreignAt, ownersNumber: 9 });
    b.scattered!.p2m[foreignAt] = frame + 2 ** 20;
    const m = b.api.map(foreignAt * 4096, 16, toDevice);
    b.api.mappingError(m.bus);
    return b.checker.count("wrong-address");
  },
  "streaming-aligned": (on) => oddlyAligned(todaysEngines, on),
  "grant-pages-by-size": (on) => {
    const b = bench(kind("grants"), { bugs: on });
    const first = b.guest.allocPages(1)!;
    const m = b.api.map(first * 4096 + 0xf00, 0x200, bidirectional);
    b.api.mappingError(m.bus);
    b.port.read(b.requester, m.bus, new Uint8Array(0x200));
    return b.checker.count("device-refused");
  },
  "limit-without-force": (on) => {
    const b = bench(kind("swiotlb forced"), { bugs: on });
    const asked = Math.min(b.api.maxMappingBytes(), 2 ** 19);
    const m = b.api.map(4096, asked, toDevice);
    b.api.mappingError(m.bus);
    return b.checker.count("limit-not-kept");
  },
  "mmio-message-unset": (on) => {
    const b = bench(kind("swiotlb forced"), { bugs: on });
    const m = b.api.map(0xfe00_0000, 4096, toDevice, attrMmio);
    expect(b.api.mappingError(m.bus)).toBe(true);
    expect(b.log).toHaveLength(1);
    return b.log[0]!.startsWith("DMA addr 0x00000000fe000000+4096 overflow (mask ffffffffffffffff, bus") ? 0 : 1;
  },
  "padding-after-only": (on) => {
    const memory = new NativeGuest(256).memory;
    memory.fill(0, 256 * 4096, 0x5e);
    const table = new BounceTable(memory, { start: 0x40000, slots: 128, areas: 1 }, { growth: null });
    const rules = engineRulesWith(todaysEngines.rules, on);
    const device = plainDevice({ bdf: "0000:00:03.0", minAlignMask: 0xfff });
    memory.fill(0x2a10, 0x300, 0x11);
    const call = { phys: 0x2a10, size: 0x300, direction: toDevice, attributes: 0 };
    const slot = bounceUntrusted({ memory, table, rules }, device, call, 4096);
    expect(slot % 4096).toBe(0xa10);
    const seen = readBytes(memory, slot - 0xa10, 4096);
    expect(seen.subarray(0xa10, 0xd10).every((x) => x === 0x11)).toBe(true);
    return seen.filter((x) => x === 0x5e).length;
  },
  "empty-middle": (on) => {
    const rules = engineRulesWith(todaysEngines.rules, on);
    const parts = linkParts(rules, { phys: 0x2800, size: 0x900 }, 4096);
    expect(parts.reduce((sum, p) => sum + p.size, 0)).toBe(0x900);
    return parts.filter((p) => p.size === 0).length;
  },
};

/** A buffer aligned to its size, on frames in one piece that begin at an odd one. @returns needless bounces */
function oddlyAligned(profile: EngineProfile, bugs: readonly EngineBugId[]): number {
  const b = bench(kind("swiotlb-xen x86"), { profile, bugs });
  const guest = b.scattered!;
  const first = guest.allocPages(4)!;
  let at = 4097;
  while (![...Array(16).keys()].every((k) => guest.isFree(at + k))) at += 2;
  for (let k = 0; k < 16; k++) guest.place(first + k, at + k);
  const m = b.api.map(first * 4096, 65536, toDevice);
  b.api.mappingError(m.bus);
  expect(m.refused).toBeNull();
  return b.checker.count("needless-bounce");
}

for (const bug of engineBugs) {
  test(`${bug.id}: ${bug.breaks}`, () => {
    expect(runs[bug.id]([]), "without the bug").toBe(0);
    expect(runs[bug.id]([bug.id]), `with it (${bug.source}, ${bug.year})`).toBeGreaterThan(0);
  });
}

test("a bug of the checks' rules names one of them", async () => {
  const { dmaRules } = await import("../../../src/sw/dma/index.js");
  const byTests = ["region-unpaired", "message-unset", "padding-foreign", "part-empty"];
  for (const { rule } of engineBugs)
    expect(byTests.includes(rule) || dmaRules[rule as DmaRuleName] !== undefined).toBe(true);
});

test("with the bug of 2010 the unmap of another domain's page copies over it and frees a slot that is in use", () => {
  const run = (bugs: readonly EngineBugId[]) => {
    const b = bench(kind("swiotlb-xen x86"), { bugs });
    const { pool } = b.engine;
    // A buffer that bounces, and so has slot 0; then a page whose owner's number is that slot's.
    const forced = bench(kind("swiotlb-xen x86 forced"), { bugs });
    const first = forced.guest.allocPages(0)!;
    const own = forced.api.map(first * 4096, 2048, fromDevice);
    const slotPage = Math.floor(forced.engine.pool!.start / 4096);
    forced.scattered!.mapForeign({ at: foreignAt, ownersNumber: slotPage });
    const foreignBus = forced.guest.physToBus(foreignAt * 4096);
    forced.engine.unmap(forced.device, { bus: foreignBus, size: 2048, direction: fromDevice, attributes: 0 });
    forced.port.write(forced.requester, own.bus, new Uint8Array(2048).fill(0xd0));
    forced.api.unmap(own.bus, 2048, fromDevice);
    const arrived = readBytes(forced.guest.memory, first * 4096, 2048).every((x) => x === 0xd0);
    return { arrived, pool: pool !== null };
  };
  expect(run([])).toEqual({ arrived: true, pool: true });
  expect(run(["foreign-by-phys"]).arrived).toBe(false);
});

test("kernels differ as their releases did", () => {
  const ids = ["2.6.37", "4.4.0", "5.4.200", "5.10.1", "6.1", "6.6.31", "6.12.41-1", "6.14", "7.2.13", null].map(
    (k) => engineProfileOf(k).id,
  );
  expect(ids).toEqual(["2010", "2010", "4.20", "5.8", "5.8", "6.5", "6.12", "today", "today", "today"]);
  expect(new Set(engineProfiles.map((p) => p.id)).size).toBe(engineProfiles.length);
});

test("6.12 bounced aligned buffers that the device could use where they were; 6.6 and 7.2 do not", () => {
  expect(["6.6", "6.12", "7.2"].map((k) => oddlyAligned(engineProfileOf(k), []))).toEqual([0, 1, 0]);
});

test("until 2018 a full pool gave everybody one fallback buffer, and today an error", () => {
  for (const [kernel, falls] of [
    ["4.4", true],
    ["7.2", false],
  ] as const) {
    const b = bench(kind("swiotlb forced"), { profile: engineProfileOf(kernel) });
    const held = Array.from({ length: 257 }, (_, n) => b.api.map(4096, 4096, toDevice, n < 256 ? 0 : 1 << 8).bus);
    const last = held.at(-1)!;
    expect([b.engine.overflow, last >= 0, b.api.mappingError(last)]).toEqual([
      falls ? "fallback" : "refuse",
      falls,
      true,
    ]);
    expect(b.engine.isBounceBuffer(b.device, last)).toBe(false);
    if (falls) expect(b.log).toContain("DMA: Out of SW-IOMMU space for 4096 bytes at device 0000:00:03.0");
    expect(b.api.map(4096, 65536, fromDevice).bus, "nothing larger than the fallback buffer").toBe(-1);
  }
});
