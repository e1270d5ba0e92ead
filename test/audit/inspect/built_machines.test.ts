/** Machines built table by table: nesting, shared tables, tables and code that a device may write, every end of a walk. */
import { describe, expect, test } from "vitest";
import { Gathered } from "../../../src/audit/inspect/acpi/reading.js";
import { parseDeviceAddress } from "../../../src/audit/inspect/device_name.js";
import { type InspectInput, inspectImage } from "../../../src/audit/inspect/image/inspect_image.js";
import { walkAnswer } from "../../../src/audit/inspect/walk/walk_device.js";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import { StreamEntry } from "../../../src/spec/smmuv3/stream_table.js";
import { ContextEntry, ScalableContextEntry } from "../../../src/spec/vtd/context_entry.js";
import { InterruptEntry } from "../../../src/spec/vtd/interrupt_entry.js";
import { PasidDirectoryEntry, PasidEntry } from "../../../src/spec/vtd/pasid.js";
import { RootEntry, ScalableRootEntry } from "../../../src/spec/vtd/root_entry.js";
import { NestedView, type TableRoot } from "../../../src/table/index.js";
import { Built, unit } from "../../table/device/built.js";
import { guestMemory } from "../../table/machines.js";
import { whole } from "../../whole.js";
import { framesFrom, imageOf, mapAll } from "./built_image.js";

const second = (address: number): TableRoot => ({
  ...{ format: "vtd-ss", address, level: 3, inputBits: 48, upper: "zero", outputBits: 48, allow: 3 },
});

function look(built: Built, units: InspectInput["units"], more: Partial<InspectInput> = {}) {
  return inspectImage({ file: "built", image: imageOf(built.memory), units, notes: [], ...more });
}

/** VT-d legacy: 00:03.0 and 00:04.0, each with a table of its own at 0x10000 and 0x20000. */
function legacy(...tables: Parameters<typeof mapAll>[3][]): Built {
  const built = new Built().put(0x1000, RootEntry, { p: 1, frame: 2 });
  const allocate = framesFrom(built.memory, 0x100);
  for (const [i, rows] of tables.entries()) {
    const at = 0x10000 * (i + 1);
    built.put(0x2000 + (0x18 + 8 * i) * 16, ContextEntry, { p: 1, frame: at / 4096, aw: 2, did: 5 + i });
    mapAll(built.memory, second(at), allocate, rows);
  }
  return built;
}
const legacyUnit = unit("vtd", "legacy", { translating: true });
/** Inspections and walks are also compared whole with those that were written down. */
function rules(found: ReturnType<typeof look>): string[] {
  expect(whole(found.inspection)).toMatchSnapshot();
  return found.inspection.findings.map((f) => f.rule);
}
function walked(found: ReturnType<typeof look>, at: string) {
  const answer = walkAnswer(found, parseDeviceAddress(at));
  expect(whole(answer)).toMatchSnapshot();
  return answer;
}
const endOf = (built: Built, units: InspectInput["units"], at: string) => walked(look(built, units), at);

