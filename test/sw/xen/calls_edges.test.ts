/** Calls with every number at its edge: what is refused, and what of it is done. */
import { describe, expect, test } from "vitest";
import type { Mfn, Pfn } from "../../../src/base/frame.js";
import { Errno } from "../../../src/spec/xen/errno.js";
import { GrantType } from "../../../src/spec/xen/grant_entry.js";
import { GrantStatus, MapFlag } from "../../../src/spec/xen/grant_op.js";
import { holdFrame, unpin } from "../../../src/sw/xen/grant/pin.js";
import { deviceFrame } from "../../../src/sw/xen/hypervisor/iommu_map.js";
import {
  type Exchange,
  exchange,
  ForeignPages,
  finish,
  fixPool,
  Guest,
  iommuMap,
  iommuUnmap,
  makePool,
  mapGrant,
  PageCache,
  transferGrant,
  Unpopulated,
  unmapGrantSteps,
  unmapGrants,
  type XenModel,
} from "../../../src/sw/xen/index.js";
import { bytes, entryOf, machine, readAt } from "./machine.js";

type M = ReturnType<typeof machine>;
const page = 4096;
const MiB = 2 ** 20;
const small = { frames: 256, pages: 48, guestPages: 24 };
const models = ["p2m", "p==m", "vp", "vp+hypercall", "vp+iommu"] as const;
const grant = (m: M, ro = false) => m.grants.grant(0, m.grants.allocShared()!, ro);
/** What it throws, or what it gives. */
function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (e) {
    return (e as Error).message;
  }
}

