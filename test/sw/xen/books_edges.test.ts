/** The books of the hypervisor and those of the gate in every state of a frame, against rules written here. */
import { describe, expect, test } from "vitest";
import type { Mfn } from "../../../src/base/frame.js";
import { Memory } from "../../../src/mem/memory.js";
import { MapFlag } from "../../../src/spec/xen/grant_op.js";
import { type EntryPlace, grants } from "../../../src/sw/xen/hypervisor/gate_reading.js";
import { entryPlace } from "../../../src/sw/xen/hypervisor/grant_frames.js";
import {
  AccessGate,
  type AccessViolation,
  fingerprint,
  Hypervisor,
  leftovers,
  mapGrant,
  setVersion,
  violationText,
} from "../../../src/sw/xen/index.js";
import { entryOf, machine } from "./machine.js";

const place = (address: number): EntryPlace => ({
  ...{ version: 1, granter: 1, address },
  frameOf: (gfn) => gfn,
  elsewhere: () => null,
});

/** A gate whose domain 1 owns frame 7, and an entry at byte 64 that grants it to domain 0. */
function gateWith(header: number) {
  const memory = new Memory(16);
  memory.store32(64, header);
  memory.store32(68, 7);
  const gate = new AccessGate(memory);
  gate.given(7, 1);
  return { memory, gate };
}

const halves = [
  { host: true, device: false },
  { host: false, device: true },
  { host: true, device: true },
];
const kinds = ["hostRead", "hostWrite", "deviceRead", "deviceWrite"] as const;

