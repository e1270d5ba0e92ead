/** VT-d and AMD-Vi: what the fields of an entry come to as tables, field by field. */
import { describe } from "vitest";
import { Gcr3Entry } from "../../../src/spec/amdvi/guest_cr3.js";
import type { UnitRoot } from "../../../src/table/device/attachment.js";
import type { TableRoot } from "../../../src/table/root.js";
import * as attached from "./attached.js";
import { check } from "./attached.js";
import { unit } from "./built.js";
import { contextGood, dte, entry, legacy, legacyGood, scalable, withGcr3 } from "./entries.js";

const frame9 = 0x9000;
const ss = {
  format: "vtd-ss",
  address: frame9,
  level: 3,
  inputBits: 48,
  upper: "zero",
  outputBits: 46,
  allow: 3,
} as const;
const fs = {
  format: "vtd-fs",
  address: 0x8000,
  level: 3,
  inputBits: 48,
  upper: "sign",
  outputBits: 46,
  allow: 3,
} as const;
const second = (more: Partial<TableRoot> = {}, base: TableRoot = ss) => attached.second(base, more);
const first = (more: Partial<TableRoot> = {}, base: TableRoot = fs) => attached.first(base, more);

describe("VT-d, legacy", () => {
  const abilities = (a: UnitRoot["abilities"]) => ({ abilities: a! });
  check(unit("vtd", "legacy", { outputBits: 46, segment: 2 }), [
    ["three levels", legacy({ ...legacyGood, aw: 1 }), { stage: "second", ...second({ level: 2, inputBits: 39 }) }],
    ["four levels", legacy(legacyGood), { stage: "second", ...second() }],
    ["five levels", legacy({ ...legacyGood, aw: 3 }), { stage: "second", ...second({ level: 4, inputBits: 57 }) }],
    [
      "the unit's input is narrower",
      legacy(legacyGood),
      { stage: "second", ...second({ inputBits: 42 }) },
      abilities({ inputBits: 42 }),
    ],
    ["the unit's input is wider", legacy(legacyGood), { stage: "second", ...second() }, abilities({ inputBits: 57 })],
    [
      "the unit's input ends below the top table",
      legacy(legacyGood),
      { stage: "second", ...second({ inputBits: 40 }) },
      abilities({ inputBits: 30 }),
    ],
    [
      "the unit lacks large pages",
      legacy(legacyGood),
      { stage: "second", ...second({ lacks: ["pages-1g"] }) },
      abilities({ secondLacks: ["pages-1g"], firstLacks: [] }),
    ],
    ["the unit lacks nothing", legacy(legacyGood), { stage: "second", ...second() }, abilities({ secondLacks: [] })],
    [
      "physical addresses have 52 bits at most",
      legacy(legacyGood),
      { stage: "second", ...second({ outputBits: 52 }) },
      { outputBits: 56 },
    ],
    ["its own TLB", legacy({ ...legacyGood, tt: 1 }), { stage: "second", ats: true, ...second() }],
    ["pass-through", legacy({ ...legacyGood, tt: 2 }), { state: "identity" }],
    [
      "every bit of the table's address",
      legacy({ ...legacyGood, frame: 2 ** 34 - 1 }),
      { stage: "second", ...second({ address: 2 ** 46 - 4096 }) },
    ],
  ]);
});

describe("VT-d, scalable", () => {
  const nested = { pgtt: 3, aw: 2, fsFrame: 8 };
  check(unit("vtd", "scalable", { outputBits: 46 }), [
    ["second stage", scalable(), { pasid: 0, stage: "second", ...second() }],
    [
      "second stage of five levels",
      entry({ aw: 3 }),
      { pasid: 0, stage: "second", ...second({ level: 4, inputBits: 57 }) },
    ],
    ["first stage", entry({ pgtt: 1, fsFrame: 8 }), { pasid: 0, stage: "first", ...first() }],
    [
      "first stage of five levels",
      entry({ pgtt: 1, fsFrame: 8, fspm: 1 }),
      { pasid: 0, stage: "first", ...first({ level: 4, inputBits: 57 }) },
    ],
    [
      "a first stage that lacks large pages",
      entry({ pgtt: 1, fsFrame: 8 }),
      { pasid: 0, stage: "first", ...first({ lacks: ["pages-1g"] }) },
      { abilities: { firstLacks: ["pages-1g"] } },
    ],
    [
      "a first stage whose fields of the other are odd",
      entry({ pgtt: 1, aw: 7, fsFrame: 8, ssFrame: 2 ** 39 }),
      { pasid: 0, stage: "first", ...first() },
    ],
    [
      "a second stage whose fields of the other are odd",
      entry({ fspm: 3, fsFrame: 2 ** 39 }),
      { pasid: 0, stage: "second", ...second() },
    ],
    [
      "nested: the first stage leads to inputs of the second",
      entry(nested),
      { pasid: 0, stage: "nested", first: [{ ...fs, outputBits: 48 }], second: ss },
    ],
    [
      "nested: to three levels",
      entry({ ...nested, aw: 1 }),
      { pasid: 0, stage: "nested", first: [{ ...fs, outputBits: 39 }], second: { ...ss, level: 2, inputBits: 39 } },
    ],
    [
      "nested: to five levels, of which addresses take 52 bits",
      entry({ ...nested, aw: 3 }),
      { pasid: 0, stage: "nested", first: [{ ...fs, outputBits: 52 }], second: { ...ss, level: 4, inputBits: 57 } },
    ],
    [
      "nested: the first stage may stand beyond physical memory",
      entry({ ...nested, fsFrame: 2 ** 36 - 1 }),
      { pasid: 0, stage: "nested", first: [{ ...fs, address: 2 ** 48 - 4096, outputBits: 48 }], second: ss },
    ],
    ["pass-through", entry({ pgtt: 4, aw: 7, fspm: 3 }), { pasid: 0, state: "identity" }],
    [
      "its own TLB",
      scalable({ context: { ...contextGood, dte: 1 } }),
      { pasid: 0, stage: "second", ats: true, ...second() },
    ],
    [
      "its own TLB, passed through",
      scalable({ context: { ...contextGood, dte: 1 }, entry: { p: 1, pgtt: 4, did: 5 } }),
      { pasid: 0, state: "identity", ats: true },
    ],
    [
      "a PASID",
      scalable({ context: { ...contextGood, paside: 1 }, pasid: 0x1fff }),
      { pasid: 0x1fff, stage: "second", ...second() },
      {},
      0x1fff,
    ],
    [
      "a PASID of a larger directory",
      scalable({ context: { ...contextGood, paside: 1, pdts: 1 }, pasid: 0x3fff }),
      { pasid: 0x3fff, stage: "second", ...second() },
      {},
      0x3fff,
    ],
  ]);
});