describe("exchange", () => {
  /** Four frames of domain 0 for four others, changed in one place. */
  function asked(change: (o: { in: Exchange["in"]; out: Exchange["out"]; exchanged: number }) => unknown, on: M) {
    const at = on.back.allocPages(2)!;
    const extents = [0, 1, 2, 3].map((n) => on.d0.map.frameOf(at + n));
    for (let n = 0; n < 4; n++) on.h.setMapping(on.d0, at + n, -1);
    const words = new Uint32Array(8);
    const o = {
      in: { domain: 0, order: 0, extents },
      out: { domain: 0, order: 0, pages: [0, 1, 2, 3].map((n) => at + n), bits: 0, results: { words, first: 2 } },
      exchanged: 0,
    };
    change(o);
    const done = exchange(on.h, on.d0, o);
    return [done.status, done.exchanged, words.filter((w) => w !== 0).length];
  }
  const set = (key: "in" | "out", values: object) => (o: object) => {
    const of = o as Record<"in" | "out", object>;
    of[key] = { ...of[key], ...values };
  };
  const both = (values: object) => (o: object) => {
    set("in", values)(o);
    set("out", values)(o);
  };
  const results = (r: object) => (o: { out: Exchange["out"] }) =>
    set("out", { results: { ...o.out.results, ...r } })(o);
  const progress = (exchanged: number) => (o: { exchanged: number }) => {
    o.exchanged = exchanged;
  };

  test.each([
    ["nothing", () => 0, [0, 4, 4]],
    ["orders at the limit of the class", both({ order: 18 }), [Errno.invalid, 0, 0]],
    ["the order in above it", set("in", { order: 19 }), [Errno.perm, 0, 0]],
    ["the order out above it", set("out", { order: 19 }), [Errno.perm, 0, 0]],
    ["the order in below 0", set("in", { order: -1 }), [Errno.invalid, 0, 0]],
    ["the order out half a number", set("out", { order: 0.5 }), [Errno.invalid, 0, 0]],
    ["both orders below 0", both({ order: -1 }), [Errno.invalid, 0, 0]],
    ["both orders no numbers", both({ order: Number.NaN }), [Errno.invalid, 0, 0]],
    ["progress below 0", progress(-1), [Errno.invalid, -1, 0]],
    ["half a step of progress", progress(0.5), [Errno.invalid, 0.5, 0]],
    [
      "an order in below 0, for lists that agree",
      (o: { in: Exchange["in"]; out: Exchange["out"] }) => {
        set("in", { order: -1 })(o);
        set("out", { pages: [o.out.pages[0], o.out.pages[1]] })(o);
      },
      [Errno.invalid, 0, 0],
    ],
    ["all done already", progress(4), [0, 4, 0]],
    ["more than all", progress(5), [Errno.invalid, 5, 0]],
    ["three done already", progress(3), [0, 4, 1]],
    ["another domain out", set("out", { domain: 1 }), [Errno.invalid, 0, 0]],
    ["another domain in", set("in", { domain: 1 }), [Errno.invalid, 0, 0]],
    ["another domain", both({ domain: 1 }), [Errno.perm, 0, 0]],
    ["no domain", both({ domain: 9 }), [Errno.noDomain, 0, 0]],
    ["itself", both({ domain: 0x7ff0 }), [0, 4, 4]],
    ["a page less", set("out", { pages: [40, 41, 42] }), [Errno.invalid, 0, 0]],
    ["results that just fit", results({ first: 4 }), [0, 4, 4]],
    ["results over the end", results({ first: 5 }), [Errno.fault, 0, 0]],
    ["results before the beginning", results({ first: -1 }), [Errno.fault, 0, 0]],
    ["results in the caller's part", results({ own: { first: 2, count: 4 } }), [0, 4, 4]],
    ["results over its end", results({ own: { first: 2, count: 3 } }), [Errno.fault, 0, 0]],
    ["results before it", results({ own: { first: 3, count: 5 } }), [Errno.fault, 0, 0]],
    ["results behind it", results({ own: { first: 0, count: 5 } }), [Errno.fault, 0, 0]],
    ["a page below 0", set("out", { pages: [0, 1, 2, -1] }), [Errno.invalid, 0, 0]],
    ["a page that is too high", set("out", { pages: [0, 1, 2, 2 ** 30] }), [Errno.invalid, 0, 0]],
    ["a frame of another in the list", set("in", { extents: [1, 2, 3, 4] }), [Errno.invalid, 0, 0]],
    ["a width in which nothing is", set("out", { bits: 12 }), [Errno.noMemory, 0, 0]],
  ] as const)("%s", (_what, change, wanted) => {
    const m = machine(small);
    const free = m.h.free.count;
    expect(asked(change as never, m)).toEqual(wanted);
    expect([m.h.free.count, m.d0.pages]).toEqual([free, 48]);
  });

  test("a page that M2P names and that shows another frame keeps it", () => {
    const m = machine(small);
    const kept = m.d0.map.frameOf(20);
    const change = (o: { in: Exchange["in"] }) => m.h.setM2p(m.d0, o.in.extents[0]!, 20);
    expect([asked(change as never, m), m.d0.map.frameOf(20)]).toEqual([[0, 4, 4], kept]);
  });

  test("pages aligned to the order out, the last of an extent still a page", () => {
    const m = machine(small);
    const statuses = [40, 42, 44, 2 * 256 + 2 ** 20 - 4, 2 * 256 + 2 ** 20].map((first) => {
      const at = m.back.allocPages(2)!;
      const extents = [0, 1, 2, 3].map((n) => m.d0.map.frameOf(at + n));
      for (let n = 0; n < 4; n++) m.h.setMapping(m.d0, at + n, -1);
      const out = { domain: 0, order: 2, pages: [first], bits: 0, results: { words: new Uint32Array(1), first: 0 } };
      return exchange(m.h, m.d0, { in: { domain: 0, order: 0, extents }, out, exchanged: 0 }).status;
    });
    expect(statuses).toEqual([0, Errno.invalid, 0, 0, Errno.invalid]);
  });

  test("a call goes on from the chunk that its progress lies in", () => {
    const m = machine(small);
    const at = m.back.allocPages(3)!;
    const extents = Array.from({ length: 8 }, (_, n) => m.d0.map.frameOf(at + n));
    for (let n = 0; n < 8; n++) m.h.setMapping(m.d0, at + n, -1);
    const words = new Uint32Array(4);
    const o = (exchanged: number): Exchange => ({
      in: { domain: 0, order: 0, extents },
      out: {
        ...{ domain: 0, order: 1, pages: [at, at + 2, at + 4, at + 6], bits: 0 },
        results: { words, first: 0 },
      },
      exchanged,
    });
    const calls = [
      exchange(m.h, m.d0, o(0), 0),
      exchange(m.h, m.d0, o(0), 1),
      exchange(m.h, m.d0, o(3), 1),
      exchange(m.h, m.d0, o(4), 2),
      exchange(m.h, m.d0, o(8), 0),
    ];
    expect(calls.map((c) => [c.status, c.exchanged])).toEqual([
      ...[
        [Errno.again, 0],
        [Errno.again, 2],
        [Errno.again, 4],
        [0, 8],
        [0, 8],
      ],
    ]);
    expect([...words].map((w) => w > 0 && w % 2 === 0)).toEqual([true, true, true, true]);
    expect([...words].flatMap((w) => [m.h.frames.m2p[w], m.h.frames.m2p[w + 1]])).toEqual(
      Array.from({ length: 8 }, (_, n) => at + n),
    );
  });
});

