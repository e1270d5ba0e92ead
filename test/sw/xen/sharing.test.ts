/** Random sharing between domains: what must hold after every step, and what must be left when all is undone. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Pfn } from "../../../src/base/frame.js";
import {
  type Balloon,
  type ForeignPage,
  fingerprint,
  type Hypervisor,
  leftovers,
  type XenModel,
} from "../../../src/sw/xen/index.js";
import { amount } from "../../tier.js";
import { machine } from "./machine.js";

const page = 4096;
const runs = amount(40, 500);
type M = ReturnType<typeof machine>;

interface State {
  readonly m: M;
  readonly balloon: Balloon;
  readonly grants: { readonly guest: number; readonly ref: number; readonly page: Pfn }[];
  readonly mapped: { readonly ref: number; readonly guest: number; readonly got: ForeignPage }[];
  readonly regions: { readonly page: Pfn; readonly order: number; readonly made: boolean }[];
}

type Step = readonly [kind: number, a: number, b: number];

function start(model: XenModel, seed: number): State {
  const sizes = { guests: 3, frames: 2048, pages: 300, guestPages: 64 };
  const era = model === "p2m" ? (["today", "2011", "2013"] as const)[seed % 3]! : "today";
  const m = machine({ model, ...sizes, seed, deviceTable: model === "p2m", foreign: { era } });
  return { m, balloon: m.foreign.balloon, grants: [], mapped: [], regions: [] };
}

const pick = <T>(list: T[], n: number): T | undefined => list.splice(n % Math.max(1, list.length), 1)[0];

function step(s: State, [kind, a, b]: Step): void {
  const { m } = s;
  const guest = a % 3;
  if (kind === 0) {
    const shared = m.guests[guest]!.grants.allocShared();
    if (shared !== null) {
      s.grants.push({ guest, ref: m.guests[guest]!.grants.grant(0, shared, b % 4 === 0), page: shared });
    }
  } else if (kind === 1 && s.grants.length > 0) {
    const asked = [a, b].map((n) => s.grants[n % s.grants.length]!);
    const requests = asked.map((g) => ({ domain: g.guest + 1, ref: g.ref, readOnly: b % 2 === 0 }));
    m.foreign.map(requests).forEach((got, n) => {
      if (got.status !== 0) return;
      s.mapped.push({ ...asked[n]!, got });
    });
  } else if (kind === 2) {
    const one = pick(s.mapped, a);
    if (one !== undefined) expect(m.foreign.unmap([one.got])).toEqual([0]);
  } else if (kind === 3) {
    const g = pick(s.grants, a);
    if (g !== undefined) m.guests[g.guest]!.grants.endAccessAndFree(g.ref, g.page);
  } else if (kind === 4) {
    const at = m.back.allocPages(a % 3);
    if (at !== null) s.regions.push({ page: at, order: a % 3, made: m.back.createContiguous(at * page, a % 3, 24).ok });
  } else if (kind === 5) {
    const r = pick(s.regions, a);
    if (r?.made === true) m.back.destroyContiguous(r.page * page, r.order);
    if (r !== undefined) m.back.freePages(r.page, r.order);
  } else if (kind === 6) {
    if (b % 2 === 0) s.balloon.inflate(a % 5);
    else s.balloon.deflate(a % 5);
  } else for (const g of m.guests) g.grants.tick();
}

function holds({ m }: State): void {
  let owned = 0;
  for (const d of m.h.domains.values()) owned += d.pages + d.grants.shared.length;
  expect(owned + m.h.free.count).toBe(m.h.frames.count - 1);
  const wrong: number[] = [];
  for (let p = 0; p < m.d0.map.length; p++) {
    const frame = m.d0.map.frameOf(p);
    if (frame < 0 || m.back.model === "vp") continue;
    const local = m.back.busToLocalPhys(m.back.physToBus(p * page));
    const mine = m.h.frames.owner[frame] === 0;
    // 2013: where nothing stands in, the CPU sees a frame that is another page's.
    const here = mine && m.h.frames.m2p[frame] === p;
    if (local !== (here ? p * page : -1) || m.back.isForeign(p as Pfn) === mine) wrong.push(p);
  }
  expect(wrong).toEqual([]);
}

const models: readonly XenModel[] = ["p2m", "p==m", "vp", "vp+hypercall", "vp+iommu"];
const steps = fc.array(fc.tuple(fc.nat(7), fc.nat(1000), fc.nat(1000)), { maxLength: 60 });

for (const model of models) {
  describe(model, () => {
    test("a bus address is local exactly when its frame is ours, and no frame is lost or made", () => {
      fc.assert(
        fc.property(steps, fc.nat(100), (all, seed) => {
          const s = start(model, seed);
          for (const one of all) {
            step(s, one);
            holds(s);
          }
          s.m.foreign.unmap(s.mapped.map((o) => o.got));
          for (const g of s.grants) s.m.guests[g.guest]!.grants.endAccessAndFree(g.ref, g.page);
          for (let n = 0; n < 20; n++) for (const g of s.m.guests) g.grants.tick();
          for (const r of s.regions) {
            if (r.made) s.m.back.destroyContiguous(r.page * page, r.order);
            s.m.back.freePages(r.page, r.order);
          }
          s.m.foreign.cache.shrink(0);
          s.balloon.deflate(1000);
          expect(leftovers(s.m.h, s.m.gate)).toEqual([]);
          expect(s.m.guests.map((g) => [g.grants.live.size, g.grants.waitingCount])).toEqual(Array(3).fill([0, 0]));
          expect(s.m.d0.pages).toBe(300);
          // Page 0 is nobody's, and 2013 keeps a page for the places of others.
          expect(s.m.back.pages.freePages).toBeGreaterThanOrEqual(298);
          expect(s.m.gate.violations).toEqual([]);
        }),
        { numRuns: runs },
      );
    });
  });
}

test("the same steps from the same seed end in the same state, and any one thing less does not", () => {
  const all: Step[] = Array.from({ length: 60 }, (_, n) => [n % 3, n * 7, n * 5]);
  const run = (seed: number, count: number) => {
    const s = start("p2m", seed);
    for (const one of all.slice(0, count)) step(s, one);
    return s.m.h;
  };
  const end = fingerprint(run(6, 60));
  expect(fingerprint(run(6, 60))).toBe(end);
  expect([fingerprint(run(6, 58)), fingerprint(run(9, 60))]).not.toContain(end);
  const changes: readonly ((h: Hypervisor) => void)[] = [
    (h) => h.frames.m2p[100]!--,
    (h) => h.frames.references[900]!++,
    (h) => h.domains.get(0)!.map.clear(9),
    (h) => (h.domains.get(0)!.grants.tracked[0]!.ref += 1),
    (h) => [...h.domains.values()].flatMap((d) => [...d.grants.active.values()])[0]!.hostRead++,
  ];
  for (const change of changes) {
    const h = run(6, 60);
    change(h);
    expect(fingerprint(h)).not.toBe(end);
  }
});

for (const era of ["2010", "2011", "2013"] as const) {
  test(`${era}, equal numbers: a page mapped where its owner counts it too`, () => {
    const m = machine({ pages: 1024, guestPages: 512, frames: 8192, foreign: { era } });
    const alike = Array.from({ length: 200 }, () => {
      const at = m.grants.allocShared()!;
      const [got] = m.foreign.map([{ domain: 1, ref: m.grants.grant(0, at, false), readOnly: false }]);
      // Every other stays, so that both sides move on through their pages.
      if (got!.page !== at && at % 2 === 0) m.foreign.unmap([got!]);
      return { at, got: got! };
    }).filter(({ at, got }) => got.page === at);
    expect(alike.length).toBeGreaterThan(0);
    for (const { at, got } of alike) {
      // The plain round trip succeeds; the flag is what tells, where there is one.
      expect(m.back.physToBus(m.back.busToPhys(got.bus))).toBe(got.bus);
      expect(m.back.busToLocalPhys(got.bus)).toBe(era === "2010" ? at * page : -1);
    }
  });
}

test("two domains that count a shared frame alike: the plain round trip succeeds, the local test does not", () => {
  const m = machine();
  const shared = m.grants.allocShared()!;
  const frame = m.d.map.frameOf(shared);
  m.back.setForeign(shared, frame, true);
  expect(m.back.physToBus(m.back.busToPhys(frame * page))).toBe(frame * page);
  expect(m.back.busToLocalPhys(frame * page)).toBe(-1);
});
