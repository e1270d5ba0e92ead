/** Memory in and out of domains, exchanged for other memory, and made contiguous. */
import { describe, expect, test } from "vitest";
import { Errno } from "../../../src/spec/xen/errno.js";
import { Balloon, decrease, exchange, fixPool, leftovers, makePool, populate } from "../../../src/sw/xen/index.js";
import { bytes, machine, readAt } from "./machine.js";

type M = ReturnType<typeof machine>;
const page = 4096;

interface Asked {
  readonly inOrder?: number;
  readonly outOrder?: number;
  readonly bits?: number;
  readonly outDomain?: number;
  readonly domain?: number;
  readonly exchanged?: number;
  readonly at?: number;
  readonly pages?: readonly number[];
  readonly keepMapped?: boolean;
  readonly words?: number;
  readonly chunkMax?: number;
}

/** Eight pages of domain 0, taken out of its page tables. */
function ask(m: M, o: Asked = {}) {
  const at = o.at ?? m.back.allocPages(3)!;
  const extents = Array.from({ length: 8 }, (_, n) => m.d0.map.frameOf(at + n));
  if (o.keepMapped !== true) for (let n = 0; n < 8; n++) m.h.setMapping(m.d0, at + n, -1);
  const outOrder = o.outOrder ?? 0;
  const words = new Uint32Array(o.words ?? 8);
  const pages = o.pages ?? Array.from({ length: 8 / 2 ** outOrder }, (_, n) => at + n * 2 ** outOrder);
  const domain = o.domain ?? 0;
  const done = exchange(
    m.h,
    m.d0,
    {
      in: { domain, order: o.inOrder ?? 0, extents },
      out: { domain: o.outDomain ?? domain, order: outOrder, pages, bits: o.bits ?? 0, results: { words, first: 0 } },
      exchanged: o.exchanged ?? 0,
    },
    o.chunkMax,
  );
  return { ...done, words: [...words], at, extents };
}

type Row = readonly [what: string, status: number, exchanged: number, asked: Asked];
const rows: readonly Row[] = [
  ["eight frames for eight others", 0, 8, {}],
  ["eight frames for one extent of eight", 0, 8, { outOrder: 3 }],
  ["eight frames below 16 MiB", 0, 8, { bits: 24 }],
  ["an order above the domain's class", Errno.perm, 0, { inOrder: 19 }],
  ["lists of different length", Errno.invalid, 0, { pages: [0, 1, 2] }],
  ["frames of one domain for another", Errno.invalid, 0, { outDomain: 1 }],
  ["a domain that does not run", Errno.noDomain, 0, { domain: 9 }],
  ["frames of another domain", Errno.perm, 0, { domain: 1 }],
  ["more progress than the list is long", Errno.invalid, 9, { exchanged: 9 }],
  ["an extent that is not aligned to its order", Errno.invalid, 0, { outOrder: 3, pages: [12] }],
  ["a list of results that is too short", Errno.fault, 0, { words: 7 }],
  ["frames that page tables still name", Errno.invalid, 0, { keepMapped: true }],
  ["an address width that no memory has", Errno.noMemory, 0, { bits: 12 }],
  ["a call that is preempted after three", Errno.again, 3, { chunkMax: 3 }],
];

