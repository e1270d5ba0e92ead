/** Every historic bug breaks its rule when it is on, and the same run keeps the rule when it is off. */
import { expect, test } from "vitest";
import type { Mfn } from "../../../src/base/frame.js";
import { GrantType } from "../../../src/spec/xen/grant_entry.js";
import { GrantStatus, MapFlag } from "../../../src/spec/xen/grant_op.js";
import {
  ArmTree,
  addStatusToPhysmapSteps,
  copyGrantSteps,
  exchange,
  finish,
  getStatusFrames,
  makePool,
  mapGrant,
  setupTable,
  setVersion,
  swapGrants,
  unmapGrantSteps,
  unmapGrants,
  type XenBugId,
  xenBugs,
} from "../../../src/sw/xen/index.js";
import { bytes, entryOf, machine, readAt, type Small } from "./machine.js";

const page = 4096;
const both = MapFlag.host | MapFlag.device;
/** A page of the back end at which nothing stands. */
const empty = 2000;

/** @returns true when the rule that the bug breaks holds in this run. */
type Run = (make: (o?: Small) => ReturnType<typeof machine>) => boolean;

const runs: Readonly<Record<XenBugId, Run>> = {
  "masked-local-test": (make) => {
    const m = make();
    // The back end maps the guest's frame at the page number that the guest itself counts it by.
    const shared = m.grants.allocShared()!;
    const ref = m.grants.grant(0, shared, false);
    const { bus } = mapGrant(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref, page: shared });
    m.back.setForeign(shared, bus / page, true);
    return m.back.busToLocalPhys(bus) === -1;
  },
  "handle-not-set": (make) => {
    const m = make({ model: "vp+iommu" });
    const at = m.back.allocPages(1)!;
    return m.back.createContiguous(at * page, 1, 32).handle === m.back.physToBus(at * page);
  },
  "region-never-given-back": (make) => {
    const m = make();
    const lowFrames = () => {
      let count = 0;
      for (let f = 0; f < 2048; f++) if (m.h.frames.owner[f] === 0) count++;
      return count;
    };
    const before = lowFrames();
    for (let n = 0; n < 4; n++) {
      const at = m.back.allocPages(3)!;
      m.back.createContiguous(at * page, 3, 23);
      m.back.destroyContiguous(at * page, 3);
    }
    return lowFrames() <= before;
  },
  "unaligned-exchange": (make) => {
    const m = make();
    m.back.allocPages(0);
    return makePool(m.back, 2 ** 20) !== null;
  },
  "contiguous-order-limit": (make) => {
    const m = make({ frames: 16384, pages: 4096 });
    return m.back.createContiguous(m.back.allocPages(10)! * page, 10, 32).ok;
  },
  "tree-root-unlocked": (make) => {
    const m = make({ model: "p==m" });
    const tree = new ArmTree();
    tree.add(50, 900, 1);
    tree.add(70, 901, 1);
    // Page 70 is mapped before, during and after: another CPU takes the root away.
    const lookup = tree.frameOfSteps(70, m.h.bugs["tree-root-unlocked"]);
    lookup.next();
    tree.remove(50);
    return finish(lookup) === 901;
  },
  "batch-errors-ignored": (make) => {
    const m = make();
    const refs = [0, 1, 2].map(() => m.grants.grant(0, m.grants.allocShared()!, false));
    const got = m.foreign.map([refs[0]!, 7777, refs[2]!].map((ref) => ({ domain: 1, ref, readOnly: false })));
    return got.every((g) => (g.status === 0) === (g.page >= 0 && m.back.p2m!.isForeign(g.page)));
  },
  "test-then-free": (make) => {
    const m = make();
    const shared = m.grants.allocShared()!;
    const ref = m.grants.grant(0, shared, false);
    const freeing = m.grants.endAccessAndFreeSteps(ref, shared);
    freeing.next();
    m.foreign.map([{ domain: 1, ref, readOnly: false }]);
    const freed = finish(freeing);
    return !freed || m.gate.foreignCount === 0;
  },
  "rest-of-page-leaked": (make) => {
    const m = make();
    const secret = m.kernel.allocPages(0)!;
    m.kernel.memory.write(secret * page, new Uint8Array(page).fill(0x5a));
    m.kernel.freePages(secret, 0);
    const shared = m.grants.allocShared()!;
    const ref = m.grants.grant(0, shared, true);
    m.kernel.memory.write(shared * page, bytes(1, 2, 3));
    const [got] = m.foreign.map([{ domain: 1, ref, readOnly: true }]);
    return readAt(m.back.memory, got!.page * page + 3, page - 3).every((b) => b === 0);
  },
  "restore-window": (make) => {
    const m = make({ foreign: { era: "2013" } });
    const ref = m.grants.grant(0, m.grants.allocShared()!, false);
    const got = m.foreign.map([{ domain: 1, ref, readOnly: false }]);
    const unmapping = m.foreign.unmapSteps(got);
    for (let step = unmapping.next(); step.done !== true; step = unmapping.next()) {
      if (m.d0.map.frameOf(got[0]!.page) < 0) return false;
    }
    return true;
  },
  "loop-back": (make) => {
    const m = make({ foreign: { era: "2011" } });
    const own = m.back.allocPages(0)!;
    const entry = entryOf(m.h, m.d0, 9);
    entry.set(1, m.d0.map.frameOf(own));
    entry.set(0, GrantType.permitAccess);
    const [got] = m.foreign.map([{ domain: 0, ref: 9, readOnly: false }]);
    return got!.status === 0 && m.back.busToPhys(got!.bus) === got!.page * page;
  },
  "exchange-progress-unchecked": (make) => {
    const m = make();
    // The caller's own words are the first four; what lies behind is the hypervisor's.
    const words = new Uint32Array(64);
    const at = m.back.allocPages(1)!;
    const extents = [at, at + 1].map((p) => m.d0.map.frameOf(p));
    for (const p of [at, at + 1]) m.h.setMapping(m.d0, p, -1);
    const results = { words, first: 40, own: { first: 0, count: 4 } };
    const out = { domain: 0, order: 0, pages: [at, at + 1], bits: 0, results };
    exchange(m.h, m.d0, { in: { domain: 0, order: 0, extents }, out, exchanged: 1 });
    return words.subarray(4).every((w) => w === 0);
  },
  "status-pages-listed": (make) => {
    const m = make();
    setVersion(m.h, m.d, 2);
    setVersion(m.h, m.d, 1);
    return m.d.grants.status.every((f) => m.h.frames.ownedBy(f, 1));
  },
  "swap-unbounded": (make) => {
    const m = make();
    const beyond = m.d.grants.entryCount + 3;
    const behind = m.d.grants.shared.at(-1)! + 1;
    m.h.memory.write(behind * page + 24, bytes(1, 2, 3, 4, 5, 6, 7, 8));
    swapGrants(m.h, m.d, { a: 0, b: beyond });
    return readAt(m.h.memory, behind * page + 24, 8)[0] === 1;
  },
  "bits-cleared-early": (make) => {
    const m = make();
    const ref = m.grants.grant(0, m.grants.allocShared()!, false);
    const { handle } = mapGrant(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref, page: empty });
    const unmapping = unmapGrantSteps(m.h, m.d0, { handle, page: empty, bus: 0 });
    unmapping.next();
    return m.grants.isInUse(ref) || !m.d.grants.active.has(ref);
  },
  "handle-freed-twice": (make) => {
    const m = make();
    const ref = m.grants.grant(0, m.grants.allocShared()!, false);
    const { handle, bus } = mapGrant(m.h, m.d0, { flags: both, domain: 1, ref, page: empty });
    const one = unmapGrantSteps(m.h, m.d0, { handle, page: empty, bus: 0 });
    const other = unmapGrantSteps(m.h, m.d0, { handle, page: -1, bus });
    for (const steps of [one, other, one, other]) steps.next();
    const first = m.d0.grants.takeHandle();
    return m.d0.grants.takeHandle() !== first;
  },
  "zero-address-drops-references": (make) => {
    const m = make();
    const ref = m.grants.grant(0, m.grants.allocShared()!, false);
    const { handle, bus } = mapGrant(m.h, m.d0, { flags: both, domain: 1, ref, page: empty });
    const references = () => m.h.frames.references[bus / page]!;
    const before = references();
    unmapGrants(m.h, m.d0, [{ handle, page: empty, bus: 0 }]);
    return references() === before - 1;
  },
  "bits-cleared-with-device-pins": (make) => {
    const m = make();
    const ref = m.grants.grant(0, m.grants.allocShared()!, false);
    const { handle } = mapGrant(m.h, m.d0, { flags: both, domain: 1, ref, page: empty });
    unmapGrants(m.h, m.d0, [{ handle, page: empty, bus: 0 }]);
    return m.grants.isInUse(ref);
  },
  "status-freed-while-mapped": (make) => {
    const m = make({ model: "vp" });
    setVersion(m.h, m.d, 2);
    const adding = addStatusToPhysmapSteps(m.h, m.d, { index: 0, page: 700 });
    adding.next();
    const frame = m.d.grants.status[0]!;
    setVersion(m.h, m.d, 1);
    finish(adding);
    return m.d.map.frameOf(700) === frame && m.h.frames.ownedBy(frame, 1);
  },
  "positive-status": (make) => {
    const m = make();
    return mapGrant(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref: 20, page: empty }).status <= 0;
  },
  "device-count-on-half-unmap": (make) => {
    const m = make({ deviceTable: true });
    const ref = m.grants.grant(0, m.grants.allocShared()!, false);
    const { handle, bus } = mapGrant(m.h, m.d0, { flags: both, domain: 1, ref, page: empty });
    unmapGrants(m.h, m.d0, [{ handle, page: empty, bus: 0 }]);
    return m.d0.devices!.countOf(bus / page).writers === m.d0.grants.liveHandles;
  },
  "status-capacity-units": (make) => {
    const m = make();
    setupTable(m.h, m.d, 16);
    setVersion(m.h, m.d, 2);
    return getStatusFrames(m.h, m.d, { count: 2, capacity: 1 }).frames.length <= 1;
  },
  "shared-entry-after-pin": (make) => {
    const m = make();
    const [one, two] = [m.grants.allocShared()!, m.grants.allocShared()!];
    m.kernel.memory.write(one * page, bytes(11));
    m.kernel.memory.write(two * page, bytes(22));
    const ref = m.grants.grant(0, one, true);
    mapGrant(m.h, m.d0, { flags: MapFlag.host | MapFlag.readOnly, domain: 1, ref, page: empty });
    const entry = entryOf(m.h, m.d, ref);
    entry.set(1, m.d.map.frameOf(two));
    const own = m.back.allocPages(0)!;
    const dest = { domain: 0, at: m.d0.map.frameOf(own), offset: 0 };
    finish(copyGrantSteps(m.h, m.d0, { source: { domain: 1, at: ref, offset: 0 }, dest, length: 1, flags: 1 }));
    return readAt(m.back.memory, own * page, 1)[0] === 11 && m.gate.violationCount === 0;
  },
  "version-unchecked-after-relock": (make) => {
    const m = make({ guests: 2 });
    setVersion(m.h, m.d, 2);
    // Guest 1 passes on to domain 0 what guest 2 would have to grant, and does not.
    const entry = entryOf(m.h, m.d, 30);
    entry.set(1, 2);
    entry.set(2, 100);
    entry.set(0, GrantType.transitive);
    const own = m.back.allocPages(0)!;
    const dest = { domain: 0, at: m.d0.map.frameOf(own), offset: 0 };
    const copying = copyGrantSteps(m.h, m.d0, { source: { domain: 1, at: 30, offset: 0 }, dest, length: 4, flags: 1 });
    while (copying.next().value !== "the lock is let go for the grant behind");
    const status = m.d.grants.status[0] as Mfn;
    setVersion(m.h, m.d, 1);
    m.h.memory.fill(status * 4096, 4096, 0xff);
    finish(copying);
    return m.h.memory.frame(status)!.every((w) => w === 0xffff_ffff);
  },
};

