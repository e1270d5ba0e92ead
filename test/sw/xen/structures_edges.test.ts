/** Small structures with every value that they tell apart, against rules written here. */
import { describe, expect, test } from "vitest";
import type { Mfn } from "../../../src/base/frame.js";
import { Rng } from "../../../src/base/rng.js";
import { foreignBit, identityBit, invalidHalf, invalidM2p } from "../../../src/spec/xen/p2m_entry.js";
import { Buddy } from "../../../src/sw/xen/guest/buddy.js";
import { M2pOverride } from "../../../src/sw/xen/guest/m2p_override.js";
import { CpuMap, isPage, pageLimit } from "../../../src/sw/xen/hypervisor/cpu_map.js";
import { DeviceMap } from "../../../src/sw/xen/hypervisor/device_map.js";
import { DeviceTable, Permission } from "../../../src/sw/xen/hypervisor/device_table.js";
import { FrameTable, FrameType, nobody } from "../../../src/sw/xen/hypervisor/frame_table.js";
import { FreeFrames } from "../../../src/sw/xen/hypervisor/free_frames.js";
import { GrantTable, noHandle } from "../../../src/sw/xen/hypervisor/grant_table.js";
import { ArmTree, CallCounts, finish, P2m } from "../../../src/sw/xen/index.js";

const mfn = (n: number) => n as Mfn;

describe("frames", () => {
  /** Frame 2 of four in every state. */
  function* states() {
    for (const owner of [nobody, 0, 5])
      for (const references of [0, 1, 2])
        for (const allocated of [0, 1])
          for (const heap of [0, 1]) {
            const t = new FrameTable(4);
            t.owner[2] = owner;
            t.references[2] = references;
            t.allocated[2] = allocated;
            t.heap[2] = heap;
            yield { t, owner, references, allocated, heap };
          }
  }

  test("whose one is, who may give it up, and from whom it can be taken", () => {
    for (const { t, owner, references, allocated, heap } of states()) {
      const owned = owner === 5 && references > 0;
      const givable = owned && allocated === 1 && heap === 0;
      expect([t.ownedBy(2, 5), t.givable(2, 5), t.stealable(2, 5)]).toEqual([
        owned,
        givable,
        givable && references === 1,
      ]);
      expect([t.getPage(2, 5), t.references[2]]).toEqual([owned, owned ? references + 1 : references]);
    }
    const t = new FrameTable(4);
    t.owner.fill(5);
    t.references.fill(1);
    expect([-1, 0, 3, 4, Number.NaN].map((m) => [t.exists(m), t.ownedBy(m, 5)])).toEqual(
      [false, true, true, false, false].map((is) => [is, is]),
    );
  });

  test("a new table has no owner, no page number and no reference", () => {
    const t = new FrameTable(3);
    expect([t.count, t.owner, t.m2p].map((a) => (typeof a === "number" ? a : [...a]))).toEqual([
      3,
      [nobody, nobody, nobody],
      [invalidM2p, invalidM2p, invalidM2p],
    ]);
    expect([t.references, t.allocated, t.heap, t.type, t.typeReferences].map((a) => [...a])).toEqual(
      Array.from({ length: 5 }, () => [0, 0, 0]),
    );
  });

  test("from free to allocated and back", () => {
    const t = new FrameTable(4);
    t.type[2] = FrameType.writable;
    t.heap[2] = 1;
    t.m2p[2] = 9;
    t.allocate(mfn(2), 5);
    const all = () => [t.owner, t.references, t.allocated, t.heap, t.type, t.typeReferences, t.m2p].map((a) => a[2]);
    expect(all()).toEqual([5, 1, 1, 1, 0, 0, 9]);
    expect(() => t.allocate(mfn(2), 5)).toThrow("an allocated frame was free");
    t.getPage(2, 5);
    expect(() => t.release(mfn(2))).toThrow("no references");
    expect([t.putPage(2), t.putPage(2)]).toEqual([false, true]);
    expect(() => t.putPage(2)).toThrow("a reference that is dropped was held");
    t.typeReferences[2] = 1;
    expect(() => t.release(mfn(2))).toThrow("no typed references");
    t.putType(2);
    t.release(mfn(2));
    expect(all()).toEqual([nobody, 0, 1, 0, 0, 0, invalidM2p]);
  });

  test("a type changes only while no typed reference is held", () => {
    const t = new FrameTable(4);
    const state = () => [t.type[2], t.typeReferences[2]];
    const { writable, pageTable, none } = FrameType;
    expect([t.getType(2, writable), t.getType(2, pageTable), t.getType(2, writable), state()]).toEqual([
      ...[true, false, true],
      [writable, 2],
    ]);
    t.putType(2);
    expect(state()).toEqual([writable, 1]);
    t.putType(2);
    expect(state()).toEqual([none, 0]);
    expect(() => t.putType(2)).toThrow("a typed reference that is dropped was held");
    expect([t.getType(2, pageTable), state()]).toEqual([true, [pageTable, 1]]);
  });
});

