/** One suite for every engine: an engine is right when it passes this. */
import { describe, expect, test } from "vitest";
import { pfn } from "../../../src/base/frame.js";
import { Rng } from "../../../src/base/rng.js";
import { Direction } from "../../../src/spec/dma/direction.js";
import type { Mapped } from "../../../src/sw/engine/index.js";
import { amount } from "../../tier.js";
import { type Bench, bench, kinds, randomBytes, readBytes } from "./bench.js";

const { toDevice, fromDevice, bidirectional } = Direction;
const rounds = amount(16, 60);
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
/** Numbers of pages that are free for pages of another domain. */
const foreignAt = 3000;

/** A buffer of random size and place in pages of its own. */
function someBuffer(b: Bench, rng: Rng) {
  const order = rng.below(3);
  const first = b.guest.allocPages(order)!;
  const room = 4096 * 2 ** order;
  const size = 1 + rng.below(room);
  return { phys: first * 4096 + rng.below(room - size + 1), size, free: () => b.guest.freePages(pfn(first), order) };
}

for (const kind of kinds) {
  describe(kind.what, () => {
    test("what the CPU gives reaches the device, and what the device writes reaches the CPU", () => {
      const b = bench(kind);
      const rng = new Rng(7);
      for (let n = 0; n < rounds; n++) {
        const { phys, size, free } = someBuffer(b, rng);
        const direction = [toDevice, fromDevice, bidirectional][rng.below(3)]!;
        const given = randomBytes(rng, size);
        b.memory.write(phys, given);
        const m = b.api.map(phys, size, direction);
        expect(b.api.mappingError(m.bus), m.refused?.words).toBe(false);
        if (direction !== fromDevice) {
          const seen = new Uint8Array(size);
          expect(b.port.read(b.requester, m.bus, seen)).toBe("done");
          expect(same(seen, given)).toBe(true);
        }
        const from = rng.below(size);
        const written = randomBytes(rng, direction === toDevice ? 0 : 1 + rng.below(size - from));
        if (direction !== toDevice) expect(b.port.write(b.requester, m.bus + from, written)).toBe("done");
        b.api.unmap(m.bus, size, direction);
        given.set(written, from);
        expect(same(readBytes(b.memory, phys, size), given)).toBe(true);
        free();
      }
      expect(b.checker.violations).toEqual([]);
      expect(b.checker.alive).toBe(0);
      expect(b.grants.pages.size).toBe(0);
    });

    test("syncs hand a mapping back and forth without losing a byte", () => {
      const b = bench(kind);
      const rng = new Rng(8);
      for (let n = 0; n < 15; n++) {
        const { phys, size, free } = someBuffer(b, rng);
        const m = b.api.map(phys, size, bidirectional);
        b.api.mappingError(m.bus);
        for (let k = 0; k < 3; k++) {
          const fromTheDevice = randomBytes(rng, size);
          b.port.write(b.requester, m.bus, fromTheDevice);
          b.api.syncForCpu(m.bus, size, bidirectional);
          expect(same(readBytes(b.memory, phys, size), fromTheDevice)).toBe(true);
          const fromTheCpu = randomBytes(rng, size);
          b.memory.write(phys, fromTheCpu);
          b.api.syncForDevice(m.bus, size, bidirectional);
          const seen = new Uint8Array(size);
          b.port.read(b.requester, m.bus, seen);
          expect(same(seen, fromTheCpu)).toBe(true);
        }
        b.api.unmap(m.bus, size, bidirectional);
        free();
      }
      expect(b.checker.violations).toEqual([]);
    });

    test("coherent memory is zeroed, shared byte for byte, and given back", () => {
      const b = bench(kind);
      const rng = new Rng(9);
      const left = pagesLeft(b);
      for (let n = 0; n < 15; n++) {
        const size = 1 + rng.below(20000);
        const at = b.api.alloc(size)!;
        expect(at, `${size} bytes`).not.toBeNull();
        expect(readBytes(b.memory, at.phys, size).every((x) => x === 0)).toBe(true);
        const ring = randomBytes(rng, size);
        b.memory.write(at.phys, ring);
        const seen = new Uint8Array(size);
        expect(b.port.read(b.requester, at.bus, seen)).toBe("done");
        expect(same(seen, ring)).toBe(true);
        b.port.write(b.requester, at.bus, ring.reverse());
        expect(same(readBytes(b.memory, at.phys, size), ring)).toBe(true);
        b.api.free(at, size);
      }
      expect(b.checker.violations).toEqual([]);
      expect(pagesLeft(b)).toBe(left);
      expect(b.scattered?.regions.size ?? 0).toBe(0);
      expect(b.scattered?.unpaired ?? 0).toBe(0);
    });

    test("a list comes back as its entries and arrives byte for byte", () => {
      const b = bench(kind);
      const rng = new Rng(10);
      for (let n = 0; n < 15; n++) {
        const buffers = Array.from({ length: 1 + rng.below(8) }, () => someBuffer(b, rng));
        const given = buffers.map((e) => randomBytes(rng, e.size));
        for (const [k, e] of buffers.entries()) b.memory.write(e.phys, given[k]!);
        const list = b.api.mapList(buffers, toDevice);
        expect([list.error, list.refused]).toEqual([0, null]);
        if (!b.engine.lists.splits) expect(list.count).toBe(buffers.length);
        const seen = list.segments.map((s) => {
          const bytes = new Uint8Array(s.size);
          b.port.read(b.requester, s.bus, bytes);
          return bytes;
        });
        expect(same(Buffer.concat(seen), Buffer.concat(given))).toBe(true);
        b.api.unmapList(list, buffers.length, toDevice);
        for (const e of buffers) e.free();
      }
      expect(b.checker.violations).toEqual([]);
      expect(b.checker.alive).toBe(0);
    });

    test("what bounces lies in the pool, what does not does not", () => {
      const b = bench(kind);
      const rng = new Rng(11);
      const { pool } = b.engine;
      for (let n = 0; n < rounds; n++) {
        const { phys, size, free } = someBuffer(b, rng);
        const m = b.api.map(phys, size, toDevice);
        b.api.mappingError(m.bus);
        expect(b.engine.isBounceBuffer(b.device, m.bus)).toBe(m.bounced);
        expect(b.engine.isBounceBuffer(b.device, m.bus + size - 1)).toBe(m.bounced);
        if (pool === null) expect(m.bounced).toBe(false);
        b.api.unmap(m.bus, size, toDevice);
        free();
      }
      expect(b.checker.violations).toEqual([]);
    });

    test("maps what is known is mapped for its reason", () => {
      const b = bench(kind);
      const rng = new Rng(12);
      for (let n = 0; n < rounds; n++) {
        const { phys, size, free } = someBuffer(b, rng);
        const m = b.api.map(phys, size, toDevice);
        b.api.mappingError(m.bus);
        expect(slowCause(b, kind.force ?? false, phys, size)).toBe(m.cause);
        b.api.unmap(m.bus, size, toDevice);
        free();
      }
    });
  });
}

