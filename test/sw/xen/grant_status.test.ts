/** Every status that a grant operation can end with, and what leads there. */
import { expect, test } from "vitest";
import type { Mfn } from "../../../src/base/frame.js";
import { GrantFlag, GrantType } from "../../../src/spec/xen/grant_entry.js";
import { CopyFlag, GrantStatus, grantStatusText, MapFlag } from "../../../src/spec/xen/grant_op.js";
import {
  copyGrant,
  FrameType,
  leftovers,
  mapGrant,
  mapGrantSteps,
  setupTable,
  setVersion,
  swapGrants,
  transferGrant,
  transferGrantSteps,
  unmapAndReplace,
  unmapGrants,
} from "../../../src/sw/xen/index.js";
import { entryOf, machine, type Small } from "./machine.js";

type M = ReturnType<typeof machine>;
const empty = 2000;
const { host, device, readOnly } = MapFlag;

function granted(m: M, ro = false): number {
  return m.grants.grant(0, m.grants.allocShared()!, ro);
}
const map = (m: M, ref: number, flags: number = host, page = empty) =>
  mapGrant(m.h, m.d0, { flags, domain: 1, ref, page });
const own = (m: M) => m.d0.map.frameOf(m.back.allocPages(0)!);
const copy = (m: M, o: { ref: number; offset?: number; length?: number; domain?: number; to?: number }) =>
  copyGrant(m.h, m.d0, {
    source: { domain: o.domain ?? 1, at: o.ref, offset: o.offset ?? 0 },
    dest: { domain: 0, at: o.to ?? own(m), offset: 0 },
    length: o.length ?? 16,
    flags: CopyFlag.sourceRef,
  });

type Row = readonly [what: string, status: keyof typeof GrantStatus, run: (m: M) => number, small?: Small];

