/** The pieces of the Xen replay, each on what is made for it. */
import { describe, expect, test } from "vitest";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { beginOf } from "../../../src/lab/replay/contracts/operation.js";
import { maskChanges } from "../../../src/lab/replay/machine/alignment_changes.js";
import { Grants } from "../../../src/lab/replay/xen/grants.js";
import { initialPoolOf, setUp } from "../../../src/lab/replay/xen/initial_pool.js";
import { Overlaps } from "../../../src/lab/replay/xen/overlaps.js";
import { Owners } from "../../../src/lab/replay/xen/owners.js";
import { PageMap, Unknown } from "../../../src/lab/replay/xen/page_map.js";
import { PoolFrames } from "../../../src/lab/replay/xen/pool_frames.js";
import { memorySource } from "../../../src/read/bytes.js";
import { EventBatch, EventKind } from "../../../src/read/event.js";
import { readM2p } from "../../../src/read/xen/m2p_file.js";
import { FrameKind, readP2m } from "../../../src/read/xen/p2m_file.js";
import { readPoolFile } from "../../../src/read/xen/pool_file.js";
import { Pool } from "../../../src/sw/swiotlb/index.js";
import { made } from "./made.js";

const source = (text: string) => memorySource("dump", new TextEncoder().encode(text));
const p2m = (text: string) => readP2m(source(text));
const nothing = new Set<number>();

describe("the page map", () => {
  const before = p2m("0 10 L 100 v\n20 2 F 900 v\n30 10 X 0 v\n");
  const after = p2m("0 8 L 100 v\n8 8 L 500 v\n20 2 F 900 v\n30 10 X 0 v\n");
  const one = (o: Partial<ConstructorParameters<typeof PageMap>[0]> = {}) =>
    new PageMap({ before, after: null, changing: nothing, grantsShown: true, ...o });

  const rows: readonly [what: string, map: PageMap, pfn: number, mfn: number, why: Unknown | null][] = [
    ["a local page is its frame", one(), 5, 0x105, null],
    ["one that both dumps give alike is known", one({ after }), 5, 0x105, null],
    [
      "one that they give differently, with no probe of the change, is not",
      one({ after }),
      9,
      Number.NaN,
      Unknown.changedUnseen,
    ],
    ["with one, the earlier dump holds until then", one({ after, changing: new Set([9]) }), 9, 0x109, null],
    ["nothing there, and grants are recorded", one(), 0x30, Number.NaN, Unknown.grantNotSeen],
    ["nothing there, and they are not", one({ grantsShown: false }), 0x30, Number.NaN, Unknown.grantsNotRecorded],
    ["beyond the dump", one(), 0x400, Number.NaN, Unknown.outside],
    ["no dump", one({ before: null }), 5, Number.NaN, Unknown.noFile],
    ["only a later dump, of a page that does not change", one({ before: null, after }), 9, 0x501, null],
    [
      "only a later dump, of one that does",
      one({ before: null, after, changing: new Set([9]) }),
      9,
      Number.NaN,
      Unknown.changedUnseen,
    ],
  ];
  for (const [what, map, pfn, mfn, why] of rows) {
    test(what, () => {
      expect(map.look(pfn)).toBe(mfn);
      if (why !== null) expect(map.why).toBe(why);
    });
  }

  test("a grant holds until it is cleared", () => {
    const map = one();
    map.set(0x30, FrameKind.foreign, 0x777);
    expect([map.look(0x30), map.kind]).toEqual([0x777, FrameKind.foreign]);
    map.set(0x30, FrameKind.invalid, Number.NaN);
    expect([map.look(0x30), map.kind]).toEqual([Number.NaN, FrameKind.invalid]);
  });

  test("lost events: grants are not known any more, local pages are", () => {
    const map = one();
    map.set(0x30, FrameKind.foreign, 0x777);
    map.lose();
    expect([map.look(0x30), map.why]).toEqual([Number.NaN, Unknown.lost]);
    expect([map.look(0x20), map.why]).toEqual([Number.NaN, Unknown.lost]);
    expect(map.look(5)).toBe(0x105);
  });
});

