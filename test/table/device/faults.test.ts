/** Every way in which a device's entry can end a request, with the unit's own code for it. */
import { describe, expect, it } from "vitest";
import { faultEvents as amdEvents } from "../../../src/spec/amdvi/fault_events.js";
import { L1ContextDescriptor } from "../../../src/spec/smmuv3/context_descriptor.js";
import { faultEvents as smmuEvents } from "../../../src/spec/smmuv3/fault_events.js";
import { L1StreamDescriptor, StreamEntry as Ste } from "../../../src/spec/smmuv3/stream_table.js";
import { faultReasons } from "../../../src/spec/vtd/fault_reasons.js";
import type { Abilities, UnitRoot } from "../../../src/table/device/attachment.js";
import { deviceTables, type Smmuv3Abilities } from "../../../src/table/device/index.js";
import { Troubles } from "../../../src/table/trouble.js";
import { Built, lookup, outcome, unit } from "./built.js";
import {
  cd,
  context,
  contextGood,
  device,
  directory,
  dte,
  entry,
  guest,
  legacy,
  legacyGood,
  root,
  scalable,
  ste,
  steFirst,
  steSecond,
  table,
  withGcr3,
} from "./entries.js";

type Row = readonly [
  what: string,
  expected: string,
  built: Built,
  pasid?: number | null,
  more?: Partial<UnitRoot> & { abilities?: Abilities },
];

// ---- VT-d legacy ----

const inLegacy: Row[] = [
  ["a good entry", "translated", legacy(legacyGood)],
  ["pass-through", "identity", legacy({ ...legacyGood, tt: 2 })],
  ["the root table is not there", "0x8", new Built()],
  ["the bus has no root entry", "0x1", legacy(legacyGood, {})],
  ["reserved bits of the root entry", "0xa", legacy(legacyGood).bit(root, 5)],
  ["reserved upper half of the root entry", "0xa", legacy(legacyGood).bit(root, 100)],
  ["a root entry beyond the unit's addresses", "0xa", legacy(null, { p: 1, frame: 2 ** 37 })],
  ["the context table is not there", "0x9", legacy(null)],
  ["no context entry", "0x2", legacy({})],
  ["reserved bits of the context entry", "0xb", legacy(legacyGood).bit(context + device * 16, 4)],
  ["reserved bits above the domain", "0xb", legacy(legacyGood).bit(context + device * 16, 90)],
  ["a table beyond the unit's addresses", "0xb", legacy({ ...legacyGood, frame: 2 ** 37 })],
  ["translation type 3", "0x3", legacy({ ...legacyGood, tt: 3 })],
  ["width 0", "0x3", legacy({ ...legacyGood, aw: 0 })],
  ["width 4", "0x3", legacy({ ...legacyGood, aw: 4 })],
  [
    "a width that the unit lacks",
    "0x3",
    legacy({ ...legacyGood, aw: 3 }),
    null,
    { abilities: { secondLevels: 0b11000 } },
  ],
  ["ATS that the unit lacks", "0x3", legacy({ ...legacyGood, tt: 1 }), null, { abilities: { ats: false } }],
  [
    "pass-through that the unit lacks",
    "0x3",
    legacy({ ...legacyGood, tt: 2 }),
    null,
    { abilities: { passThrough: false } },
  ],
  ["a request with PASID", "0x31", legacy(legacyGood), 7],
  ["a unit that is off", "bypass", new Built(), null, { translating: false }],
  ["abort mode", "blocked", legacy(legacyGood), null, { mode: "abort" }],
  ["a reserved table mode", "0x32", legacy(legacyGood), null, { mode: "reserved" }],
];

// ---- VT-d scalable ----