describe("exchange", () => {
  for (const [what, status, exchanged, asked] of rows) {
    test(what, () => {
      const m = machine();
      const free = m.h.free.count;
      const got = ask(m, asked);
      expect([got.status, got.exchanged]).toEqual([status, exchanged]);
      expect([m.h.free.count, m.d0.pages]).toEqual([free, 1024]);
      for (let n = 0; n < Math.min(exchanged, 8); n++) {
        // A frame that was given may be what a later chunk gets.
        expect(m.h.free.isFree(got.extents[n]!) || got.words.includes(got.extents[n]!)).toBe(status !== Errno.invalid);
      }
    });
  }

  test("what it gives is the caller's, in the order of the pages, and M2P says so", () => {
    const m = machine();
    const got = ask(m, { outOrder: 2, bits: 24 });
    for (let n = 0; n < 8; n++) {
      const frame = got.words[n >> 2]! + (n & 3);
      expect(frame).toBeLessThan(2 ** 12);
      expect(m.h.frames.ownedBy(frame, 0)).toBe(true);
      expect(m.h.frames.m2p[frame]).toBe(got.at + n);
    }
  });

  test("a call goes on where it was preempted", () => {
    const m = machine();
    const first = ask(m, { chunkMax: 5 });
    const words = new Uint32Array(8);
    const pages = Array.from({ length: 8 }, (_, n) => first.at + n);
    const out = { domain: 0, order: 0, pages, bits: 0, results: { words, first: 0 } };
    const rest = exchange(m.h, m.d0, { in: { domain: 0, order: 0, extents: first.extents }, out, exchanged: 5 });
    expect([rest.status, rest.exchanged, words.filter((w) => w !== 0).length]).toEqual([0, 8, 3]);
  });

  test("a frame that is granted and mapped elsewhere is not taken, and the region stays as it is", () => {
    const m = machine();
    const at = m.kernel.allocPages(1)!;
    const frames = [m.d.map.frameOf(at), m.d.map.frameOf(at + 1)];
    const ref = m.grants.grant(0, at, false);
    const got = m.foreign.map([{ domain: 1, ref, readOnly: false }]);
    expect(m.kernel.createContiguous(at * page, 1, 32)).toEqual({ ok: false, handle: frames[0]! * page });
    expect([m.d.map.frameOf(at), m.d.map.frameOf(at + 1)]).toEqual(frames);
    m.foreign.unmap(got);
    expect(m.kernel.createContiguous(at * page, 1, 32).ok).toBe(true);
    expect(m.gate.violations).toEqual([]);
  });
});

describe("contiguous regions", () => {
  for (const model of ["p2m", "vp+hypercall"] as const) {
    test(`${model}: the handle is the machine address of a region that is contiguous, narrow enough and empty`, () => {
      const m = machine({ model });
      for (let order = 0; order <= 6; order++) {
        const at = m.back.allocPages(order)!;
        m.back.memory.write(at * page, new Uint8Array(100).fill(1));
        const { ok, handle } = m.back.createContiguous(at * page, order, 24);
        expect(ok).toBe(true);
        expect(handle + 2 ** order * page).toBeLessThanOrEqual(2 ** 24);
        for (let n = 0; n < 2 ** order * page; n += 2048) expect(m.back.physToBus(at * page + n)).toBe(handle + n);
        expect(m.back.busToLocalPhys(handle + 5)).toBe(at * page + 5);
        expect(readAt(m.back.memory, at * page, 100).every((b) => b === 0)).toBe(true);
        m.back.memory.write(at * page + 1, bytes(7));
        expect(readAt(m.h.memory, handle + 1, 1)).toEqual([7]);
        m.back.destroyContiguous(at * page, order);
        expect(m.h.free.isFree(handle / page)).toBe(true);
        m.back.freePages(at, order);
      }
      expect([m.d0.pages, leftovers(m.h, m.gate)]).toEqual([1024, []]);
      expect(m.gate.violations).toEqual([]);
    });
  }

  test("models that rearrange nothing answer with what is there", () => {
    const arm = machine({ model: "p==m" }).back;
    const at = arm.allocPages(3)!;
    expect(arm.createContiguous(at * page, 3, 32)).toEqual({ ok: true, handle: at * page });
    expect(arm.createContiguous(at * page, 3, 13)).toEqual({ ok: false, handle: at * page });
    expect(machine({ model: "vp" }).back.createContiguous(0x4000, 1, 32)).toEqual({ ok: false, handle: -1 });
  });

  test("nothing that narrow: the old frames are put back, and the handle is set all the same", () => {
    const m = machine();
    const at = m.back.allocPages(2)!;
    const before = m.back.physToBus(at * page);
    expect(m.back.createContiguous(at * page, 2, 13)).toEqual({ ok: false, handle: before });
    m.back.memory.write(at * page, bytes(1));
    expect(readAt(m.h.memory, before, 1)).toEqual([1]);
  });
});