describe("nesting: a guest's first stage over the host's second", () => {
  const guestBase = 0x800000;
  const built = new Built()
    .put(0x1000, ScalableRootEntry, { lowerP: 1, lower: 2 })
    .put(0x2000 + 0x18 * 32, ScalableContextEntry, { p: 1, frame: 3, pdts: 0 })
    .put(0x3000, PasidDirectoryEntry, { p: 1, frame: 4 })
    .put(0x4000, PasidEntry, { p: 1, pgtt: 3, aw: 2, ssFrame: 0x10, fsFrame: 0x30, did: 9 });
  // Guest memory 0 to 4 MiB lies at 8 MiB; guest page 0x50 is read-only.
  mapAll(built.memory, second(0x10000), framesFrom(built.memory, 0x100), [
    [0, guestBase, 0x50000],
    [0x50000, guestBase + 0x50000, 0x1000, 1],
    [0x51000, guestBase + 0x51000, 0x3af000],
  ]);
  built.memory.write(guestBase, new Uint8Array(0x100000));
  const guest = new NestedView(built.memory, second(0x10000));
  const first = { ...second(0x30000), format: "vtd-fs", upper: "sign" } as const;
  const inGuest = { write: () => {}, ...guestMemory((m) => guest.frame(m as never)) };
  let next = 0x31;
  mapAll(inGuest, first, () => next++, [
    [0x7000_0000, 0x60000, 0x2000],
    [0x7000_2000, 0x50000, 0x1000],
    // The guest lets its device write to its own first-stage top table.
    [0x7000_3000, 0x30000, 0x1000],
  ]);
  const scalable = unit("vtd", "scalable", { translating: true });
  const found = look(built, [scalable]);

  test("what the device reaches is in the machine's memory, with the lesser permission", () => {
    const [device] = found.inspection.devices;
    expect(device).toMatchObject({ requester: 0x18, pasid: 0, stage: "nested", domain: 9, state: "translated" });
    const { ranges } = device!;
    const rows = Array.from({ length: ranges!.count }, (_, n) => [
      ranges!.iova[n],
      ranges!.paddr[n],
      ranges!.bytes[n],
      ranges!.allow[n],
    ]);
    expect(rows).toEqual([
      [0x7000_0000, guestBase + 0x60000, 0x2000, 3],
      [0x7000_2000, guestBase + 0x50000, 0x1000, 1],
      [0x7000_3000, guestBase + 0x30000, 0x1000, 3],
    ]);
  });

  test("a guest's own tables are its own business", () => expect(rules(found)).not.toContain("table-writable"));

  test("a walk shows what found each table of the first stage, and the second stage at its end", () => {
    const answer = walked(found, "00:03.0:0x70000123");
    expect(answer.end).toMatchObject({ kind: "page", paddr: BigInt(guestBase + 0x60123), bytes: 4096, allow: 3 });
    const stages = answer.steps.map((s) => s.stage);
    expect(stages.filter((s) => s === "device")).toHaveLength(4);
    expect(stages.filter((s) => s === "first")).toHaveLength(4);
    // Four levels for each of the four first-stage entries, and four for the page.
    expect(stages.filter((s) => s === "second")).toHaveLength(20);
    expect(stages.slice(4, 9)).toEqual(["second", "second", "second", "second", "first"]);
  });

  test("a page that the second stage makes read-only refuses writes, with the code of that", () => {
    const { end } = walked(found, "00:03.0:0x70002000");
    expect(end).toMatchObject({ kind: "page", allow: 1, refusals: [{ access: "write", fault: { code: 0x79 } }] });
  });
});