const inScalable: Row[] = [
  ["second stage", "translated", scalable()],
  ["first stage", "translated", entry({ pgtt: 1, fsFrame: 9 })],
  ["first stage of 5 levels", "translated", entry({ pgtt: 1, fsFrame: 9, fspm: 1 })],
  ["nested", "translated", entry({ pgtt: 3, fsFrame: 9 })],
  ["pass-through", "identity", entry({ pgtt: 4 })],
  ["a PASID", "translated", scalable({ context: { ...contextGood, paside: 1 }, pasid: 0x1234 }), 0x1234],
  ["RID_PASID", "translated", scalable({ context: { ...contextGood, ridPasid: 0x77 }, pasid: 0x77 })],
  [
    "RID_PASID that the unit lacks",
    "translated",
    scalable({ context: { ...contextGood, ridPasid: 0x77 } }),
    null,
    { abilities: { ridPasid: false } },
  ],
  ["the root table is not there", "0x38", new Built()],
  ["no root entry", "0x39", scalable({ root: { upperP: 1, upper: 2 } })],
  ["reserved bits of the root entry", "0x3a", scalable().bit(root, 3)],
  ["the context table is not there", "0x40", scalable({ context: null })],
  ["no context entry", "0x41", scalable({ context: {} })],
  ["reserved bits of the context entry", "0x42", scalable().bit(context + device * 32, 6)],
  ["reserved third word of the context entry", "0x42", scalable().bit(context + device * 32, 140)],
  [
    "a device TLB that the unit lacks",
    "0x43",
    scalable({ context: { ...contextGood, dte: 1 } }),
    null,
    { abilities: { ats: false } },
  ],
  [
    "PASIDs that the unit lacks",
    "0x43",
    scalable({ context: { ...contextGood, paside: 1 } }),
    null,
    { abilities: { pasidBits: 0 } },
  ],
  ["a PASID that the entry does not take", "0x45", scalable({ pasid: 9 }), 9],
  ["a PASID beyond the directory", "0x46", scalable({ context: { ...contextGood, paside: 1 } }), 128 * 64],
  ["RID_PASID beyond the directory", "0x48", scalable({ context: { ...contextGood, ridPasid: 128 * 64 } })],
  ["the directory is not there", "0x50", scalable({ directory: null })],
  ["no directory entry", "0x51", scalable({ directory: {} })],
  ["reserved bits of the directory entry", "0x52", scalable().bit(directory, 2)],
  ["the PASID table is not there", "0x58", scalable({ entry: null })],
  ["no PASID entry", "0x59", scalable({ entry: {} })],
  ["reserved bits of the PASID entry", "0x5a", scalable().bit(table, 10)],
  ["a reserved word of the PASID entry", "0x5a", scalable().bit(table, 300)],
  ["a first stage beyond the unit's addresses", "0x5a", entry({ pgtt: 1, fsFrame: 2 ** 40 })],
  ["translation type 0", "0x5b", entry({ pgtt: 0 })],
  ["translation type 5", "0x5b", entry({ pgtt: 5 })],
  ["a reserved width", "0x5b", entry({ aw: 0 })],
  ["a reserved first-stage mode", "0x5b", entry({ pgtt: 1, fspm: 2 })],
  ["a first stage that the unit lacks", "0x5b", entry({ pgtt: 1 }), null, { abilities: { first: false } }],
  ["a second stage that the unit lacks", "0x5b", scalable(), null, { abilities: { second: false } }],
  ["nesting that the unit lacks", "0x5b", entry({ pgtt: 3 }), null, { abilities: { nested: false } }],
  ["5 levels that the unit lacks", "0x5b", entry({ pgtt: 1, fspm: 1 }), null, { abilities: { firstLevels: 0b10000 } }],
];

// ---- AMD-Vi ----

const inAmd: Row[] = [
  ["a host table", "translated", dte({})],
  ["V is 0", "bypass", dte({ v: 0 })],
  ["TV is 0", "blocked", dte({ tv: 0 })],
  ["mode 0", "identity", dte({ mode: 0 })],
  ["mode 0 without rights", "blocked", dte({ mode: 0, ir: 0, iw: 0 })],
  ["a host table without rights", "blocked", dte({ ir: 0, iw: 0 })],
  ["a guest table for requests without PASID", "translated", withGcr3({ giov: 1 })],
  ["without GIOV the host table counts", "identity", withGcr3({})],
  ["a PASID", "translated", withGcr3({}, 5), 5],
  ["the table ends before the device", "0x1", dte({}), null, { size: 0x200 }],
  ["the table is not there", "0x3", new Built()],
  ["reserved bits", "0x1", dte({}).bit(root + device * 32, 3)],
  ["reserved bit 63", "0x1", dte({}).bit(root + device * 32, 63)],
  ["mode 7", "0x1", dte({ mode: 7 })],
  ["levels that the unit lacks", "0x1", dte({ mode: 6 }), null, { abilities: { secondLevels: 0b11110 } }],
  ["a host table beyond the unit's addresses", "0x1", dte({ frame: 2 ** 37 })],
  ["GLX 3", "0x1", withGcr3({ glx: 3 })],
  ["guest paging mode 2", "0x1", withGcr3({ guestPagingMode: 2 })],
  ["a PASID beyond the GCR3 table", "0x2", withGcr3({}), 512],
  ["a PASID without a table", "0x2", withGcr3({}, 5, {}), 5],
  ["the GCR3 table is not there", "0x4", dte(guest), 1],
  ["a PASID where GV is 0", "0x8", dte({}), 1],
  ["GV in a unit without guest translation", "identity", withGcr3({ giov: 1 }), null, { abilities: { first: false } }],
  ["a unit that is off", "bypass", new Built(), null, { translating: false }],
];

