/** A guest's side: revocation now and later, versions, rings, frames that are paged out, cache maintenance. */
import { describe, expect, test } from "vitest";
import type { Pfn } from "../../../src/base/frame.js";
import { Errno } from "../../../src/spec/xen/errno.js";
import { GrantStatus } from "../../../src/spec/xen/grant_op.js";
import {
  addStatusToPhysmap,
  cacheFlush,
  ForeignPages,
  Grants,
  getStatusFrames,
  leftovers,
  removeStatusFromPhysmap,
  setVersion,
} from "../../../src/sw/xen/index.js";
import { bytes, entryOf, machine, readAt } from "./machine.js";

type M = ReturnType<typeof machine>;
const page = 4096;

function share(m: M, count: number) {
  return Array.from({ length: count }, () => {
    const at = m.grants.allocShared()!;
    return { at, ref: m.grants.grant(0, at, false) };
  });
}
const mapAll = (m: M, shared: readonly { ref: number }[]) =>
  m.foreign.map(shared.map(({ ref }) => ({ domain: 1, ref, readOnly: false })));

describe("revocation", () => {
  test("a page in use waits, ten are tried a second, and each is free when the other side let go", () => {
    const m = machine();
    const shared = share(m, 25);
    const got = mapAll(m, shared);
    const free = m.kernel.pages.freePages;
    for (const { ref, at } of shared) expect(m.grants.endAccessAndFree(ref, at)).toBe(false);
    expect([m.grants.waitingCount, m.grants.tick(), m.kernel.pages.freePages]).toEqual([25, 0, free]);
    m.foreign.unmap(got);
    expect([m.grants.tick(), m.grants.tick(), m.grants.tick(), m.grants.tick()]).toEqual([10, 10, 5, 0]);
    expect(m.kernel.pages.freePages).toBe(free + 25);
  });

  test("what is pending for sixty rounds is said once", () => {
    const m = machine();
    const [one] = share(m, 1);
    mapAll(m, [one!]);
    m.grants.endAccessAndFree(one!.ref, one!.at);
    for (let n = 0; n < 100; n++) m.grants.tick();
    const lines = [`deferring g.e. 0x8 (pfn 0x${one!.at.toString(16)})`, "g.e. 0x8 still pending"];
    expect(m.log.lines).toEqual(lines);
  });

  test("without memory to wait in, the page is given up and never free again", () => {
    const m = machine();
    const grants = new Grants(m.kernel, { waitingMax: 0, log: m.log });
    const at = grants.allocShared()!;
    const ref = grants.grant(0, at, false);
    const [got] = m.foreign.map([{ domain: 1, ref, readOnly: false }]);
    const free = m.kernel.pages.freePages;
    grants.endAccessAndFree(ref, at);
    m.foreign.unmap([got!]);
    expect([grants.tick(), m.kernel.pages.freePages]).toEqual([0, free]);
    expect(m.log.lines).toEqual([`leaking g.e. 0x8 (pfn 0x${at.toString(16)})`]);
  });

  test("version 2 closes an entry in use to new users at once; version 1 leaves it open", () => {
    for (const version of [1, 2]) {
      const m = machine();
      setVersion(m.h, m.d, version);
      const shared = share(m, 1);
      const first = mapAll(m, shared);
      expect(m.grants.endAccess(shared[0]!.ref)).toBe(false);
      m.foreign.unmap(first);
      expect(mapAll(m, shared)[0]!.status).toBe(version === 1 ? GrantStatus.okay : GrantStatus.generalError);
    }
  });

  test("a page granted twice is not free of users when one grant is revoked", () => {
    const m = machine({ guests: 2 });
    const at = m.grants.allocShared()!;
    const refs = [m.grants.grant(0, at, false), m.grants.grant(2, at, false)];
    const [got] = m.foreign.map([{ domain: 1, ref: refs[0]!, readOnly: false }]);
    expect(m.grants.endAccess(refs[1]!)).toBe(true);
    expect(readAt(m.back.memory, got!.page * page, 1)).toEqual([0]);
    expect(m.gate.violations).toEqual([]);
  });

  test("references grow with the table, and end with its limit", () => {
    const m = machine({ grantFramesMax: 2 });
    let count = 0;
    while (m.grants.grant(0, 5 as Pfn, true) >= 0) count++;
    expect([count, m.d.grants.shared.length]).toEqual([1024 - 8, 2]);
  });
});