describe("what a device may write", () => {
  test("its own second-stage table is trouble", () => {
    const found = look(
      legacy([
        [0, 0x400000, 0x1000],
        [0x1000, 0x10000, 0x1000],
      ]),
      [legacyUnit],
    );
    expect(found.inspection.findings.find((f) => f.rule === "table-writable")).toMatchObject({
      weight: "trouble",
      where: "0000:00:03.0: first at 0x10000",
    });
  });

  test("the root table is too; to read it is not", () => {
    expect(rules(look(legacy([[0, 0x1000, 0x1000, 2]]), [legacyUnit]))).toContain("table-writable");
    expect(rules(look(legacy([[0, 0x1000, 0x1000, 1]]), [legacyUnit]))).not.toContain("table-writable");
  });

  test.each(["queue", "interrupt table"] as const)(
    "of the unit: a writable %s is trouble; one beside the page is not",
    (use) => {
      const built = legacy([[0, 0x400000, 0x1000]]);
      const at = (from: number) => look(built, [legacyUnit], { unitMemory: [{ use, from, to: from + 0x100 }] });
      expect(at(0x400f00).inspection.findings.find((f) => f.rule === "table-writable")).toMatchObject({
        what: expect.stringContaining(`(${use})`),
        where: "0000:00:03.0: first at 0x400000",
      });
      expect(rules(at(0x401000))).not.toContain("table-writable");
    },
  );

  test("AMD-Vi: the table of interrupts that its entry names is trouble, and interrupts that pass are told", () => {
    const of = (interrupts: object) => {
      const built = new Built().put(0x1000 + 0x18 * 32, DeviceEntry, {
        ...{ v: 1, tv: 1, mode: 4, frame: 0x10, ir: 1, iw: 1, did: 5 },
        ...interrupts,
      });
      mapAll(built.memory, { ...second(0x10000), format: "amdvi-v1" }, framesFrom(built.memory, 0x100), [
        [0, 0x400000, 0x1000],
      ]);
      return rules(look(built, [unit("amdvi", "v1", { size: 4096, translating: true })]));
    };
    expect(of({ iv: 0 })).toEqual(["silent-entries", "interrupt-remapping-off"]);
    expect(of({ iv: 1, intCtl: 1 })).toContain("interrupt-remapping-off");
    expect(of({ iv: 1, intCtl: 2, intTabLen: 8, intRoot: 0x401000 / 64 })).toEqual(["silent-entries"]);
    expect(of({ iv: 1, intCtl: 2, intTabLen: 8, intRoot: 0x400000 / 64 })).toContain("table-writable");
  });

  test("two devices with tables of their own that lead to one page", () => {
    const found = look(legacy([[0, 0x400000, 0x2000]], [[0x9000, 0x401000, 0x1000]]), [legacyUnit]);
    expect(found.inspection.findings.find((f) => f.rule === "shared-memory")).toMatchObject({
      place: { paddr: 0x401000, bytes: 4096 },
      devices: [0, 1],
    });
  });

  test("a bus without context table is a trouble of the unit, and the rest is answered", () => {
    const built = legacy([[0, 0x400000, 0x1000]]).put(0x1000 + 16, RootEntry, { p: 1, frame: 0x3fff0 });
    const { inspection } = look(built, [legacyUnit]);
    expect(inspection.unitTroubles![0]).toMatchObject([{ kind: "outside" }]);
    expect(inspection.devices).toHaveLength(1);
    expect(inspection.findings.find((f) => f.rule === "broken-table")?.where).toMatch(
      /^device tables of unit 0: entry at 0x1010/,
    );
  });
});

test("addresses up to the last one of 64 bits, and memory up to the last page of 52, are exact", () => {
  const built = new Built().put(0x1000 + 0x18 * 32, DeviceEntry, {
    ...{ v: 1, tv: 1, mode: 6, frame: 0x10, ir: 1, iw: 1, did: 5 },
    ...{ iv: 1, intCtl: 2 },
  });
  const top = {
    ...second(0x10000),
    format: "amdvi-v1",
    level: 5,
    inputBits: 64,
    upper: "zero",
    outputBits: 52,
  } as const;
  const last = 2 ** 52 - 4096;
  mapAll(built.memory, top, framesFrom(built.memory, 0x100), [
    [2 ** 64 - 8192, 0x400000, 0x1000],
    [2 ** 64 - 4096, last, 0x1000],
  ]);
  const amd = unit("amdvi", "v1", { size: 4096, translating: true, outputBits: 52 });
  const { index, inspection } = look(built, [amd]);
  expect(index.at(0x400ff8).map((h) => h.iova)).toEqual([0xffff_ffff_ffff_eff8n]);
  expect(index.at(last + 0xff8).map((h) => h.iova)).toEqual([0xffff_ffff_ffff_fff8n]);
  expect(index.at(last + 4096)).toEqual([]);
  expect(inspection.devices[0]!.ranges!.byteCount).toBe(8192);
  expect(endOf(built, [amd], "00:03.0:0xfffffffffffffff8")).toMatchObject({ end: { paddr: BigInt(last) + 0xff8n } });
  expect(endOf(built, [amd], "00:03.0:0xffffffffffffdff8").end.kind).toBe("fault");
});

