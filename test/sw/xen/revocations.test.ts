/** A guest's own side of its grants: entries as they are written, references used again, and revocations that wait. */
import { expect, test } from "vitest";
import type { Pfn } from "../../../src/base/frame.js";
import { LogLines } from "../../../src/base/kernel_log.js";
import { Memory } from "../../../src/mem/memory.js";
import { MapFlag } from "../../../src/spec/xen/grant_op.js";
import { Grants, Guest, Hypervisor, mapGrant, setVersion, unmapGrants, unwatched } from "../../../src/sw/xen/index.js";
import { entryOf, machine, readAt } from "./machine.js";

const small = { frames: 256, pages: 64, guestPages: 40 };
type M = ReturnType<typeof machine>;

/** Domain 0 maps a grant of domain 1. @returns how it lets go. */
function hold(m: M, ref: number, at = 100): () => void {
  const { handle } = mapGrant(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref, page: at });
  return () => void unmapGrants(m.h, m.d0, [{ handle, page: at, bus: 0 }]);
}

test.each([1, 2])("version %i: what an entry says, and what is left of it", (version) => {
  const m = machine(small);
  if (version === 2) setVersion(m.h, m.d, 2);
  const words = (ref: number) => [0, 1, 2, 3].slice(0, version * 2).map((n) => entryOf(m.h, m.d, ref).get(n));
  const frame = m.d.map.frameOf(5);
  const refs = [
    m.grants.grant(0, 5 as Pfn, false),
    m.grants.grant(3, 5 as Pfn, true),
    m.grants.grant(7, 6 as Pfn, false),
  ];
  expect(refs).toEqual([8, 9, 10]);
  const named = (header: number, of = frame) => (version === 1 ? [header, of] : [header, 0, of, 0]);
  expect([words(8), words(9)]).toEqual([named(1), named(0x3_0005)]);
  expect([...m.grants.live]).toEqual([
    [8, 5],
    [9, 5],
    [10, 6],
  ]);
  const letGo = hold(m, 8);
  expect([m.grants.isInUse(8), m.grants.isInUse(9), m.grants.endAccess(8)]).toEqual([true, false, false]);
  // Version 1 changes nothing; version 2 is closed to new users.
  expect(words(8)).toEqual(version === 1 ? named(1 + 8 + 16) : named(0));
  letGo();
  expect([m.grants.endAccess(8), words(8), m.grants.endAccess(9), words(9)]).toEqual([
    ...[true, named(0)],
    ...[true, named(0x3_0000)],
  ]);
  expect([...m.grants.live]).toEqual([[10, 6]]);
  // The last given back is the first that is used again.
  expect([0, 1, 2].map(() => m.grants.grant(0, 7 as Pfn, false))).toEqual([9, 8, 11]);
});

test("a page is its owner's again with the last of its grants", () => {
  const told: number[] = [];
  const memory = new Memory(256);
  const watch = { ...unwatched, revoked: (frame: number) => void told.push(frame) };
  const h = new Hypervisor({ memory, watch, choose: () => 0 });
  const d = h.createDomain({ id: 1, model: "p2m", pages: 16 });
  const grants = new Grants(new Guest(h, d));
  const refs = [5, 5, 5, 6].map((page) => grants.grant(0, page as Pfn, false));
  const after = refs.map((ref) => [grants.endAccess(ref), told.length]);
  expect([after, told]).toEqual([
    [
      [true, 0],
      [true, 0],
      [true, 1],
      [true, 2],
    ],
    [d.map.frameOf(5), d.map.frameOf(6)],
  ]);
  // Of a reference that was never given there is no page.
  expect([grants.endAccess(40), told.length]).toEqual([true, 2]);
});

test("revocations wait in turn, ten of them are tried at a time, and after a minute the kernel says so", () => {
  const m = machine(small);
  const free = () => m.kernel.pages.freePages;
  const pages = Array.from({ length: 12 }, () => m.grants.allocShared()!);
  const refs = pages.map((page) => m.grants.grant(0, page, false));
  const holds = refs.map((ref, n) => hold(m, ref, 100 + n));
  expect(refs.map((ref, n) => m.grants.endAccessAndFree(ref, pages[n]!))).toEqual(refs.map(() => false));
  expect([m.grants.waitingCount, m.grants.live.size]).toEqual([12, 12]);
  expect(m.log.lines).toEqual(
    refs.map((ref, n) => `deferring g.e. 0x${ref.toString(16)} (pfn 0x${pages[n]!.toString(16)})`),
  );
  m.log.lines.length = 0;
  // Ten at a time of twelve: after 71 ticks two of them were tried 60 times, and after 72 all.
  for (let n = 0; n < 71; n++) expect(m.grants.tick()).toBe(0);
  const pending = (ref: number) => `g.e. 0x${ref.toString(16)} still pending`;
  expect(m.log.lines).toEqual(refs.slice(0, 2).map(pending));
  for (let n = 0; n < 3; n++) m.grants.tick();
  expect(m.log.lines).toEqual(refs.map(pending));
  const before = free();
  holds[0]!();
  holds[11]!();
  const freed = [0, 1, 2].map(() => m.grants.tick());
  expect([freed.reduce((sum, n) => sum + n, 0), m.grants.waitingCount, free() - before, m.grants.live.size]).toEqual([
    ...[2, 10, 2, 10],
  ]);
  for (const letGo of holds.slice(1, 11)) letGo();
  expect([m.grants.tick(), m.grants.tick(), m.grants.waitingCount, free() - before]).toEqual([10, 0, 0, 12]);
  expect(m.log.lines).toHaveLength(12);
});