describe("grants", () => {
  /** A batch as the two probes show it: operations, then their pages. */
  function mapped(
    frames: readonly [mfn: number, status: number, domain: number][],
    pfns: readonly number[],
    total = pfns.length,
  ) {
    const b = new EventBatch();
    const i = b.blank();
    b.kind[i] = EventKind.xenGrants;
    for (const [mfn, status, domain] of frames) {
      b.pushDma(i, mfn * 4096, status);
      b.pushPhys(i, domain * 2 ** 32 + 7);
    }
    b.count++;
    const k = b.blank();
    b.kind[k] = EventKind.xenGrantPages;
    for (const pfn of pfns) b.pushPhys(k, pfn * 4096);
    b.physTotal[k] = total;
    b.count++;
    return b;
  }
  const see = (g: Grants, b: EventBatch) => {
    for (let i = 0; i < b.count; i++) g.see(b, i);
  };
  const map = () => new PageMap({ before: p2m("30 10 X 0 v\n"), after: null, changing: nothing, grantsShown: true });

  test("a failed operation of a batch maps nothing", () => {
    const pages = map();
    const grants = new Grants(pages, null);
    see(
      grants,
      mapped(
        [
          [0x900, 0, 1],
          [0, -13, 1],
        ],
        [0x30, 0x31],
      ),
    );
    expect([pages.look(0x30), pages.look(0x31)]).toEqual([0x900, Number.NaN]);
    expect({ mapped: grants.mapped, failed: grants.failed, alive: grants.aliveCount }).toEqual({
      mapped: 1,
      failed: 1,
      alive: 1,
    });
    expect(grants.domainOf(0x30)).toBe(1);
    expect(grants.alive()).toEqual([{ pfn: 0x30, mfn: 0x900, domain: 1, reference: 7 }]);
  });

  test("what a larger batch hides is said to be unknown, not invalid", () => {
    const pages = map();
    const grants = new Grants(pages, null);
    see(grants, mapped([[0x900, 0, 1]], [0x30], 20));
    expect(grants.notShown).toBe(19);
    expect([pages.look(0x35), pages.why]).toEqual([Number.NaN, Unknown.batchCut]);
  });

  test("grants from before the recording are alive until they are unmapped", () => {
    const pages = new PageMap({ before: p2m("20 2 F 900 v\n"), after: null, changing: nothing, grantsShown: true });
    const grants = new Grants(pages, p2m("20 2 F 900 v\n"));
    const b = new EventBatch();
    b.kind[b.blank()] = EventKind.xenUngrantPages;
    b.pushPhys(0, 0x20000);
    b.pushPhys(0, 0x55000);
    b.count++;
    see(grants, b);
    expect({
      before: grants.aliveBefore,
      now: grants.aliveCount,
      unmapped: grants.unmapped,
      unseen: grants.unmappedUnseen,
    }).toEqual({ before: 2, now: 1, unmapped: 1, unseen: 1 });
  });
});

describe("the pool's frames", () => {
  const frames = new PoolFrames(0x3e700000, 512);
  frames.learn(0x3e700, 0x40, 0x1c0);
  frames.learn(0x3e740, 0x40, 0x180);
  frames.learn(0x3e780, 0x20, 0x140);
  frames.learn(0x3e7a0, 0x20, 0x900);

  test("addresses both ways", () => {
    expect(frames.offsetOf(0x1c0123)).toBe(0x123);
    expect(frames.addressOf(0x40000)).toBe(0x180000);
    expect(frames.offsetOf(0x3e700000)).toBeNaN();
    expect(frames.addressOf(0xc0000)).toBeNaN();
  });
  test("a slot set in pieces, and one that is not known, are told from whole ones", () => {
    expect(frames.sets()).toMatchObject({ total: 4, contiguous: 2, broken: 1, unknown: 1, brokenAt: [256] });
  });
});