describe("the gate", () => {
  test("who may reach a frame, by every mapping of it", () => {
    const [got, wanted]: [unknown[], unknown[]] = [[], []];
    for (let set = 0; set < 16; set++)
      for (const revoked of [false, true]) {
        const { gate } = gateWith(1);
        const has = kinds.map((_, n) => (set & (1 << n)) !== 0);
        for (const [n, kind] of kinds.entries()) {
          if (!has[n]) continue;
          const half = { host: kind.startsWith("host"), device: kind.startsWith("device") };
          gate.mapped({ mapper: 0, granter: 1, frame: 7, ...half, readOnly: kind.endsWith("Read") }, place(64));
        }
        if (revoked) gate.revoked(7);
        const [hostRead, hostWrite, deviceRead, deviceWrite] = has;
        let at = 0;
        for (const by of ["cpu", "copy", "device"] as const)
          for (const access of ["read", "write"] as const) {
            const write = access === "write";
            if (by === "cpu") gate.cpu(0, 7, write);
            else if (by === "copy") gate.copied(0, 7, write);
            else gate.device({ domain: 0, requester: 8 }, 7, write);
            at++;
            const reach = hostRead || hostWrite || (by === "device" && (deviceRead || deviceWrite));
            const writes = hostWrite || (by === "device" && deviceWrite);
            const why = !reach ? "no mapping" : revoked ? "after revocation" : write && !writes ? "read only" : null;
            const requester = by === "device" ? 8 : null;
            if (why !== null) wanted.push({ domain: 0, requester, by, access, frame: 7, owner: 1, why, at });
          }
        got.push(...gate.violations, gate.foreignCount, gate.checkedCount);
        wanted.push(has.filter(Boolean).length, 6);
      }
    expect(got).toEqual(wanted);
  });

  test("an owner reaches its frame, nobody a free one, and what is beyond memory is no frame", () => {
    const { gate } = gateWith(1);
    for (const frame of [7, 8, 16, 17])
      for (const domain of [1, 2])
        for (const ask of [
          () => gate.cpu(domain, frame, true),
          () => gate.copied(domain, frame, true),
          () => gate.device({ domain, requester: 3 }, frame, true),
        ])
          ask();
    const why = { 7: "no mapping", 8: "frame is free", 16: "no such frame", 17: "no such frame" } as const;
    const expected: AccessViolation[] = [];
    let at = 0;
    for (const frame of [7, 8, 16, 17] as const)
      for (const domain of [1, 2])
        for (const by of ["cpu", "copy", "device"] as const) {
          at++;
          if (frame === 7 && domain === 1) continue;
          const owner = frame === 7 ? 1 : -1;
          const requester = by === "device" ? 3 : null;
          expected.push({ domain, requester, access: "write", by, frame, owner, why: why[frame], at });
        }
    expect(gate.violations).toEqual(expected);
    expect([gate.violationCount, gate.checkedCount, gate.ownerOf(7), gate.ownerOf(8), gate.ownerOf(99)]).toEqual([
      ...[expected.length, 24, 1, -1, -1],
    ]);
  });

  test("a mapping needs an entry, unless the mapper holds the frame for it already", () => {
    const [got, wanted]: [string[], string[]] = [[], []];
    // What the entry says when it is mapped a first and a second time: 0 nothing, 1 to write, 5 to read.
    for (const first of [1, 5])
      for (const firstReads of [true, false])
        for (const second of [0, 1, 5])
          for (const secondReads of [true, false])
            for (const revoked of [false, true])
              for (const half of halves) {
                const { memory, gate } = gateWith(first);
                const e = { mapper: 0, granter: 1, frame: 7, ...half };
                gate.mapped({ ...e, readOnly: firstReads }, place(64));
                const before = gate.violationCount;
                if (revoked) gate.revoked(7);
                memory.store32(64, second);
                gate.mapped({ ...e, readOnly: secondReads }, place(64));
                const what = `${first} ${firstReads} ${second} ${secondReads} ${revoked} ${half.host} ${half.device}`;
                got.push(`${what}: ${before} ${gate.violationCount - before} ${gate.foreignCount}`);
                const refused = (header: number, reads: boolean) =>
                  Number((header & 3) !== 1 || (!reads && (header & 4) !== 0));
                const known = !revoked && (secondReads || !firstReads || (second & 4) === 0);
                const count = Number(half.host) + Number(half.device);
                wanted.push(
                  `${what}: ${refused(first, firstReads)} ${known ? 0 : refused(second, secondReads)} ${2 * count}`,
                );
              }
    expect(got).toEqual(wanted);
  });

  test("what it says of a map that nobody granted", () => {
    const { gate } = gateWith(0);
    for (const readOnly of [true, false])
      gate.mapped({ mapper: 0, granter: 1, frame: 7, host: true, device: false, readOnly }, place(64));
    gate.mapped({ mapper: 2, granter: 1, frame: 7, host: true, device: false, readOnly: false }, place(64));
    const common = { requester: null, by: "map", frame: 7, owner: 1, why: "not granted", at: 0 };
    expect(gate.violations).toEqual([
      { ...common, domain: 0, access: "read" },
      { ...common, domain: 2, access: "write" },
    ]);
    expect(violationText(gate.violations[1]!)).toBe(
      "domain 2: map write of the frame at 0x7000 (domain 1's): not granted",
    );
  });

  test("mappings of several domains are counted apart, and gone with the last of each", () => {
    const { gate } = gateWith(1);
    const e = (mapper: number, readOnly: boolean) => ({
      ...{ mapper, granter: 1, frame: 7, host: true, device: true, readOnly },
    });
    gate.unmapped(e(0, true));
    for (const [mapper, readOnly] of [
      [0, true],
      [0, false],
      [2, true],
    ] as const)
      gate.mapped(e(mapper, readOnly), place(64));
    const reach = () => {
      const before = gate.violations.length;
      for (const domain of [0, 2]) for (const write of [false, true]) gate.cpu(domain, 7, write);
      return [gate.foreignCount, ...gate.violations.slice(before).map((v) => `${v.domain} ${v.access} ${v.why}`)];
    };
    expect(reach()).toEqual([6, "2 write read only"]);
    gate.unmapped({ ...e(0, false), host: false });
    expect(reach()).toEqual([5, "2 write read only"]);
    gate.unmapped({ ...e(0, false), device: false });
    expect(reach()).toEqual([4, "0 write read only", "2 write read only"]);
    gate.unmapped(e(0, true));
    expect(reach()).toEqual([2, "0 read no mapping", "0 write no mapping", "2 write read only"]);
    gate.unmapped(e(2, true));
    expect(reach()).toEqual([0, ...[0, 2].flatMap((d) => [`${d} read no mapping`, `${d} write no mapping`])]);
    // Each is forgotten when its last mapping is gone, whoever else is still there.
    const { memory, gate: other } = gateWith(1);
    for (const mapper of [0, 0]) other.mapped(e(mapper, true), place(64));
    memory.store32(64, 0x2_0001);
    other.mapped(e(2, true), place(64));
    for (const mapper of [0, 0]) other.unmapped(e(mapper, true));
    other.mapped(e(0, true), place(64));
    expect([other.violations.map((v) => v.domain), other.foreignCount]).toEqual([[0], 4]);
    gate.freed(7);
    expect(gate.ownerOf(7)).toBe(-1);
  });
});