// ---- SMMUv3 ----

const linear = { size: 6 };
const only64 = { tableFormats: 2, wideDescriptors: false };
const flatContexts = { twoLevelContexts: false };
const twoLevel = { mode: "two-level", size: 16, split: 8 };
const several = { s1CdMax: 4 };
const able = (smmu: Smmuv3Abilities) => ({ ...linear, abilities: { smmu } });
const inSmmu: Row[] = [
  ["first stage", "translated", cd({}), null, linear],
  ["second stage", "translated", ste(steSecond), null, linear],
  ["bypass", "bypass", ste({ v: 1, config: 4 }), null, linear],
  ["abort", "blocked", ste({ v: 1, config: 0 }), null, linear],
  ["reserved Config", "blocked", ste({ v: 1, config: 2 }), null, linear],
  [
    "two levels",
    "translated",
    cd({}).put(0x8000, L1StreamDescriptor, { span: 6, l2: root / 64 }),
    null,
    { ...twoLevel, root: 0x8000 },
  ],
  ["a stream beyond the table", "0x2", cd({}), null, { size: 4 }],
  ["no span", "0x2", new Built().put(0x8000, L1StreamDescriptor, {}), null, { ...twoLevel, root: 0x8000 }],
  [
    "a reserved span",
    "0x2",
    new Built().put(0x8000, L1StreamDescriptor, { span: 12, l2: 1 }),
    null,
    { ...twoLevel, root: 0x8000 },
  ],
  [
    "a stream beyond the span",
    "0x2",
    new Built().put(0x8000, L1StreamDescriptor, { span: 4, l2: 64 }),
    null,
    { ...twoLevel, root: 0x8000 },
  ],
  ["the stream table is not there", "0x3", new Built(), null, linear],
  ["no entry", "0x4", ste({}), null, linear],
  ["an odd StreamWorld", "0x4", cd({}, { strw: 1 }), null, linear],
  ["split ATS without both stages", "0x4", cd({}, { eats: 2 }), null, linear],
  ["stage 2 of reserved granule", "0x4", ste({ ...steSecond, s2Tg: 3 }), null, linear],
  ["stage 2 whose start does not fit its size", "0x4", ste({ ...steSecond, s2T0sz: 16 }), null, linear],
  ["stage 2 with a reserved start", "0x4", ste({ ...steSecond, s2Tg: 1, s2Sl0: 3 }), null, linear],
  ["stage 2 that is too small", "0x4", ste({ ...steSecond, s2T0sz: 45 }), null, linear],
  ["stage 2 beyond its own output", "0x4", ste({ ...steSecond, s2Ps: 0, s2Ttb: 2 ** 30 }), null, linear],
  ["stage 2 that the unit lacks", "0x4", ste(steSecond), null, { ...linear, abilities: { second: false } }],
  ["ATS that stalls", "0x4", ste({ ...steSecond, eats: 1, s2S: 1 }), null, linear],
  ["no substream where one is wanted", "0x6", cd({}, several), null, linear],
  ["substream 0 that is the default's", "0x6", cd({}, { ...several, s1Dss: 2 }), 0, linear],
  ["the default substream", "translated", cd({}, { ...several, s1Dss: 2 }), null, linear],
  ["the first stage bypassed by default", "bypass", cd({}, { ...several, s1Dss: 1 }), null, linear],
  ["a substream", "translated", cd({}, several, 3), 3, linear],
  ["a substream beyond the table", "0x8", cd({}, several), 16, linear],
  ["a substream where there are none", "0x8", cd({}), 1, linear],
  ["a substream in bypass", "0x8", ste({ v: 1, config: 4 }), 1, linear],
  ["no leaf of descriptors", "0x8", cd({}, { s1CdMax: 8, s1Fmt: 1 }).put(table, L1ContextDescriptor, {}), 70, linear],
  ["the descriptors are not there", "0x9", ste(steFirst), null, linear],
  ["descriptors beyond the unit's output", "0x4", cd({}, { s1Context: 2 ** 43 }), null, linear],
  [
    "a leaf of descriptors beyond the unit's output",
    "0x8",
    cd({}, { s1CdMax: 8, s1Fmt: 1 }).put(table + 8, L1ContextDescriptor, { v: 1, frame: 2 ** 37 }),
    70,
    linear,
  ],
  ["no descriptor", "0xa", cd({ v: 0 }), null, linear],
  ["a reserved granule", "0xa", cd({ tg0: 3 }), null, linear],
  ["T0SZ 15", "0xa", cd({ t0sz: 15 }), null, linear],
  ["T0SZ 40", "0xa", cd({ t0sz: 40 }), null, linear],
  ["a table beyond its own output", "0xa", cd({ ips: 0, ttb0: 2 ** 30 }), null, linear],
  ["stalls that the stream forbids", "0xa", cd({ s: 1 }, { s1StallD: 1 }), null, linear],
  ["access flags of tables without those of pages", "0xa", cd({ haft: 1 }), null, linear],
  ["stalls of a unit that has none", "0xa", cd({ s: 1 }), null, able({ stallModel: 1 })],
  ["stalls of a unit that has the choice", "translated", cd({ s: 1 }), null, able({ stallModel: 0 })],
  ["no stalls of a unit that has nothing else", "0xa", cd({}), null, able({ stallModel: 2 })],
  ["S1STALLD where there is no choice", "0x4", cd({}, { s1StallD: 1 }), null, able({ stallModel: 1 })],
  ["stage 2 with stalls of a unit that has none", "0x4", ste({ ...steSecond, s2S: 1 }), null, able({ stallModel: 1 })],
  ["stage 2 without stalls", "0x4", ste(steSecond), null, able({ stallModel: 2 })],
  ["accesses that look successful, and a unit that aborts", "0xa", cd({ a: 0 }), null, able({ alwaysAborts: true })],
  ["access flags by a unit that sets none", "0xa", cd({ ha: 1 }), null, able({ hardwareUpdates: 0 })],
  ["access flags by a unit that sets them", "translated", cd({ ha: 1 }), null, able({ hardwareUpdates: 1 })],
  ["dirty state by a unit that sets access flags", "0xa", cd({ hd: 1 }), null, able({ hardwareUpdates: 1 })],
  ["stage 2 with access flags", "0x4", ste({ ...steSecond, s2Ha: 1 }), null, able({ hardwareUpdates: 0 })],
  ["HAFT of a unit without it is ignored", "translated", cd({ haft: 1 }), null, able({ hardwareUpdates: 2 })],
  ["an ASID of 9 bits", "0xa", cd({ asid: 256 }), null, able({ wideAsids: false })],
  ["an ASID of 9 bits in a unit with 16", "translated", cd({ asid: 256 }), null, able({ wideAsids: true })],
  ["a VMID of 9 bits", "0x4", ste({ ...steSecond, s2Vmid: 256 }), null, able({ wideVmids: false })],
  ["a granule that the unit lacks", "0xa", cd({}), null, able({ granules: 0x10000 })],
  ["stage 2 with a granule that the unit lacks", "0x4", ste(steSecond), null, able({ granules: 0x10000 })],
  ["52 bits of a unit with 48", "0xa", cd({ tg0: 1, t0sz: 12 }), null, able({ wideInputs: false })],
  ["52 bits", "translated", cd({ tg0: 1, t0sz: 12, ttb0: 0 }), null, able({ wideInputs: true })],
  ["T0SZ 40 of a unit with small tables", "translated", cd({ t0sz: 40 }), null, able({ smallTables: true })],
  ["T0SZ 49 of a unit with small tables", "0xa", cd({ t0sz: 49 }), null, able({ smallTables: true })],
  ["two levels of contexts that the unit lacks", "0x4", cd({}, { ...several, s1Fmt: 1 }), 3, able(flatContexts)],
  [
    "split ATS that the unit lacks",
    "0x4",
    cd({}, { ...steSecond, config: 7, eats: 2 }),
    null,
    able({ noSplitAts: true }),
  ],
  ["32-bit tables of a unit with 64 only", "0xa", cd({ aa64: 0 }), null, able(only64)],
  ["64-bit tables of a unit with 32 only", "0xa", cd({}), null, able({ tableFormats: 1 })],
  [
    "32-bit tables of a unit with both",
    "unknown",
    cd({ aa64: 0 }),
    null,
    able({ tableFormats: 3, wideDescriptors: false }),
  ],
  ["128-bit tables", "unknown", cd({ aa64: 0 }), null, able({ tableFormats: 2, wideDescriptors: true })],
  ["stage 2 with 32 bits of a unit with 64 only", "0x4", ste({ ...steSecond, s2Aa64: 0 }), null, able(only64)],
  ["big-endian stage 2 of a little unit", "0x4", ste({ ...steSecond, s2Endi: 1 }), null, able({ endianness: 2 })],
  ["a first stage that the unit lacks", "0x4", cd({}), null, { ...linear, abilities: { first: false } }],
  [
    "EATS of a unit without ATS is ignored",
    "translated",
    cd({}, { eats: 2 }),
    null,
    { ...linear, abilities: { ats: false } },
  ],
  [
    "S1CDMax without substreams is ignored",
    "translated",
    cd({}, { s1CdMax: 21 }),
    null,
    { ...linear, abilities: { pasidBits: 0 } },
  ],
  ["big-endian tables of a little unit", "0xa", cd({ endi: 1 }), null, able({ endianness: 2 })],
  ["big-endian tables that are not walked", "blocked", cd({ endi: 1, epd0: 1 }), null, able({ endianness: 2 })],
  ["neither table", "blocked", cd({ epd0: 1 }), null, linear],
  ["32-bit tables", "unknown", cd({ aa64: 0 }), null, linear],
  ["big-endian tables", "unknown", cd({ endi: 1 }), null, linear],
  [
    "a context that stage 2 does not map",
    "0x10",
    cd({}, { ...steSecond, config: 7, s1Context: table / 64 }).put(0x9000, Ste, {}),
    null,
    linear,
  ],
  ["a unit that is off", "bypass", new Built(), null, { ...linear, translating: false }],
  [
    "a unit that is off and aborts",
    "blocked",
    new Built(),
    null,
    { ...linear, translating: false, abilities: { abortsWhenOff: true } },
  ],
];

