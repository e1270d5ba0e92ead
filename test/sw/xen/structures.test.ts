/** Small structures against slow twins: page allocator, free frames, the Arm tree, the page map's entries. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawn } from "../../../src/base/rng.js";
import { foreignBit, identityBit } from "../../../src/spec/xen/p2m_entry.js";
import { Buddy } from "../../../src/sw/xen/guest/buddy.js";
import { FreeFrames } from "../../../src/sw/xen/hypervisor/free_frames.js";
import { ArmTree, finish, P2m } from "../../../src/sw/xen/index.js";

describe("the page allocator", () => {
  test("blocks are aligned to their size, disjoint, and join again when all are back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.array(fc.nat(9), { maxLength: 80 }), (first, choices) => {
        const buddy = new Buddy(first, 200);
        buddy.giveRun(first, 200);
        const held: [number, number][] = [];
        const used = new Set<number>();
        for (const choice of choices) {
          if (choice >= 6) {
            const [page, order] = held.splice(choice % Math.max(1, held.length), 1)[0] ?? [-1, 0];
            if (page < 0) continue;
            for (let n = 0; n < 2 ** order; n++) used.delete(page + n);
            buddy.give(page, order);
            continue;
          }
          const page = buddy.take(choice);
          if (page === null) continue;
          expect(page % 2 ** choice).toBe(0);
          for (let n = 0; n < 2 ** choice; n++) {
            expect(page + n >= first && page + n < first + 200 && !used.has(page + n)).toBe(true);
            used.add(page + n);
          }
          held.push([page, choice]);
        }
        expect(buddy.freePages).toBe(200 - used.size);
        for (const [page, order] of held) buddy.give(page, order);
        expect(buddy.takeRun(200, 1)).toBe(first);
      }),
    );
  });

  test("a run is the lowest that is free and aligned, and what lies around it stays free", () => {
    const buddy = new Buddy(0, 512);
    buddy.giveRun(0, 512);
    expect(buddy.takeRun(1, 1)).toBe(0);
    expect(buddy.takeRun(130, 64)).toBe(64);
    expect(buddy.freePages).toBe(512 - 131);
    expect(buddy.takeRun(300, 64)).toBe(null);
    expect(buddy.takeRun(256, 64)).toBe(256);
    expect([buddy.takeRun(63, 1), buddy.takeRun(62, 1), buddy.freePages]).toEqual([1, 194, 0]);
  });

  test("a page that was not taken is not given back", () => {
    const buddy = new Buddy(0, 8);
    buddy.giveRun(0, 8);
    expect(() => buddy.give(3, 0)).toThrow("was taken");
  });
});

describe("free frames", () => {
  test("blocks are aligned, below the width, given once, highest zone first", () => {
    const free = new FreeFrames(4096, drawn(5));
    const seen = new Set<number>();
    for (let n = 0; n < 300; n++) {
      const order = n % 4;
      const bits = 20 + (n % 5);
      const m = free.take(order, bits);
      if (m === null) continue;
      expect(m % 2 ** order).toBe(0);
      expect((m + 2 ** order) * 4096).toBeLessThanOrEqual(2 ** bits);
      for (let k = 0; k < 2 ** order; k++) expect(seen.size).toBe(seen.add(m + k).size - 1);
    }
    expect(free.count).toBe(4095 - seen.size);
    expect(free.take(0, 64)! >= 2048).toBe(true);
  });

  test("no address is narrower than a page, and frame 0 is never given", () => {
    const free = new FreeFrames(64, drawn(1));
    expect(free.take(0, 12)).toBe(null);
    expect(free.take(0, 13)).toBe(1);
    for (let n = 0; n < 62; n++) expect(free.take(0, 64)).toBeGreaterThan(0);
    expect(free.take(0, 64)).toBe(null);
  });
});

describe("the Arm tree", () => {
  test("it answers as a list of ranges does", () => {
    const step = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 1 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const tree = new ArmTree();
        const list = new Map<number, number>();
        for (const [page, count, add] of steps) {
          if (add) {
            expect(tree.add(page, page + 1000, count)).toBe(!list.has(page));
            list.set(page, page + 1000);
          } else {
            tree.remove(page);
            list.delete(page);
          }
          for (let p = 0; p <= 60; p++) expect(tree.frameOf(p)).toBe(list.get(p) ?? p);
        }
        expect(tree.size).toBe(list.size);
      }),
    );
  });

  test("a range that starts where another does is refused, one that overlaps it later is not seen", () => {
    const tree = new ArmTree();
    expect([tree.add(10, 500, 4), tree.add(10, 900, 1), tree.add(12, 900, 1)]).toEqual([true, false, true]);
    expect([tree.frameOf(12), tree.frameOf(13), tree.frameOf(14)]).toEqual([502, 503, 14]);
    tree.remove(13);
    expect([tree.frameOf(10), tree.frameOf(12)]).toEqual([10, 900]);
  });

  test("a lookup that takes the lock first is the same with or without an erasure between", () => {
    const tree = new ArmTree();
    for (const page of [50, 30, 70]) tree.add(page, page + 900, 1);
    const lookup = tree.frameOfSteps(30, false);
    lookup.next();
    tree.remove(50);
    expect(finish(lookup)).toBe(930);
  });
});

describe("entries of the page map", () => {
  const rows: readonly (readonly [what: string, flags: number, frame: number, exact: boolean])[] = [
    ["a plain entry is itself", 0, 0x12345, true],
    ["a foreign entry is its frame when masked, and nobody's when not", foreignBit, 0x12345, false],
    ["an identity entry is not exactly its frame", identityBit, 0x12345, false],
    ["a frame above 16 TiB keeps its bits", 0, 2 ** 32 + 5, true],
  ];
  for (const [what, flags, frame, exact] of rows) {
    test(what, () => {
      const p2m = new P2m();
      p2m.set(7, frame, flags);
      expect([p2m.frame(7), p2m.isExactly(7, frame), p2m.isForeign(7)]).toEqual([frame, exact, flags === foreignBit]);
    });
  }

  test("an entry that was never set is invalid, and above the table a number is itself", () => {
    const p2m = new P2m();
    p2m.set(3, 9);
    expect([p2m.frame(2), p2m.isInvalid(2), p2m.isForeign(2)]).toEqual([-1, true, false]);
    expect([p2m.frame(4), p2m.isIdentity(4), p2m.isExactly(4, 4)]).toEqual([4, true, false]);
  });
});
