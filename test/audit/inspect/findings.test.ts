/** Each rule on a machine that breaks it, and on one that does not. */
import { expect, test } from "vitest";
import type { Weight } from "../../../src/audit/inspect/facts/inspection.js";
import type { BusDevice, Known, Uncovered } from "../../../src/audit/inspect/facts/known.js";
import { findingsOf, reachRules } from "../../../src/audit/inspect/findings/rules.js";
import type { Place } from "../../../src/audit/inspect/place.js";
import { holes } from "../../../src/audit/inspect/places/outside.js";
import { mfn } from "../../../src/base/frame.js";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import type { Trouble } from "../../../src/table/trouble.js";
import { device, frames, machine, type Row, ranges, tableAt, unit } from "./machine.js";

const buffer = ranges([0xfffff000, 0x5000000, 4096]);
const other = ranges([0xfffff000, 0x6000000, 4096]);
const calm = machine([device(0x18, buffer), device(0x20, other)]);
const trouble: Trouble = {
  kind: "cycle",
  entryAt: 0x203018,
  value: "0x203003",
  iova: 0,
  level: 2,
  what: "expected a table of its own, found one that is being walked",
};
const nic: BusDevice = {
  segment: 0,
  requester: 0x18,
  about: "8086:100e",
  bars: [{ from: 0xfeb00000, to: 0xfeb20000 }],
  buses: null,
};
const nicWindow = { kind: "window", what: "a window of 0000:00:03.0", from: 0xfeb00000, to: 0xfeb20000 } as const;
const its: Place = {
  kind: "translated interrupts",
  what: "an interrupt translation service (GIC ITS)",
  ...{ from: 0x8080000, to: 0x80a0000 },
};
const wide = ranges([0, 0xfed00000, 0x100000]);
const amd = { ...unit, kind: "amdvi" } as const;
/** An entry of zeros but for V: IV is 0. */
const amdOpen = {
  entries: [{ at: 0, words: Uint32Array.of(1, 0, 0, 0, 0, 0, 0, 0), about: DeviceEntry.$, meaning: "" }],
};
const rmrr = (first: number, last: number) => ({
  ...{ kind: "RMRR", from: 0x7000, to: 0x9000 },
  devices: [{ segment: 0, first, last }],
});
const lookedUp = (more: object) => ({ device: nic, outcome: more }) as unknown as Uncovered;

interface Case {
  readonly rule: string;
  readonly when: string;
  readonly known: Known;
  readonly weight: Weight;
  readonly says: RegExp;
  /** The same but for what the rule looks at. */
  readonly but: Known;
}