const rows: readonly Row[] = [
  ["a granted page is mapped", "okay", (m) => map(m, granted(m)).status],
  ["a page granted for reading is mapped for reading", "okay", (m) => map(m, granted(m, true), host | readOnly).status],
  ["nothing is copied from nowhere", "okay", (m) => copy(m, { ref: 9999, length: 0 })],
  ["a map for nobody", "badGrantRef", (m) => map(m, granted(m), 0).status],
  ["a reference beyond the table", "badGrantRef", (m) => map(m, 512).status],
  ["a reference that is no number", "badGrantRef", (m) => map(m, Number.NaN).status],
  [
    "a domain that does not run",
    "badDomain",
    (m) => mapGrant(m.h, m.d0, { flags: host, domain: 5, ref: 8, page: 1 }).status,
  ],
  ["an entry that grants nothing", "generalError", (m) => map(m, 20).status],
  [
    "an entry that grants to another",
    "generalError",
    (m) => map(m, m.grants.grant(3, m.kernel.allocPages(0)!, false)).status,
  ],
  ["a page granted for reading, mapped for writing", "generalError", (m) => map(m, granted(m, true)).status],
  [
    "a translated domain asks for a device's half",
    "generalError",
    (m) => map(m, granted(m), host | device).status,
    { model: "vp" },
  ],
  [
    "a page table, mapped for a device to write",
    "generalError",
    (m) => {
      const ref = granted(m);
      const frame = m.d.map.frameOf(m.grants.live.get(ref)!);
      m.h.setMapping(m.d, m.grants.live.get(ref)!, -1);
      m.h.frames.getType(frame, FrameType.pageTable);
      return map(m, ref, device).status;
    },
  ],
  [
    "an entry in use by another domain",
    "generalError",
    (m) => {
      const ref = granted(m);
      map(m, ref);
      m.d.grants.active.get(ref)!.grantee = 7;
      return map(m, ref, host, empty + 1).status;
    },
  ],
  [
    "more pins than a counter holds",
    "generalError",
    (m) => {
      const ref = granted(m);
      for (let n = 0; n < 255; n++) map(m, ref, host, empty + n);
      return map(m, ref, host, empty + 255).status;
    },
  ],
  ["a page number that no domain can have", "generalError", (m) => map(m, granted(m), host, 2 ** 40).status],
  [
    "an entry that names a frame of somebody else",
    "badPage",
    (m) => {
      const ref = granted(m);
      const entry = entryOf(m.h, m.d, ref);
      entry.set(1, own(m));
      return map(m, ref).status;
    },
  ],
  [
    "an entry that names no frame at all",
    "badPage",
    (m) => {
      const ref = granted(m);
      const entry = entryOf(m.h, m.d, ref);
      entry.set(1, 0xffff_ffff);
      return map(m, ref).status;
    },
  ],
  [
    "one map more than handles",
    "noSpace",
    (m) => {
      const ref = granted(m, true);
      const refs = Array.from({ length: 2 }, () => granted(m, true));
      for (let n = 0; n < 256; n++) map(m, n < 255 ? ref : refs[0]!, host | readOnly, empty + n);
      return map(m, refs[1]!, host | readOnly, empty + 300).status;
    },
    { maptrackFramesMax: 1 },
  ],
  [
    "one map more than handles, before there was a status for it",
    "noDeviceSpace",
    (m) => {
      const [one, other] = [granted(m, true), granted(m, true)];
      for (let n = 0; n < 256; n++) map(m, n < 200 ? one : other, host | readOnly, empty + n);
      return map(m, other, host | readOnly, empty + 300).status;
    },
    { maptrackFramesMax: 1, oldStatuses: true },
  ],
  ["a handle that was never given", "badHandle", (m) => unmapGrants(m.h, m.d0, [{ handle: 3, page: -1, bus: 0 }])[0]!],
  [
    "a handle that was unmapped",
    "badHandle",
    (m) => {
      const { handle, bus } = map(m, granted(m));
      unmapGrants(m.h, m.d0, [{ handle, page: empty, bus }]);
      return unmapGrants(m.h, m.d0, [{ handle, page: empty, bus }])[0]!;
    },
  ],
  [
    "another address than the map gave",
    "badDevAddr",
    (m) => {
      const { handle, bus } = map(m, granted(m), host | device);
      return unmapGrants(m.h, m.d0, [{ handle, page: -1, bus: bus + 4096 }])[0]!;
    },
  ],
  [
    "a page at which something else stands",
    "generalError",
    (m) => {
      const { handle } = map(m, granted(m));
      return unmapGrants(m.h, m.d0, [{ handle, page: 5, bus: 0 }])[0]!;
    },
  ],
  [
    "a replacement by a page without a frame",
    "badVirtAddr",
    (m) => {
      const { handle } = map(m, granted(m));
      return unmapAndReplace(m.h, m.d0, { handle, page: empty, bus: 0 }, empty + 1);
    },
  ],
  ["a copy from a grant", "okay", (m) => copy(m, { ref: granted(m, true) })],
  ["a copy past the end of the page", "badCopyArg", (m) => copy(m, { ref: granted(m), offset: 4090 })],
  ["a copy of a length below zero", "badCopyArg", (m) => copy(m, { ref: granted(m), length: -4 })],
  ["a copy from a reference beyond the table", "badGrantRef", (m) => copy(m, { ref: 5000 })],
  ["a copy to a frame of somebody else", "badPage", (m) => copy(m, { ref: granted(m), to: m.d.map.frameOf(3) })],
  ["a copy from a domain that does not run", "badDomain", (m) => copy(m, { ref: 8, domain: 6 })],
  [
    "a copy by frame from another domain",
    "permissionDenied",
    (m) =>
      copyGrant(m.h, m.d0, {
        ...{ source: { domain: 1, at: m.d.map.frameOf(3), offset: 0 }, dest: { domain: 0, at: own(m), offset: 0 } },
        ...{ length: 4, flags: 0 },
      }),
  ],
  ["a copy outside the granted part", "generalError", (m) => copy(m, { ref: part(m), offset: 120, length: 20 })],
  ["a copy inside the granted part", "okay", (m) => copy(m, { ref: part(m), offset: 70, length: 20 })],
  ["a map of a granted part", "generalError", (m) => map(m, part(m)).status],
  ["a copy from a grant that is passed on", "okay", (m) => copy(m, { ref: passedOn(m) }), { guests: 2 }],
  ["a map of a grant that is passed on", "generalError", (m) => map(m, passedOn(m)).status, { guests: 2 }],
  ["a grant that is passed on to itself", "generalError", (m) => copy(m, { ref: passedOn(m, 1) }), { guests: 2 }],
  ["two free entries are swapped", "okay", (m) => swapGrants(m.h, m.d, { a: 20, b: 21 })],
  ["a swap beyond the table", "badGrantRef", (m) => swapGrants(m.h, m.d, { a: 20, b: 512 })],
  [
    "a swap of an entry in use",
    "eagain",
    (m) => {
      const ref = granted(m);
      map(m, ref);
      return swapGrants(m.h, m.d, { a: ref, b: 100 });
    },
  ],
  ["a page number below none", "generalError", (m) => map(m, granted(m), host, -1).status],
  ["a half of a page", "generalError", (m) => map(m, granted(m), host, 0.5).status],
  ["a page that is no number", "generalError", (m) => map(m, granted(m), host, Number.NaN).status],
  ["a frame given to an entry that waits for it", "okay", (m) => give(m, {})],
  ["a frame given to an entry that waits for another domain", "generalError", (m) => give(m, { from: 3 })],
  ["a frame given to an entry beyond the table", "generalError", (m) => give(m, { ref: 512 })],
  ["a frame given to a domain that has all it may have", "generalError", (m) => give(m, { full: true })],
  ["a frame given to nobody", "badDomain", (m) => give(m, { domain: 77 })],
  ["a frame given that is still mapped", "badPage", (m) => give(m, { keep: true })],
  ["a frame given to a domain whose frames are narrow, copied", "okay", (m) => give(m, { bits: 24 })],
  ["a frame given to a domain for whose width there is no memory", "addressTooBig", (m) => give(m, { bits: 12 })],
  ["a table larger than the limit", "generalError", (m) => setupTable(m.h, m.d, 65)],
];

