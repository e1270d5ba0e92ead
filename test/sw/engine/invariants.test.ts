/** What must hold of every engine that translates, at every frame of the machine, under random sharing. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { Direction } from "../../../src/spec/dma/direction.js";
import { Checker, DmaApi } from "../../../src/sw/dma/index.js";
import { engines, plainDevice } from "../../../src/sw/engine/index.js";
import { fixPool } from "../../../src/sw/xen/index.js";
import { amount } from "../../tier.js";
import { machine } from "../xen/machine.js";
import { type Bench, bench, kinds, readBytes } from "./bench.js";

const { bidirectional, fromDevice } = Direction;
const page = 4096;
const foreignFrom = 3000;
const pages = amount(30, 200);
const translating = kinds.filter((k) => k.model === "p2m" || k.model === "p==m" || k.model === "vp+hypercall");

/** Map pages of the other domain, whose owner numbers them as it likes: often like ours, sometimes exactly like here. */
function share(b: Bench, rng: Rng, count: number): void {
  const pool = b.engine.pool!.start / page;
  for (let k = 0; k < count; k++) {
    const at = foreignFrom + k;
    b.scattered!.mapForeign({ at, ownersNumber: [rng.below(2048), pool + rng.below(256), at][rng.below(3)]! });
  }
}

/** Told from the guest's tables alone: the frames under pages of the pool that are its own. */
function poolFrames(b: Bench): ReadonlySet<number> {
  const { start, end } = b.engine.pool!;
  const own = [...b.scattered!.p2m.entries()].filter(([p]) => p * page >= start && p * page < end);
  return new Set(own.filter(([p]) => !b.scattered!.foreign.has(p)).map(([, frame]) => frame));
}

for (const kind of translating) {
  describe(kind.what, () => {
    test("a bus address is a bounce buffer if and only if it leads to the pool and back again", () => {
      for (const seed of [1, 2]) {
        const b = bench(kind, { seed });
        share(b, new Rng(seed), 200);
        const ours = poolFrames(b);
        const wrong: number[] = [];
        for (let frame = 0; frame < 3 * 2048; frame += frame < 600 ? 3 : 11)
          if (b.engine.isBounceBuffer(b.device, frame * page + 5) !== ours.has(frame)) wrong.push(frame);
        for (let k = 0; k < 200; k++) {
          const frame = b.scattered!.p2m[foreignFrom + k]!;
          if (b.engine.isBounceBuffer(b.device, frame * page)) wrong.push(frame);
        }
        expect(wrong).toEqual([]);
      }
    });

    test("each slot set lies in one piece on the bus", () => {
      const b = bench(kind);
      const { start, end } = b.engine.pool!;
      for (let set = start; set < end; set += 262144) {
        const first = b.guest.physToBus(set);
        for (let at = 0; at < 262144; at += page) if (b.guest.physToBus(set + at) !== first + at) expect(at).toBe(-1);
      }
    });

    test("every byte of a handle is the byte that it stands for: the buffer's, or the bounce's", () => {
      const b = bench(kind);
      const rng = new Rng(5);
      for (let n = 0; n < pages; n++) {
        const phys = page * (1 + rng.below(1000)) + rng.below(page);
        const size = 1 + rng.below(20000);
        const m = b.engine.map(b.device, phys, size, bidirectional, 0);
        expect(m.refused).toBeNull();
        const slot = m.bounced ? slotOf(b, m.bus) : phys;
        for (const k of [0, size - 1, rng.below(size), rng.below(size)])
          expect(b.guest.physToBus(slot + k)).toBe(m.bus + k);
        b.engine.unmap(b.device, { bus: m.bus, size, direction: bidirectional, attributes: 0 });
      }
    });

    test("unmapping a page of another domain changes no byte of our own memory and frees no slot", () => {
      const b = bench(kind);
      share(b, new Rng(6), pages);
      b.guest.memory.write(b.engine.pool!.start, new Uint8Array(512 * 2048).fill(0x6b));
      const own = () => readBytes(b.guest.memory, page, 2047 * page);
      const before = own();
      for (let k = 0; k < pages; k++) {
        const bus = b.guest.physToBus((foreignFrom + k) * page);
        b.engine.unmap(b.device, { bus, size: page, direction: fromDevice, attributes: 0 });
        b.engine.syncForCpu(b.device, { bus, size: page, direction: fromDevice, attributes: 0 });
        b.engine.syncForDevice(b.device, { bus, size: page, direction: bidirectional, attributes: 0 });
      }
      expect(Buffer.compare(own(), before)).toBe(0);
    });

    test("coherent memory is zeroed whatever the frames held, and what was made contiguous is destroyed once", () => {
      const b = bench(kind);
      const rng = new Rng(7);
      for (let frame = 0; frame < 3 * 2048; frame++)
        if (b.scattered!.isFree(frame)) b.scattered!.machine.fill(frame * page, page, 0xee);
      const garbage = new Uint8Array(page).fill(0xdd);
      for (let p = 1; p < 2048; p++) b.scattered!.memory.write(p * page, garbage);
      const held: { at: { phys: number; bus: number }; size: number }[] = [];
      for (let n = 0; n < amount(8, 30); n++) {
        const size = 1 + rng.below(30000);
        const at = b.engine.allocCoherent(b.device, size)!;
        expect(readBytes(b.guest.memory, at.phys, size).every((x) => x === 0)).toBe(true);
        held.push({ at, size });
        if (rng.below(2) === 0) continue;
        const [gone] = held.splice(rng.below(held.length), 1);
        b.engine.freeCoherent(b.device, { ...gone!.at, size: gone!.size });
      }
      for (const { at, size } of held) b.engine.freeCoherent(b.device, { ...at, size });
      expect([b.scattered!.regions.size, b.scattered!.unpaired]).toEqual([0, 0]);
    });
  });
}

