/** Edges of grant tables: the last entry and the one beyond, entries of either version, and who waits for whom. */
import { describe, expect, test } from "vitest";
import type { Mfn } from "../../../src/base/frame.js";
import { GrantFlag, GrantType } from "../../../src/spec/xen/grant_entry.js";
import { CopyFlag, GrantStatus, MapFlag } from "../../../src/spec/xen/grant_op.js";
import { statusAddress } from "../../../src/sw/xen/grant/entry.js";
import {
  copyGrant,
  finish,
  leftovers,
  mapGrant,
  mapGrantSteps,
  setVersion,
  swapGrants,
  transferGrant,
  transferGrantSteps,
  unmapGrantSteps,
  unmapGrants,
} from "../../../src/sw/xen/index.js";
import { entryOf, machine, type Small } from "./machine.js";

type M = ReturnType<typeof machine>;
const { host, readOnly } = MapFlag;
const { okay, badGrantRef, badHandle, generalError } = GrantStatus;
const empty = 2000;

const versioned = (version: number, small: Small = {}): M => {
  const m = machine(small);
  if (version === 2) setVersion(m.h, m.d, 2);
  return m;
};
const copy = (m: M, ref: number, offset = 0) =>
  copyGrant(m.h, m.d0, {
    source: { domain: 1, at: ref, offset },
    dest: { domain: 0, at: m.d0.map.frameOf(m.back.allocPages(0)!), offset: 0 },
    length: 16,
    flags: CopyFlag.sourceRef,
  });

/** An entry that grants a page to domain 0. @param second the word that version 2 has before the frame */
function write(m: M, ref: number, flags = 0, second = 0) {
  const entry = entryOf(m.h, m.d, ref);
  entry.set(m.d.grants.version, m.d.map.frameOf(m.kernel.allocPages(0)!));
  if (m.d.grants.version === 2) entry.set(1, second);
  entry.set(0, GrantType.permitAccess | flags);
  return entry;
}

/** A frame of domain 0 that nothing else refers to. */
function loose(m: M): number {
  const page = m.back.allocPages(0)!;
  const frame = m.d0.map.frameOf(page);
  m.h.setMapping(m.d0, page, -1);
  return frame;
}