test("of a unit whose registers are where firmware lists none nothing is believed", () => {
  const listing = (registersAt: number) => {
    const acpi = new Gathered();
    const listed = { kind: "vtd", registersAt, segment: 0, includeAll: true, scopes: [], requester: null } as const;
    acpi.units.push(listed);
    return look(legacy([[0, 0x400000, 0x1000]]), [{ ...legacyUnit, registersAt: 0xfed90000 }], { acpi }).inspection;
  };
  const [own, other] = [listing(0xfed90000), listing(0xfeb80000)];
  expect([own.devices.length, other.devices.length]).toEqual([1, 0]);
  expect(own.findings.map((f) => f.rule)).not.toContain("strange-registers");
  expect(other.findings.map((f) => f.rule)).toEqual(["strange-registers", "missing-unit"]);
  expect(other.unreadUnits).toEqual([0]);
});

test.each([
  [
    "checked by requester",
    [
      { p: 1, svt: 1, sid: 0x18 },
      { p: 0, svt: 0 },
    ],
    [],
  ],
  [
    "for anybody",
    [
      { p: 1, svt: 1, sid: 0x18 },
      { p: 1, svt: 0 },
      { p: 1, svt: 2 },
    ],
    ["1 of 3 entries"],
  ],
])("VT-d: entries of the interrupt table %s", (_, entries, said) => {
  const built = legacy([[0, 0x400000, 0x1000]]);
  for (const [n, entry] of entries.entries()) built.put(0x90000 + n * 16, InterruptEntry, entry);
  const remapping = { ...legacyUnit, interruptRemapping: true, interruptTable: 0x90000 };
  const unitMemory = [{ use: "interrupt table", from: 0x90000, to: 0x91000 } as const];
  const { findings } = look(built, [remapping], { unitMemory }).inspection;
  const found = findings.filter((f) => f.rule === "interrupts-unchecked");
  expect(found.map((f) => /^\d+ of \d+ entries/.exec(f.what)?.[0])).toEqual(said);
});

test("VT-d: an interrupt table that the image does not hold, or that nobody knows, is not shown to check anybody", () => {
  const built = legacy([[0, 0x400000, 0x1000]]);
  const remapping = { ...legacyUnit, interruptRemapping: true, interruptTable: 0x7fff_0000_0000 };
  const unitMemory = [{ use: "interrupt table", from: 0x7fff_0000_0000, to: 0x7fff_0000_1000 } as const];
  const said = (input: object) =>
    look(built, [remapping], input).inspection.findings.filter((f) => f.rule === "interrupts-unchecked");
  expect(said({ unitMemory }).map((f) => [f.weight, f.what])).toEqual([
    ["unproven", "the interrupt table of unit 0 is not whole in the image"],
  ]);
  expect(said({}).map((f) => f.what)).toEqual(["the interrupt table of unit 0 is not known"]);
});

describe("units that share device tables", () => {
  test("their devices are listed once, and that is said", () => {
    const built = new Built().put(0x1000 + 0x18 * 32, DeviceEntry, { v: 1, tv: 1, mode: 0, ir: 1 });
    const amd = unit("amdvi", "v1", { translating: true });
    const { inspection } = look(built, [amd, { ...amd, registersAt: 0xfeb80000 }]);
    expect(inspection.devices.map((d) => [d.requester, d.unit, d.state, d.allow])).toEqual([[0x18, 0, "identity", 1]]);
    expect(inspection.source.notes).toContain(
      "unit 1 has the same device tables as unit 0: its devices are listed there",
    );
    expect(inspection.findings.find((f) => f.rule === "silent-entries")?.what).toMatch(/^127 requesters of unit 0/);
  });
});

test("the tables of a unit that is off are without effect, and are not judged", () => {
  const built = new Built().put(0x1000, RootEntry, { p: 1, frame: 0x3fff0 }).bit(0x1000 + 16, 5);
  const off = look(built, [{ ...legacyUnit, translating: false }]).inspection;
  expect(off.findings.map((f) => f.rule)).toEqual(["unit-off"]);
  expect(look(built, [legacyUnit]).inspection.findings.map((f) => f.rule)).toContain("broken-table");
});

test("a unit that is off and was never given a table has no devices, whatever lies at address 0", () => {
  const built = new Built().bit(0x18 * 32, 0).bit(0x18 * 32, 1);
  const off = unit("amdvi", "v1", { root: 0, size: 4096, translating: false });
  expect(look(built, [off]).inspection).toMatchObject({ devices: [], findings: [{ rule: "unit-off" }] });
  expect(look(built, [{ ...off, root: 0x1000 }]).inspection.devices).toEqual([]);
  expect(look(built, [{ ...off, translating: true }]).inspection.devices).not.toEqual([]);
});