interface Given {
  readonly from?: number;
  readonly ref?: number;
  readonly full?: boolean;
  readonly domain?: number;
  readonly keep?: boolean;
  readonly bits?: number;
}

/** Domain 0 gives a page to one that waits for it; what arrives is what was sent. */
function give(m: M, o: Given): number {
  const to = m.h.createDomain({
    ...{ id: 50, model: "p2m", pages: 0, pagesMax: o.full === true ? 0 : 10 },
    ...(o.bits === undefined ? {} : { addressBits: o.bits }),
  });
  const entry = entryOf(m.h, to, 30);
  entry.set(0, GrantType.acceptTransfer + (o.from ?? 0) * 0x1_0000);
  const page = m.back.allocPages(0)!;
  m.back.memory.write(page * 4096 + 9, Uint8Array.of(77));
  const frame = m.d0.map.frameOf(page);
  if (o.keep !== true) m.h.setMapping(m.d0, page, -1);
  const free = m.h.free.count;
  const status = transferGrant(m.h, m.d0, { frame, domain: o.domain ?? 50, ref: o.ref ?? 30 });
  const arrived = status === GrantStatus.okay;
  // What could be taken from its owner is lost to it, whatever became of the transfer.
  const taken = status !== GrantStatus.badPage;
  expect([m.d0.pages, to.pages, m.h.free.count]).toEqual(
    arrived ? [1023, 1, free] : taken ? [1023, 0, free + 1] : [1024, 0, free],
  );
  expect(m.h.frames.owner[frame]).toBe(arrived && o.bits === undefined ? 50 : taken ? -1 : 0);
  if (!arrived) return status;
  expect(m.h.memory.frame(entry.get(1) as Mfn)![2]! >>> 8).toBe(77);
  expect(entry.get(0) & 0xffff).toBe(
    GrantType.acceptTransfer + GrantFlag.transferCommitted + GrantFlag.transferCompleted,
  );
  expect(entry.get(1) * 4096).toBeLessThan(2 ** (o.bits ?? 64));
  return status;
}

/** Bytes 64 to 127 of a page, version 2. */
function part(m: M): number {
  setVersion(m.h, m.d, 2);
  const entry = entryOf(m.h, m.d, 40);
  entry.set(1, 64 + 64 * 0x1_0000);
  entry.set(2, m.d.map.frameOf(m.kernel.allocPages(0)!));
  entry.set(0, GrantType.permitAccess | GrantFlag.subPage);
  return 40;
}

