/** The second set of books: what it writes down, what it lets pass, and that it decides nothing. */
import { describe, expect, test } from "vitest";
import type { Mfn } from "../../../src/base/frame.js";
import { Rng } from "../../../src/base/rng.js";
import { Memory } from "../../../src/mem/memory.js";
import { CopyFlag, MapFlag } from "../../../src/spec/xen/grant_op.js";
import { entryPlace } from "../../../src/sw/xen/hypervisor/grant_frames.js";
import {
  AccessGate,
  copyGrant,
  Hypervisor,
  mapGrant,
  setVersion,
  unmapGrants,
  unwatched,
  violationText,
} from "../../../src/sw/xen/index.js";
import { bytes, entryOf, machine, readAt } from "./machine.js";

type M = ReturnType<typeof machine>;
const page = 4096;
const empty = 2000;

function mapped(m: M, readOnly = false) {
  const shared = m.grants.allocShared()!;
  const ref = m.grants.grant(0, shared, readOnly);
  const flags = MapFlag.host | (readOnly ? MapFlag.readOnly : 0);
  const got = mapGrant(m.h, m.d0, { flags, domain: 1, ref, page: empty });
  return { shared, ref, frame: got.bus / page, ...got };
}

/** What is done behind the hypervisor's back, and what the gate says of it. */
type Row = readonly [what: string, run: (m: M) => void, why: readonly string[]];

const rows: readonly Row[] = [
  ["a domain reads its own page", (m) => readAt(m.back.memory, 5 * page, 8), []],
  [
    "a back end writes a page that it has mapped for writing",
    (m) => {
      mapped(m);
      m.back.memory.write(empty * page, bytes(1));
    },
    [],
  ],
  ["a device of the back end writes that page", (m) => void m.bus.write(8, mapped(m).bus, bytes(1)), []],
  [
    "a device writes a page mapped for reading",
    (m) => void m.bus.write(8, mapped(m, true).bus, bytes(1)),
    ["read only"],
  ],
  ["a device reads a page mapped for reading", (m) => void m.bus.read(8, mapped(m, true).bus, bytes(1)), []],
  [
    "a device reads a page that is unmapped",
    (m) => {
      const got = mapped(m);
      unmapGrants(m.h, m.d0, [{ handle: got.handle, page: empty, bus: 0 }]);
      m.bus.read(8, got.bus, bytes(1));
    },
    ["no mapping"],
  ],
  [
    "a device reads a free frame",
    (m) => {
      const frame = m.h.free.take(0, 64)!;
      m.bus.read(8, frame * page, bytes(1));
    },
    ["frame is free"],
  ],
  [
    "a device reads another domain's page",
    (m) => void m.bus.read(8, m.d.map.frameOf(3) * page, bytes(1)),
    ["no mapping"],
  ],
  [
    "a DMA over two frames, the second not ours",
    (m) => {
      const own = m.d0.map.frames.findIndex((f) => f >= 0 && m.h.frames.owner[f + 1] !== 0);
      m.bus.write(8, m.d0.map.frameOf(own) * page + 4090, new Uint8Array(12));
    },
    ["*"],
  ],
  [
    "the page's owner is sure that nobody uses it, and the back end still reads",
    (m) => {
      const got = mapped(m);
      m.gate.revoked(got.frame);
      readAt(m.back.memory, empty * page, 1);
    },
    ["after revocation"],
  ],
  [
    "a page granted anew after that",
    (m) => {
      const got = mapped(m);
      m.gate.revoked(got.frame);
      const ref = m.grants.grant(0, got.shared, false);
      mapGrant(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref, page: empty + 1 });
      readAt(m.back.memory, (empty + 1) * page, 1);
    },
    [],
  ],
  [
    "a table entry that a broken hypervisor wrote",
    (m) => {
      m.d0.map.set(empty, m.d.map.frameOf(9), 3);
      m.back.memory.write(empty * page, bytes(1));
    },
    ["no mapping"],
  ],
  [
    "a mapping that no entry permits",
    (m) => {
      const effect = { mapper: 0, granter: 1, frame: m.d.map.frameOf(9), host: true, device: false, readOnly: true };
      m.gate.mapped(effect, entryPlace(m.h, m.d, 30));
    },
    ["not granted"],
  ],
  [
    "a copy by the hypervisor from a page that nobody granted",
    (m) => m.gate.copied(0, m.d.map.frameOf(2), false),
    ["no mapping"],
  ],
];

for (const [what, run, why] of rows) {
  test(`${what}: ${why.length === 0 ? "nothing to say" : why.join(", ")}`, () => {
    const m = machine();
    run(m);
    const found = m.gate.violations.map((v) => v.why);
    if (why[0] === "*") expect(found).toHaveLength(1);
    else expect(found).toEqual(why);
    expect(m.gate.violationCount).toBe(why.length);
  });
}

test("what it says names the domain, the device, the frame, its owner and the reason", () => {
  const m = machine();
  m.bus.write(8, m.d.map.frameOf(3) * page, bytes(1));
  const at = (m.d.map.frameOf(3) * page).toString(16);
  expect(violationText(m.gate.violations[0]!)).toBe(
    `device 8 for domain 0: device write of the frame at 0x${at} (domain 1's): no mapping`,
  );
});