describe("how walks end", () => {
  const mapped = legacy([
    [0x10000, 0x400000, 0x1000, 1],
    [0xfee00000, 0x401000, 0x1000],
  ]);
  test("in a page, and a write to a read-only one is refused with the unit's code", () => {
    expect(endOf(mapped, [legacyUnit], "00:03.0:10abc")).toMatchObject({
      end: {
        kind: "page",
        paddr: 0x400abcn,
        allow: 1,
        refusals: [{ access: "write", fault: { code: 5, name: "fault reason 0x5" } }],
      },
    });
  });

  test("in a fault whose code depends on the access", () => {
    const { end } = endOf(mapped, [legacyUnit], "00:03.0:0x11000");
    expect(end).toMatchObject({
      kind: "fault",
      fault: { code: 6, why: expect.stringMatching(/a write is recorded with code 5/) },
    });
  });

  test("beyond the table's width", () => {
    expect(endOf(mapped, [legacyUnit], "00:03.0:0x8000000000000000")).toMatchObject({ end: { fault: { code: 4 } } });
  });

  test("in an interrupt: no table is read for its address", () => {
    const { end, steps } = endOf(mapped, [legacyUnit], "00:03.0:0xfee00000");
    expect(end).toMatchObject({ kind: "fault", fault: { code: null, name: "interrupt message" } });
    expect(steps.map((s) => s.stage)).toEqual(["device", "device"]);
    const through = new Built().put(0x1000, RootEntry, { p: 1, frame: 2 });
    through.put(0x2000 + 0x18 * 16, ContextEntry, { p: 1, tt: 2, aw: 2, did: 5 });
    expect(endOf(through, [legacyUnit], "00:03.0:0xfee00000").end).toMatchObject({
      fault: { name: "interrupt message" },
    });
    expect(endOf(through, [legacyUnit], "00:03.0:0xfef00000").end).toMatchObject({ kind: "page", allow: 3 });
  });

  test("without an entry for the device", () => {
    const { end, state, attachment } = endOf(mapped, [legacyUnit], "00:1f.0:0");
    expect([state, attachment]).toEqual([null, null]);
    expect(end).toMatchObject({ fault: { code: 2, words: "the context entry of the device is not present" } });
  });

  test("where it began, when the unit is off or the entry says pass-through", () => {
    const off = endOf(mapped, [{ ...legacyUnit, translating: false }], "00:03.0:0x123456789abc");
    expect(off).toMatchObject({ state: "bypass", end: { kind: "page", paddr: 0x123456789abcn, bytes: 0, allow: 3 } });
    const amd = new Built().put(0x1000 + 0x18 * 32, DeviceEntry, { v: 1, tv: 1, mode: 0, ir: 1 });
    const half = endOf(amd, [unit("amdvi", "v1", { translating: true })], "00:03.0:0x5000");
    expect(half).toMatchObject({
      state: "identity",
      end: { paddr: 0x5000n, allow: 1, refusals: [{ access: "write", fault: { code: 2 } }] },
    });
  });

  test("silently, when an SMMU's entry says abort; with an event, when it is invalid", () => {
    const smmu = unit("smmuv3", "linear", { size: 6, translating: true });
    const built = new Built()
      .put(0x1000 + 0x18 * 64, StreamEntry, { v: 1, config: 0 })
      .put(0x1000 + 0x19 * 64, StreamEntry, { v: 0 });
    expect(endOf(built, [smmu], "00:03.0:0")).toMatchObject({ state: "blocked", end: { fault: { code: null } } });
    expect(endOf(built, [smmu], "00:03.1:0")).toMatchObject({ end: { fault: { code: 4, name: "C_BAD_STE" } } });
    expect(endOf(built, [smmu], "00:1f.0:0")).toMatchObject({ end: { fault: { code: 2, name: "C_BAD_STREAMID" } } });
  });
});