const groups = [
  ["VT-d in legacy mode", unit("vtd", "legacy"), inLegacy],
  ["VT-d in scalable mode", unit("vtd", "scalable"), inScalable],
  ["AMD-Vi", unit("amdvi", "v1+v2"), inAmd],
  ["SMMUv3", unit("smmuv3", "linear"), inSmmu],
] as const;

for (const [name, base, rows] of groups) {
  describe(name, () => {
    for (const [what, expected, built, pasid = null, more = {}] of rows) {
      const u: UnitRoot = { ...base, ...more };
      it(`${what}: ${expected}`, () => {
        expect(outcome(lookup(built, u, device, pasid))).toBe(expected);
      });

      const found = lookup(built, u, device, pasid);
      if ("code" in found || u.translating === false || u.mode === "abort") continue;
      it(`${what}: is in the list of devices`, () => {
        const list = deviceTables[u.kind].attachments(built.memory, u, new Troubles());
        expect(list).toContainEqual(found);
      });
    }
  });
}

describe("a descriptor whose walks are off", () => {
  const found = lookup(cd({ epd0: 1 }), unit("smmuv3", "linear", linear), device, null);
  it("records a translation fault of each access, where an entry that aborts is silent", () => {
    expect(found).toMatchObject({ state: "blocked", records: 0x10 });
    const aborted = lookup(ste({ v: 1, config: 0 }), unit("smmuv3", "linear", linear), device, null);
    expect(aborted).not.toHaveProperty("records");
  });
});

describe("rights in tables", () => {
  const root = (smmu: Smmuv3Abilities) => {
    const found = lookup(cd({ had0: 1 }), unit("smmuv3", "linear", able(smmu)), device, null);
    return "first" in found ? found.first[0] : null;
  };
  it("are ignored where HAD0 says so and the unit knows it", () => {
    expect(root({ hierarchyOff: true })).toMatchObject({ tablePermissions: "ignore" });
    expect(root({ hierarchyOff: false })).not.toHaveProperty("tablePermissions");
  });
});

describe("codes", () => {
  const codes = (rows: readonly Row[]) => new Set(rows.map(([, e]) => Number(e)).filter((n) => !Number.isNaN(n)));
  it("each has words", () => {
    for (const code of [...codes(inLegacy), ...codes(inScalable)]) expect(faultReasons[code]).toBeDefined();
    for (const code of codes(inSmmu)) expect(smmuEvents[code]).toBeDefined();
    const amd = Object.values(amdEvents).map((e) => e.code);
    for (const code of codes(inAmd)) expect(amd).toContain(code);
  });
});
