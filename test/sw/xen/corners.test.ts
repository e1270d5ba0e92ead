/** What is easily forgotten: error paths that must give back, halves that must stay, bytes that must be gone. */
import { expect, test } from "vitest";
import { Errno } from "../../../src/spec/xen/errno.js";
import { GrantFlag, GrantType } from "../../../src/spec/xen/grant_entry.js";
import { CopyFlag, GrantStatus, MapFlag } from "../../../src/spec/xen/grant_op.js";
import { statusAddress } from "../../../src/sw/xen/grant/entry.js";
import {
  AccessGate,
  Balloon,
  cacheFlush,
  copyGrantSteps,
  exchange,
  finish,
  leftovers,
  mapGrant,
  mapGrantSteps,
  setVersion,
} from "../../../src/sw/xen/index.js";
import { bytes, entryOf, machine, readAt } from "./machine.js";

type M = ReturnType<typeof machine>;
const page = 4096;
const empty = 2000;
const { host, device, readOnly } = MapFlag;

function share(m: M, ro = false) {
  const at = m.grants.allocShared()!;
  return { at, ref: m.grants.grant(0, at, ro) };
}

test("a frame that was unmapped is not the back end's to flush any more", () => {
  const m = machine({ model: "p==m" });
  const got = m.foreign.map([{ domain: 1, ref: share(m).ref, readOnly: false }]);
  const flush = () => cacheFlush(m.h, m.d0, { bus: got[0]!.bus, length: 64, op: "clean" });
  expect(flush()).toBe(0);
  m.foreign.unmap(got);
  expect(flush()).toBe(Errno.perm);
});

test("a map whose second half fails gives its first half back", () => {
  const m = machine();
  const { ref } = share(m);
  expect(mapGrant(m.h, m.d0, { flags: host | device, domain: 1, ref, page: 2 ** 40 }).status).toBe(-1);
  expect(leftovers(m.h, m.gate)).toEqual([]);
  expect(m.grants.endAccess(ref)).toBe(true);
});

for (const [what, change] of [
  ["taken back", () => 0],
  ["made read-only", (header: number) => header | GrantFlag.readOnly],
  ["given to another", (header: number) => header + 0x1_0000],
] as const) {
  test(`version 2: an entry that is ${what} while the status is written is not mapped, and shows no use`, () => {
    const m = machine();
    setVersion(m.h, m.d, 2);
    const { ref } = share(m);
    const entry = entryOf(m.h, m.d, ref);
    const mapping = mapGrantSteps(m.h, m.d0, { flags: host, domain: 1, ref, page: empty });
    while (mapping.next().value !== "the status was written");
    entry.set(0, change(entry.get(0)));
    expect(finish(mapping).status).toBe(GrantStatus.generalError);
    const status = m.h.memory.load16(statusAddress(m.d, ref));
    expect([status, leftovers(m.h, m.gate)]).toEqual([0, []]);
  });
}

test("an exchange that finds only a part of the memory keeps nothing", () => {
  const m = machine({ frames: 2048, pages: 1024, guestPages: 900 });
  const at = m.back.allocPages(5)!;
  expect(m.back.createContiguous(at * page, 5, 32).ok).toBe(true);
  const first = m.d0.map.frameOf(at);
  while (m.h.free.count > 10) m.h.free.take(0, 64);
  const free = m.h.free.count;
  m.back.destroyContiguous(at * page, 5);
  expect([m.h.free.count, m.d0.map.frameOf(at), m.d0.map.frameOf(at + 31)]).toEqual([free, first, first + 31]);
});

test("one frame is not two extents of an exchange", () => {
  const m = machine();
  const at = m.back.allocPages(1)!;
  const frame = m.d0.map.frameOf(at);
  m.h.setMapping(m.d0, at, -1);
  const results = { words: new Uint32Array(1), first: 0 };
  const out = { domain: 0, order: 1, pages: [at], bits: 0, results };
  const done = exchange(m.h, m.d0, { in: { domain: 0, order: 0, extents: [frame, frame] }, out, exchanged: 0 });
  expect([done.status, m.h.frames.ownedBy(frame, 0)]).toEqual([Errno.invalid, true]);
});

test("frames that leave a domain carry nothing of what it wrote", () => {
  const m = machine();
  const at = m.back.allocPages(2)!;
  const frames = [0, 1, 2, 3].map((n) => m.d0.map.frameOf(at + n));
  for (const n of [0, 1, 2, 3]) m.back.memory.write((at + n) * page + 7, bytes(0x5a));
  m.back.createContiguous(at * page, 2, 32);
  for (const frame of frames) expect(readAt(m.h.memory, frame * page + 7, 1)).toEqual([0]);
  const out = m.back.allocPages(0)!;
  m.back.memory.write(out * page, bytes(0x5a));
  const frame = m.d0.map.frameOf(out);
  m.back.freePages(out, 0);
  const balloon = new Balloon(m.back);
  while (m.d0.map.frameOf(out) === frame) balloon.inflate(1);
  expect(readAt(m.h.memory, frame * page, 1)).toEqual([0]);
});

test("a page mapped for reading is written neither by a CPU nor, behind the domain's own map, by a device", () => {
  const m = machine({ model: "vp+iommu" });
  const [got] = m.foreign.map([{ domain: 1, ref: share(m, true).ref, readOnly: true }]);
  expect(() => m.back.memory.write(got!.page * page, bytes(1))).toThrow("read-only");
  expect(m.bus.write(8, got!.page * page, bytes(1))).toBe("fault");
  expect(m.bus.read(8, got!.page * page, bytes(1))).toBe("done");
});