test("what is passed on once is granted, and not what is passed on twice", () => {
  const memory = new Memory(16);
  const at = (granter: number, address: number, next: EntryPlace | null): EntryPlace => ({
    ...{ version: 2, granter, address },
    frameOf: (gfn) => gfn,
    elsewhere: () => next,
  });
  const words = (address: number, all: readonly number[]) =>
    all.forEach((word, n) => {
      memory.store32(address + 4 * n, word);
    });
  words(0, [3, 0, 0, 0]);
  words(64, [0x1_0003, 0, 0, 0]);
  words(128, [0x1_0001, 0, 7, 0]);
  words(192, [0x2_0001, 0, 7, 0]);
  const last = at(3, 128, null);
  const wanted = { to: 0, frame: 7, write: true, offset: -1, length: 0 };
  const found = [at(1, 0, last), at(1, 0, at(2, 64, at(3, 192, null))), at(1, 0, null)];
  expect(found.map((place) => grants(memory, place, wanted))).toEqual([true, false, false]);
  // A part is granted to copies alone, also where it is the whole page.
  words(128, [0x101, 4096 * 0x1_0000, 7, 0]);
  const gate = new AccessGate(memory);
  const e = { mapper: 0, granter: 1, frame: 7, host: true, device: false, readOnly: true };
  gate.mapped({ ...e, offset: 0, length: 4096 }, at(1, 128, null));
  gate.unmapped(e);
  gate.mapped(e, at(1, 128, null));
  expect(gate.violations.map((v) => v.why)).toEqual(["not granted"]);
});

test("where an entry lies, by version, and that of another's", () => {
  const m = machine({ frames: 512, pages: 16, guestPages: 16, guests: 2 });
  const table = m.d.grants.shared[0]! * 4096;
  const said = (p: EntryPlace | null) => (p === null ? null : [p.version, p.granter, p.address]);
  const other = m.guests[1]!.d;
  expect(said(entryPlace(m.h, m.d, 20))).toEqual([1, 1, table + 160]);
  expect(said(entryPlace(m.h, m.d, 512))).toEqual([1, 1, 0]);
  setVersion(m.h, m.d, 2);
  const p = entryPlace(m.h, m.d, 20);
  expect(said(p)).toEqual([2, 1, table + 320]);
  expect([p.frameOf(3), p.frameOf(511), p.frameOf(512)]).toEqual([3, 511, -1]);
  expect([p.elsewhere(2, 511), p.elsewhere(2, 512), p.elsewhere(9, 0)].map(said)).toEqual([
    ...[[1, 2, other.grants.shared[0]! * 4096 + 511 * 8], null, null],
  ]);
});

describe("what is left over", () => {
  const small = { frames: 512, pages: 32, guestPages: 16 };
  const of = (m: ReturnType<typeof machine>) => leftovers(m.h, m.gate).map((l) => `${l.domain} ${l.what} ${l.count}`);

  test("nothing in the beginning, of any model", () => {
    for (const model of ["p2m", "p==m", "vp", "vp+hypercall", "vp+iommu"] as const) {
      const m = machine({ ...small, model, deviceTable: true, deviceMap: model === "vp+iommu" });
      expect(of(m)).toEqual([]);
    }
  });

  test("each kind by itself", () => {
    const m = machine({ ...small, deviceTable: true });
    const ref = m.grants.grant(0, m.grants.allocShared()!, false);
    const { device, host } = MapFlag;
    mapGrant(m.h, m.d0, { flags: device | host, domain: 1, ref, page: 100 });
    expect(of(m)).toEqual([
      "0 handle 1",
      "0 device entry 1",
      "1 grant in use 1",
      "1 reference 2",
      "-1 shadow mapping 2",
    ]);
    const other = machine(small);
    other.h.frames.getPage(other.d0.map.frameOf(5), 0);
    other.d0.pages += 2;
    other.d.pages--;
    expect(of(other)).toEqual(["0 page count 2", "0 reference 1", "1 page count -1"]);
    // A page whose frame lost the reference that the map holds.
    const third = machine(small);
    third.h.frames.references[third.d0.map.frameOf(5)]!--;
    third.d0.map.reach[6] = 0;
    expect(of(third)).toEqual([]);
    third.d0.map.reach[7] = 0;
    expect(of(third)).toEqual(["0 reference 1"]);
  });

  test("mappings for devices that were asked for", () => {
    const m = machine({ ...small, model: "vp+iommu", deviceMap: true });
    m.d0.deviceMap!.set(5, 6, true);
    m.d0.deviceMap!.set(6, 7, true);
    expect(of(m)).toEqual(["0 device entry 2"]);
  });

  test("a status frame at a page holds a reference, a page of a translated domain none", () => {
    const m = machine({ ...small, model: "vp" });
    const frame = m.d.map.frameOf(3);
    m.d.map.set(100, frame, 1 | 8);
    expect(of(m)).toEqual(["1 reference -1"]);
    m.h.frames.getPage(frame, 1);
    m.d.map.set(101, frame, 1);
    m.d.map.set(102, frame, 1 | 4);
    expect(of(m)).toEqual([]);
  });
});