describe("free frames, against lists that are written out", () => {
  /** Zones as arrays; a choice is the last way. */
  class Slow {
    readonly zones: number[][] = [];
    readonly count: number;
    constructor(count: number) {
      this.count = count;
      for (let first = 1; first < count; first *= 2)
        this.zones.push(Array.from({ length: Math.min(first, count - first) }, (_, n) => first + n));
    }
    out(m: number): void {
      const zone = this.zones.find((z) => z.includes(m))!;
      const last = zone.pop()!;
      if (last !== m) zone[zone.indexOf(m)] = last;
    }
    free = (m: number): boolean => this.zones.some((z) => z.includes(m));
    take(order: number, bits: number, choose: (n: number) => number): number | null {
      for (let z = Math.min(this.zones.length, bits - 12) - 1; z >= 0; z--) {
        const zone = this.zones[z]!;
        if (zone.length < 2 ** order) continue;
        if (order === 0) {
          const m = zone[choose(zone.length)]!;
          this.out(m);
          return m;
        }
        const blocks = Math.floor(Math.min(2 ** z, this.count - 2 ** z) / 2 ** order);
        const start = choose(blocks);
        for (let n = 0; n < blocks; n++) {
          const first = 2 ** z + ((start + n) % blocks) * 2 ** order;
          const all = Array.from({ length: 2 ** order }, (_, k) => first + k);
          if (!all.every(this.free)) continue;
          for (const m of all) this.out(m);
          return first;
        }
      }
      return null;
    }
    run(count: number): number | null {
      for (let first = 1; first + count <= this.count; first++) {
        const all = Array.from({ length: count }, (_, k) => first + k);
        if (!all.every(this.free)) continue;
        for (const m of all) this.out(m);
        return first;
      }
      return null;
    }
    give(m: number): void {
      this.zones[Math.floor(Math.log2(m))]!.push(m);
    }
  }

  test.each([1, 2, 17, 32, 100])("%i frames", (count) => {
    const rng = new Rng(count);
    const choices: number[] = [];
    const choose = (into: number[]) => (ways: number) => {
      into.push(ways);
      return (ways * 7 + into.length) % ways;
    };
    const slowChoices: number[] = [];
    const free = new FreeFrames(count, choose(choices));
    const slow = new Slow(count);
    const slowChoose = choose(slowChoices);
    const held: number[] = [];
    for (let n = 0; n < 80; n++) {
      const kind = rng.below(8);
      if (kind < 3 && held.length > 0) {
        const [m] = held.splice(rng.below(held.length), 1);
        free.give(mfn(m!));
        slow.give(m!);
        expect(() => free.give(mfn(m!))).toThrow("was taken");
      } else if (kind === 3) {
        const length = 1 + rng.below(6);
        const got = free.takeRun(length);
        expect(got).toBe(slow.run(length));
        if (got !== null) for (let k = 0; k < length; k++) held.push(got + k);
      } else if (kind === 4 && count > 1) {
        const m = 1 + rng.below(count - 1);
        if (free.isFree(m)) {
          free.takeExactly(mfn(m));
          slow.out(m);
          held.push(m);
        } else expect(() => free.takeExactly(mfn(m))).toThrow("was free");
      } else {
        const order = rng.below(4);
        const bits = [11, 12, 13, 14, 15, 17, 18, 64, 70][rng.below(9)]!;
        const got = free.take(order, bits);
        expect(got).toBe(slow.take(order, bits, slowChoose));
        if (got !== null) for (let k = 0; k < 2 ** order; k++) held.push(got + k);
      }
      expect(free.count).toBe(slow.zones.flat().length);
      expect(Array.from({ length: count }, (_, m) => free.isFree(m))).toEqual(
        Array.from({ length: count }, (_, m) => slow.free(m)),
      );
    }
    expect(choices).toEqual(slowChoices);
  });
});