describe("mappings for devices that are asked for", () => {
  const start = () => machine({ ...small, model: "vp+iommu", deviceMap: true });

  test("numbers at their edges", () => {
    const m = start();
    const { invalid, exists, noEntry, noMemory } = Errno;
    const map = (dfn: number, ...pages: number[]) => iommuMap(m.h, m.d0, { dfn, pages, writable: true });
    const unmap = (dfn: number, count: number) => iommuUnmap(m.h, m.d0, { dfn, count });
    const top = 2 ** 36;
    expect([map(top - 2, 1, 2), map(top - 1, 3), map(top - 1, 1, 2), map(top, 1), map(0, 4), map(-1, 1)]).toEqual([
      0,
      exists,
      invalid,
      invalid,
      0,
      invalid,
    ]);
    expect([map(0.5, 1), map(9), map(9, 1, 0.5), map(9, 48), map(9, -1), m.d0.deviceMap!.size]).toEqual([
      ...[invalid, invalid, invalid, invalid, invalid, 3],
    ]);
    expect([map(9, 1, 2, 3), map(8, 5, 6), map(7, 5, 6), map(12, 5), map(11, 5)]).toEqual([0, exists, 0, 0, exists]);
    expect([unmap(9, 0), unmap(9, -1), unmap(9, 0.5), unmap(-1, 2), unmap(top - 1, 2), unmap(0, 2 ** 20 + 1)]).toEqual(
      Array.from({ length: 6 }, () => invalid),
    );
    expect([unmap(6, 2), m.d0.deviceMap!.size, unmap(6, 2), unmap(8, 5), m.d0.deviceMap!.size]).toEqual([
      ...[noEntry, 8, noEntry, 0, 3],
    ]);
    let gone = 0;
    const full = { size: 2 ** 20 - 2, has: () => false, set: () => {}, delete: () => ++gone > 0 };
    Object.defineProperty(m.d0, "deviceMap", { value: full });
    expect([map(20, 1, 2), map(20, 1, 2, 3), unmap(0, 2 ** 20), gone]).toEqual([0, noMemory, 0, 2 ** 20]);
  });

  test("whose frame it may be, and for what", () => {
    const m = start();
    const [foreign, shown] = m.foreign.map([
      { domain: 1, ref: grant(m), readOnly: false },
      { domain: 1, ref: grant(m, true), readOnly: true },
    ]);
    m.d0.map.set(90, m.d0.grants.shared[0]!, 1);
    m.d0.map.set(91, m.d.map.frameOf(3), 3);
    const may = [5, foreign!.page, shown!.page, 90, 91].map((at, n) =>
      [false, true].map((writable) => {
        const dfn = 10 + 2 * n + Number(writable);
        const status = iommuMap(m.h, m.d0, { dfn, pages: [at], writable });
        const frame = m.d0.map.frameOf(at);
        return [status, ...[false, true].map((write) => deviceFrame(m.h, m.d0, dfn, write) === frame)];
      }),
    );
    const { perm } = Errno;
    expect(may).toEqual([
      [
        [0, true, false],
        [0, true, true],
      ],
      [
        [0, true, false],
        [0, true, true],
      ],
      [
        [0, true, false],
        [perm, false, false],
      ],
      [
        [perm, false, false],
        [perm, false, false],
      ],
      [
        [perm, false, false],
        [perm, false, false],
      ],
    ]);
    m.foreign.unmap([foreign!, shown!]);
    expect([12, 13, 14].map((dfn) => deviceFrame(m.h, m.d0, dfn, false))).toEqual([-1, -1, -1]);
    expect([deviceFrame(m.h, m.d0, 99, false), deviceFrame(m.h, m.d, 10, false)]).toEqual([-1, -1]);
  });
});