describe.each([
  [1, 512],
  [2, 256],
])("version %i, %i entries in a frame", (version, count) => {
  const operations: readonly [string, (m: M, ref: number) => number, beyond: number][] = [
    ["map", (m, ref) => mapGrant(m.h, m.d0, { flags: host, domain: 1, ref, page: empty }).status, badGrantRef],
    ["copy", copy, badGrantRef],
    ["swap", (m, ref) => swapGrants(m.h, m.d, { a: 20, b: ref }), badGrantRef],
    ["transfer", (m, ref) => transferGrant(m.h, m.d0, { frame: loose(m), domain: 1, ref }), generalError],
  ];
  test.each(operations)(
    "%s: the last entry is one, the next and what is no number of one are not",
    (what, run, beyond) => {
      const m = versioned(version);
      expect(m.d.grants.entryCount).toBe(count);
      for (const ref of [count, -1, 8.5, Number.NaN]) expect(run(m, ref)).toBe(beyond);
      if (what === "transfer") {
        entryOf(m.h, m.d, count - 1).set(0, GrantType.acceptTransfer);
        // Room for one more page.
        const page = m.kernel.allocPages(0)!;
        const frame = m.d.map.frameOf(page);
        m.h.setMapping(m.d, page, -1);
        m.h.giveUp(frame as Mfn);
      } else if (what !== "swap") write(m, count - 1);
      expect(run(m, count - 1)).toBe(okay);
    },
  );

  test("only version 2 knows parts of pages, and only where the flag says so", () => {
    const part = 64 + 64 * 0x1_0000;
    const copied = (flags: number, second: number) => {
      const m = versioned(version);
      write(m, 40, flags, second);
      const ends = [0, 64, 112, 113, 4080].map((offset) => copy(m, 40, offset));
      expect(leftovers(m.h, m.gate)).toEqual([]);
      return ends.map((status) => status === okay);
    };
    const whole = [true, true, true, true, true];
    expect(copied(0, part)).toEqual(whole);
    expect(copied(GrantFlag.subPage, part)).toEqual(version === 1 ? whole : [false, true, true, false, false]);
    // What reaches over the end of the page ends with it.
    const over = 4000 + 4000 * 0x1_0000;
    expect(copied(GrantFlag.subPage, over)).toEqual(version === 1 ? whole : [false, false, false, false, true]);
  });

  test("an entry in use may say anything by now, but that it is read-only", () => {
    const cases = [
      [0, okay],
      [GrantType.permitAccess + 3 * 0x1_0000, okay],
      [GrantType.permitAccess | GrantFlag.readOnly, generalError],
    ] as const;
    for (const [header, status] of cases) {
      const m = versioned(version);
      const entry = write(m, 40);
      const read = mapGrant(m.h, m.d0, { flags: host | readOnly, domain: 1, ref: 40, page: empty });
      const use = entry.get(0) & (GrantFlag.reading | GrantFlag.writing);
      entry.set(0, header | use);
      const written = mapGrant(m.h, m.d0, { flags: host, domain: 1, ref: 40, page: empty + 1 });
      expect([read.status, written.status]).toEqual([okay, status]);
      const shown = version === 1 ? entry.get(0) : m.h.memory.load16(statusAddress(m.d, 40));
      const writing = status === okay ? GrantFlag.writing : 0;
      expect(shown & (GrantFlag.reading | GrantFlag.writing)).toBe(GrantFlag.reading | writing);
    }
  });

  test("an unmap waits while another is inside the entry", () => {
    const m = versioned(version);
    write(m, 40);
    write(m, 41);
    const [one, other] = [40, 41].map((ref, n) =>
      mapGrant(m.h, m.d0, { flags: host | readOnly, domain: 1, ref, page: empty + n }),
    );
    const mapping = mapGrantSteps(m.h, m.d0, { flags: host, domain: 1, ref: 40, page: empty + 2 });
    expect(mapping.next().value).toBe("the entry was read");
    const unmapping = unmapGrantSteps(m.h, m.d0, { handle: one!.handle, page: empty, bus: 0 });
    expect([unmapping.next().value, unmapping.next().value]).toEqual(["waits for the entry", "waits for the entry"]);
    // Another entry's does not.
    expect(finish(unmapGrantSteps(m.h, m.d0, { handle: other!.handle, page: empty + 1, bus: 0 }))).toBe(okay);
    const { handle } = finish(mapping);
    expect(finish(unmapping)).toBe(okay);
    expect(unmapGrants(m.h, m.d0, [{ handle, page: empty + 2, bus: 0 }])).toEqual([okay]);
    expect(leftovers(m.h, m.gate)).toEqual([]);
  });

  test("a handle that became another mapping's while an unmap waited is not unmapped", () => {
    const m = versioned(version);
    write(m, 40);
    write(m, 41);
    const map = (ref: number, page: number) =>
      mapGrant(m.h, m.d0, { flags: host | readOnly, domain: 1, ref, page }).handle;
    const handle = map(40, empty);
    m.d.grants.entered.add(40);
    const unmapping = unmapGrantSteps(m.h, m.d0, { handle, page: empty, bus: 0 });
    unmapping.next();
    m.d.grants.entered.delete(40);
    unmapGrants(m.h, m.d0, [{ handle, page: empty, bus: 0 }]);
    expect(map(41, empty)).toBe(handle);
    expect(finish(unmapping)).toBe(badHandle);
    expect(m.d.grants.active.has(41)).toBe(true);
  });
});

test.each([
  ["stays as it was read", GrantType.acceptTransfer, okay],
  ["is taken back", 0, generalError],
  ["waits for another domain", GrantType.acceptTransfer + 0x1_0000, generalError],
  ["has a flag more", GrantType.acceptTransfer | GrantFlag.readOnly, generalError],
  ["grants a page instead", GrantType.permitAccess, generalError],
])("a transfer to an entry that %s", (_what, header, status) => {
  const m = machine();
  const to = m.h.createDomain({ id: 50, model: "p2m", pages: 0, pagesMax: 1 });
  const entry = entryOf(m.h, to, 30);
  entry.set(0, GrantType.acceptTransfer);
  const transfer = transferGrantSteps(m.h, m.d0, { frame: loose(m), domain: 50, ref: 30 });
  expect(transfer.next().value).toBe("the entry was read");
  entry.set(0, header);
  expect(finish(transfer)).toBe(status);
  const done = GrantFlag.transferCommitted | GrantFlag.transferCompleted;
  expect([entry.get(0), to.pages]).toEqual(status === okay ? [header | done, 1] : [header, 0]);
});