describe("the page allocator, against blocks that are written out", () => {
  /** Free blocks by order, the last put there first taken. */
  class Slow {
    readonly blocks: number[][] = Array.from({ length: 11 }, () => []);
    readonly first: number;
    readonly count: number;
    constructor(first: number, count: number) {
      this.first = first;
      this.count = count;
    }
    take(order: number): number | null {
      const from = this.blocks.findIndex((list, o) => o >= order && list.length > 0);
      if (from < 0) return null;
      const at = this.blocks[from]!.pop()!;
      for (let o = from - 1; o >= order; o--) this.blocks[o]!.push(at + 2 ** o);
      return at;
    }
    give(at: number, order: number): void {
      const buddy = Math.floor(at / 2 ** order) % 2 === 0 ? at + 2 ** order : at - 2 ** order;
      const there = this.blocks[order]!.indexOf(buddy);
      if (order === 10 || there < 0) this.blocks[order]!.push(at);
      else {
        this.blocks[order]!.splice(there, 1);
        this.give(Math.min(at, buddy), order + 1);
      }
    }
    free(): Set<number> {
      return new Set(
        this.blocks.flatMap((list, o) => list.flatMap((at) => Array.from({ length: 2 ** o }, (_, n) => at + n))),
      );
    }
    run(count: number, align: number): number | null {
      const free = this.free();
      for (let at = this.first; at + count <= this.first + this.count; at++) {
        if (at % align !== 0 || !Array.from({ length: count }, (_, n) => free.has(at + n)).every(Boolean)) continue;
        for (let page = at; page < at + count; page++) {
          const o = this.blocks.findIndex((list, order) => list.some((b) => b <= page && page < b + 2 ** order));
          if (o < 0) continue;
          const block = this.blocks[o]!.find((b) => b <= page && page < b + 2 ** o)!;
          this.blocks[o]!.splice(this.blocks[o]!.indexOf(block), 1);
          for (let n = block; n < block + 2 ** o; n++) if (n < at || n >= at + count) this.give(n, 0);
        }
        return at;
      }
      return null;
    }
  }

  test.each([
    [0, 64],
    [5, 40],
    [33, 70],
    [1, 1],
    [1000, 1100],
  ])("pages from %i, %i of them", (first, count) => {
    const rng = new Rng(first + count);
    const buddy = new Buddy(first, count);
    const slow = new Slow(first, count);
    expect([buddy.freePages, buddy.take(0), buddy.takeRun(1, 1)]).toEqual([0, null, null]);
    buddy.giveRun(first, count);
    for (let n = 0; n < count; n++) slow.give(first + n, 0);
    const held: [at: number, count: number, order: number][] = [];
    for (let n = 0; n < 60; n++) {
      const kind = rng.below(7);
      if (kind < 3) {
        const order = count > 1000 ? rng.below(12) : rng.below(5);
        const got = buddy.take(order);
        expect(got).toBe(slow.take(order));
        if (got !== null) held.push([got, 2 ** order, order]);
      } else if (kind === 3) {
        const [length, align] = [1 + rng.below(20), [1, 2, 4, 8, 3][rng.below(5)]!];
        const got = buddy.takeRun(length, align);
        expect(got).toBe(slow.run(length, align));
        if (got !== null) held.push([got, length, -1]);
      } else if (held.length > 0) {
        const [at, length, order] = held.splice(rng.below(held.length), 1)[0]!;
        if (order < 0) {
          buddy.giveRun(at, length);
          for (let k = 0; k < length; k++) slow.give(at + k, 0);
        } else {
          buddy.give(at, order);
          slow.give(at, order);
        }
        expect(() => buddy.give(at, 0)).toThrow("a page that is given back was taken");
      }
      expect(buddy.freePages).toBe(slow.free().size);
    }
  });

  test("no block is of another memory, of an order below 0 or above the largest", () => {
    const buddy = new Buddy(8, 8);
    for (const [at, order] of [
      [7, 0],
      [16, 0],
      [12, 3],
    ] as const)
      expect(() => buddy.give(at, order)).toThrow("of this memory");
    buddy.give(8, 3);
    expect([buddy.take(-1), buddy.take(11), buddy.take(4), buddy.take(3)]).toEqual([null, null, null, 8]);
  });
});