describe("what a device reaches", () => {
  const kinds: readonly [string, XenModel, { deviceTable?: boolean; deviceMap?: boolean }][] = [
    ["machine addresses", "p2m", {}],
    ["a table of machine addresses", "p2m", { deviceTable: true }],
    ["the domain's own map", "vp+iommu", {}],
    ["mappings that are asked for", "vp+hypercall", { deviceMap: true }],
  ];
  test.each(kinds)("%s", (_what, model, o) => {
    const m = machine({ ...small, model, ...o });
    const [both, shown] = m.foreign.map([
      { domain: 1, ref: grant(m), readOnly: false },
      { domain: 1, ref: grant(m, true), readOnly: true },
    ]);
    const pages = [5, both!.page, shown!.page];
    if (o.deviceMap === true) iommuMap(m.h, m.d0, { dfn: 7, pages: pages.slice(0, 2), writable: true });
    if (o.deviceMap === true) iommuMap(m.h, m.d0, { dfn: 9, pages: pages.slice(2), writable: false });
    const numbers =
      o.deviceMap === true ? [7, 8, 9] : model === "vp+iommu" ? pages : pages.map((at) => m.d0.map.frameOf(at));
    const others = [m.d.map.frameOf(3), 100, 255, 256, 2 ** 40];
    const all = [...numbers, ...others].map((n) => [
      m.bus.read(8, n * page + 4092, new Uint8Array(4)),
      m.bus.write(8, n * page + 4092, bytes(1, 2, 3, 4)),
    ]);
    const odd = [0.5, -1, Number.NaN, 2 ** 60].map((at) => m.bus.read(8, at, new Uint8Array(1)));
    const own = readAt(m.back.memory, 5 * page + 4092, 4);
    // Over the end of a page: what comes after it is asked for by itself, and what came before is done.
    const over = new Uint8Array(8).fill(9);
    const end = [m.bus.read(8, numbers[0]! * page + 4092, over) !== "done", [...over.subarray(0, 4)]];
    const nothing = [m.bus.read(8, 0, new Uint8Array(0)), m.bus.read(9, 0, new Uint8Array(0))];
    expect([all.join(" | "), odd.join(" "), own.join(), end.join(" "), nothing.join(" ")]).toMatchSnapshot();
    expect(m.gate.violations.map((v) => `${v.access} ${v.frame} ${v.why}`)).toMatchSnapshot();
  });

  test("bytes of several pages come in their order", () => {
    const m = machine({ ...small, model: "vp+iommu" });
    const data = Uint8Array.from({ length: 9000 }, (_, n) => (n * 7) % 251);
    const same = (other: readonly number[] | Uint8Array) => Buffer.compare(Uint8Array.from(other), data);
    expect(m.bus.write(8, 5 * page + 100, data)).toBe("done");
    expect(same(readAt(m.back.memory, 5 * page + 100, 9000))).toBe(0);
    const back = new Uint8Array(9000);
    expect(m.bus.read(8, 5 * page + 100, back)).toBe("done");
    expect(same(back)).toBe(0);
    m.back.memory.copy({ from: 5 * page + 100, to: 20 * page + 4000, count: 9000 });
    expect(same(readAt(m.back.memory, 20 * page + 4000, 9000))).toBe(0);
    expect(readAt(m.back.memory, 20 * page + 3996, 4)).toEqual([0, 0, 0, 0]);
  });

  test("a CPU that goes where nothing is, or writes what it may only read", () => {
    const m = machine(small);
    const [shown] = m.foreign.map([{ domain: 1, ref: grant(m, true), readOnly: true }]);
    const at = shown!.page * page;
    expect([
      outcome(() => readAt(m.back.memory, 90 * page, 1)),
      outcome(() => m.back.memory.write(at, bytes(1))),
      outcome(() => readAt(m.back.memory, at, 1)),
      outcome(() => m.back.memory.write(5 * page, bytes(1))),
    ]).toEqual([
      "outside-memory: domain 0 has nothing at page 90",
      `read-only: domain 0 may only read page ${shown!.page}`,
      [0],
      undefined,
    ]);
  });
});