/** Guest 1 passes on what guest 2 grants it. */
function passedOn(m: M, from = 2): number {
  setVersion(m.h, m.d, 2);
  const second = m.guests[1]!.grants;
  const entry = entryOf(m.h, m.d, 41);
  entry.set(1, from);
  entry.set(2, second.grant(1, second.allocShared()!, false));
  entry.set(0, GrantType.transitive);
  return 41;
}

for (const [what, status, run, small] of rows) {
  test(`${what}: ${grantStatusText[-GrantStatus[status]]}`, () => {
    const m = machine(small);
    expect(run(m)).toBe(GrantStatus[status]);
    expect(m.gate.violations).toEqual([]);
  });
}

test("every status has a row", () => {
  const reached = new Set(rows.map(([, status]) => status));
  expect(Object.keys(GrantStatus).filter((s) => !reached.has(s as keyof typeof GrantStatus))).toEqual([]);
});

test("an entry that its granter changes without end is unstable: five tries, then an error, and no bit stays", () => {
  const m = machine();
  const ref = granted(m);
  const entry = entryOf(m.h, m.d, ref);
  const mapping = mapGrantSteps(m.h, m.d0, { flags: host, domain: 1, ref, page: empty });
  let tries = 0;
  let step = mapping.next();
  for (; step.done !== true; step = mapping.next(), tries++) entry.set(0, entry.get(0) ^ (GrantFlag.readOnly << 3));
  expect([tries, step.value.status]).toEqual([5, GrantStatus.generalError]);
  expect(entry.get(0) & (GrantFlag.reading | GrantFlag.writing)).toBe(0);
  expect(leftovers(m.h, m.gate)).toEqual([]);
});

for (const version of [1, 2]) {
  test(`version ${version}: use shows while a grant is mapped, and writing only while it is mapped for that`, () => {
    const m = machine();
    if (version === 2) setVersion(m.h, m.d, 2);
    const ref = granted(m);
    const seen = () => [m.grants.isInUse(ref), m.grants.endAccess(ref)];
    const write = map(m, ref);
    const read = map(m, ref, host | readOnly, empty + 1);
    unmapGrants(m.h, m.d0, [{ handle: write.handle, page: empty, bus: 0 }]);
    expect(seen()).toEqual([true, false]);
    unmapGrants(m.h, m.d0, [{ handle: read.handle, page: empty + 1, bus: 0 }]);
    expect(seen()).toEqual([false, true]);
    expect(leftovers(m.h, m.gate)).toEqual([]);
  });
}

test("a frame that its owner gives up while it is mapped is free only when it is unmapped", () => {
  const m = machine();
  const page = m.kernel.allocPages(0)!;
  const frame = m.d.map.frameOf(page);
  const { handle } = map(m, m.grants.grant(0, page, false));
  m.h.setMapping(m.d, page, -1);
  m.h.giveUp(frame as never);
  expect(m.h.free.isFree(frame)).toBe(false);
  unmapGrants(m.h, m.d0, [{ handle, page: empty, bus: 0 }]);
  expect(m.h.free.isFree(frame)).toBe(true);
});

test("two transfers at one time give no more pages than the other may have", () => {
  const m = machine();
  const to = m.h.createDomain({ id: 50, model: "p2m", pages: 32, pagesMax: 33 });
  const transfers = [30, 31].map((ref) => {
    const entry = entryOf(m.h, to, ref);
    entry.set(0, GrantType.acceptTransfer);
    const page = m.back.allocPages(0)!;
    const frame = m.d0.map.frameOf(page);
    m.h.setMapping(m.d0, page, -1);
    return { frame, steps: transferGrantSteps(m.h, m.d0, { frame, domain: 50, ref }) };
  });
  const free = m.h.free.count;
  // Both have read their entries, or been refused, before either goes on.
  const first = transfers.map(({ steps }) => steps.next());
  const ends = transfers.map(({ steps }, n) => {
    let step = first[n]!;
    while (step.done !== true) step = steps.next();
    return step.value;
  });
  expect(ends).toEqual([GrantStatus.okay, GrantStatus.generalError]);
  expect([to.pages, m.d0.pages, m.h.free.count]).toEqual([33, 1022, free + 1]);
  expect(transfers.map(({ frame }) => m.h.frames.owner[frame])).toEqual([50, -1]);
  expect(leftovers(m.h, m.gate)).toEqual([]);
});