test("a map of pages keeps what is set, and knows nothing of what is not", () => {
  const map = new CpuMap();
  expect([map.length, map.frameOf(0), map.reachOf(0)]).toEqual([0, -1, 0]);
  map.clear(0);
  map.set(3, 70, 5);
  expect([map.length, [...map.frames], [...map.reach]]).toEqual([4, [-1, -1, -1, 70], [0, 0, 0, 5]]);
  map.set(4, 71, 7);
  expect([map.length, map.frameOf(3), map.frameOf(4), map.frameOf(5), map.reachOf(4)]).toEqual([6, 70, 71, -1, 7]);
  for (const page of [-1, 6, 1000]) expect([map.frameOf(page), map.reachOf(page)]).toEqual([-1, 0]);
  map.clear(6);
  map.clear(3);
  expect([map.length, [...map.frames], [...map.reach]]).toEqual([6, [-1, -1, -1, -1, 71, -1], [0, 0, 0, 0, 7, 0]]);
  map.set(0, 0, 1);
  expect([map.frameOf(0), map.reachOf(0)]).toEqual([0, 1]);
  const { frames } = map;
  map.grow(6);
  expect(map.frames).toBe(frames);
  map.grow(100);
  expect([map.length, map.frameOf(4), map.frameOf(99)]).toEqual([100, 71, -1]);
});

test("page numbers end at twice the frames and a million more", () => {
  const h = { frames: { count: 1000 } };
  expect(pageLimit(h)).toBe(2000 + 1_048_576);
  const limit = pageLimit(h);
  expect([-1, -0.5, 0, 0.5, limit - 1, limit, Number.NaN].map((page) => isPage(h, page))).toEqual([
    false,
    false,
    true,
    false,
    true,
    false,
    false,
  ]);
});

test("a device's map answers for reading, and for writing where it is writable", () => {
  const map = new DeviceMap();
  map.set(5, 70, true);
  map.set(6, 71, false);
  const all = () => [4, 5, 6].map((dfn) => [map.has(dfn), map.frameOf(dfn, false), map.frameOf(dfn, true)]);
  expect([map.size, all()]).toEqual([
    2,
    [
      [false, -1, -1],
      [true, 70, 70],
      [true, 71, -1],
    ],
  ]);
  expect([map.delete(5), map.delete(5), map.size]).toEqual([true, false, 1]);
});

test("a device's table counts readers and writers of each frame", () => {
  const t = new DeviceTable();
  const state = () => [t.permission(9), t.countOf(9), t.grantedCount];
  expect(state()).toEqual([Permission.none, { readers: 0, writers: 0 }, 0]);
  t.grant(9, true);
  t.grant(9, true);
  expect(state()).toEqual([Permission.read, { readers: 2, writers: 0 }, 1]);
  t.grant(9, false);
  expect(state()).toEqual([Permission.readWrite, { readers: 2, writers: 1 }, 2]);
  expect([t.ungrant(9, false), t.ungrant(9, false), state()]).toEqual([
    ...[true, false],
    [Permission.read, { readers: 2, writers: 0 }, 1],
  ]);
  expect([t.ungrant(9, true), state()]).toEqual([true, [Permission.read, { readers: 1, writers: 0 }, 1]]);
  expect([t.ungrant(9, true), t.ungrant(9, true), state()]).toEqual([
    ...[true, false],
    [Permission.none, { readers: 0, writers: 0 }, 0],
  ]);
  t.own(9);
  t.own(0);
  expect([state(), t.permission(0)]).toEqual([
    [Permission.readWrite, { readers: 0, writers: 0 }, 0],
    Permission.readWrite,
  ]);
  t.disown(9);
  expect(state()[0]).toBe(Permission.none);
  expect(() => t.permission(-1)).toThrow("a frame number is not negative");
});