/** Where a bounce lies, found by looking through the pool's pages. */
function slotOf(b: Bench, bus: number): number {
  const { start, end } = b.engine.pool!;
  for (let phys = start; phys < end; phys += page)
    if (b.guest.physToBus(phys) === bus - (bus % page)) return phys + (bus % page);
  throw new Error(`${bus} is not in the pool`);
}

test("D0's formula on the hypervisor's own tables: addr == bus(phys(addr)) for ours, not for those that are shared", () => {
  const m = machine({ model: "p2m", pages: 1024 });
  const first = m.back.allocRun(256, 64)!;
  expect(fixPool(m.back, first * page, 256 * page)).not.toBeNull();
  const engine = engines["swiotlb-xen-x86"].build({
    guest: m.back,
    pool: { start: first * page, slots: 512, areas: 1 },
  });
  const device = plainDevice({ bdf: "0000:00:01.0" });
  const formula = (bus: number) => m.back.physToBus(m.back.busToPhys(bus)) === bus;
  for (let k = 0; k < 256; k++) {
    const bus = m.back.physToBus((first + k) * page);
    expect([formula(bus), engine.isBounceBuffer(device, bus)]).toEqual([true, true]);
  }
  const checker = new Checker({ guest: m.back, memory: m.back.memory });
  const api = new DmaApi({ engine, device, checks: checker });
  let inOurPool = 0;
  const held = [];
  for (let k = 0; k < 100; k++) {
    const theirs = m.kernel.allocPages(0)!;
    const ref = m.grants.grant(0, theirs, false);
    const [mapped] = m.foreign.map([{ domain: 1, ref, readOnly: false, device: true }]);
    held.push(mapped!);
    const { bus } = mapped!;
    const back = m.back.busToPhys(bus);
    if (back >= first * page && back < (first + 256) * page) inOurPool++;
    expect(formula(bus) && back !== mapped!.page * page).toBe(false);
    expect(engine.isBounceBuffer(device, bus)).toBe(false);
    api.mappingError(api.map(mapped!.page * page, page, fromDevice).bus);
  }
  expect(inOurPool, "their numbers do fall into our pool").toBeGreaterThan(0);
  expect(checker.violations).toEqual([]);
});