for (const bug of xenBugs) {
  test(`${bug.id}: with the bug it is not true that ${bug.breaks}`, () => {
    expect(runs[bug.id]((o = {}) => machine({ ...o, bugs: [bug.id] }))).toBe(false);
  });
  test(`without ${bug.id}: ${bug.breaks}`, () => {
    expect(runs[bug.id]((o = {}) => machine(o))).toBe(true);
  });
}

test("a status above zero passes a reader that looks for values below it", () => {
  const m = machine({ bugs: ["positive-status"] });
  const { status, bus } = mapGrant(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref: 20, page: empty });
  expect(status < 0).toBe(false);
  expect(status !== GrantStatus.okay).toBe(true);
  expect(bus).toBe(0);
});

test("a page that was freed too early and used again: what the back end still does is written down", () => {
  const m = machine({ bugs: ["test-then-free"] });
  const shared = m.grants.allocShared()!;
  const ref = m.grants.grant(0, shared, false);
  const freeing = m.grants.endAccessAndFreeSteps(ref, shared);
  freeing.next();
  const [got] = m.foreign.map([{ domain: 1, ref, readOnly: false }]);
  finish(freeing);
  m.kernel.memory.write(shared * page, bytes(7, 7));
  expect(readAt(m.back.memory, got!.page * page, 2)).toEqual([7, 7]);
  expect(m.gate.violations.map((v) => [v.domain, v.access, v.why])).toEqual([[0, "read", "after revocation"]]);
});