describe("the pool at boot", () => {
  test("each segment is contiguous, and the address bits never go down again", () => {
    const m = machine({ frames: 16384, pages: 2048 });
    const pool = makePool(m.back, 2 ** 22)!;
    expect([pool.bytes, pool.lines]).toEqual([2 ** 22, []]);
    const starts: number[] = [];
    for (let at = pool.first * page; at < pool.first * page + pool.bytes; at += 2 ** 18) {
      starts.push(m.back.physToBus(at));
      for (let n = 0; n < 2 ** 18; n += page) expect(m.back.physToBus(at + n)).toBe(starts.at(-1)! + n);
    }
    expect(Math.max(...starts) + 2 ** 18).toBeLessThanOrEqual(2 ** pool.bits);
    expect(starts.toSorted((a, b) => a - b)).not.toEqual(starts);
  });

  test("a machine without memory in one piece: no pool, and its pages are free again", () => {
    const m = machine({ frames: 4096, pages: 3600, guestPages: 16 });
    // What is free lies in pieces: fewer frames than the pool has.
    const pool = makePool(m.back, 2 ** 23);
    expect(pool).toBe(null);
    expect(m.back.pages.freePages).toBe(3599);
  });

  test("a pool for which there are no pages is halved, and the kernel says so", () => {
    const { bytes: size, lines } = makePool(machine().back, 2 ** 22)!;
    expect([size, lines]).toEqual([2 ** 21, ["Failed to get contiguous memory for DMA from Xen!"]]);
  });

  test("a buffer that is not aligned to a segment cannot be fixed", () => {
    const m = machine();
    const first = m.back.allocRun(128, 1)!;
    expect(fixPool(m.back, first * page, 2 ** 18)).toBe(null);
  });
});

describe("balloon and reservation", () => {
  test("pages go out scrubbed and come back as memory", () => {
    const m = machine();
    const balloon = new Balloon(m.back);
    const free = m.h.free.count;
    expect(balloon.inflate(100)).toBe(100);
    expect([m.h.free.count - free, m.d0.pages, balloon.size]).toEqual([100, 924, 100]);
    expect(balloon.deflate(500)).toBe(100);
    expect([m.h.free.count, m.d0.pages, balloon.size, m.back.pages.freePages]).toEqual([free, 1024, 0, 1023]);
    expect(leftovers(m.h, m.gate)).toEqual([]);
  });

  test("more pages than there are cannot be lent, and nothing counts as lent", () => {
    const m = machine();
    const balloon = new Balloon(m.back);
    expect(balloon.lend(1100)).toBe(null);
    expect(balloon.targetUnpopulated).toBe(0);
    const lent = balloon.lend(10)!;
    expect(lent.every((p) => m.d0.map.frameOf(p) < 0 && m.back.p2m!.isInvalid(p))).toBe(true);
    expect(balloon.targetUnpopulated).toBe(10);
    balloon.takeBack(lent);
    expect(balloon.targetUnpopulated).toBe(0);
  });

  test("a domain gives up only what is its own, and gets no more than its limit", () => {
    const m = machine();
    expect(decrease(m.h, m.d0, [m.d.map.frameOf(4)])).toBe(0);
    expect(decrease(m.h, m.d0, [m.d0.grants.shared[0]!])).toBe(0);
    expect(populate(m.h, m.d0, [3000])).toEqual([]);
    expect(decrease(m.h, m.d0, [m.d0.map.frameOf(4)])).toBe(1);
    m.h.setMapping(m.d0, 4, -1);
    for (const page of [-1, 0.5, Number.NaN, 2 ** 40]) expect(populate(m.h, m.d0, [page])).toEqual([]);
    expect(populate(m.h, m.d0, [4])).toHaveLength(1);
  });

  test("a frame that is still mapped by its owner comes free only with the mapping", () => {
    const m = machine();
    const at = m.back.allocPages(0)!;
    const frame = m.d0.map.frameOf(at);
    expect(decrease(m.h, m.d0, [frame])).toBe(1);
    expect(decrease(m.h, m.d0, [frame])).toBe(0);
    expect(m.h.free.isFree(frame)).toBe(false);
    m.h.setMapping(m.d0, at, -1);
    expect(m.h.free.isFree(frame)).toBe(true);
  });
});