describe.each(models)("a kernel of model %s", (model) => {
  test("addresses of its own pages, of foreign ones and of what is neither, there and back", () => {
    const m = machine({ ...small, model });
    const [foreign] = m.foreign.map([{ domain: 1, ref: grant(m), readOnly: false }]);
    const { ramFirst, ramCount } = m.back;
    const pages = [ramFirst, ramFirst + 5, ramFirst + ramCount - 1, ramFirst + ramCount, 0];
    const relative = (n: number) => (n < 0 ? n : `${Math.floor(n / page)}+${n % page}`);
    const asked = [...pages, foreign!.page].map((at) => {
      const bus = m.back.physToBus(at * page + 9);
      return [at, bus, m.back.busToPhys(bus), m.back.busToLocalPhys(bus)].map((n, k) => (k === 0 ? n : relative(n)));
    });
    const frames = [0, m.d.map.frameOf(3), m.d0.map.frameOf(ramFirst + 5), 250, 255, 256, 2 ** 36].map((frame) =>
      [frame, m.back.busToPhys(frame * page), m.back.busToLocalPhys(frame * page)].map((n, k) =>
        k === 0 ? n : relative(n),
      ),
    );
    const owns = [ramFirst - 1, ramFirst, ramFirst + ramCount - 1, ramFirst + ramCount].map((at) =>
      m.back.ownsPage(at),
    );
    const below = [
      m.back.busToPhys(-904),
      m.back.busToLocalPhys(-904),
      m.back.busToPhys(-1),
      m.back.busToLocalPhys(-1),
      m.back.busToPhys(-4096),
    ];
    expect([asked.join(" | "), frames.join(" | "), owns.join(), below.join(), ramCount]).toMatchSnapshot();
  });

  test("frames that are taken out below it, or stand for another's page", () => {
    const m = machine({ ...small, model });
    const at = (m.back.ramFirst + 5) as Pfn;
    const frame = m.d0.map.frameOf(at);
    const all = () => [m.back.busToPhys(frame * page), m.back.busToLocalPhys(frame * page)];
    const other = m.d.map.frameOf(3);
    const facts = [all()];
    m.back.setForeign(at, other, true);
    facts.push(all(), [
      m.back.physToBus(at * page),
      Number(m.back.isForeign(at)),
      Number(m.back.setForeign(at, other, true)),
    ]);
    m.back.clearForeign(at);
    facts.push(all(), [Number(m.back.isForeign(at)), m.back.tree?.size ?? -1]);
    m.h.frames.m2p[frame] = 0xffff_ffff;
    facts.push(all());
    m.h.frames.m2p[frame] = at + 1;
    facts.push(all());
    expect(facts.join(" | ")).toMatchSnapshot();
  });

  test("regions of it are what the model makes of them", () => {
    const m = machine({ ...small, model });
    const region = m.back.allocPages(2)! * page;
    m.back.memory.write(region, bytes(1, 2, 3));
    const made = [14, 15, 20, 32].map((bits) => {
      const { ok, handle } = m.back.createContiguous(region, 2, bits);
      return [ok, m.back.lastHandle === handle, readAt(m.back.memory, region, 3).join("")];
    });
    const last = () => [3, 4].map((n) => readAt(m.back.memory, region + n * page + 4095, 1)[0]).join("");
    for (const n of [3, 4]) m.back.memory.write(region + n * page + 4095, bytes(n));
    const before = last();
    m.back.destroyContiguous(region, 2);
    made.push([true, m.back.createContiguous(region, 0, 64).ok, `${before} ${last()}`]);
    if (model === "p==m" || model === "vp+iommu") {
      // Not aligned to its size, and with another's frame in it.
      const ok = (at: number, order: number, bits: number) => m.back.createContiguous(at * page, order, bits).ok;
      expect([ok(3, 1, 14), ok(3, 1, 15), ok(0, 1, 13), ok(0, 1, 12), ok(8, 1, 20)]).toEqual([
        ...[false, true, true, false, true],
      ]);
      m.back.setForeign(9, 200, true);
      expect([ok(8, 1, 20), ok(8, 0, 20), ok(9, 0, 20)]).toEqual(
        model === "p==m" ? [false, true, true] : [true, true, true],
      );
    }
    expect([made.join(" | "), readAt(m.back.memory, region, 3)]).toMatchSnapshot();
  });
});

test("memory of a kernel whose domain has none, and of one with holes at its end", () => {
  const m = machine(small);
  const none = m.h.createDomain({ id: 20, model: "p2m", pages: 0 });
  const holes = m.h.createDomain({ id: 21, model: "vp", pages: 10 });
  holes.map.clear(9);
  holes.map.clear(8);
  holes.map.clear(3);
  const said = (k: Guest) => [k.ramFirst, k.ramCount, k.pages.freePages, k.allocPages(3), k.allocPages(0)];
  expect([said(new Guest(m.h, none)), said(new Guest(m.h, holes))]).toEqual([
    [0, 0, 0, null, null],
    [0, 8, 7, null, 1],
  ]);
  const lost = m.h.createDomain({ id: 22, model: "p2m", pages: 4 });
  lost.map.clear(2);
  expect(() => new Guest(m.h, lost)).toThrow("a page of the start list has a frame");
});