describe("the fingerprint", () => {
  const make = () => {
    const m = machine({ frames: 256, pages: 16, guestPages: 16, guests: 1 });
    const ref = m.grants.grant(0, m.grants.allocShared()!, false);
    mapGrant(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref, page: 100 });
    m.d.grants.active.set(3, { ...m.d.grants.active.get(ref)!, hostRead: 9 });
    return { ...m, ref };
  };
  type Made = ReturnType<typeof make>;

  /** FNV-1a by hand over both halves of each word, in two sums that begin apart. */
  const folded = (words: readonly number[]) => {
    let [a, b] = [0x811c9dc5, 0x01000193];
    for (const word of words)
      for (const half of [word >>> 0, Math.floor(word / 2 ** 32)]) {
        a = Math.imul(a ^ half, 0x01000193);
        b = Math.imul(b ^ half ^ (a >>> 7), 0x85ebca6b);
      }
    return (a >>> 0) * 2 ** 21 + (b >>> 11);
  };

  test("it is that of all words in their order, each list followed by its length", () => {
    const m = make();
    const f = m.h.frames;
    const list = (words: Iterable<number>) => [...words, [...words].length];
    const words = [f.owner, f.references, f.allocated, f.heap, f.type, f.typeReferences, f.m2p].flatMap((a) => list(a));
    for (const d of m.h.domains.values()) {
      const { grants: g, map } = d;
      words.push(...list([d.id, d.pages, g.version, g.firstFreeHandle]));
      for (let page = 0; page < map.length; page++)
        if (map.frameOf(page) >= 0) words.push(...list([page, map.frameOf(page), map.reachOf(page)]));
      words.push(...list(g.shared), ...list(g.status));
      for (const t of g.tracked) words.push(...list([t.flags, t.domain, t.ref, t.next]));
      for (const ref of [...g.active.keys()].sort((one, other) => one - other)) {
        const a = g.active.get(ref)!;
        words.push(...list([ref, a.hostRead, a.hostWrite, a.deviceRead, a.deviceWrite, a.grantee, a.frame]));
        words.push(...list([a.offset, a.length, Number(a.subPage), a.passedFrom + 1, a.passedRef + 1]));
      }
    }
    expect(fingerprint(m.h)).toBe(folded(words));
  });

  test("whatever changes, it changes", () => {
    const base = make();
    const is = fingerprint(base.h);
    expect(fingerprint(make().h)).toBe(is);
    const active = (m: Made) => m.d.grants.active.get(m.ref)!;
    const changes: readonly ((m: Made) => unknown)[] = [
      (m) => m.h.frames.owner[0]!++,
      (m) => (m.d0.pages += 1),
      (m) => (active(m).subPage = true),
      (m) => (active(m).passedFrom = 0),
      (m) => m.d0.map.set(120, 3, 1),
      (m) => m.d.grants.status.push(9 as Mfn),
    ];
    const all = changes.map((change) => {
      const m = make();
      change(m);
      return fingerprint(m.h);
    });
    expect(new Set([is, ...all]).size).toBe(changes.length + 1);
  });
});

