/** Edges of what the hypervisor keeps: free frames, heap frames that cannot be had, flushes, pages of failed maps. */
import { describe, expect, test } from "vitest";
import { Errno } from "../../../src/spec/xen/errno.js";
import { GrantStatus } from "../../../src/spec/xen/grant_op.js";
import { FreeFrames } from "../../../src/sw/xen/hypervisor/free_frames.js";
import { addGrantFrames, addStatusFrames } from "../../../src/sw/xen/hypervisor/grant_frames.js";
import { cacheFlush, setupTable, setVersion } from "../../../src/sw/xen/index.js";
import { machine } from "./machine.js";

type M = ReturnType<typeof machine>;
const page = 4096;

describe("a flush of the cache", () => {
  const m = machine({ model: "p==m" });
  const own = m.d0.map.frameOf(m.back.allocPages(0)!) * page;
  const foreign = m.d.map.frameOf(m.kernel.allocPages(0)!) * page;
  const free = Array.from({ length: m.h.frames.count }, (_, n) => n).find((n) => m.h.free.isFree(n))! * page;
  const nowhere = m.h.frames.count * page;
  test.each([
    ["a whole page", own, page, 0],
    ["up to the end of the page", own + 4000, 96, 0],
    ["one byte", own + 4095, 1, 0],
    ["nothing, of nobody's page", nowhere, 0, 0],
    ["over the end of the page", own + 4000, 97, Errno.invalid],
    ["more than a page", own, page + 1, Errno.invalid],
    ["less than nothing", own, -1, Errno.invalid],
    ["half a byte", own, 0.5, Errno.invalid],
    ["no number of bytes", own, Number.NaN, Errno.invalid],
    ["below all memory", -page, 16, Errno.invalid],
    ["between two bytes", own + 0.5, 16, Errno.invalid],
    ["a free frame", free, 16, Errno.invalid],
    ["beyond all memory", nowhere, 16, Errno.invalid],
    ["another's frame", foreign, 16, Errno.perm],
  ])("%s", (_what, bus, length, status) => {
    expect(cacheFlush(m.h, m.d0, { bus, length, op: "clean" })).toBe(status);
  });

  test("the question whether the call exists, and a reference instead of an address", () => {
    const flush = { bus: foreign, length: 16, op: "invalidate" } as const;
    expect(cacheFlush(m.h, m.d0, { ...flush, op: null })).toBe(0);
    expect(cacheFlush(m.h, m.d0, { ...flush, byRef: true })).toBe(Errno.unsupported);
    expect(cacheFlush(m.h, m.d0, { ...flush, byRef: true, length: 0 })).toBe(0);
  });
});

describe("free frames", () => {
  test("a choice is asked for only where there is one, and blocks lie aligned in one zone", () => {
    const asked: number[] = [];
    const free = new FreeFrames(48, (ways) => {
      asked.push(ways);
      return ways - 1;
    });
    // The zone of 32 is cut short at 48: two blocks of eight, and none of 32.
    expect([free.take(5, 64), free.take(4, 64), free.take(4, 64), free.take(4, 64)]).toEqual([null, 32, 16, null]);
    expect(asked).toEqual([1, 1]);
    expect([free.count, free.take(3, 64), free.take(3, 64)]).toEqual([15, 8, null]);
    expect(asked).toEqual([1, 1, 1]);
    while (free.take(0, 64) !== null);
    expect([free.count, asked.every((ways) => ways > 0)]).toEqual([0, true]);
  });

  test("a block needs every frame of it, and takes the other where one lacks", () => {
    const free = new FreeFrames(32, (ways) => ways - 1);
    free.takeExactly(31 as never);
    expect(free.take(3, 64)).toBe(16);
    expect(free.take(3, 64)).toBe(8);
    free.give(31 as never);
    expect([free.take(3, 64), free.takeRun(8), free.takeRun(8)]).toEqual([24, null, null]);
    expect([free.takeRun(7), free.count]).toEqual([1, 0]);
  });

  test("a width in bits is that of the last byte, and frame 0 is never free", () => {
    const free = new FreeFrames(32, () => 0);
    expect([free.take(0, 12), free.take(0, 11), free.take(0, 13), free.take(0, 13)]).toEqual([null, null, 1, null]);
    expect([free.take(1, 14), free.take(0, 15), free.take(0, 64), free.isFree(0)]).toEqual([2, 4, 16, false]);
  });
});

describe("frames for grants that cannot be had", () => {
  const left = (m: M, frames: number) => {
    while (m.h.free.count > frames) m.h.free.take(0, 64);
  };

  test("no status frame: version 1 stays, and nothing is listed", () => {
    const m = machine();
    left(m, 0);
    expect([addStatusFrames(m.h, m.d), m.d.grants.status]).toEqual([false, []]);
    expect([setVersion(m.h, m.d, 2), m.d.grants.version, m.d.grants.status]).toEqual([Errno.noMemory, 1, []]);
  });

  test("a table grows as far as there is memory, and no further than its limit", () => {
    const m = machine({ grantFramesMax: 4 });
    left(m, 1);
    expect([setupTable(m.h, m.d, 4), m.d.grants.shared.length]).toEqual([GrantStatus.generalError, 2]);
    expect(m.d.grants.shared.every((frame) => frame > 0)).toBe(true);
    const other = machine({ grantFramesMax: 4 });
    expect([addGrantFrames(other.h, other.d, 5), other.d.grants.shared.length]).toEqual([false, 4]);
  });

  test("version 2: a frame of entries whose status words have no room", () => {
    const m = machine({ grantFramesMax: 64 });
    setVersion(m.h, m.d, 2);
    // 2048 status words fill a frame: those of eight frames of entries.
    expect([setupTable(m.h, m.d, 8), m.d.grants.status.length]).toEqual([GrantStatus.okay, 1]);
    left(m, 1);
    expect([setupTable(m.h, m.d, 9), m.d.grants.status.length]).toEqual([GrantStatus.generalError, 1]);
  });
});

describe("pages for foreign frames", () => {
  test("what a failed map took is the next one's", () => {
    const m = machine();
    const at = m.grants.allocShared()!;
    const ref = m.grants.grant(0, at, false);
    const bad = { domain: 1, ref: 100, readOnly: false };
    expect(m.foreign.map([bad, bad]).map((p) => [p.status, p.page])).toEqual([
      [GrantStatus.generalError, -1],
      [GrantStatus.generalError, -1],
    ]);
    expect(m.foreign.cache.size).toBe(2);
    const [got] = m.foreign.map([{ domain: 1, ref, readOnly: false }]);
    expect([m.foreign.cache.size, m.foreign.unmap([got!]), m.foreign.cache.size]).toEqual([1, [0], 2]);
  });

  test("where no page could be had, none is given back", () => {
    const m = machine({ foreign: { section: 2 ** 60 } });
    const at = m.grants.allocShared()!;
    const [got] = m.foreign.map([{ domain: 1, ref: m.grants.grant(0, at, false), readOnly: false }]);
    expect([got!.status, got!.page, m.foreign.cache.size]).toEqual([GrantStatus.generalError, -1, 0]);
  });
});