describe("pages for foreign frames", () => {
  test("a cache gives the last one back first, and keeps as many as it is told", () => {
    const given: number[][] = [];
    const source = {
      take: () => (given.length > 5 ? null : [50 as Pfn]),
      give: (p: readonly Pfn[]) => given.push([...p]),
    };
    const cache = new PageCache(source as never);
    for (const p of [1, 2, 3, 4]) cache.give(p as Pfn);
    cache.shrink(4);
    cache.shrink(5);
    expect([given, cache.size]).toEqual([[], 4]);
    cache.shrink(1);
    expect([given, cache.size, cache.take(), cache.take(), cache.size]).toEqual([[[2, 3, 4]], 1, 1, 50, 0]);
    given.length = 6;
    expect(cache.take()).toBe(null);
  });

  test("sections lie above all memory, each one after the other, and end with the page numbers", () => {
    const of = (model: XenModel, section?: number) => {
      const m = machine({ ...small, model });
      const u = new Unpopulated(m.back, section);
      const first = u.take(3);
      u.give([first![1]!]);
      const table = m.back.p2m?.length ?? -1;
      return [first, u.take(2), u.take(0), u.take(section ?? 3)?.at(-1), table, m.back.p2m?.length ?? -1];
    };
    expect([of("p2m", 10), of("p==m", 10), of("vp", 10)]).toMatchSnapshot();
    const m = machine({ ...small, p2mMax: 60 });
    const u = new Unpopulated(m.back, 16);
    expect([u.take(16), m.back.p2m!.length]).toEqual([Array.from({ length: 16 }, (_, n) => 63 - n), 60]);
    // Page numbers end at twice the frames and 2^20 more.
    const guest = { h: { frames: { count: 256 } }, d: { rules: { oneToOne: false } }, p2m: null, ramCount: 48 };
    const last = (below: number) => new Unpopulated({ ...guest, ramFirst: 2 ** 20 + 512 - 48 - below } as never, 4);
    expect([last(4).take(4)?.length, last(8).take(5)?.length, last(4).take(5), last(0).take(1)]).toEqual([
      ...[4, 5, null, null],
    ]);
  });

  test("2011: any page of one's own, all or none", () => {
    const m = machine({ ...small, foreign: { era: "2011" } });
    const free = m.back.pages.freePages;
    const requests = Array.from({ length: 3 }, () => ({ domain: 1, ref: grant(m), readOnly: false }));
    while (m.back.pages.freePages > 2) m.back.allocPages(0);
    const got = m.foreign.map(requests);
    expect([free, got.map((p) => [p.status, p.page > 0]), m.back.pages.freePages]).toEqual([
      ...[
        47,
        [
          [0, true],
          [0, true],
          [-1, false],
        ],
        0,
      ],
    ]);
    m.foreign.unmap(got);
    m.foreign.cache.shrink(0);
    expect([m.back.pages.freePages, m.foreign.cache.size]).toEqual([2, 0]);
  });

  test("2010: 512 pages, given and taken back in their order", () => {
    const m = machine({ frames: 2048, pages: 600, guestPages: 24, foreign: { era: "2010" } });
    const first = m.foreign.map([0, 1, 2].map(() => ({ domain: 1, ref: grant(m), readOnly: false })));
    expect([first.map((p) => p.page), m.back.pages.freePages]).toEqual([[1, 2, 3], 599 - 512]);
    m.foreign.unmap(first);
    m.foreign.cache.shrink(0);
    const again = m.foreign.map([0, 1].map(() => ({ domain: 1, ref: grant(m), readOnly: false })));
    expect(again.map((p) => p.page)).toEqual([3, 2]);
    expect(outcome(() => new ForeignPages(m.back, { era: "2010" }))).toBe(
      "no-memory: the reserved area for foreign pages is 512 pages",
    );
  });

  test("2013: pages of the balloon, which is told of them", () => {
    const m = machine({ ...small, foreign: { era: "2013" } });
    const got = m.foreign.map([{ domain: 1, ref: grant(m), readOnly: false }]);
    const { balloon } = m.foreign;
    const state = () => [balloon.size, balloon.targetUnpopulated, m.foreign.cache.size];
    expect(state()).toEqual([0, 1, 0]);
    m.foreign.unmap(got);
    expect(state()).toEqual([0, 1, 1]);
    m.foreign.cache.shrink(0);
    expect(state()).toEqual([1, 0, 0]);
  });

  test.each(["vp", "vp+hypercall", "p==m", "vp+iommu"] as const)("eras of the past are not those of %s", (model) => {
    const m = machine({ ...small, model });
    const told = (["2010", "2011", "2013"] as const).map((era) => outcome(() => new ForeignPages(m.back, { era })));
    expect(told).toEqual(
      ["2010", "2011", "2013"].map((e) => `era-model: foreign pages of ${e} are of model p2m, not ${model}`),
    );
  });
});

