/** What a grant entry permits, read byte by byte: entries of both versions as a granter, or whoever else, writes them. */
import { expect, test } from "vitest";
import { Memory } from "../../../src/mem/memory.js";
import { type EntryPlace, grants, saysReadOnly, type Wanted } from "../../../src/sw/xen/hypervisor/gate_reading.js";
import { entryPlace } from "../../../src/sw/xen/hypervisor/grant_frames.js";
import { setVersion } from "../../../src/sw/xen/index.js";
import { machine } from "./machine.js";

const [permit, readOnly, subPage] = [1, 4, 0x100];
const frameOf = (gfn: number) => (gfn === 0x20 ? 0x777 : -1);
const asked: Wanted = { to: 3, frame: 0x777, write: true, offset: -1, length: 0 };

function place(version: 1 | 2, address: number, o: Partial<EntryPlace> = {}): EntryPlace {
  return { version, granter: 1, address, frameOf, elsewhere: () => null, ...o };
}

function v1(flags: number, domain: number, gfn: number, o: Partial<EntryPlace> = {}) {
  const memory = new Memory(2);
  memory.store32(64, flags + domain * 2 ** 16);
  memory.store32(68, gfn);
  return { memory, place: place(1, 64, o) };
}

/** @param words after flags and domain */
function v2(flags: number, domain: number, words: readonly number[], o: Partial<EntryPlace> = {}) {
  const memory = new Memory(2);
  memory.store32(64, flags + domain * 2 ** 16);
  words.forEach((word, n) => {
    memory.store32(68 + 4 * n, word);
  });
  return { memory, place: place(2, 64, o) };
}

type Row = readonly [what: string, entry: ReturnType<typeof v1>, wanted: Partial<Wanted>, may: boolean];
const part = 0x100 + 0x200 * 2 ** 16;

const rows: readonly Row[] = [
  ["a grant of the page", v1(permit, 3, 0x20), {}, true],
  ["to another domain", v1(permit, 4, 0x20), {}, false],
  ["of another page", v1(permit, 3, 0x21), {}, false],
  ["nothing is granted", v1(0, 3, 0x20), {}, false],
  ["the right to give a page is none to map one", v1(2, 3, 0x20), {}, false],
  ["a kind of grant that version 1 does not know", v1(3, 3, 0x20), {}, false],
  ["read-only, for writing", v1(permit + readOnly, 3, 0x20), {}, false],
  ["read-only, for reading", v1(permit + readOnly, 3, 0x20), { write: false }, true],
  ["version 1 knows no parts of pages", v1(permit + subPage, 3, 0x20), {}, true],
  ["version 2: the page", v2(permit, 3, [0, 0x20, 0]), {}, true],
  ["version 2: the page's number has 64 bits", v2(permit, 3, [0, 0x20, 1]), {}, false],
  ["version 2: nothing", v2(0, 3, [0, 0x20, 0]), {}, false],
  ["a part, for a mapping of all", v2(permit + subPage, 3, [part, 0x20, 0]), {}, false],
  ["a part, all of it", v2(permit + subPage, 3, [part, 0x20, 0]), { offset: 0x100, length: 0x200 }, true],
  ["a part, a byte before it", v2(permit + subPage, 3, [part, 0x20, 0]), { offset: 0xff, length: 4 }, false],
  ["a part, a byte behind it", v2(permit + subPage, 3, [part, 0x20, 0]), { offset: 0x101, length: 0x200 }, false],
  ["no part is said: any copy", v2(permit, 3, [part, 0x20, 0]), { offset: 0, length: 4096 }, true],
];

test.each(rows)("%s", (_what, { memory, place: entry }, wanted, may) => {
  expect(grants(memory, entry, { ...asked, ...wanted })).toBe(may);
});

test("a grant that is passed on is what stands in the entry behind it, granted to who passes it on", () => {
  const wanted: [domain: number, ref: number][] = [];
  const transitive = (behind: EntryPlace | null) => {
    const elsewhere = (domain: number, ref: number) => {
      wanted.push([domain, ref]);
      return behind;
    };
    return v2(3, 3, [9, 5, 0], { elsewhere });
  };
  const may = (behind: ReturnType<typeof v1>) => {
    const { memory, place: entry } = transitive({ ...behind.place, address: 128 });
    for (const word of [0, 1, 2, 3]) memory.store32(128 + 4 * word, behind.memory.load32(64 + 4 * word));
    return grants(memory, entry, asked);
  };
  expect(may(v1(permit, 1, 0x20))).toBe(true);
  expect(may(v1(permit, 3, 0x20))).toBe(false);
  expect(may(v1(permit + readOnly, 1, 0x20))).toBe(false);
  expect(wanted).toEqual([
    [9, 5],
    [9, 5],
    [9, 5],
  ]);
  // Once and no further.
  expect(may(v2(3, 1, [9, 5, 0], { elsewhere: () => v1(permit, 1, 0x20).place }))).toBe(false);
  expect(may(v2(3, 1, [9, 5, 0], { elsewhere: () => null }))).toBe(false);
  const nowhere = transitive(null);
  expect(grants(nowhere.memory, nowhere.place, asked)).toBe(false);
});

test("whether an entry says read-only", () => {
  for (const [entry, says] of [
    [v1(permit, 3, 0x20), false],
    [v1(permit + readOnly, 3, 0x20), true],
    [v2(permit + readOnly, 3, [0, 0x20, 0]), true],
  ] as const)
    expect(saysReadOnly(entry.memory, entry.place)).toBe(says);
});

test("an entry's place is in the frame that holds it, and beyond a table there is none", () => {
  for (const version of [1, 2] as const) {
    const { h, d } = machine({ guests: 2 });
    if (version === 2) setVersion(h, d, 2);
    const bytes = version === 1 ? 8 : 16;
    const perFrame = 4096 / bytes;
    const { entryCount, shared } = d.grants;
    for (const ref of [0, 1, perFrame - 1, entryCount - 1]) {
      const { address, granter } = entryPlace(h, d, ref);
      expect([address, granter]).toEqual([shared[Math.floor(ref / perFrame)]! * 4096 + (ref % perFrame) * bytes, 1]);
    }
    const from = entryPlace(h, h.domain(2)!, 0);
    expect(from.elsewhere(1, entryCount - 1)?.address).toBe(entryPlace(h, d, entryCount - 1).address);
    expect([from.elsewhere(1, entryCount), from.elsewhere(77, 0)]).toEqual([null, null]);
  }
});