describe("foreign frames with numbers of the pool", () => {
  const pool = new PoolFrames(0x100000, 512);
  const owners = new Owners({
    p2m: p2m("0 100 L 5000 v\n"),
    m2p: readM2p(source("9000 1 P 105\n9001 1 P 105\n9002 1 P 5000\n")),
    guests: [],
  });
  const look = (pfn: number, mfn: number) => {
    const maps = new Mappings();
    const overlaps = new Overlaps(maps, owners, pool);
    overlaps.look(made(maps, { time: 1, orig: pfn * 4096 + 2048, size: 512, address: mfn * 4096 + 2048 }), pfn, mfn);
    return overlaps;
  };
  test("a number inside the pool is a hazard, with the slot that it looks like", () => {
    const overlaps = look(0x777, 0x9000);
    expect(overlaps.maps).toBe(1);
    expect(overlaps.examples[0]).toMatchObject({ ownerPfn: 0x105, slot: 11 });
  });
  test("the same number in both domains is told apart by the foreign mark alone", () => {
    expect(look(0x105, 0x9001).sameNumber).toBe(1);
    expect(look(0x777, 0x9001).sameNumber).toBe(0);
  });
  test("a number elsewhere is none", () => expect(look(0x777, 0x9002).maps).toBe(0));
  test("frames that no page of the domain stands for are foreign", () => {
    expect([owners.isForeign(0x5010), owners.isForeign(0x9000)]).toEqual([false, true]);
    expect(new Owners({ p2m: null, m2p: null, guests: [] }).isForeign(5)).toBeNull();
  });
  test("what a dump says is another's is not the domain's own, and runs are found whatever their order", () => {
    const many = new Owners({
      p2m: p2m("0 4 L 900 v\n10 4 L 100 v\n20 4 F 500 v\n30 1 L 700 v\n"),
      m2p: null,
      guests: [],
    });
    const at = [0xff, 0x100, 0x103, 0x104, 0x500, 0x700, 0x701, 0x900, 0x903, 0x904];
    const none = Number.NaN;
    expect(at.map((mfn) => many.ownPfn(mfn))).toEqual([none, 0x10, 0x13, none, none, 0x30, none, 0, 3, none]);
    expect([many.knowsOwn, many.knowsNumbers, owners.knowsNumbers]).toEqual([true, false, true]);
    expect(new Owners({ p2m: p2m("20 4 F 500 v\n"), m2p: null, guests: [] }).knowsOwn).toBe(false);
  });
});

test("a pool under load begins with what it held: allocations of one and of several slots", () => {
  const head =
    "# nslabs=512 force_bounce=1 total_used=3 used_hiwater=9\n# pool start=100000 end=200000 nareas=1\narea 0 used=3 index=40\n";
  const file = readPoolFile(
    source(
      `${head}slot 7 orig=7000 alloc_size=3000\nslot 8 orig=7800 alloc_size=952\nslot 9 orig=9000 alloc_size=100\n`,
    ),
  );
  const begin = initialPoolOf(file);
  expect(begin.held.map(({ offset, size, slots }) => ({ offset, size, slots }))).toEqual([
    { offset: 7 * 2048, size: 3000, slots: 2 },
    { offset: 9 * 2048, size: 100, slots: 1 },
  ]);
  const pool = new Pool({ start: 0x100000, slots: 512, areas: 1 });
  setUp(pool, begin);
  expect([pool.used, pool.areaIndex(0), pool.isFree(8), pool.isFree(10)]).toEqual([3, 40, false, true]);
});

describe("a device that changes its min_align_mask", () => {
  const bounce = (time: number, orig: number, kept: number) => {
    return { mask: 2 ** 32, forced: true, time, orig, size: 100, address: 0x100000 + kept };
  };
  const masks = [0, 0x1ff, 0x7ff, 0xfff];
  const rows: [what: string, bounces: ReturnType<typeof bounce>[], changes: number[]][] = [
    ["never", [bounce(1, 0x64, 0), bounce(2, 0xb54, 0), bounce(3, 0x1000, 0)], []],
    ["once, when low bits begin to be kept", [bounce(1, 0x64, 0), bounce(2, 0x1000, 0), bounce(3, 0x64, 0x64)], [3]],
    ["twice", [bounce(1, 0x64, 0), bounce(2, 0x64, 0x64), bounce(3, 0xfff, 0)], [2, 3]],
    ["not for a buffer whose place proves nothing", [bounce(1, 0x64, 0x64), bounce(2, 0x1000, 0)], []],
  ];
  test.each(rows)("%s", (_what, bounces, changes) => {
    const maps = new Mappings();
    const ops = bounces.map((b) => beginOf(made(maps, b)));
    expect(maskChanges({ maps, ops }, masks)[0] ?? []).toEqual(changes);
  });
});