describe("versions", () => {
  test("the reserved entries are carried over, all others are gone", () => {
    const m = machine();
    const at = m.grants.allocShared()!;
    const ref = m.grants.grant(0, at, false);
    const entry = entryOf(m.h, m.d, 0);
    entry.set(0, 1);
    entry.set(1, m.d.map.frameOf(at));
    expect([setVersion(m.h, m.d, 2), m.d.grants.entryCount, m.d.grants.status.length]).toEqual([0, 256, 1]);
    const map = (r: number) => m.foreign.map([{ domain: 1, ref: r, readOnly: false }]);
    const first = map(0);
    expect([first[0]!.status, map(ref)[0]!.status]).toEqual([0, GrantStatus.generalError]);
    expect(setVersion(m.h, m.d, 1)).toBe(Errno.busy);
    m.foreign.unmap(first);
    expect([setVersion(m.h, m.d, 1), m.d.grants.status.length, m.d.grants.entryCount]).toEqual([0, 0, 512]);
    expect(map(0)[0]!.status).toBe(0);
  });

  test("there is no version 3", () => {
    const m = machine();
    expect([setVersion(m.h, m.d, 3), setVersion(m.h, m.d, 0)]).toEqual([Errno.invalid, Errno.invalid]);
  });

  test("a status frame that a guest sees keeps its table at version 2 until it is taken out", () => {
    const m = machine({ model: "vp" });
    setVersion(m.h, m.d, 2);
    expect(addStatusToPhysmap(m.h, m.d, { index: 1, page: 700 })).toBe(Errno.invalid);
    expect(addStatusToPhysmap(m.h, m.d, { index: 0, page: 700 })).toBe(0);
    expect(readAt(m.kernel.memory, 700 * page, 2)).toEqual([0, 0]);
    expect(setVersion(m.h, m.d, 1)).toBe(Errno.busy);
    expect([removeStatusFromPhysmap(m.h, m.d, 700), removeStatusFromPhysmap(m.h, m.d, 700)]).toEqual([
      0,
      Errno.invalid,
    ]);
    expect(setVersion(m.h, m.d, 1)).toBe(0);
    expect(leftovers(m.h, m.gate)).toEqual([]);
  });

  test("status frames are listed as far as they go and fit", () => {
    const m = machine();
    setVersion(m.h, m.d, 2);
    const list = (count: number, capacity: number) => getStatusFrames(m.h, m.d, { count, capacity }).status;
    expect([list(1, 1), list(2, 8), list(1, 0)]).toEqual([0, -1, -1]);
  });

  test("switching for ever neither loses nor keeps a frame", () => {
    const m = machine();
    const free = m.h.free.count;
    for (let n = 0; n < 50; n++) for (const version of [2, 1]) expect(setVersion(m.h, m.d, version)).toBe(0);
    expect(m.h.free.count).toBe(free);
  });
});

describe("foreign pages", () => {
  test("a ring is seen by CPUs and unknown to the page map", () => {
    const m = machine();
    const [one] = share(m, 1);
    const got = m.foreign.map([{ domain: 1, ref: one!.ref, readOnly: false, ring: true }]);
    m.back.memory.write(got[0]!.page * page, bytes(5));
    expect(readAt(m.kernel.memory, one!.at * page, 1)).toEqual([5]);
    expect([m.back.physToBus(got[0]!.page * page), m.back.isForeign(got[0]!.page)]).toEqual([-1, false]);
    m.foreign.unmap(got);
    expect(leftovers(m.h, m.gate)).toEqual([]);
  });

  test("a frame that is paged out is asked for again, with longer sleeps, and a bad page after 255", () => {
    let sleptMs = 0;
    const slept = (ms: number): void => {
      sleptMs += ms;
    };
    const m = machine({ foreign: { slept } });
    const [one] = share(m, 1);
    const frame = m.d.map.frameOf(one!.at);
    m.d.pagedOut.set(frame, 3);
    const got = mapAll(m, [one!]);
    expect([got[0]!.status, sleptMs]).toEqual([0, 1 + 2 + 3]);
    m.foreign.unmap(got);
    m.d.pagedOut.set(frame, 1000);
    expect(mapAll(m, [one!])[0]!.status).toBe(GrantStatus.badPage);
    expect(sleptMs).toBe(6 + (255 * 256) / 2);
  });

  test("full of handles: the text of old statuses, silence with today's", () => {
    for (const oldStatuses of [true, false]) {
      const m = machine({ maptrackFramesMax: 1, oldStatuses, guestPages: 400 });
      const got = mapAll(m, share(m, 257));
      expect(got.map((g) => g.status).filter((s) => s !== 0)).toEqual([oldStatuses ? -7 : -13]);
      const text = "maptrack limit reached, can't map all guest pages";
      expect(m.log.lines).toEqual(oldStatuses ? [text] : []);
    }
  });

  test("past eras belong to guests that keep their own page tables", () => {
    const m = machine({ model: "vp" });
    expect(() => new ForeignPages(m.back, { era: "2013" })).toThrow("era-model");
  });

  test("reserved pages of 2010 end after 2 MiB", () => {
    const m = machine({ foreign: { era: "2010" }, guestPages: 600, frames: 16384 });
    const got = mapAll(m, share(m, 513));
    expect(got.filter((g) => g.status !== 0)).toHaveLength(1);
    m.foreign.unmap(got);
    expect(leftovers(m.h, m.gate)).toEqual([]);
  });
});

describe("cache maintenance by hypercall", () => {
  const arm = machine({ model: "p==m" });
  const [one] = share(arm, 1);
  const [foreign] = mapAll(arm, [one!]);
  const own = arm.back.ramFirst * page;
  const op = "clean" as const;
  const rows: readonly (readonly [what: string, status: number, o: Parameters<typeof cacheFlush>[2]])[] = [
    ["a frame of one's own", 0, { bus: own, length: 64, op }],
    ["a frame mapped by grant", 0, { bus: foreign!.bus + 100, length: 3996, op: "invalidate" }],
    ["a frame of another domain", Errno.perm, { bus: arm.d.map.frameOf(77) * page, length: 64, op }],
    ["past the end of the frame", Errno.invalid, { bus: own + 4000, length: 100, op }],
    ["more than a frame", Errno.invalid, { bus: own, length: 5000, op }],
    ["no length at all", 0, { bus: 2 ** 50, length: 0, op }],
    ["no operation: does the call exist?", 0, { bus: own, length: 64, op: null }],
    ["by reference", Errno.unsupported, { bus: own, length: 64, op, byRef: true }],
    ["a frame that does not exist", Errno.invalid, { bus: 2 ** 50, length: 64, op }],
  ];
  for (const [what, status, o] of rows) {
    test(`${what}: ${status}`, () => expect(cacheFlush(arm.h, arm.d0, o)).toBe(status));
  }
  test("on x86 there is no such call", () => {
    expect(machine().back.cacheFlush(0x5000, 64, "clean")).toBe(Errno.noCall);
  });
});