describe("the pool at boot", () => {
  /** A kernel that can make a segment contiguous when it has that many bits. */
  const kernel = (bitsOf: (at: number) => number, asked: [number, number, number][]) =>
    ({
      createContiguous: (phys: number, order: number, bits: number) => {
        asked.push([phys, order, bits]);
        return { ok: bits >= bitsOf(phys), handle: 0 };
      },
    }) as never;

  test("each segment begins with the bits that the one before needed, and 32 are the most", () => {
    const asked: [number, number, number][] = [];
    const segment = 2 ** 18;
    expect(
      fixPool(
        kernel((at) => [18, 20, 19, 21][at / segment]!, asked),
        0,
        4 * segment,
      ),
    ).toBe(21);
    expect(asked.map(([at, order, bits]) => [at / segment, order, bits])).toEqual([
      ...[
        [0, 6, 18],
        [1, 6, 18],
        [1, 6, 19],
        [1, 6, 20],
        [2, 6, 20],
        [3, 6, 20],
        [3, 6, 21],
      ],
    ]);
    expect([
      fixPool(
        kernel(() => 32, asked),
        0,
        1,
      ),
      fixPool(
        kernel(() => 33, asked),
        0,
        1,
      ),
    ]).toEqual([32, null]);
    expect(
      fixPool(
        kernel(() => 33, asked),
        0,
        0,
      ),
    ).toBe(18);
  });

  test("it is halved three times, not below 2 MiB, and what was tried is free again", () => {
    const tried: [count: number, align: number][] = [];
    const given: [first: number, count: number][] = [];
    const fails = (bugs: object, room: number) => ({
      h: { bugs },
      createContiguous: () => ({ ok: false, handle: 0 }),
      allocRun: (count: number, align: number) => (tried.push([count, align]) > 0 && count <= room ? 64 : null),
      pages: { giveRun: (first: number, count: number) => void given.push([first, count]) },
    });
    const all = [16, 32, 8, 2, 4, 3].map((size) => {
      tried.length = 0;
      return [makePool(fails({}, 4096) as never, size * MiB), tried.map(([count]) => (count * page) / MiB).join()];
    });
    expect(all).toEqual([
      ...[
        [null, "16,8,4,2"],
        [null, "32,16,8,4"],
        [null, "8,4,2"],
        [null, "2"],
        [null, "4,2"],
        [null, "3"],
      ],
    ]);
    expect(tried).toEqual([[768, 64]]);
    // What could not be had is not given back.
    expect(given.map(([first, count]) => `${first} ${(count * page) / MiB}`).join("; ")).toBe(
      "64 16; 64 8; 64 4; 64 2; 64 16; 64 8; 64 4; 64 8; 64 4; 64 2; 64 2; 64 4; 64 2; 64 3",
    );
    makePool(fails({ "unaligned-exchange": true }, 4096) as never, 2 * MiB);
    expect(tried.at(-1)).toEqual([512, 1]);
    const asked: number[] = [];
    const createContiguous = (phys: number) => ({ ok: asked.push(phys / page) > 0, handle: 0 });
    const works = { ...fails({}, 1024), createContiguous };
    const line = "Failed to get contiguous memory for DMA from Xen!";
    expect(makePool(works as never, 16 * MiB)).toEqual({ first: 64, bytes: 4 * MiB, bits: 18, lines: [line, line] });
    expect(asked).toEqual(Array.from({ length: 16 }, (_, n) => 64 + 64 * n));
  });
});

test("a flush by address is that of its three numbers", () => {
  const m = machine({ ...small, model: "p==m" });
  const bus = m.d0.map.frameOf(m.back.ramFirst) * page;
  const other = m.d.map.frameOf(3) * page;
  const all = [
    [bus, 64],
    [bus, 4097],
    [bus, 0],
    [-4096, 0],
    [-4096, 64],
    [0.5, 0],
    [other, 64],
    [bus, -1],
  ];
  const { invalid, perm } = Errno;
  expect(all.map(([at, length]) => m.back.cacheFlush(at!, length!, "clean"))).toEqual([
    ...[0, invalid, 0, invalid, invalid, invalid, perm, invalid],
  ]);
});