describe("domains at their beginning", () => {
  const hypervisor = (frames: number, called?: string[]) =>
    new Hypervisor({
      memory: new Memory(frames),
      choose: () => 0,
      ...(called === undefined ? {} : { called: (call: string) => void called.push(call) }),
    });

  test("numbers that are no domain's, and those that run", () => {
    const h = hypervisor(64);
    const made = (id: number) => {
      try {
        return h.createDomain({ id, model: "p2m", pages: 1 }).id;
      } catch (e) {
        return (e as Error).message;
      }
    };
    expect([0, 0, -1, 0x7fef, 0x7ff0].map(made)).toMatchSnapshot();
    expect([h.domain(0)?.id, h.domain(3), h.domain(0x7ff0), h.domain(0x7ff0, h.domain(0)!)?.id]).toEqual([
      ...[0, undefined, undefined, 0],
    ]);
  });

  test.each([
    ["p2m", 20, 0],
    ["p2m", 20, 3],
    ["vp", 13, 2],
    ["p==m", 20, 0],
  ] as const)("%s, %i pages, blocks of order %i", (model, pages, scatterOrder) => {
    const h = hypervisor(64);
    const d = h.createDomain({ id: 3, model, pages, scatterOrder });
    const words = (from: number) => [d.map.frameOf(from), d.map.reachOf(from)];
    const under = Array.from({ length: pages }, (_, n) => words(d.firstPage + n));
    const f = h.frames;
    const kept = under.map(([m]) => [f.owner[m!], f.references[m!], f.type[m!], f.typeReferences[m!], f.m2p[m!]]);
    expect([d.firstPage, d.pages, d.pagesMax, h.free.count, under.join(" | "), kept.join(" | ")]).toMatchSnapshot();
  });

  test("memory that is short, in one run or in pieces", () => {
    const refused = (o: { model: "p2m" | "p==m"; pages: number; scatterOrder?: number; addressBits?: number }) => {
      const h = hypervisor(64);
      try {
        return h.createDomain({ id: 1, ...o }).pages;
      } catch (e) {
        return (e as Error).message;
      }
    };
    expect([
      refused({ model: "p2m", pages: 62 }),
      refused({ model: "p2m", pages: 63 }),
      refused({ model: "p2m", pages: 64 }),
      refused({ model: "p2m", pages: 64, scatterOrder: 4 }),
      refused({ model: "p==m", pages: 62 }),
      refused({ model: "p==m", pages: 64 }),
      refused({ model: "p2m", pages: 16, addressBits: 16 }),
      refused({ model: "p2m", pages: 15, addressBits: 16 }),
    ]).toMatchSnapshot();
  });

  test("a frame that is stolen is its owner's alone", () => {
    const h = hypervisor(64);
    const d = h.createDomain({ id: 1, model: "p2m", pages: 4, deviceTable: true });
    const m = d.map.frameOf(2) as Mfn;
    expect(() => h.steal(m)).toThrow("a frame that is stolen has one reference");
    h.setMapping(d, 2, -1);
    h.steal(m);
    const { owner, references, allocated } = h.frames;
    expect([owner[m], references[m], allocated[m], d.pages, d.devices!.permission(m), h.free.isFree(m)]).toEqual([
      ...[-1, 0, 0, 3, 0, false],
    ]);
  });

  test("frames of a block are the domain's, all of them, within its width", () => {
    const h = hypervisor(64);
    const d = h.createDomain({ id: 1, model: "p2m", pages: 0, addressBits: 17, deviceTable: true });
    const first = h.allocate(d, 2)!;
    const of = Array.from({ length: 64 }, (_, m) => m).filter((m) => h.frames.ownedBy(m, 1) && h.frames.heap[m] === 0);
    expect([first, of, d.pages, of.map((m) => d.devices!.permission(m))]).toEqual([
      16,
      [16, 17, 18, 19],
      4,
      [3, 3, 3, 3],
    ]);
    expect([h.allocate(d, 0, 14), h.allocate(d, 5), h.allocate(d, 0, 12), d.pages]).toEqual([2, null, null, 5]);
  });

  test("calls are told by their names, as they are made", () => {
    const called: string[] = [];
    const h = hypervisor(64, called);
    const d = h.createDomain({ id: 1, model: "p2m", pages: 4 });
    h.setMapping(d, 2, -1);
    h.setM2p(d, 5, 1);
    entryOf(h, d, 3);
    expect(called).toEqual(["update_va_mapping", "mmu_update"]);
  });
});