describe("AMD-Vi", () => {
  const v1 = {
    format: "amdvi-v1",
    address: frame9,
    level: 2,
    inputBits: 39,
    upper: "zero",
    outputBits: 46,
    allow: 3,
  } as const;
  const v2 = {
    format: "amdvi-v2",
    address: frame9,
    level: 3,
    inputBits: 48,
    upper: "sign",
    outputBits: 46,
    allow: 3,
  } as const;
  const far = { gv: 1, giov: 1, mode: 0, gcr3Low: 4 };
  check(unit("amdvi", "v1+v2", { outputBits: 46, size: 0x10000 }), [
    ["three levels", dte({}), { stage: "second", ...second({}, v1) }],
    ["one level", dte({ mode: 1 }), { stage: "second", ...second({ level: 0, inputBits: 21 }, v1) }],
    ["six levels", dte({ mode: 6 }), { stage: "second", ...second({ level: 5, inputBits: 64 }, v1) }],
    ["reads only", dte({ iw: 0 }), { stage: "second", ...second({ allow: 1 }, v1) }],
    ["writes only", dte({ ir: 0 }), { stage: "second", ...second({ allow: 2 }, v1) }],
    ["its own TLB", dte({ i: 1 }), { stage: "second", ats: true, ...second({}, v1) }],
    ["no table, and its own TLB", dte({ mode: 0, i: 1 }), { state: "identity", ats: true }],
    ["no table, reads only", dte({ mode: 0, iw: 0 }), { state: "identity", allow: 1 }],
    ["neither reads nor writes", dte({ ir: 0, iw: 0 }), { state: "blocked", allow: 0 }],
    ["blocked", dte({ tv: 0, mode: 7 }), { state: "blocked" }],
    ["without V nothing counts", dte({ v: 0 }), { state: "bypass", domain: null }],
    ["a guest table", withGcr3({ giov: 1 }), { pasid: 0, stage: "first", ...first({}, v2) }],
    [
      "a guest table of five levels",
      withGcr3({ giov: 1, guestPagingMode: 1 }),
      { pasid: 0, stage: "first", ...first({ level: 4, inputBits: 57 }, v2) },
    ],
    [
      "a guest table, reads only",
      withGcr3({ giov: 1, iw: 0 }),
      { pasid: 0, stage: "first", ...first({ allow: 1 }, v2) },
    ],
    ["a guest table without rights", withGcr3({ giov: 1, ir: 0, iw: 0 }), { pasid: 0, state: "blocked", allow: 0 }],
    [
      "a guest table, and its own TLB",
      withGcr3({ i: 1 }, 3),
      { pasid: 3, stage: "first", ats: true, ...first({}, v2) },
      {},
      3,
    ],
    ["the guest's fields count with V and TV only", dte({ tv: 0, gv: 1, glx: 3, giov: 1 }), { state: "blocked" }],
    [
      "of a unit without guest tables they do not count",
      dte({ gv: 1, glx: 3, guestPagingMode: 3 }),
      { stage: "second", ...second({}, v1) },
      { abilities: { first: false } },
    ],
    [
      "a GCR3 table whose address has its middle bits",
      dte({ ...far, gcr3Low: 0, gcr3Middle: 9 }).put(0x48000, Gcr3Entry, { v: 1, frame: 9 }),
      { pasid: 0, stage: "first", ...first({}, v2) },
    ],
    [
      "a GCR3 table of two levels",
      dte({ ...far, glx: 1 })
        .put(0x4000, Gcr3Entry, { v: 1, frame: 6 })
        .put(0x6000 + 8, Gcr3Entry, { v: 1, frame: 7 }),
      { pasid: 1, stage: "first", ...first({ address: 0x7000 }, v2) },
      {},
      1,
    ],
  ]);
});