test("a transfer copies what lies beyond the other's width, and nothing else", () => {
  const m = machine({ ...small, pages: 200 });
  const to = m.h.createDomain({ id: 50, model: "p2m", pages: 0, pagesMax: 9, addressBits: 18 });
  const arrived = [62, 63, 64, 65, 66].flatMap((frame, n) => {
    const at = m.d0.map.frames.indexOf(frame);
    if (at < 0) return [];
    m.h.setMapping(m.d0, at, -1);
    entryOf(m.h, to, n).set(0, GrantType.acceptTransfer);
    const status = transferGrant(m.h, m.d0, { frame, domain: 50, ref: n });
    return [[frame < 64, status, entryOf(m.h, to, n).get(1) === frame, entryOf(m.h, to, n).get(1) < 64]];
  });
  expect(arrived).toEqual(arrived.map(([low]) => [low, 0, low, true]));
  expect(arrived.map(([low]) => low)).toMatchSnapshot();
});

test("a handle that became another domain's mapping while an unmap waited is not unmapped", () => {
  const m = machine({ ...small, guests: 2 });
  const refs = m.guests.map(({ grants }) => grants.grant(0, grants.allocShared()!, false));
  expect(refs).toEqual([8, 8]);
  const map = (domain: number) => mapGrant(m.h, m.d0, { flags: MapFlag.host, domain, ref: 8, page: 100 }).handle;
  const handle = map(1);
  m.d.grants.entered.add(8);
  const unmapping = unmapGrantSteps(m.h, m.d0, { handle, page: 100, bus: 0 });
  expect(unmapping.next().value).toBe("waits for the entry");
  m.d.grants.entered.delete(8);
  unmapGrants(m.h, m.d0, [{ handle, page: 100, bus: 0 }]);
  expect(map(2)).toBe(handle);
  expect([finish(unmapping), m.d0.grants.liveHandles]).toEqual([GrantStatus.badHandle, 1]);
});

test("calls are made under their names", () => {
  const named = models.map((model) => {
    const called: string[] = [];
    const m = machine({ ...small, model, called: (call) => void called.push(call) });
    const calls = (what: () => unknown) => {
      called.length = 0;
      what();
      return called.join();
    };
    const at = m.back.allocPages(1)! * page;
    const bus = m.back.physToBus(at);
    return [
      calls(() => m.back.physToBus(at)),
      calls(() => m.back.busToPhys(bus)),
      calls(() => m.back.createContiguous(at, 1, 32)),
      calls(() => m.back.destroyContiguous(at, 1)),
      calls(() => m.foreign.unmap(m.foreign.map([{ domain: 1, ref: grant(m), readOnly: false }]))),
    ].join(" | ");
  });
  expect(named).toMatchSnapshot();
});

test("a frame of another is not held, and one of another type not for writing", () => {
  const m = machine(small);
  const [own, other] = [m.d.map.frameOf(3), m.d0.map.frameOf(3)];
  const references = () => [own, other].map((frame) => m.h.frames.references[frame]!);
  const before = references();
  expect([holdFrame(m.h, other, m.d, true), holdFrame(m.h, -1, m.d, false), references()]).toEqual([
    false,
    false,
    before,
  ]);
  m.h.frames.type[own] = 2;
  expect([holdFrame(m.h, own, m.d, false), references(), holdFrame(m.h, own, m.d, true)]).toEqual([
    false,
    before,
    true,
  ]);
  expect(references()).toEqual([before[0]! + 1, before[1]]);
  unpin(m.h, m.d, 30, "hostRead");
  expect(m.d.grants.active.size).toBe(0);
  const ref = grant(m);
  mapGrant(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref, page: 100 });
  const pinned = { ...m.d.grants.active.get(ref)! };
  unpin(m.h, m.d, ref, "deviceRead");
  expect(m.d.grants.active.get(ref)).toEqual(pinned);
});

test("a frame of the heap is the domain's to see, and no page of its", () => {
  const m = machine({ ...small, deviceTable: true });
  const pages = m.d0.pages;
  const frame = m.h.allocateHeap(m.d0)!;
  const { owner, references, allocated, heap } = m.h.frames;
  const state = () => [owner, references, allocated, heap].map((a) => a[frame]);
  expect([state(), m.d0.pages, m.d0.devices!.permission(frame), m.gate.ownerOf(frame)]).toEqual([
    ...[[0, 1, 1, 1], pages, 0, 0],
  ]);
  expect([m.h.giveUp(frame as Mfn), state(), m.d0.pages, m.h.free.isFree(frame), m.gate.ownerOf(frame)]).toEqual([
    ...[true, [-1, 0, 0, 0], pages, true, -1],
  ]);
});