test("a grant that nobody uses is taken back at once, with its page", () => {
  const m = machine(small);
  const page = m.grants.allocShared()!;
  const ref = m.grants.grant(0, page, false);
  const steps = m.grants.endAccessAndFreeSteps(ref, page);
  const before = m.kernel.pages.freePages;
  expect([steps.next(), m.grants.live.size, steps.next(), m.grants.live.size]).toEqual([
    ...[{ done: false, value: "about to revoke" }, 1, { done: true, value: true }, 0],
  ]);
  expect([m.kernel.pages.freePages - before, m.grants.waitingCount, m.log.lines]).toEqual([1, 0, []]);
});

test("tested first and freed then: a page that is mapped between is free all the same", () => {
  const m = machine({ ...small, bugs: ["test-then-free"] });
  const page = m.grants.allocShared()!;
  const ref = m.grants.grant(0, page, false);
  const before = m.kernel.pages.freePages;
  const steps = m.grants.endAccessAndFreeSteps(ref, page);
  expect(steps.next().value).toBe("the grant was seen unused");
  hold(m, ref);
  expect([steps.next().value, m.kernel.pages.freePages - before, m.grants.live.size, m.gate.foreignCount]).toEqual([
    ...[true, 1, 0, 1],
  ]);
  const other = m.grants.allocShared()!;
  // The reference that is used again is still in use by the one who mapped.
  const [, used] = [0, 1].map(() => m.grants.grant(0, other, false));
  hold(m, used!, 101);
  expect([m.grants.endAccessAndFree(used!, other), m.grants.waitingCount]).toEqual([false, 1]);
});

test("as many wait as there is room for; the next is given up, and its page is never free again", () => {
  const m = machine(small);
  const log = new LogLines();
  const grants = new Grants(m.kernel, { waitingMax: 1, log });
  const pages = [0, 1].map(() => grants.allocShared()!);
  const refs = pages.map((page) => grants.grant(0, page, false));
  const holds = refs.map((ref, n) => hold(m, ref, 100 + n));
  for (const [n, ref] of refs.entries()) expect(grants.endAccessAndFree(ref, pages[n]!)).toBe(false);
  for (const letGo of holds) letGo();
  const before = m.kernel.pages.freePages;
  expect([grants.waitingCount, grants.tick(), grants.tick(), m.kernel.pages.freePages - before]).toEqual([1, 1, 0, 1]);
  const hex = (n: number) => `0x${n.toString(16)}`;
  expect(log.lines).toEqual([
    `deferring g.e. ${hex(refs[0]!)} (pfn ${hex(pages[0]!)})`,
    `leaking g.e. ${hex(refs[1]!)} (pfn ${hex(pages[1]!)})`,
  ]);
});

test("pages to share are empty, until there are none", () => {
  const m = machine(small);
  const first = m.kernel.allocPages(0)!;
  m.kernel.memory.write(first * 4096, new Uint8Array(4096).fill(7));
  m.kernel.freePages(first, 0);
  const all: number[] = [];
  for (let page = m.grants.allocShared(); page !== null; page = m.grants.allocShared()) all.push(page);
  expect([all.length, all.includes(first), readAt(m.kernel.memory, first * 4096, 4096).some((b) => b !== 0)]).toEqual([
    ...[39, true, false],
  ]);
  expect(() => m.grants.takeShared()).toThrow("no-memory: domain 1 takes 4096 bytes to share with another domain");
  m.kernel.freePages(first as Pfn, 0);
  expect(m.grants.takeShared()).toBe(first);
});

test("what lay in a page is shown with the bug of 2022", () => {
  const m = machine({ ...small, bugs: ["rest-of-page-leaked"] });
  const first = m.kernel.allocPages(0)!;
  m.kernel.memory.write(first * 4096, Uint8Array.of(7));
  m.kernel.freePages(first, 0);
  expect([m.grants.allocShared(), readAt(m.kernel.memory, first * 4096, 1)]).toEqual([first, [7]]);
});

test("references end with the table, and go on where it grows", () => {
  const m = machine({ ...small, grantFramesMax: 2 });
  const refs = Array.from({ length: 1020 }, () => m.grants.grant(0, 5 as Pfn, true));
  expect([refs.slice(0, 2), refs[503], refs[504], refs[1015], refs.slice(1016)]).toEqual([
    ...[[8, 9], 511, 512, 1023, [-1, -1, -1, -1]],
  ]);
  expect([m.d.grants.shared.length, m.grants.live.size]).toEqual([2, 1016]);
});