describe("a grant table", () => {
  test("handles are given in order, the last given back first, and end with the limit", () => {
    const g = new GrantTable(4, 2);
    expect([g.framesMax, g.handlesMax, g.firstFreeHandle, g.liveHandles]).toEqual([4, 512, noHandle, 0]);
    const taken = Array.from({ length: 512 }, () => g.takeHandle());
    expect(taken).toEqual(Array.from({ length: 512 }, (_, n) => n));
    expect([g.takeHandle(), g.tracked.length, g.firstFreeHandle]).toEqual([noHandle, 512, noHandle]);
    g.tracked[7]!.flags = 2;
    g.tracked[300]!.flags = 1;
    expect(g.liveHandles).toBe(2);
    g.giveHandle(300);
    g.giveHandle(7);
    expect([g.liveHandles, g.tracked[7], g.tracked[300]!.next]).toEqual([
      0,
      { flags: 0, domain: 0, ref: 0, next: 300 },
      noHandle,
    ]);
    expect([g.takeHandle(), g.takeHandle(), g.takeHandle()]).toEqual([7, 300, noHandle]);
  });

  test("its size is that of its frames, in entries of the version", () => {
    const g = new GrantTable();
    const sizes = [0, 1, 7, 8, 9, 16, 17].map((frames) => {
      g.shared.length = 0;
      for (let n = 0; n < frames; n++) g.shared.push(mfn(n));
      const sizes: number[] = [];
      for (const version of [1, 2] as const) {
        g.version = version;
        sizes.push(g.entryCount);
      }
      return [...sizes, g.statusFramesNeeded];
    });
    expect(sizes).toEqual([
      [0, 0, 0],
      [512, 256, 1],
      [3584, 1792, 1],
      [4096, 2048, 1],
      [4608, 2304, 2],
      [8192, 4096, 2],
      [8704, 4352, 3],
    ]);
    expect([g.framesMax, g.handlesMax]).toEqual([64, 262144]);
  });

  test("frames are held as often as they are, and those for writing apart", () => {
    const g = new GrantTable();
    const held = () => [[...g.heldFrames], [...g.heldForWriting]];
    g.hold(5, true);
    g.hold(5, false);
    g.hold(6, true);
    expect(held()).toEqual([
      [
        [5, 2],
        [6, 1],
      ],
      [[5, 1]],
    ]);
    g.letGo(5, true);
    g.letGo(6, true);
    expect(held()).toEqual([[[5, 1]], [[5, 1]]]);
    g.letGo(5, false);
    expect(held()).toEqual([[], []]);
  });
});

describe("the Arm tree", () => {
  test("ranges that do not overlap answer as a list of them does", () => {
    const rng = new Rng(3);
    for (let round = 0; round < 6; round++) {
      const tree = new ArmTree();
      const ranges: { page: number; frame: number; count: number }[] = [];
      for (let n = 0; n < 60; n++) {
        const page = rng.below(24) * 4;
        const found = ranges.find((r) => r.page === page);
        if (rng.below(5) < 3) {
          const r = { page, frame: 1000 + rng.below(9000), count: 1 + rng.below(4) };
          expect(tree.add(r.page, r.frame, r.count)).toBe(found === undefined);
          if (found === undefined) ranges.push(r);
        } else {
          const inside = page + rng.below(4);
          tree.remove(inside);
          const gone = ranges.findIndex((r) => inside >= r.page && inside < r.page + r.count);
          if (gone >= 0) ranges.splice(gone, 1);
        }
        expect(tree.size).toBe(ranges.length);
        const wanted = Array.from({ length: 100 }, (_, p) => p);
        for (const r of ranges) for (let k = 0; k < r.count; k++) wanted[r.page + k] = r.frame + k;
        expect(wanted.findIndex((frame, p) => tree.frameOf(p) !== frame)).toBe(-1);
      }
    }
  });

  test("a lookup that read the root before the lock goes wrong when that range is erased meanwhile", () => {
    const looked = (rootUnlocked: boolean) => {
      const tree = new ArmTree();
      for (const page of [50, 30, 70]) tree.add(page, page + 900, 1);
      const lookup = tree.frameOfSteps(70, rootUnlocked);
      expect(lookup.next()).toEqual({ done: false, value: "about to take the lock" });
      tree.remove(50);
      return finish(lookup);
    };
    expect([looked(false), looked(true)]).toEqual([970, 70]);
  });

  test("what an erased range leaves behind is nobody's page", () => {
    const tree = new ArmTree();
    tree.add(0, 900, 1);
    const lookup = tree.frameOfSteps(0, true);
    lookup.next();
    tree.remove(0);
    expect([finish(lookup), tree.size]).toEqual([0, 0]);
  });
});