const cases: readonly Case[] = [
  {
    rule: "missing-table",
    when: "a unit's own table is not in the image",
    known: machine([], { unread: [0], whole: null, unitTroubles: [[{ ...trouble, kind: "outside" }]] }),
    weight: "trouble",
    says: /nothing is known of unit 0: its table is not in the image/,
    but: calm,
  },
  {
    rule: "missing-table",
    when: "a unit's own table is not in what is left of the image",
    known: machine([], { unread: [0], whole: null, isPartial: true }),
    weight: "unproven",
    says: /nothing is known of unit 0.*parts of the image are missing/s,
    but: calm,
  },
  {
    rule: "strange-registers",
    when: "firmware lists units elsewhere",
    known: machine([], { strangers: [0], unread: [0], unitTroubles: [[{ ...trouble, kind: "outside" }]] }),
    weight: "unproven",
    says: /nothing is known of unit 0: firmware lists no unit.*0xfed90000.*another machine/s,
    but: calm,
  },
  {
    rule: "empty-table",
    when: "a unit translates for nobody",
    known: machine([]),
    weight: "unproven",
    says: /the table of unit 0 names no device.*0x100000.*another machine or moment/s,
    but: machine([], { units: [{ ...unit, translating: false }] }),
  },
  {
    rule: "empty-table",
    when: "its entries are zeros",
    known: machine([], { units: [{ ...unit, kind: "amdvi" }] }),
    weight: "unproven",
    says: /an entry of zeros lets its device pass/,
    but: machine([device(0x18, buffer, { unit: 1 })], { units: [unit, unit] }),
  },
  {
    rule: "unit-unknown",
    when: "only a scan says that tables are there",
    known: { ...calm, units: [{ ...unit, found: "scan", translating: null, interruptRemapping: null }] },
    weight: "unproven",
    says: /nobody says whether unit 0 translates and remaps interrupts.*0x100000.*switched off, or left over/s,
    but: calm,
  },
  {
    rule: "unit-unknown",
    when: "the status is not among the registers",
    known: { ...calm, units: [{ ...unit, kind: "smmuv3", translating: null, interruptRemapping: null }] },
    weight: "unproven",
    says: /nobody says whether unit 0 translates\n.*CR0/s,
    but: { ...calm, units: [{ ...unit, kind: "smmuv3", interruptRemapping: null }] },
  },
  {
    rule: "unit-unknown",
    when: "a root was given by hand",
    known: { ...calm, units: [{ ...unit, found: "given", translating: null }] },
    weight: "unproven",
    says: /--root says where its tables are/,
    but: { ...calm, units: [{ ...unit, found: "given", translating: false }] },
  },
  {
    rule: "other-machine",
    when: "registers of an x86 unit come with an image of an Arm machine",
    known: machine([device(0x18, buffer)], { machine: "aarch64" }),
    weight: "trouble",
    says: /unit 0 is of kind vtd, and the image is of aarch64/,
    but: machine([device(0x18, buffer)], { machine: "x86-64" }),
  },
  {
    rule: "identity",
    when: "a device passes through",
    known: machine([device(0x18, null, { state: "identity", domain: 1 })]),
    weight: "trouble",
    says: /1 device pass.* unit 0 .*0000:00:03\.0/s,
    but: machine([device(0x18, null, { state: "identity", allow: 0 })]),
  },
  {
    rule: "bypass",
    when: "the unit does not look",
    known: machine([device(0x18, null, { state: "bypass" })]),
    weight: "trouble",
    says: /does not look at 1 device/,
    but: machine([device(0x18, null)]),
  },
  {
    rule: "blocked",
    when: "entries let nothing through",
    known: machine(Array.from({ length: 40 }, (_, i) => device(i, null))),
    weight: "note",
    says: /40 requesters of unit 0 reach nothing.*0000:00:00\.0, .* and 34 more/s,
    but: calm,
  },
  {
    rule: "ats-trusted",
    when: "an entry lets translated requests through",
    known: machine([device(0x18, buffer, { ats: true })]),
    weight: "unproven",
    says: /1 device may send addresses as already translated.*TT 1/s,
    but: calm,
  },
  {
    rule: "alias",
    when: "two requesters share a table",
    known: machine([device(0xf8, buffer), device(0xfa, buffer)]),
    weight: "note",
    says: /2 requesters share one table.*0000:00:1f\.0 and 0000:00:1f\.2/s,
    but: machine([device(0x18, buffer, { pasid: 0 }), device(0x18, buffer, { pasid: 1 })]),
  },
  {
    rule: "domain-clash",
    when: "one domain names two tables",
    known: machine([device(0x18, buffer, { domain: 7 }), device(0x20, other, { domain: 7 })]),
    weight: "trouble",
    says: /domain 7 of unit 0 names two different tables/,
    but: machine([
      device(0x18, buffer, { domain: 7, second: tableAt(0x200000) }),
      device(0x20, buffer, { domain: 7, second: tableAt(0x200000) }),
    ]),
  },
  {
    rule: "uncovered",
    when: "a device on the bus is in no unit's scope",
    known: { ...calm, uncovered: [{ device: nic, outcome: null }] },
    weight: "trouble",
    says: /1 device on the bus is outside the scope.*8086:100e/s,
    but: calm,
  },
  {
    rule: "uncovered",
    when: "the list lacks who has entries",
    known: { ...calm, bus: [nic], uncovered: [{ device: nic, outcome: null }] },
    weight: "trouble",
    says: /or the list is of another machine: it lacks 0000:00:04\.0, which the tables let through/,
    but: { ...calm, bus: [nic, { ...nic, requester: 0x20 }] },
  },
  {
    rule: "no-entry",
    when: "a device on the bus has none and is refused",
    known: { ...calm, uncovered: [lookedUp({ code: 2, why: "the context entry is not present" })] },
    weight: "note",
    says: /no entry: what it sends is refused by the unit.*the context entry is not present/s,
    but: calm,
  },
  {
    rule: "no-entry",
    when: "a device on the bus has none and is let through",
    known: { ...calm, uncovered: [lookedUp({ state: "bypass", why: "V is 0" })] },
    weight: "trouble",
    says: /no entry: what it sends passes.*V is 0/s,
    but: calm,
  },
  {
    rule: "unknown-unit",
    when: "nobody says which unit a device is behind",
    known: { ...calm, unplaced: [{ device: nic, why: "the buses below bridge 20:00.0 are not given" }] },
    weight: "unproven",
    says: /unknown which unit 1 device on the bus is behind.*8086:100e.*below bridge 20:00\.0/s,
    but: { ...calm, unplaced: [] },
  },
  {
    rule: "sends-as",
    when: "a device is behind a VMD endpoint",
    known: { ...calm, senders: [{ device: { ...nic, segment: 0x10000 }, as: [{ segment: 0, requester: 0x70 }] }] },
    weight: "note",
    says: /1 device sends as 0000:00:0e\.0.*10000:00:03\.0/s,
    but: { ...calm, senders: [] },
  },
  {
    rule: "root-functions",
    when: "a root complex is in no unit's scope",
    known: { ...calm, rootFunctions: [nic] },
    weight: "note",
    says: /a root complex or IOMMU is in no unit's scope, as usual.*0000:00:03\.0/s,
    but: { ...calm, rootFunctions: [] },
  },
  {
    rule: "reserved-unknown",
    when: "firmware's region is for a device behind a bridge of which nobody knows the bus",
    known: {
      ...calm,
      reserved: [{ kind: "RMRR", from: 0x7000, to: 0x9000, devices: [], unknown: ["00:1c.7 → 00.0"] }],
    },
    weight: "note",
    says: /1 region of the firmware is for devices behind bridges.*0x7000 to 0x8fff.*00:1c\.7 → 00\.0/s,
    but: { ...calm, reserved: [{ kind: "RMRR", from: 0x7000, to: 0x9000, devices: [] }] },
  },
  {
    rule: "stale-entry",
    when: "an entry is for nobody",
    known: { ...calm, bus: [nic] },
    weight: "note",
    says: /1 entry .*0000:00:04\.0/s,
    but: { ...calm, bus: [nic, { ...nic, requester: 0x20 }] },
  },
  {
    rule: "unit-off",
    when: "a unit does not translate",
    known: { ...calm, units: [{ ...unit, translating: false }] },
    weight: "trouble",
    says: /unit 0 does not translate.*0xfed90000.*TES is 0/s,
    but: { ...calm, units: [{ ...unit, translating: null }] },
  },
  {
    rule: "interrupt-remapping-off",
    when: "interrupts pass as they are",
    known: { ...calm, units: [{ ...unit, interruptRemapping: false }] },
    weight: "unproven",
    says: /does not remap interrupts/,
    but: { ...calm, units: [{ ...unit, interruptRemapping: null }] },
  },
  {
    rule: "interrupt-remapping-off",
    when: "a device on the bus reaches nothing and may raise anything",
    known: machine([device(0x18, null, amdOpen), device(0x20, null, amdOpen)], { units: [amd], bus: [nic] }),
    weight: "unproven",
    says: /unit 0 does not remap the interrupts of 1 device\n0000:00:03\.0\n/,
    but: machine([device(0x18, null, amdOpen), device(0x20, null, amdOpen)], { units: [amd] }),
  },
  {
    rule: "interrupts-unchecked",
    when: "entries of the interrupt table are for anybody",
    known: { ...calm, uncheckedInterrupts: [{ unit: 0, present: 9, unchecked: 2, missing: 0 }] },
    weight: "unproven",
    says: /2 of 9 entries of the interrupt table of unit 0 are for any device.*SVT/s,
    but: calm,
  },
  {
    rule: "no-unit",
    when: "firmware lists none",
    known: machine([], { units: [] }),
    weight: "trouble",
    says: /firmware lists no IOMMU: every device reaches all of memory.*hypervisor/s,
    but: machine([device(0x18, buffer)]),
  },
  {
    rule: "broken-table",
    when: "a page table has a cycle",
    known: machine([device(0x18, buffer, { troubles: [trouble, trouble] })]),
    weight: "trouble",
    says: /leads back to itself \(2 times\).*0000:00:03\.0: entry at 0x203018, 0x203003/s,
    but: calm,
  },
  {
    rule: "broken-table",
    when: "a device table has reserved bits",
    known: { ...calm, unitTroubles: [[{ ...trouble, kind: "reserved" }]] },
    weight: "trouble",
    says: /reserved bits.*device tables of unit 0/s,
    but: { ...calm, unitTroubles: [[]] },
  },
  {
    rule: "broken-table",
    when: "no entry of a unit's table can be believed",
    known: machine([], { unitTroubles: [[{ ...trouble, kind: "reserved" }]], unbelieved: [0] }),
    weight: "trouble",
    says: /reserved bits.*the registers are of another machine or moment \(--scan/s,
    but: { ...calm, unitTroubles: [[]] },
  },
  {
    rule: "broken-table",
    when: "a limit left pages out",
    known: machine([device(0x18, buffer, { troubles: [{ ...trouble, kind: "limit" }], everyPage: false })]),
    weight: "unproven",
    says: /beyond the limit of this tool/,
    but: calm,
  },
  {
    rule: "broken-table",
    when: "a limit left out addresses, and no page",
    known: machine([device(0x18, buffer, { troubles: [{ ...trouble, kind: "limit" }] })]),
    weight: "note",
    says: /beyond the limit of this tool/,
    but: calm,
  },
  {
    rule: "broken-table",
    when: "a limit left out devices",
    known: { ...calm, unitTroubles: [[{ ...trouble, kind: "limit" }]] },
    weight: "unproven",
    says: /beyond the limit of this tool.*device tables of unit 0/s,
    but: calm,
  },
  {
    rule: "broken-table",
    when: "the image may lack what a pointer leads to",
    known: { ...calm, whole: null, unitTroubles: [[{ ...trouble, kind: "outside" }]] },
    weight: "unproven",
    says: /outside the memory of the image/,
    but: { ...calm, unitTroubles: [[]] },
  },
  {
    rule: "table-writable",
    when: "a device may write to a page table",
    known: { ...calm, tables: frames("page table", 0x4fff000, 0x5000000, 0x6001000) },
    weight: "trouble",
    says: /write to 1 frame .*page table.*0000:00:03\.0: first at 0x5000000/s,
    but: machine([device(0x18, ranges([0, 0x5000000, 4096, 1]))], { tables: frames("page table", 0x5000000) }),
  },
  {
    rule: "table-writable",
    when: "not of what a guest keeps itself",
    known: machine([device(0x18, buffer, { stage: "nested" })], { tables: frames("page table", 0x5000000) }),
    weight: "trouble",
    says: /write to 1 frame/,
    but: machine([device(0x18, buffer, { stage: "nested" })], { tables: frames("device table", 0x5000000) }),
  },
  {
    rule: "exclusion-range",
    when: "registers say that a range passes untranslated",
    known: {
      ...calm,
      registerNotes: [{ rule: "exclusion-range", where: "amdvi", what: "0x1000 passes", why: "EXCL" }],
    },
    weight: "unproven",
    says: /0x1000 passes/,
    but: { ...calm, registerNotes: [{ rule: "unit-off", where: "", what: "said by its own rule", why: "" }] },
  },
  {
    rule: "table-mode",
    when: "registers say that no request passes",
    known: { ...calm, registerNotes: [{ rule: "table-mode", where: "vtd", what: "abort", why: "TTM" }] },
    weight: "note",
    says: /abort/,
    but: calm,
  },
  {
    rule: "silent-entries",
    when: "entries of an AMD-Vi device table are zeros",
    known: {
      ...calm,
      silent: [
        { unit: 0, first: 8, last: 15 },
        { unit: 0, first: 0x100, last: 0x100 },
      ],
    },
    weight: "unproven",
    says: /9 requesters of unit 0 .*0000:00:01\.0 to 0000:00:01\.7 and 0000:01:00\.0.*nobody says which ones do/s,
    but: calm,
  },
  {
    rule: "silent-entries",
    when: "firmware lists the requesters for no unit",
    known: { ...calm, silent: [{ unit: 0, first: 8, last: 9, listed: false }] },
    weight: "note",
    says: /2 requesters of unit 0 would pass untranslated.*relied on is that firmware lists/s,
    but: calm,
  },
  {
    rule: "silent-entries",
    when: "firmware lists the requesters, and nobody says which devices there are",
    known: { ...calm, silent: [{ unit: 0, first: 8, last: 9, listed: true }] },
    weight: "unproven",
    says: /2 requesters of unit 0 would pass untranslated.*firmware lists them, and nobody says/s,
    but: calm,
  },
  {
    rule: "silent-entries",
    when: "the bus says which devices there are",
    known: { ...calm, bus: [nic], silent: [{ unit: 0, first: 8, last: 9, listed: true }] },
    weight: "note",
    says: /2 requesters of unit 0 would pass untranslated.*relied on is that the list of the bus/s,
    but: calm,
  },
  {
    rule: "stale-table",
    when: "a scan finds another root table",
    known: { ...calm, otherTables: [{ kind: "vtd", address: 0x7000, because: "2 of 3 entries lead on" }] },
    weight: "note",
    says: /form of vtd lie at 0x7000.*2 of 3 entries/s,
    but: calm,
  },
  {
    rule: "missing-unit",
    when: "firmware lists one more",
    known: { ...calm, missingUnits: ["vtd with registers at 0xfed91000"] },
    weight: "unproven",
    says: /lists 1 unit that is not read here.*0xfed91000/s,
    but: calm,
  },
  {
    rule: "kernel-text-writable",
    when: "a buffer lies in the kernel's code",
    known: { ...calm, kernel: { from: 0x4000000, to: 0x5000800, how: "as the test says" } },
    weight: "trouble",
    says: /write to 2 KiB of the kernel's code.*0000:00:03\.0.*0x5000000/s,
    but: { ...calm, kernel: { from: 0x4000000, to: 0x5000000, how: "" } },
  },
  {
    rule: "shared-memory",
    when: "two tables lead to one page",
    known: machine([
      device(0x18, ranges([0, 0x5000000, 0x3000], [0x10000, 0x7000000, 4096])),
      device(0x20, ranges([0x9000, 0x5001000, 0x4000], [0x20000, 0x7000000, 4096])),
    ]),
    weight: "note",
    says: /12 KiB in 2 places.*0000:00:03\.0 and 0000:00:04\.0: first at 0x5001000/s,
    but: machine([device(0x18, buffer), device(0x20, buffer)]),
  },
  {
    rule: "identity-range",
    when: "16 MiB are mapped 1:1",
    known: machine([device(0xf8, ranges([0, 0, 2 ** 24]))]),
    weight: "note",
    says: /16 MiB are mapped at their own addresses.*first 0x0 to 0xffffff.*ISA bridge/s,
    but: machine([device(0xf8, ranges([0, 4096, 2 ** 24], [2 ** 30, 2 ** 30 - 4096, 4096]))]),
  },
  {
    rule: "identity-range",
    when: "a quarter of RAM is mapped 1:1: a domain's own",
    known: machine([device(0xf8, ranges([2 ** 28, 2 ** 28, 2 ** 28]))]),
    weight: "note",
    says: /256 MiB are mapped at their own addresses.*all that a domain owns: Xen maps/s,
    but: machine([device(0xf8, ranges([2 ** 28, 0, 2 ** 28]))]),
  },
  {
    rule: "identity-range",
    when: "firmware reserved it",
    known: machine([device(0x10, ranges([2 ** 28, 2 ** 28, 2 ** 28]))], {
      reserved: [{ kind: "RMRR", from: 2 ** 28, to: 2 ** 29, devices: [{ segment: 0, first: 0x10, last: 0x10 }] }],
    }),
    weight: "note",
    says: /firmware reserved this one for the device/,
    but: machine([device(0x10, ranges([2 ** 28, 2 ** 28, 2 ** 19]))]),
  },
  {
    rule: "outside-memory",
    when: "a mapping leads past the end of memory",
    known: machine([device(0x18, ranges([0, 2 ** 30 - 4096, 12288]))]),
    weight: "unproven",
    says: /8 KiB are mapped outside of memory.*0x40000000 to 0x40001fff.*wrong entry/s,
    but: machine([device(0x18, ranges([0, 2 ** 30, 4096]))], { whole: null }),
  },
  {
    rule: "outside-memory",
    when: "only what firmware reserved has a name",
    known: machine([device(0x18, ranges([0, 2 ** 30, 8192]))], {
      reserved: [{ kind: "RMRR", from: 2 ** 30, to: 2 ** 30 + 4096, devices: null }],
    }),
    weight: "unproven",
    says: /4 KiB are mapped outside of memory.*0x40001000 to 0x40001fff/s,
    but: machine([device(0x18, ranges([2 ** 30, 2 ** 30, 4096]))], {
      reserved: [{ kind: "RMRR", from: 2 ** 30, to: 2 ** 30 + 4096, devices: null }],
    }),
  },
  {
    rule: "not-memory",
    when: "a mapping leads into another device",
    known: machine([device(0x20, ranges([0, 0xfeb00000, 4096]))], { places: [nicWindow], whole: null }),
    weight: "unproven",
    says: /a device may write to a window of 0000:00:03\.0.*first at 0xfeb00000/s,
    but: machine([device(0x20, ranges([0, 0xfeb20000, 4096]))], { places: [nicWindow], whole: null }),
  },
  {
    rule: "not-memory",
    when: "devices may write to the registers of a unit",
    known: machine([device(0x18, wide), device(0x20, wide)], {
      places: [{ kind: "unit", what: "the registers of an IOMMU", from: 0xfed90000, to: 0xfed91000 }],
      whole: null,
    }),
    weight: "trouble",
    says: /2 devices may write to the registers of an IOMMU.*0xfed90000.*switch the unit off/s,
    but: machine([device(0x18, ranges([0, 0xfed00000, 0x100000, 1]))], {
      places: [{ kind: "unit", what: "the registers of an IOMMU", from: 0xfed90000, to: 0xfed91000 }],
      whole: null,
    }),
  },
  {
    rule: "not-memory",
    when: "a doorbell tells devices apart",
    known: machine([device(0x18, ranges([0, 0x8090000, 4096]))], { places: [its] }),
    weight: "note",
    says: /may write to an interrupt translation service.*its own interrupts/s,
    but: machine([device(0x18, ranges([0, 0x8070000, 4096]))], { places: [its] }),
  },
  {
    rule: "reserved-missing",
    when: "firmware's region is not mapped",
    known: {
      ...calm,
      reserved: [{ kind: "RMRR", from: 0x7000, to: 0x9000, devices: [{ segment: 0, first: 0x10, last: 0x18 }] }],
    },
    weight: "trouble",
    says: /the RMRR region 0x7000 to 0x8fff \(8 KiB\) is not mapped.*0000:00:03\.0/s,
    but: {
      ...calm,
      reserved: [{ kind: "RMRR", from: 0x7000, to: 0x9000, devices: [{ segment: 0, first: 0x99, last: 0x99 }] }],
    },
  },
  {
    rule: "reserved-missing",
    when: "an entry that blocks is of a device on the bus",
    known: machine([device(0x18, null), device(0x20, null)], { bus: [nic], reserved: [rmrr(0x10, 0x28)] }),
    weight: "trouble",
    says: /the RMRR region .* is not mapped\n0000:00:03\.0\n/,
    but: machine([device(0x18, null), device(0x20, null)], { bus: null, reserved: [rmrr(0x10, 0x28)] }),
  },
  {
    rule: "reserved-mapped",
    when: "firmware's region is mapped",
    known: machine([device(0x18, ranges([0x7000, 0x7000, 4096], [0x8000, 0x8000, 4096, 1]))], {
      reserved: [{ kind: "IVMD", from: 0x7000, to: 0x9000, devices: null }],
    }),
    weight: "note",
    says: /the IVMD region .* is mapped/,
    but: machine([device(0x18, ranges([0x7000, 0x7000, 4096], [0x8000, 0x9000, 4096]))], {
      reserved: [{ kind: "IVMD", from: 0x7000, to: 0x9000, devices: null }],
    }),
  },
];

test.each(cases)("$rule: $when", ({ rule, known, weight, says, but }) => {
  const found = findingsOf(known).filter((f) => f.rule === rule);
  expect(found).toHaveLength(1);
  expect(found[0]!.weight).toBe(weight);
  expect(`${found[0]!.what}\n${found[0]!.where}\n${found[0]!.why}`).toMatch(says);
  expect(findingsOf(but).filter((f) => f.rule === rule)).toEqual([]);
  // What every rule says of both machines, word for word.
  expect({ known: findingsOf(known), but: findingsOf(but) }).toMatchSnapshot();
});

test("every rule has a case, and says in a sentence what it is about", () => {
  const names = reachRules.map((r) => r.name);
  const tested = cases.map((c) => (["exclusion-range", "table-mode"].includes(c.rule) ? "registers" : c.rule));
  expect([...new Set(tested)].sort()).toEqual([...names].sort());
  for (const rule of reachRules) expect(rule.about).toMatch(/^[A-Z].*\.$/);
});

test("nothing is found where nothing is wrong", () => {
  expect(findingsOf(calm)).toEqual([]);
});

test("a root complex that would pass untranslated sends nothing", () => {
  const off = (device: BusDevice) =>
    ({ device, outcome: { state: "bypass", why: "the unit is off" } }) as unknown as Uncovered;
  const host = { ...nic, class: 0x0600 };
  expect(findingsOf({ ...calm, uncovered: [off(host), off({ ...nic, class: 0x0806 })] })).toEqual([]);
  expect(findingsOf({ ...calm, uncovered: [off(host), off(nic)] })).toMatchObject([
    { what: expect.stringMatching(/^1 device on the bus/) },
  ]);
});

test("what a bridge forwards in its own name is no stale entry", () => {
  const bridge = { ...nic, requester: 0x20, buses: { secondary: 5, subordinate: 6 } };
  const behind = machine([device(0x20, buffer), device(0x500, other)], { bus: [bridge] });
  expect(findingsOf(behind)).toEqual([]);
});

test("troubles come first", () => {
  const both = machine([device(0x10, null), device(0x18, null, { state: "identity" })]);
  expect(findingsOf(both).map((f) => f.weight)).toEqual(["trouble", "note"]);
});

test("where the image is whole, what lies outside of memory is not shared memory: every Arm device maps its doorbell", () => {
  const own = (page: number): Row => [0x10000, 0x5000000 + page * 4096, 4096];
  const devices = [1, 2].map((n) => device(n * 8, ranges([0x8000, 0x8090000000, 4096], own(n))));
  const arm = machine(devices, { units: [{ ...unit, kind: "smmuv3" }] });
  const found = findingsOf(arm);
  expect(found.map((f) => f.rule)).toEqual(["outside-memory"]);
  expect(found[0]!.where).toMatch(/^0000:00:01\.0 and 0000:00:02\.0: first 0x8090000000/);
  expect(found[0]!.why).toMatch(/doorbell/);
  expect(findingsOf({ ...arm, whole: null }).map((f) => f.rule)).toEqual(["shared-memory"]);
});

test("what has a name is no shared memory, though the image does not hold it", () => {
  const tables = [1, 2].map((n) => device(n * 8, ranges([0x8000, 0x8090000, 4096], [0x10000, n * 0x5000000, 4096])));
  const arm = machine(tables, { units: [{ ...unit, kind: "smmuv3" }], whole: null, places: [its] });
  expect(findingsOf(arm).map((f) => f.rule)).toEqual(["not-memory"]);
});

test("a table of 60,000 devices is judged in a moment", () => {
  const many = Array.from({ length: 60_000 }, (_, i) =>
    device(i, null, { troubles: [], state: i % 2 === 0 ? "identity" : "blocked" }),
  );
  const begin = Date.now();
  expect(findingsOf(machine(many)).length).toBe(2);
  expect(Date.now() - begin).toBeLessThan(3000);
});

test.each([
  [0, 0x1000, [[0, 0x1000]]],
  [0x1000, 0x3000, [[0x2000, 0x3000]]],
  [
    0x1000,
    0x8000,
    [
      [0x2000, 0x5000],
      [0x6000, 0x8000],
    ],
  ],
  [0x5000, 0x6000, []],
  [0x9000, 0xa000, [[0x9000, 0xa000]]],
])("what frames 1 and 5 do not hold of %d to %d", (from, to, expected) => {
  const runs = [
    { first: mfn(1), frameCount: 1 },
    { first: mfn(5), frameCount: 1 },
  ];
  expect(holes(runs, { from, to }).map((h) => [h.from, h.to])).toEqual(expected);
});