/** Why a mapping goes as it goes, told from the guest's tables alone. */
function slowCause(b: Bench, force: boolean, phys: number, size: number): Mapped["cause"] {
  if (b.engine.name === "grant") return "granted";
  // The first byte, and the first of every other page.
  const starts = [0];
  for (let k = 4096 - (phys % 4096); k < size; k += 4096) starts.push(k);
  const pieces = starts.map((k) => b.guest.physToBus(phys + k));
  if (b.engine.name === "direct" || b.engine.name === "swiotlb") {
    if (force) return "forced";
    if (pieces[0]! + size - 1 > b.device.mask) return "mask";
    return b.guest.model === "vp+iommu" ? "iommu" : "direct";
  }
  // The kernel asks for the mask from the first byte on, as if the range were in one piece.
  if (pieces[0]! + size - 1 > b.device.mask) return "mask";
  if (pieces.some((bus, k) => bus !== pieces[0]! + starts[k]!)) return "straddle";
  return force ? "forced" : pieces[0] === phys ? "direct" : "translated";
}

const pagesLeft = (b: Bench): number => (b.guest as unknown as { pagesLeft?: number }).pagesLeft ?? 0;

for (const kind of kinds.filter((k) => k.model !== "native" && k.engine !== "grant")) {
  test(`${kind.what}: a page of another domain is never a bounce buffer, and its bytes arrive`, () => {
    const rng = new Rng(13);
    for (let n = 0; n < 9; n++) {
      const b = bench(kind, { seed: n });
      const guest = b.scattered!;
      const { pool } = b.engine;
      // The owner's own number for its page: anywhere, in our pool, or the very number at which it is mapped here.
      const inPool = pool === null ? 5 : pool.start / 4096 + rng.below(16);
      const ownersNumber = [rng.below(2048), inPool, foreignAt][n % 3]!;
      const frame = guest.mapForeign({ at: foreignAt, ownersNumber });
      for (const offset of [0, 0x800, 0xfff])
        if (guest.model !== "vp+iommu") expect(b.engine.isBounceBuffer(b.device, frame * 4096 + offset)).toBe(false);
      const given = randomBytes(rng, 4096);
      b.memory.write(foreignAt * 4096, given);
      const m = b.api.map(foreignAt * 4096 + 16, 4000, bidirectional);
      b.api.mappingError(m.bus);
      expect([m.foreign, m.refused]).toEqual([true, null]);
      const seen = new Uint8Array(4000);
      b.port.read(b.requester, m.bus, seen);
      expect(same(seen, given.subarray(16, 4016))).toBe(true);
      const written = randomBytes(rng, 4000);
      b.port.write(b.requester, m.bus, written);
      b.api.unmap(m.bus, 4000, bidirectional);
      expect(same(readBytes(b.memory, foreignAt * 4096 + 16, 4000), written)).toBe(true);
      guest.unmapForeign(foreignAt);
      expect(b.checker.violations).toEqual([]);
    }
  });
}