describe("entries of the page map", () => {
  test("every entry is what its halves say, and one beyond the table is its number", () => {
    for (const frame of [0, 1, 0xffff_ffff, 2 ** 32, 2 ** 32 + 5, 2 ** 62 / 2 ** 16])
      for (const flags of [0, foreignBit, identityBit]) {
        const p2m = new P2m();
        p2m.set(2, frame, flags);
        const facts = (n: number) => [
          ...[p2m.frame(n), p2m.isInvalid(n), p2m.isForeign(n), p2m.isIdentity(n)],
          ...[p2m.isExactly(n, frame), p2m.isExactly(n, frame + 1), p2m.isExactly(n, frame + 2 ** 32)],
        ];
        expect([p2m.length, facts(1)]).toEqual([3, [-1, true, false, false, false, false, false]]);
        expect(facts(2)).toEqual([
          ...[frame, false, flags === foreignBit, flags === identityBit],
          ...[flags === 0, false, false],
        ]);
        expect(facts(3)).toEqual([3, false, false, true, false, false, false]);
        const saved = p2m.entry(2);
        p2m.invalidate(2);
        expect(facts(2)).toEqual(facts(1));
        p2m.restore(2, saved);
        expect([p2m.frame(2), p2m.isForeign(2)]).toEqual([frame, flags === foreignBit]);
      }
  });

  test("one half that says invalid is none of an invalid entry", () => {
    const p2m = new P2m();
    p2m.grow(2);
    expect(p2m.entry(0)).toEqual({ low: invalidHalf, upper: invalidHalf });
    expect(p2m.entry(2)).toEqual({ low: invalidHalf, upper: invalidHalf });
    p2m.restore(0, { low: 5, upper: invalidHalf });
    p2m.restore(1, { low: invalidHalf, upper: 5 });
    expect([p2m.isInvalid(0), p2m.isInvalid(1), p2m.isForeign(0), p2m.isIdentity(1)]).toEqual([
      false,
      false,
      true,
      false,
    ]);
    const { low, upper } = p2m;
    p2m.grow(2);
    p2m.grow(1);
    expect([p2m.low === low, p2m.upper === upper]).toEqual([true, true]);
    p2m.grow(4);
    expect([[...p2m.low], [...p2m.upper]]).toEqual([
      [5, invalidHalf, invalidHalf, invalidHalf],
      [invalidHalf, 5, invalidHalf, invalidHalf],
    ]);
    p2m.invalidate(6);
    expect([p2m.length, p2m.isInvalid(6)]).toEqual([7, true]);
  });
});

test("of pages that stand for one frame the last noted answers, until none is left", () => {
  const o = new M2pOverride();
  expect([o.pageOf(7), o.remove(7, 1), o.size]).toEqual([-1, true, 0]);
  o.add(7, 1);
  o.add(7, 2);
  o.add(8, 3);
  expect([o.pageOf(7), o.pageOf(8), o.size]).toEqual([2, 3, 2]);
  expect([o.remove(7, 2), o.pageOf(7), o.remove(7, 1), o.pageOf(7), o.size]).toEqual([false, 1, true, -1, 1]);
});

test("hypercalls are counted by name, in the order of their first", () => {
  const counts = new CallCounts();
  for (const call of ["b", "a", "b"]) counts.called(call);
  expect([counts.of("a"), counts.of("b"), counts.of("c"), Object.entries(counts.all)]).toEqual([
    ...[1, 2, 0],
    [
      ["b", 2],
      ["a", 1],
    ],
  ]);
});

test("an operation that nobody interrupts is run to its end", () => {
  function* works(): Generator<string, number> {
    yield "once";
    return 5;
  }
  expect(finish(works())).toBe(5);
});