function passedOn(m: M) {
  setVersion(m.h, m.d, 2);
  const second = m.guests[1]!.grants;
  const entry = entryOf(m.h, m.d, 41);
  entry.set(1, 2);
  entry.set(2, second.grant(1, second.allocShared()!, false));
  entry.set(0, GrantType.transitive);
  const dest = { domain: 0, at: m.d0.map.frameOf(m.back.allocPages(0)!), offset: 0 };
  return copyGrantSteps(m.h, m.d0, {
    source: { domain: 1, at: 41, offset: 0 },
    dest,
    length: 4,
    flags: CopyFlag.sourceRef,
  });
}

test("a copy through a grant that is passed on leaves no pin on either entry", () => {
  const m = machine({ guests: 2 });
  expect(finish(passedOn(m))).toBe(GrantStatus.okay);
  expect([leftovers(m.h, m.gate), m.gate.violations]).toEqual([[], []]);
});

test("a table whose version changes under a grant that is passed on: try again, and no pin stays", () => {
  const m = machine({ guests: 2 });
  const copying = passedOn(m);
  while (copying.next().value !== "the lock is let go for the grant behind");
  expect(setVersion(m.h, m.d, 1)).toBe(0);
  // What another has written into the entry since then is not touched.
  const written = 0x1_0000 | GrantType.permitAccess | GrantFlag.reading | GrantFlag.writing;
  entryOf(m.h, m.d, 41).set(0, written);
  expect(finish(copying)).toBe(GrantStatus.eagain);
  expect(entryOf(m.h, m.d, 41).get(0)).toBe(written);
  expect([leftovers(m.h, m.gate), m.gate.violations]).toEqual([[], []]);
});

test("one to one, foreign pages have numbers that no machine frame has", () => {
  const m = machine({ model: "p==m" });
  const [got] = m.foreign.map([{ domain: 1, ref: share(m).ref, readOnly: false }]);
  expect(got!.page).toBeGreaterThanOrEqual(m.h.frames.count);
});

test("a frame mapped from oneself is local again when the last such mapping is gone", () => {
  const m = machine({ foreign: { era: "2011" } });
  const own = m.back.allocPages(0)!;
  const bus = m.back.physToBus(own * page);
  const entry = entryOf(m.h, m.d0, 9);
  entry.set(1, bus / page);
  entry.set(0, GrantType.permitAccess);
  const got = m.foreign.map([9, 9].map((ref) => ({ domain: 0, ref, readOnly: false })));
  expect([m.back.busToLocalPhys(bus), m.back.physToBus(own * page)]).toEqual([-1, bus]);
  m.foreign.unmap([got[0]!]);
  expect([m.back.busToLocalPhys(bus), m.back.busToPhys(bus)]).toEqual([-1, got[1]!.page * page]);
  m.foreign.unmap([got[1]!]);
  expect([m.back.busToLocalPhys(bus), leftovers(m.h, m.gate)]).toEqual([own * page, []]);
});

for (const era of ["2010", "2011"] as const) {
  test(`${era}: a page whose foreign frame is gone is its old self, in both directions`, () => {
    const m = machine({ foreign: { era }, pages: 2048 });
    const got = m.foreign.map([{ domain: 1, ref: share(m).ref, readOnly: false }]);
    m.foreign.unmap(got);
    const at = got[0]!.page;
    const bus = m.back.physToBus(at * page);
    expect([bus, m.back.busToLocalPhys(bus)]).toEqual([m.d0.map.frameOf(at) * page, at * page]);
    m.back.memory.write(at * page, bytes(3));
    expect(readAt(m.h.memory, bus, 1)).toEqual([3]);
  });
}

test("2011, a page map without room: the page keeps the frame that was under it", () => {
  const m = machine({ foreign: { era: "2011" }, p2mMax: 1 });
  const [got] = m.foreign.map([{ domain: 1, ref: share(m).ref, readOnly: false }]);
  expect(got!.status).toBe(GrantStatus.generalError);
  const without = Array.from({ length: 1023 }, (_, n) => n + 1).filter((p) => m.d0.map.frameOf(p) < 0);
  expect([without, leftovers(m.h, m.gate)]).toEqual([[], []]);
});

test("a frame mapped for devices only is not its CPUs'", () => {
  const m = machine();
  const gate = new AccessGate(m.h.memory);
  const { at } = share(m);
  const frame = m.d.map.frameOf(at);
  gate.given(frame, 1);
  const place = {
    version: 1,
    granter: 1,
    address: m.d.grants.shared[0]! * page + 64,
    frameOf: (n: number) => n,
    elsewhere: () => null,
  } as const;
  gate.mapped({ mapper: 0, granter: 1, frame, host: false, device: true, readOnly: false }, place);
  gate.device({ domain: 0, requester: 8 }, frame, true);
  gate.cpu(0, frame, false);
  expect(gate.violations.map((v) => [v.by, v.why])).toEqual([["cpu", "no mapping"]]);
});

test("a map over a page at which another grant stands leaves that one's reference with its handle", () => {
  const m = machine();
  const [one, other] = [share(m), share(m)];
  const references = () => m.h.frames.references[m.d.map.frameOf(one.at)];
  const before = references()!;
  mapGrant(m.h, m.d0, { flags: host | readOnly, domain: 1, ref: one.ref, page: empty });
  mapGrant(m.h, m.d0, { flags: host | readOnly, domain: 1, ref: other.ref, page: empty });
  expect(references()).toBe(before + 1);
});

test("a change of version leaves no word of an old entry", () => {
  const m = machine();
  for (let n = 0; n < 20; n++) share(m);
  setVersion(m.h, m.d, 2);
  expect([...m.h.memory.frame(m.d.grants.shared[0]!)!].filter((w) => w !== 0)).toEqual([]);
});
