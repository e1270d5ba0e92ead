/** Demonstrations of bugs of the hypervisor: grants, their handles and status pages, the exchange of memory. */

import type { Mfn } from "../../../base/frame.js";
import { GrantType } from "../../../spec/xen/grant_entry.js";
import { MapFlag } from "../../../spec/xen/grant_op.js";
import { entryAddress } from "../../../sw/xen/grant/entry.js";
import {
  addStatusToPhysmapSteps,
  copyGrantSteps,
  exchange,
  finish,
  getStatusFrames,
  mapGrant,
  type Steps,
  setupTable,
  setVersion,
  setVersionSteps,
  swapGrants,
  unmapGrantSteps,
  unmapGrants,
  type XenBugId,
} from "../../../sw/xen/index.js";
import { bytesAt, page, type XenStage, type XenStageOptions, xenStage } from "../stage.js";
import { placeWords } from "../story.js";
import { type Demonstration, judge, type Operation, type Program, solo } from "./demonstration.js";

const both = MapFlag.host | MapFlag.device;
/** A page of the back end at which nothing stands. */
const empty = 2000;
const small: XenStageOptions = { frames: 1024, pages: 128, guestPages: 32 };

function demo(title: string, id: XenBugId, program: (s: XenStage) => Program, o: XenStageOptions = {}): Demonstration {
  return solo(title, "domain 0", (on) => program(xenStage({ ...o, bugs: on ? [id] : [] })));
}

/** A page of domain 1, granted and mapped by domain 0 for its CPUs and its devices. */
function mapped(s: XenStage) {
  const shared = s.grants.allocShared()!;
  const ref = s.grants.grant(0, shared, false);
  const { handle, bus } = mapGrant(s.h, s.d0, { flags: both, domain: 1, ref, page: empty });
  const host = { handle, page: empty, bus: 0 };
  const device = { handle, page: -1, bus };
  const said = `maps reference ${ref} of domain 1 for its CPU and its device: frame ${placeWords(bus / page)}`;
  return { shared, ref, handle, bus, host, device, said };
}

/** An operation of the hypervisor whose breaks are steps. */
function* operation(what: string, steps: Steps<unknown>): Operation {
  for (let step = steps.next(); step.done !== true; step = steps.next()) yield `${what}: ${step.value}`;
  return `${what}: done`;
}

