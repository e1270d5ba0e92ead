/** Five models of memory, the same questions: who knows the bus address, and what comes back. */
import { describe, expect, test } from "vitest";
import type { Pfn } from "../../../src/base/frame.js";
import { ForeignPages, leftovers, type XenModel } from "../../../src/sw/xen/index.js";
import { bytes, machine, readAt } from "./machine.js";

const page = 4096;

/** For a page of one's own and for a foreign one: bus, the plain way back, the way back for local pages. */
type Answer = "machine" | "same" | "none" | "owner's";
interface Row {
  readonly own: readonly [bus: Answer, back: boolean, local: boolean];
  readonly foreign: readonly [bus: Answer, back: Answer, local: boolean];
}

const rows: Readonly<Record<XenModel, Row>> = {
  p2m: { own: ["machine", true, true], foreign: ["machine", "owner's", false] },
  "p==m": { own: ["machine", true, true], foreign: ["machine", "machine", false] },
  vp: { own: ["none", false, false], foreign: ["none", "none", false] },
  "vp+hypercall": { own: ["machine", true, true], foreign: ["machine", "owner's", false] },
  "vp+iommu": { own: ["same", true, true], foreign: ["same", "same", false] },
};

for (const [model, row] of Object.entries(rows) as [XenModel, Row][]) {
  describe(model, () => {
    const m = machine({ model, seed: 7 });
    const own = m.back.allocPages(0)!;
    const shared = m.grants.allocShared()!;
    m.kernel.memory.write(shared * page + 5, bytes(1, 2, 3));
    const ref = m.grants.grant(0, shared, false);
    const [foreign] = m.foreign.map([{ domain: 1, ref, readOnly: false }]);

    const expected = (answer: Answer, at: number, frame: number) =>
      ({ machine: frame * page + 9, same: at * page + 9, none: -1, "owner's": shared * page + 9 })[answer];

    test(`a page of its own: the bus address is ${row.own[0]}`, () => {
      const bus = m.back.physToBus(own * page + 9);
      expect(bus).toBe(expected(row.own[0], own, m.d0.map.frameOf(own)));
      expect(m.back.busToPhys(bus)).toBe(row.own[1] ? own * page + 9 : -1);
      expect(m.back.busToLocalPhys(bus)).toBe(row.own[2] ? own * page + 9 : -1);
      expect(m.back.isForeign(own)).toBe(false);
    });

    test(`another's page: the bus address is ${row.foreign[0]}, and it is never local`, () => {
      const frame = m.d.map.frameOf(shared);
      const bus = m.back.physToBus(foreign!.page * page + 9);
      expect(foreign!.bus).toBe(frame * page);
      expect(bus).toBe(expected(row.foreign[0], foreign!.page, frame));
      expect(m.back.busToPhys(bus)).toBe(expected(row.foreign[1], foreign!.page, frame));
      expect(m.back.busToLocalPhys(bus)).toBe(-1);
      expect(m.back.isForeign(foreign!.page)).toBe(true);
    });

    test("CPUs and devices reach another's page while it is mapped, and only then", () => {
      const bus = m.back.physToBus(foreign!.page * page);
      expect(readAt(m.back.memory, foreign!.page * page + 5, 3)).toEqual([1, 2, 3]);
      if (bus >= 0) expect(m.bus.write(8, bus + 6, bytes(9))).toBe("done");
      expect(readAt(m.kernel.memory, shared * page + 5, 3)).toEqual(bus >= 0 ? [1, 9, 3] : [1, 2, 3]);
      expect(m.foreign.unmap([foreign!])).toEqual([0]);
      expect(() => readAt(m.back.memory, foreign!.page * page + 5, 3)).toThrow("outside-memory");
      expect(m.gate.violations).toEqual([]);
      if (bus < 0) return;
      expect(m.bus.read(8, bus, new Uint8Array(1))).toBe(model === "vp+iommu" ? "fault" : "done");
      expect(m.gate.violations.map((v) => v.why)).toEqual(model === "vp+iommu" ? [] : ["no mapping"]);
    });

    test("nothing is left over", () => {
      expect(m.grants.endAccessAndFree(ref, shared)).toBe(true);
      expect(leftovers(m.h, m.gate)).toEqual([]);
    });
  });
}

test("domains count their memory from 0, and their frames lie anywhere, each one's own", () => {
  const m = machine({ guests: 3 });
  const frames = [m.d0, ...m.guests.map((g) => g.d)].flatMap((d) => [...d.map.frames.subarray(0, d.pages)]);
  expect(new Set(frames).size).toBe(frames.length);
  const steps = [...m.d0.map.frames.subarray(1, 1024)].filter((f, n) => f === m.d0.map.frameOf(n) + 1).length;
  expect(steps).toBeLessThan(16);
});

