/** What each call changes, in all that a small machine keeps: nothing less, and nothing beside it. */
import { describe, expect, test } from "vitest";
import type { Pfn } from "../../../src/base/frame.js";
import { GrantFlag, GrantType } from "../../../src/spec/xen/grant_entry.js";
import { CopyFlag, domainSelf, MapFlag } from "../../../src/spec/xen/grant_op.js";
import type { Steps } from "../../../src/sw/xen/index.js";
import {
  addStatusToPhysmapSteps,
  copyGrantSteps,
  decrease,
  exchange,
  getStatusFrames,
  mapGrantSteps,
  populate,
  removeStatusFromPhysmap,
  setupTable,
  setVersion,
  setVersionSteps,
  swapGrants,
  transferGrantSteps,
  unmapAndReplace,
  unmapGrantSteps,
  unmapGrants,
} from "../../../src/sw/xen/index.js";
import { changedBy } from "./changes.js";
import { entryOf, machine, type Small } from "./machine.js";

type M = ReturnType<typeof machine>;
const { host, device, readOnly } = MapFlag;
const { sourceRef, destRef } = CopyFlag;
const page = 4096;
const empty = 100;
const sizes: Small = { frames: 256, pages: 48, guestPages: 24, guests: 2, deviceTable: true };

/** A call, made ready. */
type Call = (m: M) => () => unknown;

/** Its breaks, and what it ends with. */
function told<T>(steps: Steps<T>): unknown[] {
  const labels: unknown[] = [];
  for (let step = steps.next(); ; step = steps.next()) {
    labels.push(step.value);
    if (step.done === true) return labels;
  }
}

const grant = (m: M, ro = false, to = 0) => m.grants.grant(to, m.grants.allocShared()!, ro);
const map = (m: M, ref: number, flags: number, at = empty, domain = 1) =>
  told(mapGrantSteps(m.h, m.d0, { flags, domain, ref, page: at }));
const got = (m: M, ref: number, flags: number, at = empty) =>
  map(m, ref, flags, at).at(-1) as { handle: number; bus: number };
const copy = (m: M, flags: number, source: readonly number[], dest: readonly number[], length = 16) => {
  const end = ([domain, at, offset]: readonly number[]) => ({ domain: domain!, at: at!, offset: offset! });
  return told(copyGrantSteps(m.h, m.d0, { source: end(source), dest: end(dest), length, flags }));
};
const own = (m: M): number => m.d0.map.frameOf(m.back.allocPages(0)!);
function loose(m: M): number {
  const at = m.back.allocPages(0)!;
  const frame = m.d0.map.frameOf(at);
  m.h.setMapping(m.d0, at, -1);
  return frame;
}
/** An entry of version 2 for domain 0. */
function second(m: M, ref: number, flags: number, words: readonly [number, number]): number {
  const entry = entryOf(m.h, m.d, ref);
  entry.set(1, words[0]);
  entry.set(2, words[1]);
  entry.set(0, flags);
  return ref;
}
function passed(m: M): number {
  const { grants } = m.guests[1]!;
  return second(m, 41, GrantType.transitive, [2, grants.grant(1, grants.allocShared()!, false)]);
}