export const hypervisorDemonstrations = {
  "exchange-progress-unchecked": demo(
    "an exchange writes outside the list that it was given",
    "exchange-progress-unchecked",
    function* (s) {
      const words = new Uint32Array(64);
      const at = s.back.allocPages(1)!;
      const extents = [at, at + 1].map((p) => s.d0.map.frameOf(p));
      for (const p of [at, at + 1]) s.h.setMapping(s.d0, p, -1);
      yield "gives two frames away, and four words for the answer; the hypervisor's own memory is behind them";
      const results = { words, first: 40, own: { first: 0, count: 4 } };
      const out = { domain: 0, order: 0, pages: [at, at + 1], bits: 0, results };
      const done = exchange(s.h, s.d0, { in: { domain: 0, order: 0, extents }, out, exchanged: 1 });
      const hit = words.findIndex((w, n) => n >= 4 && w !== 0);
      yield judge(
        `says that one extent is exchanged already: status ${done.status}${hit < 0 ? "" : `, word ${hit} is ${placeWords(words[hit]!)}`}`,
        hit < 0,
        "the guest has written to the hypervisor's memory",
      );
    },
  ),
  "status-pages-listed": demo("status pages are freed and stay on their list", "status-pages-listed", function* (s) {
    setVersion(s.h, s.d, 2);
    yield `domain 1 takes grants of version 2: ${s.d.grants.status.length} status page`;
    setVersion(s.h, s.d, 1);
    yield judge(
      `domain 1 goes back to version 1: ${s.d.grants.status.length} on the list`,
      s.d.grants.status.every((f) => s.h.frames.ownedBy(f, 1)),
      "a free frame is on the list",
    );
  }),
  "swap-unbounded": demo("a swap reaches behind the grant table", "swap-unbounded", function* (s) {
    const beyond = s.d.grants.entryCount + 3;
    const at = (s.d.grants.shared.at(-1)! + 1) * page + 24;
    s.h.memory.write(at, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    yield `the table has ${s.d.grants.entryCount} entries; behind it lies memory of the hypervisor`;
    const status = swapGrants(s.h, s.d, { a: 0, b: beyond });
    yield judge(
      `domain 1 swaps entries 0 and ${beyond}: status ${status}`,
      bytesAt(s.h.memory, at, 8)[0] === 1,
      "memory behind the table has changed",
    );
  }),
  "bits-cleared-early": {
    title: "a grant shows no use while it is still mapped",
    world: (on) => whileUnmapping(on ? ["bits-cleared-early"] : []),
  },
  "handle-freed-twice": {
    title: "two CPUs free one handle twice",
    world(on) {
      const s = xenStage({ ...small, bugs: on ? ["handle-freed-twice"] : [] });
      const m = mapped(s);
      return {
        actors: [
          { name: "CPU 0", program: operation("unmaps the CPU's half", unmapGrantSteps(s.h, s.d0, m.host)) },
          { name: "CPU 1", program: operation("unmaps the device's half", unmapGrantSteps(s.h, s.d0, m.device)) },
        ],
        broken: () => freeTwice(s),
      };
    },
  },
  "zero-address-drops-references": demo(
    "an unmapping of one half drops the references of both",
    "zero-address-drops-references",
    function* (s) {
      const m = mapped(s);
      const references = () => s.h.frames.references[m.bus / page]!;
      const before = references();
      yield `${m.said}, ${before} references`;
      unmapGrants(s.h, s.d0, [m.host]);
      yield judge(
        `unmaps the CPU's half alone: ${references()} references`,
        references() === before - 1,
        "more were dropped than the half had taken",
      );
    },
  ),
  "bits-cleared-with-device-pins": demo(
    "a grant shows no use while a device uses it",
    "bits-cleared-with-device-pins",
    function* (s) {
      const m = mapped(s);
      yield m.said;
      unmapGrants(s.h, s.d0, [m.host]);
      yield judge(
        `unmaps the CPU's half; domain 1 sees the grant ${s.grants.isInUse(m.ref) ? "in use" : "unused"}`,
        s.grants.isInUse(m.ref),
        "domain 1 frees a page that the device still writes to",
      );
    },
  ),
  "status-freed-while-mapped": {
    title: "a status page is freed while it is being mapped",
    world(on) {
      const s = xenStage({ ...small, model: "vp", bugs: on ? ["status-freed-while-mapped"] : [] });
      setVersion(s.h, s.d, 2);
      const adding = addStatusToPhysmapSteps(s.h, s.d, { index: 0, page: 700 });
      return {
        actors: [
          { name: "CPU 0", program: operation("maps status page 0 at page 0x2bc", adding) },
          { name: "CPU 1", program: operation("goes back to version 1", setVersionSteps(s.h, s.d, 1)) },
        ],
        broken() {
          const frame = s.d.map.frameOf(700);
          return frame >= 0 && !s.h.frames.ownedBy(frame, 1)
            ? `page 0x2bc is frame ${placeWords(frame)}, which is free`
            : null;
        },
      };
    },
  },
  "positive-status": demo("a failure is told as a success", "positive-status", function* (s) {
    const { status } = mapGrant(s.h, s.d0, { flags: MapFlag.host, domain: 1, ref: 20, page: empty });
    yield judge(
      `maps reference 20, which is none: status ${status}`,
      status <= 0,
      "a driver that looks for status < 0 goes on with no page",
    );
  }),
  "device-count-on-half-unmap": demo(
    "a half-unmapped grant is counted out of the device table",
    "device-count-on-half-unmap",
    function* (s) {
      const m = mapped(s);
      const count = () => s.d0.devices!.countOf(m.bus / page).writers;
      yield `${m.said}; the device table counts ${count()}`;
      unmapGrants(s.h, s.d0, [m.host]);
      yield judge(
        `unmaps the CPU's half: the device table counts ${count()}, ${s.d0.grants.liveHandles} handle lives`,
        count() === s.d0.grants.liveHandles,
        "the next unmapping counts below zero",
      );
    },
    { deviceTable: true },
  ),
  "status-capacity-units": demo("a list is longer than its buffer", "status-capacity-units", function* (s) {
    setupTable(s.h, s.d, 16);
    setVersion(s.h, s.d, 2);
    yield `domain 1 has ${s.d.grants.status.length} status pages`;
    const { frames } = getStatusFrames(s.h, s.d, { count: 2, capacity: 1 });
    yield judge(
      `asks for two with room for one: ${frames.length} are written`,
      frames.length <= 1,
      "memory behind the buffer is overwritten",
    );
  }),
  "shared-entry-after-pin": demo(
    "a copy believes the shared entry after it was pinned",
    "shared-entry-after-pin",
    function* (s) {
      const [one, two] = [s.grants.allocShared()!, s.grants.allocShared()!];
      s.kernel.memory.write(one * page, Uint8Array.of(11));
      s.kernel.memory.write(two * page, Uint8Array.of(22));
      const ref = s.grants.grant(0, one, true);
      mapGrant(s.h, s.d0, { flags: MapFlag.host | MapFlag.readOnly, domain: 1, ref, page: empty });
      yield `maps reference ${ref} of domain 1, page ${placeWords(one)} (it holds 11): the frame is pinned`;
      s.h.memory.store32(entryAddress(s.d, ref) + 4, s.d.map.frameOf(two));
      yield `domain 1 writes the frame of page ${placeWords(two)} (it holds 22) into the entry`;
      const own = s.back.allocPages(0)!;
      const dest = { domain: 0, at: s.d0.map.frameOf(own), offset: 0 };
      finish(copyGrantSteps(s.h, s.d0, { source: { domain: 1, at: ref, offset: 0 }, dest, length: 1, flags: 1 }));
      const got = bytesAt(s.back.memory, own * page, 1)[0]!;
      yield judge(
        `copies a byte by the same reference: ${got}`,
        got === 11 && s.gate.violationCount === 0,
        "it came from a page that was not pinned",
      );
    },
  ),
  "version-unchecked-after-relock": demo(
    "an operation goes on with a table that has changed",
    "version-unchecked-after-relock",
    function* (s) {
      setVersion(s.h, s.d, 2);
      const entry = entryAddress(s.d, 30);
      s.h.memory.store32(entry + 4, 2);
      s.h.memory.store32(entry + 8, 100);
      s.h.memory.store32(entry, GrantType.transitive);
      yield "domain 1 passes on, by entry 30, what domain 2 would have to grant";
      const own = s.back.allocPages(0)!;
      const dest = { domain: 0, at: s.d0.map.frameOf(own), offset: 0 };
      const source = { domain: 1, at: 30, offset: 0 };
      const copying = copyGrantSteps(s.h, s.d0, { source, dest, length: 4, flags: 1 });
      let step = copying.next();
      while (step.done !== true && step.value !== "the lock is let go for the grant behind") step = copying.next();
      yield `copies by it: ${step.done === true ? "done" : step.value}`;
      const status = s.d.grants.status[0] as Mfn;
      setVersion(s.h, s.d, 1);
      s.h.memory.fill(status * 4096, 4096, 0xff);
      yield `domain 1 goes back to version 1; its status page ${placeWords(status)} is freed, and used by others (ff ff …)`;
      finish(copying);
      yield judge(
        "the copy goes on",
        s.h.memory.frame(status)!.every((w) => w === 0xffff_ffff),
        `it has written to frame ${placeWords(status)}, which is no status page any more`,
      );
    },
    { guests: 2 },
  ),
} satisfies Readonly<Partial<Record<XenBugId, Demonstration>>>;

/** Domain 0 unmaps a grant in steps while domain 1 takes it back. */
function whileUnmapping(bugs: readonly XenBugId[]) {
  const s = xenStage({ ...small, bugs });
  const m = mapped(s);
  const inUse = () => s.d.grants.active.has(m.ref) && s.gate.foreignCount > 0;
  return {
    actors: [
      { name: "domain 0", program: operation("unmaps the device's half", unmapGrantSteps(s.h, s.d0, m.device)) },
      { name: "domain 0, CPU 1", program: operation("unmaps the CPU's half", unmapGrantSteps(s.h, s.d0, m.host)) },
      { name: "domain 1", program: operation("frees the page", s.grants.endAccessAndFreeSteps(m.ref, m.shared)) },
    ],
    broken: () => (inUse() && !s.grants.isInUse(m.ref) ? "the entry shows no use, and the frame is mapped" : null),
  };
}

/** Walk the free list of handles as the hypervisor does. */
function freeTwice(s: XenStage): string | null {
  const { tracked } = s.d0.grants;
  const seen = new Set<number>();
  for (let n = s.d0.grants.firstFreeHandle; tracked[n] !== undefined; n = tracked[n]!.next) {
    if (seen.has(n)) return `handle ${n} is twice on the list of free ones`;
    seen.add(n);
  }
  return null;
}