test("one to one, page and frame are the same number", () => {
  const m = machine({ model: "p==m" });
  for (let p = m.back.ramFirst; p < m.back.ramFirst + 1024; p++) expect(m.d0.map.frameOf(p)).toBe(p);
});

test("the same seed puts the same frames under the same pages", () => {
  const frames = (seed: number) => [...machine({ seed }).d0.map.frames];
  expect(frames(3)).toEqual(frames(3));
  expect(frames(3)).not.toEqual(frames(4));
});

test("a machine device table lets a device reach own and granted frames, read-only ones for reading", () => {
  const m = machine({ deviceTable: true });
  const ref = m.grants.grant(0, m.grants.allocShared()!, true);
  const other = m.kernel.allocPages(0)!;
  const [got] = m.foreign.map([{ domain: 1, ref, readOnly: true }]);
  const own = m.d0.map.frameOf(m.back.allocPages(0)!) * page;
  expect(m.bus.write(8, own, bytes(1))).toBe("done");
  expect(m.bus.read(8, got!.bus, new Uint8Array(4))).toBe("done");
  expect(m.bus.write(8, got!.bus, bytes(1))).toBe("fault");
  expect(m.bus.read(8, m.d.map.frameOf(other) * page, new Uint8Array(4))).toBe("fault");
  m.foreign.unmap([got!]);
  expect(m.bus.read(8, got!.bus, new Uint8Array(4))).toBe("fault");
  expect(m.gate.violationCount).toBe(0);
});

test("a device without a table that is given a page number for a bus address writes into another's memory", () => {
  const m = machine({ model: "vp" });
  const victim = m.d.map.frameOf(3);
  expect(m.bus.write(8, victim * page, bytes(1))).toBe("done");
  expect(m.gate.violations.map((v) => [v.by, v.requester, v.owner, v.why])).toEqual([["device", 8, 1, "no mapping"]]);
});

test("a device of no domain reaches nothing, and an address beyond memory is outside", () => {
  const m = machine();
  expect(m.bus.read(16, 0x5000, new Uint8Array(1))).toBe("fault");
  expect(m.bus.read(8, 8192 * page, new Uint8Array(1))).toBe("outside");
  expect(m.bus.read(8, -1, new Uint8Array(1))).toBe("outside");
});

test("a page map without room turns a mapped grant into an error, and unmaps it", () => {
  const m = machine({ p2mMax: 1024 });
  const ref = m.grants.grant(0, m.grants.allocShared()!, false);
  expect(m.foreign.map([{ domain: 1, ref, readOnly: false }])[0]!.status).toBe(-1);
  expect(m.grants.endAccess(ref)).toBe(true);
  expect(leftovers(m.h, m.gate)).toEqual([]);
});

test("pages for foreign frames are used last in, first out", () => {
  const m = machine();
  const refs = [0, 1, 2].map(() => m.grants.grant(0, m.grants.allocShared()!, false));
  const map = (ref: number) => m.foreign.map([{ domain: 1, ref, readOnly: false }])[0]!;
  const got = refs.map(map);
  m.foreign.unmap([got[0]!]);
  m.foreign.unmap([got[2]!]);
  expect(map(refs[0]!).page).toBe(got[2]!.page);
  expect(map(refs[2]!).page).toBe(got[0]!.page);
});

for (const era of ["2010", "2011", "2013", "today"] as const) {
  test(`foreign pages of ${era}: what was there before is there after`, () => {
    const m = machine({ pages: 2048 });
    const f = new ForeignPages(m.back, { era, section: 256 });
    const before = (p: Pfn) => [m.back.p2m!.entry(p), m.d0.map.frameOf(p)];
    const ref = m.grants.grant(0, m.grants.allocShared()!, false);
    const first = f.map([{ domain: 1, ref, readOnly: false }])[0]!;
    f.unmap([first]);
    const at = before(first.page);
    const again = f.map([{ domain: 1, ref, readOnly: false }])[0]!;
    expect(again.page).toBe(first.page);
    expect(m.back.physToBus(again.page * page)).toBe(first.bus);
    expect(m.back.busToPhys(first.bus)).toBe(
      m.back.override.size > 0 ? again.page * page : m.grants.live.get(ref)! * page,
    );
    f.unmap([again]);
    expect(before(first.page)).toEqual(at);
    expect(m.grants.endAccess(ref)).toBe(true);
    expect(leftovers(m.h, m.gate)).toEqual([]);
  });
}

test("2010, equal numbers: the overwritten entry makes another's page pass for local; the flag of later eras does not", () => {
  const local = (flagged: boolean) => {
    const m = machine();
    const shared = m.grants.allocShared()!;
    const frame = m.d.map.frameOf(shared);
    m.back.setForeign(shared, frame, flagged);
    return m.back.busToLocalPhys(frame * page);
  };
  expect(local(false)).toBeGreaterThan(0);
  expect(local(true)).toBe(-1);
});