const ofEither: Readonly<Record<string, Call>> = {
  "map to write": (m) => {
    const ref = grant(m);
    return () => map(m, ref, host);
  },
  "map to read": (m) => {
    const ref = grant(m, true);
    return () => map(m, ref, host | readOnly);
  },
  "map for devices": (m) => {
    const ref = grant(m);
    return () => map(m, ref, device);
  },
  "map for both, to read, over a page of one's own": (m) => {
    const ref = grant(m);
    return () => map(m, ref, host | device | readOnly, 5);
  },
  "map once more, to write": (m) => {
    const ref = grant(m);
    map(m, ref, host | readOnly);
    return () => map(m, ref, host, empty + 1);
  },
  "map once more, to read, where another stands": (m) => {
    const [ref, other] = [grant(m), grant(m)];
    map(m, ref, host);
    map(m, other, host, empty + 1);
    return () => map(m, ref, host | readOnly, empty + 1);
  },
  "map of one's own": (m) => {
    const entry = entryOf(m.h, m.d0, 9);
    entry.set(m.d0.grants.version, own(m));
    entry.set(0, GrantType.permitAccess);
    return () => map(m, 9, host | device, empty, domainSelf);
  },
  "maps that fail": (m) => {
    const [ref, theirs, pageless] = [grant(m), grant(m, false, 2), grant(m)];
    entryOf(m.h, m.d, pageless).set(m.d.grants.version, own(m));
    return () => [
      map(m, ref, 0),
      map(m, ref, readOnly),
      map(m, -1, host),
      map(m, 512, host),
      map(m, ref, host, empty, 7),
      map(m, theirs, host),
      map(m, pageless, host),
      map(m, ref, host | device, -1),
      map(m, ref, host, -1),
      map(m, ref, host | readOnly, -1),
      map(m, ref, host | device | readOnly, 2 ** 30),
    ];
  },
  "map of a frame that is away": (m) => {
    const ref = grant(m);
    m.d.pagedOut.set(m.d.map.frameOf(m.grants.live.get(ref)!), 2);
    m.d.pagedOut.set(m.d.map.frameOf(7), 5);
    const ask = () => [m.d.pagedOut.size, map(m, ref, host)];
    return () => [ask(), ask(), ask(), m.d.pagedOut.size];
  },
  "unmap the half for CPUs": (m) => {
    const { handle } = got(m, grant(m), host | device);
    return () => told(unmapGrantSteps(m.h, m.d0, { handle, page: empty, bus: 0 }));
  },
  "unmap the half for devices": (m) => {
    const { handle, bus } = got(m, grant(m), host | device);
    return () => told(unmapGrantSteps(m.h, m.d0, { handle, page: -1, bus }));
  },
  "unmap both halves, to read": (m) => {
    const { handle, bus } = got(m, grant(m), host | device | readOnly);
    return () => told(unmapGrantSteps(m.h, m.d0, { handle, page: empty, bus }));
  },
  "unmap a writer, a reader stays": (m) => {
    const ref = grant(m);
    got(m, ref, host | readOnly, empty + 1);
    const { handle } = got(m, ref, host);
    return () => told(unmapGrantSteps(m.h, m.d0, { handle, page: empty, bus: 0 }));
  },
  "unmap a reader, a device that writes stays": (m) => {
    const ref = grant(m);
    got(m, ref, device);
    const { handle } = got(m, ref, host | readOnly);
    return () => told(unmapGrantSteps(m.h, m.d0, { handle, page: empty, bus: 0 }));
  },
  "unmap a list, of which some fail": (m) => {
    const ref = grant(m);
    const [one, other] = [got(m, ref, host, empty), got(m, ref, host | device, empty + 1)];
    const reader = got(m, ref, host | readOnly, empty + 2);
    return () =>
      unmapGrants(m.h, m.d0, [
        { handle: one.handle, page: empty + 1, bus: 0 },
        { handle: one.handle, page: empty, bus: one.bus + 1 },
        { handle: 77, page: empty, bus: 0 },
        { handle: -1, page: empty, bus: 0 },
        { handle: 0.5, page: empty, bus: 0 },
        { handle: other.handle, page: -1, bus: 0 },
        { handle: other.handle, page: empty + 1, bus: 0 },
        { handle: other.handle, page: empty + 1, bus: 0 },
        { handle: reader.handle, page: empty + 2, bus: reader.bus },
        { handle: reader.handle, page: empty + 2, bus: 0 },
      ]);
  },
  "unmap at a page of one's own that shows the same frame": (m) => {
    const entry = entryOf(m.h, m.d0, 9);
    entry.set(m.d0.grants.version, m.d0.map.frameOf(5));
    entry.set(0, GrantType.permitAccess);
    const { handle } = map(m, 9, host, empty, 0).at(-1) as { handle: number };
    return () => told(unmapGrantSteps(m.h, m.d0, { handle, page: 5, bus: 0 }));
  },
  "unmap one of three readers": (m) => {
    const ref = grant(m);
    got(m, ref, device | readOnly);
    got(m, ref, host | readOnly, empty + 1);
    const { handle } = got(m, ref, host | readOnly);
    return () => told(unmapGrantSteps(m.h, m.d0, { handle, page: empty, bus: 0 }));
  },
  "unmap at page 0": (m) => {
    const { handle } = got(m, grant(m), host, 0);
    return () => told(unmapGrantSteps(m.h, m.d0, { handle, page: 0, bus: 0 }));
  },
  "unmap what never was, and the half that is not": (m) => {
    const { handle } = got(m, grant(m), device);
    return () => [
      told(unmapGrantSteps(m.h, m.d0, { handle: 77, page: empty, bus: 0 })),
      told(unmapGrantSteps(m.h, m.d0, { handle, page: 5, bus: 0 })),
    ];
  },
  "unmap and put another page's frame there": (m) => {
    const { handle } = got(m, grant(m), host);
    return () => [
      unmapAndReplace(m.h, m.d0, { handle, page: empty, bus: 0 }, empty + 5),
      unmapAndReplace(m.h, m.d0, { handle: 9, page: empty, bus: 0 }, 5),
      unmapAndReplace(m.h, m.d0, { handle, page: empty, bus: 0 }, 5),
    ];
  },
  "copies that are done": (m) => {
    const [from, to] = [grant(m, true), grant(m)];
    entryOf(m.h, m.d, 0).set(m.d.grants.version, m.d.map.frameOf(m.kernel.allocPages(0)!));
    entryOf(m.h, m.d, 0).set(0, GrantType.permitAccess);
    const [mine, other] = [own(m), own(m)];
    m.kernel.memory.write(m.grants.live.get(from)! * page + 100, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    m.h.memory.write(mine * page, Uint8Array.of(11, 12, 13, 14));
    const shown = (frame: number, at: number) => {
      const bytes = new Uint8Array(4);
      m.h.memory.read(frame * page + at, bytes);
      return [...bytes];
    };
    return () => [
      copy(m, sourceRef, [1, from, 100], [0, mine, 4092], 4),
      copy(m, destRef, [0, mine, 0], [1, to, 200], 4),
      copy(m, destRef, [0, mine, 0], [1, 0, 200], 4),
      copy(m, sourceRef | destRef, [1, from, 104], [1, to, 204], 4),
      copy(m, 0, [domainSelf, mine, 0], [0, other, 8], 4),
      copy(m, sourceRef, [1, from, 0], [0, other, 0], 4096),
      copy(m, sourceRef, [1, 5000, 0], [0, other, 0], 0),
      shown(mine, 4092),
      [200, 204].map((at) => shown(m.d.map.frameOf(m.grants.live.get(to)!), at)),
      [0, 8, 100].map((at) => shown(other, at)),
    ];
  },
  "copies that fail": (m) => {
    const [from, theirs, pageless, to] = [grant(m), grant(m, false, 2), grant(m), grant(m, true)];
    entryOf(m.h, m.d, pageless).set(m.d.grants.version, own(m));
    const mine = own(m);
    const foreign = m.d.map.frameOf(3);
    const held = grant(m);
    map(m, held, host);
    const other = m.guests[1]!.d;
    const asOther = {
      source: { domain: 1, at: held, offset: 0 },
      dest: { domain: 2, at: other.map.frameOf(4), offset: 0 },
    };
    return () => [
      told(copyGrantSteps(m.h, other, { ...asOther, length: 16, flags: sourceRef })),
      copy(m, 0, [1, foreign, 0], [0, mine, 0]),
      copy(m, sourceRef, [1, from, 0], [1, foreign, 0]),
      copy(m, sourceRef, [1, from, 0], [0, foreign, 0]),
      copy(m, sourceRef, [1, from, 0], [0, 0.5, 0]),
      copy(m, sourceRef, [9, from, 0], [0, mine, 0]),
      copy(m, sourceRef, [1, theirs, 0], [0, mine, 0]),
      copy(m, sourceRef, [1, pageless, 0], [0, mine, 0]),
      copy(m, sourceRef, [1, -1, 0], [0, mine, 0]),
      copy(m, sourceRef | destRef, [1, from, 0], [1, to, 0]),
      copy(m, sourceRef | destRef, [1, from, 0], [1, theirs, 0]),
      ...[-1, 0.5, 4081, Number.NaN].map((offset) => copy(m, sourceRef, [1, from, offset], [0, mine, 0])),
      ...[-1, 0.5, 4081].map((offset) => copy(m, destRef, [0, mine, 0], [1, from, offset])),
      ...[-16, 0.5, 4097, Number.NaN].map((length) => copy(m, sourceRef, [1, from, 0], [0, mine, 0], length)),
    ];
  },
  "copy from what is mapped": (m) => {
    const ref = grant(m);
    map(m, ref, host | readOnly);
    const mine = own(m);
    return () => [copy(m, sourceRef, [1, ref, 0], [0, mine, 0]), copy(m, destRef, [0, mine, 0], [1, ref, 0])];
  },
  "copy of what a counter has no room for": (m) => {
    const ref = grant(m);
    map(m, ref, host | readOnly);
    const active = m.d.grants.active.get(ref)!;
    const mine = own(m);
    return () =>
      (["hostRead", "hostWrite", "deviceRead", "deviceWrite"] as const).map((name) => {
        const kept = active[name];
        const ends = [253, 254, 255].map((count) => {
          active[name] = count;
          const status = map(m, ref, host | readOnly, empty + 1).at(-1) as { status: number; handle: number };
          if (status.status === 0) unmapGrants(m.h, m.d0, [{ handle: status.handle, page: empty + 1, bus: 0 }]);
          return [status.status, copy(m, sourceRef, [1, ref, 0], [0, mine, 0])];
        });
        active[name] = kept;
        return ends;
      });
  },
  transfer: (m) => {
    const to = m.d;
    const at = m.kernel.allocPages(0)!;
    const frame = to.map.frameOf(at);
    m.h.setMapping(to, at, -1);
    decrease(m.h, to, [frame]);
    entryOf(m.h, to, 0).set(0, GrantType.acceptTransfer);
    const mine = loose(m);
    return () => told(transferGrantSteps(m.h, m.d0, { frame: mine, domain: 1, ref: 0 }));
  },
  "transfers that fail": (m) => {
    const frames = [0, 1, 2, 3].map(() => loose(m));
    const give = (frame: number, domain: number, ref: number) =>
      told(transferGrantSteps(m.h, m.d0, { frame, domain, ref }));
    entryOf(m.h, m.d, 20).set(0, GrantType.acceptTransfer);
    return () => [
      give(m.d0.map.frameOf(4), 1, 20),
      give(m.d.map.frameOf(4), 1, 20),
      give(-1, 1, 20),
      give(frames[0]!, 9, 20),
      give(frames[1]!, 1, 20),
      give(frames[1]!, 1, 20),
      give(frames[2]!, 1, -1),
      give(frames[3]!, 1, 0.5),
    ];
  },
  "a table that grows": (m) => () => [setupTable(m.h, m.d, 1), setupTable(m.h, m.d, 3), setupTable(m.h, m.d, 65)],
  "entries that change places": (m) => {
    const ref = grant(m);
    const used = grant(m);
    map(m, used, host);
    entryOf(m.h, m.d, 30).set(0, 0x1234_5678);
    entryOf(m.h, m.d, 30).set(1, 0x9abc_def0);
    return () => [
      swapGrants(m.h, m.d, { a: ref, b: 30 }),
      swapGrants(m.h, m.d, { a: 31, b: 31 }),
      swapGrants(m.h, m.d, { a: 0, b: 32 }),
      swapGrants(m.h, m.d, { a: 32, b: 0 }),
      swapGrants(m.h, m.d, { a: used, b: 30 }),
      swapGrants(m.h, m.d, { a: 30, b: used }),
      swapGrants(m.h, m.d, { a: 30, b: 512 }),
      swapGrants(m.h, m.d, { a: 512, b: 30 }),
      swapGrants(m.h, m.d, { a: -1, b: 30 }),
      swapGrants(m.h, m.d, { a: 30, b: 0.5 }),
    ];
  },
  "the other version": (m) => {
    for (let ref = 0; ref < 10; ref++) {
      entryOf(m.h, m.d, ref).set(m.d.grants.version, 0x100 + ref);
      entryOf(m.h, m.d, ref).set(0, 0x8_0000 * ref + 0x1ff);
    }
    return () => told(setVersionSteps(m.h, m.d, 3 - m.d.grants.version));
  },
  "status frames in a list": (m) => () =>
    [
      [0, 0],
      [1, 1],
      [1, 0],
      [2, 9],
      [-1, 9],
    ].map(([count, capacity]) => getStatusFrames(m.h, m.d, { count: count!, capacity: capacity! })),
  "versions that are refused": (m) => {
    map(m, grant(m), host);
    return () => [0, 1, 2, 3].map((version) => told(setVersionSteps(m.h, m.d, version)));
  },
};

const ofSecond: Readonly<Record<string, Call>> = {
  "copy of a part": (m) => {
    const frame = m.d.map.frameOf(m.kernel.allocPages(0)!);
    const ref = second(m, 40, GrantType.permitAccess | GrantFlag.subPage, [64 + 32 * 0x1_0000, frame]);
    // All of it is mapped by another entry: what the gate counts of that stays.
    map(m, second(m, 44, GrantType.permitAccess, [0, frame]), host | readOnly);
    const mine = own(m);
    return () => [
      ...[64, 80, 63, 81].map((offset) => copy(m, sourceRef, [1, ref, offset], [0, mine, 0])),
      ...[64, 80, 63, 81].map((offset) => copy(m, destRef, [0, mine, 0], [1, ref, offset])),
    ];
  },
  "copy of a part that reaches beyond the page": (m) => {
    const frame = m.d.map.frameOf(m.kernel.allocPages(0)!);
    const entry = (offset: number, length: number) =>
      second(m, 40, GrantType.permitAccess | GrantFlag.subPage, [offset + length * 0x1_0000, frame]);
    const mine = own(m);
    return () =>
      [
        [4000, 4000, 4080],
        [5000, 100, 5000],
        [0, 4096, 4080],
        [0, 15, 0],
        [0, 16, 0],
      ].map(([offset, length, at]) => copy(m, sourceRef, [1, entry(offset!, length!), at!], [0, mine, 0]));
  },
  "copy of what is passed on": (m) => {
    const ref = passed(m);
    const mine = own(m);
    return () => [copy(m, sourceRef, [1, ref, 0], [0, mine, 0]), copy(m, destRef, [0, mine, 0], [1, ref, 0])];
  },
  "copies of what is passed on that fail": (m) => {
    const ref = passed(m);
    const mine = own(m);
    const from = (words: readonly [number, number]) => {
      second(m, ref, GrantType.transitive, words);
      return copy(m, sourceRef, [1, ref, 0], [0, mine, 0]);
    };
    const entry = entryOf(m.h, m.guests[1]!.d, 43);
    entry.set(1, 0);
    entry.set(2, 8);
    entry.set(0, GrantType.transitive + 0x1_0000);
    return () => [from([2, 43]), from([1, ref]), from([9, 8]), from([2, 5000]), from([2, 20]), from([0, 8])];
  },
  "a map while a part is copied": (m) => {
    const frame = m.d.map.frameOf(m.kernel.allocPages(0)!);
    const ref = second(m, 40, GrantType.permitAccess | GrantFlag.subPage, [64 + 32 * 0x1_0000, frame]);
    const dest = { domain: 0, at: own(m), offset: 0 };
    return () => {
      const source = { domain: 1, at: ref, offset: 64 };
      const first = copyGrantSteps(m.h, m.d0, { source, dest, length: 16, flags: sourceRef });
      while (first.next().value !== "both ends are claimed");
      return [[...m.d.grants.active.values()].map((a) => ({ ...a })), map(m, ref, host), told(first)];
    };
  },
  "a map of what is passed on": (m) => {
    const ref = passed(m);
    return () => map(m, ref, host);
  },
  "a copy of what is passed on, while another is at it": (m) => {
    const ref = passed(m);
    const mine = own(m);
    const end = { domain: 0, at: mine, offset: 0 };
    const asked = { source: { domain: 1, at: ref, offset: 0 }, dest: end, length: 16, flags: sourceRef };
    return () => {
      const first = copyGrantSteps(m.h, m.d0, asked);
      while (first.next().value !== "both ends are claimed");
      return [
        [...m.d.grants.active.values()].map((a) => ({ ...a })),
        told(copyGrantSteps(m.h, m.d0, asked)),
        told(first),
      ];
    };
  },
};

describe("paravirtualised", () => {
  for (const version of [1, 2] as const)
    test.each(Object.entries(version === 1 ? ofEither : { ...ofEither, ...ofSecond }))(
      `version ${version}: %s`,
      (_what, call) => {
        const m = machine(sizes);
        if (version === 2) for (const d of m.h.domains.values()) setVersion(m.h, d, 2);
        expect(changedBy(m, call(m))).toMatchSnapshot();
      },
    );
});

const memory: Readonly<Record<string, Call>> = {
  "copies by the number of a page or frame": (m) => {
    const at = (n: number) => m.back.gfnOf(m.back.ramFirst + n);
    m.back.memory.write((m.back.ramFirst + 5) * page, Uint8Array.of(1, 2, 3));
    return () => [
      copy(m, 0, [0, at(5), 0], [0, at(6), 8], 3),
      copy(m, 0, [domainSelf, at(6), 8], [domainSelf, at(7), 0], 3),
      copy(m, 0, [0, 0.5, 0], [0, at(6), 0]),
      copy(m, 0, [0, at(5), 0], [0, 0.5, 0]),
      copy(m, 0, [0, -1, 0], [0, at(6), 0]),
      copy(m, 0, [1, at(5), 0], [0, at(6), 0]),
    ];
  },
  "entries of the direct map": (m) => {
    const frame = loose(m);
    const table = loose(m);
    m.h.frames.getType(table, 2);
    const at = m.back.allocPages(0)!;
    return () => [
      m.h.setMapping(m.d0, empty, frame),
      m.h.setMapping(m.d0, at, -1),
      m.h.setMapping(m.d0, empty + 1, table),
      m.h.setMapping(m.d0, empty + 2, m.d.map.frameOf(3)),
      m.h.setMapping(m.d0, -1, frame),
      m.h.setMapping(m.d0, 2 ** 30, frame),
      m.h.setMapping(m.d0, empty + 3, 0),
    ];
  },
  "entries of M2P": (m) => {
    const frame = own(m);
    return () => [m.h.setM2p(m.d0, frame, 77), m.h.setM2p(m.d0, m.d.map.frameOf(3), 77), m.h.setM2p(m.d0, -1, 77)];
  },
  "memory given back": (m) => {
    const numbers = m.d0.rules.translated ? [5, 6, 100] : [loose(m), m.d0.map.frameOf(7), m.d.map.frameOf(3), loose(m)];
    return () => [decrease(m.h, m.d0, numbers), decrease(m.h, m.d0, [numbers[0]!, numbers[1]!])];
  },
  "memory had again": (m) => {
    if (!m.d0.rules.translated) for (const at of [5, 6, 7]) m.h.setMapping(m.d0, at, -1);
    const numbers = m.d0.rules.translated ? [5, 6, 7] : [loose(m), loose(m), loose(m)];
    decrease(m.h, m.d0, numbers);
    return () => [populate(m.h, m.d0, [6, -1, 5]), populate(m.h, m.d0, [5], 12), populate(m.h, m.d0, [5, 7, 8, 9])];
  },
  "a frame that its owner gives up": (m) => {
    const frame = m.d0.map.frameOf(9) as Parameters<typeof m.h.giveUp>[0];
    return () => [m.h.giveUp(frame), m.h.giveUp(frame)];
  },
  "an exchange of four frames for two pairs": (m) => {
    const at = m.back.allocPages(2)!;
    const gfns = [0, 1, 2, 3].map((n) => m.back.gfnOf(at + n));
    for (let n = 0; n < 4; n++) m.h.setMapping(m.d0, at + n, -1);
    const words = new Uint32Array(6);
    return () => [
      exchange(m.h, m.d0, {
        in: { domain: 0, order: 0, extents: gfns },
        out: { domain: 0, order: 1, pages: [at + 2, at], bits: 0, results: { words, first: 2 } },
        exchanged: 0,
      }),
      words,
    ];
  },
  "an exchange of a region for single frames": (m) => {
    const at = m.back.allocPages(1)!;
    m.back.createContiguous(at * page, 1, 64);
    const gfn = m.back.gfnOf(at);
    for (let n = 0; n < 2; n++) m.h.setMapping(m.d0, at + n, -1);
    const words = new Uint32Array(2);
    return () => [
      exchange(m.h, m.d0, {
        in: { domain: domainSelf, order: 1, extents: [gfn] },
        out: { domain: domainSelf, order: 0, pages: [at, at + 1], bits: 20, results: { words, first: 0 } },
        exchanged: 0,
      }),
      words,
    ];
  },
  "a region made contiguous": (m) => {
    const at = m.back.allocPages(2)!;
    return () => m.back.createContiguous(at * page, 2, 20);
  },
  "a region for which there is no memory": (m) => {
    const at = m.back.allocPages(2)!;
    return () => [m.back.createContiguous(at * page, 2, 13), m.back.lastHandle];
  },
  "a region given back": (m) => {
    const at = m.back.allocPages(2)!;
    m.back.createContiguous(at * page, 2, 20);
    return () => m.back.destroyContiguous(at * page, 2);
  },
  "the balloon": (m) => {
    const { balloon } = m.foreign;
    return () => [
      balloon.inflate(3),
      balloon.lend(2),
      balloon.deflate(5),
      [balloon.size, balloon.targetUnpopulated],
      balloon.takeBack([40 as Pfn]),
      [balloon.size, balloon.targetUnpopulated],
    ];
  },
  "a balloon whose frames are not all taken": (m) => {
    const at = m.back.allocPages(1)!;
    m.h.frames.heap[m.d0.map.frameOf(at + 1)] = 1;
    m.back.freePages(at, 1);
    return () => [m.foreign.balloon.inflate(64), m.foreign.balloon.size];
  },
  "maps of the halves that a model has": (m) => {
    const ref = grant(m);
    return () => [map(m, ref, device), map(m, ref, host | 16, empty + 1), map(m, ref, host, empty + 2)];
  },
  "foreign pages that cannot be taken away": (m) => {
    const [one, other] = m.foreign.map([grant(m), grant(m)].map((ref) => ({ domain: 1, ref, readOnly: false })));
    return () => m.foreign.unmap([{ ...one!, bus: one!.bus + page }, other!]);
  },
  "foreign pages, of which one fails": (m) => {
    const refs = [grant(m), 77, grant(m, true), grant(m)];
    return () =>
      m.foreign.map([
        ...refs
          .slice(0, 3)
          .map((ref, n) => ({ domain: 1, ref, readOnly: n === 2, device: n === 0 && !m.d0.rules.translated })),
        { domain: 1, ref: refs[3]!, readOnly: false, ring: true },
      ]);
  },
  "foreign pages that are taken away": (m) => {
    const refs = [grant(m), 77, grant(m, true), grant(m)];
    const pages = m.foreign.map(refs.map((ref) => ({ domain: 1, ref, readOnly: false })));
    const twice = [...pages, pages[0]!];
    return () => [told(m.foreign.unmapSteps(twice)), m.foreign.cache.size, m.foreign.unmap(pages.slice(0, 1))];
  },
  "status frames at a page": (m) => {
    setVersion(m.h, m.d, 2);
    return () => [
      told(addStatusToPhysmapSteps(m.h, m.d, { index: 0, page: empty })),
      told(addStatusToPhysmapSteps(m.h, m.d, { index: 1, page: empty })),
      told(addStatusToPhysmapSteps(m.h, m.d, { index: 0, page: -1 })),
      told(addStatusToPhysmapSteps(m.h, m.d0, { index: 0, page: empty })),
      removeStatusFromPhysmap(m.h, m.d, 5),
    ];
  },
  "status frames that leave a page": (m) => {
    setVersion(m.h, m.d, 2);
    told(addStatusToPhysmapSteps(m.h, m.d, { index: 0, page: empty }));
    return () => [
      told(setVersionSteps(m.h, m.d, 1)),
      removeStatusFromPhysmap(m.h, m.d, empty),
      removeStatusFromPhysmap(m.h, m.d, empty),
    ];
  },
};

const models = ["p2m", "p==m", "vp", "vp+hypercall", "vp+iommu"] as const;
describe.each(models)("memory of model %s", (model) => {
  test.each(Object.entries(memory))("%s", (_what, call) => {
    const m = machine({ ...sizes, model, guests: 1, foreign: { section: 64 } });
    expect(changedBy(m, call(m))).toMatchSnapshot();
  });
});

describe.each(["2010", "2011", "2013"] as const)("foreign pages of %s", (era) => {
  test.each(["foreign pages, of which one fails", "foreign pages that are taken away"])("%s", (what) => {
    const m = machine({ ...sizes, frames: 1024, pages: 600, foreign: { era } });
    expect(changedBy(m, memory[what]!(m))).toMatchSnapshot();
  });

  test("of one's own", () => {
    const m = machine({ ...sizes, frames: 1024, pages: 600, foreign: { era } });
    const entry = entryOf(m.h, m.d0, 9);
    entry.set(1, own(m));
    entry.set(0, GrantType.permitAccess);
    const all = () => {
      const pages = m.foreign.map([9, 9].map((ref) => ({ domain: 0, ref, readOnly: false })));
      const mapped = m.back.p2m!.entry(m.h.frames.m2p[pages[0]!.bus / page]!);
      return [pages, mapped, m.foreign.unmap(pages)];
    };
    expect(changedBy(m, all)).toMatchSnapshot();
  });
});