test("violations beyond 256 are counted, not kept", () => {
  const m = machine();
  const at = m.d.map.frameOf(3) * page;
  for (let n = 0; n < 300; n++) m.bus.read(8, at, bytes(1));
  expect([m.gate.violations.length, m.gate.violationCount]).toEqual([256, 300]);
});

test("a copy is told of both its ends: what is read, and what is written", () => {
  const told: string[] = [];
  const memory = new Memory(4096);
  const watch = { ...unwatched, copied: (_: number, frame: number, write: boolean) => told.push(`${frame} ${write}`) };
  const h = new Hypervisor({ memory, watch, choose: () => 0 });
  const d = h.createDomain({ id: 0, model: "p2m", pages: 64 });
  const [from, to] = [d.map.frameOf(1), d.map.frameOf(2)];
  const ends = { source: { domain: 0, at: from, offset: 0 }, dest: { domain: 0, at: to, offset: 8 } };
  expect(copyGrant(h, d, { ...ends, length: 8, flags: 0 })).toBe(0);
  expect(told).toEqual([`${from} false`, `${to} true`]);
});

test("a gate of its own knows nothing but what it was told", () => {
  const m = machine();
  const gate = new AccessGate(m.h.memory);
  gate.given(7, 3);
  gate.cpu(3, 7, true);
  gate.cpu(2, 7, true);
  gate.freed(7);
  gate.cpu(3, 7, false);
  expect(gate.violations.map((v) => [v.domain, v.why])).toEqual([
    [2, "no mapping"],
    [3, "frame is free"],
  ]);
});

describe("a hostile granter", () => {
  for (const version of [1, 2] as const) {
    test(`version ${version}: it writes anything into its table at any time, and no domain reaches what is not granted`, () => {
      const m = machine({ guests: 2, frames: 2048, pages: 400 });
      if (version === 2) setVersion(m.h, m.d, 2);
      const rng = new Rng(version);
      const live: { handle: number; page: number; bus: number }[] = [];
      const statuses = new Set<number>();
      const own = m.d0.map.frameOf(m.back.allocPages(0)!);
      for (let n = 0; n < 6000; n++) {
        const ref = rng.below(12);
        const entry = entryOf(m.h, m.d, ref);
        for (let w = 0; w < (version === 1 ? 2 : 4); w++) {
          const near = [m.d.map.frameOf(rng.below(256)), m.d0.map.frameOf(rng.below(256)), rng.below(2048), ref][
            rng.below(4)
          ]!;
          if (rng.below(3) === 0) entry.set(w, w === 0 ? rng.below(512) + rng.below(2) * 0x1_0000 : near);
        }
        const kind = rng.below(4);
        if (kind === 0 && live.length > 0) {
          const [one] = live.splice(rng.below(live.length), 1);
          expect(unmapGrants(m.h, m.d0, [{ ...one!, bus: 0 }])).toEqual([0]);
        } else if (kind === 1) {
          const source = { domain: 1, at: ref, offset: rng.below(4096) };
          const dest = { domain: 0, at: own, offset: 0 };
          statuses.add(copyGrant(m.h, m.d0, { source, dest, length: rng.below(64), flags: CopyFlag.sourceRef }));
        } else if (live.length < 100) {
          const flags = MapFlag.host | (rng.below(2) === 0 ? MapFlag.readOnly : 0);
          const got = mapGrant(m.h, m.d0, { flags, domain: 1, ref, page: empty + n });
          statuses.add(got.status);
          if (got.status === 0) live.push({ handle: got.handle, page: empty + n, bus: got.bus });
        }
        for (const one of live.slice(-3)) readAt(m.back.memory, one.page * page, 1);
      }
      expect(statuses.size).toBeGreaterThanOrEqual(3);
      unmapGrants(
        m.h,
        m.d0,
        live.map((one) => ({ ...one, bus: 0 })),
      );
      expect(m.gate.violations).toEqual([]);
      expect([m.d.grants.active.size, m.d0.grants.liveHandles, m.gate.foreignCount]).toEqual([0, 0, 0]);
      for (let f = 0 as Mfn; f < m.h.frames.count; f++) {
        const extra = m.h.frames.references[f]! - m.h.frames.allocated[f]!;
        expect(extra >= 0 && extra <= 1).toBe(true);
      }
    });
  }
});

test("bytes go where a copy says, from and to parts of pages", () => {
  const m = machine();
  const [source, dest] = [m.grants.allocShared()!, m.grants.allocShared()!];
  m.kernel.memory.write(source * page + 4000, bytes(1, 2, 3, 4, 5));
  const refs = [m.grants.grant(0, source, true), m.grants.grant(0, dest, false)];
  const ends = { source: { domain: 1, at: refs[0]!, offset: 4001 }, dest: { domain: 1, at: refs[1]!, offset: 10 } };
  const flags = CopyFlag.sourceRef | CopyFlag.destRef;
  expect(copyGrant(m.h, m.d0, { ...ends, length: 3, flags })).toBe(0);
  expect(readAt(m.kernel.memory, dest * page + 9, 5)).toEqual([0, 2, 3, 4, 0]);
  expect(copyGrant(m.h, m.d0, { source: ends.dest, dest: ends.source, length: 3, flags })).toBe(-1);
  for (const ref of refs) expect(m.grants.endAccess(ref)).toBe(true);
  expect(m.gate.violations).toEqual([]);
});
