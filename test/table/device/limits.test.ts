/** The last value that a unit takes, and the first one that it refuses. */
import { describe, expect, it } from "vitest";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import { Gcr3Entry } from "../../../src/spec/amdvi/guest_cr3.js";
import { ContextDescriptor, L1ContextDescriptor } from "../../../src/spec/smmuv3/context_descriptor.js";
import { L1StreamDescriptor, StreamEntry } from "../../../src/spec/smmuv3/stream_table.js";
import type { Attachment, UnitRoot } from "../../../src/table/device/attachment.js";
import { missingRoot, type Smmuv3Abilities } from "../../../src/table/device/index.js";
import { Built, lookup, outcome, unit } from "./built.js";
import {
  cd,
  cdGood,
  contextGood,
  device,
  dte,
  entry,
  legacy,
  legacyGood,
  root,
  scalable,
  ste,
  steSecond,
  table,
  type Values,
  withGcr3,
} from "./entries.js";

/** Frames of 46 bits of physical address. */
const end = 2 ** 34;

type Row = readonly [what: string, build: (n: number) => Built, last: number, then: string, pasid?: number];

/** Up to `last` it is no fault of that code, and one more is. */
function check(u: UnitRoot, rows: readonly Row[]): void {
  for (const [what, build, last, then, pasid = null] of rows) {
    it(what, () => {
      expect(outcome(lookup(build(last), u, device, pasid))).not.toBe(then);
      expect(outcome(lookup(build(last + 1), u, device, pasid))).toBe(then);
    });
  }
}

describe("VT-d, legacy", () => {
  check(unit("vtd", "legacy", { outputBits: 46 }), [
    ["where the context table stands", (frame) => legacy(legacyGood, { p: 1, frame }), end - 1, "0xa"],
    ["where the page table stands", (frame) => legacy({ ...legacyGood, frame }), end - 1, "0xb"],
    ["levels", (aw) => legacy({ ...legacyGood, aw }), 3, "0x3"],
  ]);
});

describe("VT-d, scalable", () => {
  const takes = { ...contextGood, paside: 1 };
  check(unit("vtd", "scalable", { outputBits: 46 }), [
    ["where the context table stands", (lower) => scalable({ root: { lowerP: 1, lower } }), end - 1, "0x3a"],
    ["where the PASID directory stands", (frame) => scalable({ context: { ...contextGood, frame } }), end - 1, "0x42"],
    ["where the PASID table stands", (frame) => scalable({ directory: { p: 1, frame } }), end - 1, "0x52"],
    ["where the second stage stands", (ssFrame) => entry({ ssFrame }), end - 1, "0x5a"],
    ["where the first stage stands", (fsFrame) => entry({ pgtt: 1, fsFrame }), end - 1, "0x5a"],
    ["nested: where the first stage stands", (fsFrame) => entry({ pgtt: 3, fsFrame }), 2 ** 36 - 1, "0x5a"],
    ["nested, three levels", (fsFrame) => entry({ pgtt: 3, aw: 1, fsFrame }), 2 ** 27 - 1, "0x5a"],
    ["translation types", (pgtt) => entry({ pgtt }), 4, "0x5b"],
    ["levels of the second stage", (aw) => entry({ aw }), 3, "0x5b"],
    ["levels of the first stage", (fspm) => entry({ pgtt: 1, fspm }), 1, "0x5b"],
    ["RID_PASID within the directory", (ridPasid) => scalable({ context: { ...contextGood, ridPasid } }), 8191, "0x48"],
  ]);
  it("PASIDs within the directory", () => {
    const asked = (pasid: number, pdts: number) =>
      outcome(lookup(scalable({ context: { ...takes, pdts }, pasid }), unit("vtd", "scalable"), device, pasid));
    expect([asked(8191, 0), asked(8192, 0), asked(16383, 1), asked(16384, 1)]).toEqual([
      ...["translated", "0x46"],
      ...["translated", "0x46"],
    ]);
  });
});

describe("AMD-Vi", () => {
  const u = unit("amdvi", "v1+v2", { outputBits: 46, size: 0x2000 });
  check(u, [
    ["where the host table stands", (frame) => dte({ frame }), end - 1, "0x1"],
    ["levels", (mode) => dte({ mode }), 6, "0x1"],
    ["levels of the GCR3 table", (glx) => withGcr3({ glx }), 2, "0x1"],
    ["levels of guest tables", (guestPagingMode) => withGcr3({ guestPagingMode }), 1, "0x1"],
  ]);
  it("without a host table its place does not count", () => {
    expect(outcome(lookup(dte({ mode: 0, frame: 2 ** 40 - 1 }), u, device, null))).toBe("identity");
  });
  it("the last entry of the device table", () => {
    const built = new Built().put(root + 255 * 32, DeviceEntry, { v: 1, tv: 1, mode: 0, ir: 1, iw: 1 });
    const asked = [254, 255, 256].map((r) => outcome(lookup(built.put(0x3000, DeviceEntry, {}), u, r, null)));
    expect(asked).toEqual(["bypass", "identity", "0x1"]);
    expect(outcome(lookup(built, { ...u, size: 0x1fff }, 255, null))).toBe("0x1");
  });
  it.each([
    ["one level", 0, 511],
    ["two levels", 1, 2 ** 18 - 1],
    ["three levels, of which PASIDs have 20 bits", 2, 2 ** 20 - 1],
  ])("PASIDs of %s", (_, glx, last) => {
    // Each level's last entry, and the one of this PASID, lead to the table itself.
    const built = withGcr3({ glx }, 0, {});
    for (let level = 0; level <= glx; level++) {
      built.put(table + (Math.floor(last / 512 ** level) % 512) * 8, Gcr3Entry, { v: 1, frame: table / 4096 });
    }
    expect(outcome(lookup(built, u, device, last))).toBe("translated");
    const beyond = lookup(built, u, device, last + 1);
    expect([outcome(beyond), beyond.why]).toEqual(["0x2", expect.stringContaining(`beyond the ${glx + 1} levels`)]);
  });
});

describe("SMMUv3", () => {
  const able = (smmu: Smmuv3Abilities) => unit("smmuv3", "linear", { outputBits: 46, size: 6, abilities: { smmu } });
  check(able({}), [
    ["where the descriptors stand", (s1Context) => cd({}, { s1Context }), 2 ** 40 - 1, "0x4"],
    ["where the first stage stands", (ttb0) => cd({ ttb0 }), 2 ** 42 - 1, "0xa"],
    ["where the second stage stands", (s2Ttb) => ste({ ...steSecond, s2Ttb }), 2 ** 42 - 1, "0x4"],
    ["the smallest table", (t0sz) => cd({ t0sz }), 39, "0xa"],
    ["the largest table", (n) => cd({ t0sz: 16 - n }), 0, "0xa"],
    ["the largest table of 64 KiB", (n) => cd({ t0sz: 12 - n, tg0: 1, ttb0: 0 }), 0, "0xa"],
    ["the largest table of 16 KiB", (n) => cd({ t0sz: 16 - n, tg0: 2, ttb0: 0 }), 0, "0xa"],
    ["granules", (tg0) => cd({ tg0, ttb0: 0 }), 2, "0xa"],
    ["granules of TTB1", (n) => cd({ epd0: 1, epd1: 0, tg1: 1 - n, t1sz: 16 }), 0, "0xa"],
    ["descriptors", (s1CdMax) => cd({}, { s1CdMax, s1Dss: 2 }), 20, "0x4"],
  ]);
  check(able({ smallTables: true }), [
    ["the smallest table of 4 KiB", (t0sz) => cd({ t0sz }), 48, "0xa"],
    ["the smallest table of 64 KiB", (t0sz) => cd({ t0sz, tg0: 1, ttb0: 0 }), 47, "0xa"],
    ["the smallest table of 16 KiB", (t0sz) => cd({ t0sz, tg0: 2, ttb0: 0 }), 48, "0xa"],
    ["the smallest second stage from level 0 on", (n) => ste({ ...steSecond, s2Sl0: 3, s2T0sz: n }), 48, "0x4"],
  ]);
  check(able({ wideInputs: false }), [
    ["the largest table of 64 KiB where inputs have 48 bits", (n) => cd({ t0sz: 16 - n, tg0: 1, ttb0: 0 }), 0, "0xa"],
  ]);
  check(able({ wideAsids: false, wideVmids: false }), [
    ["an ASID of 8 bits", (asid) => cd({ asid }), 255, "0xa"],
    ["a VMID of 8 bits", (s2Vmid) => ste({ ...steSecond, s2Vmid }), 255, "0x4"],
  ]);
  check({ ...able({}), abilities: { pasidBits: 6 } }, [
    ["descriptors where substreams have 6 bits", (s1CdMax) => cd({}, { s1CdMax, s1Dss: 2 }), 6, "0x4"],
  ]);

  /** A second stage of so many bits from a start level on. */
  const stage2 = (s2Sl0: number, s2Tg: number) => (bits: number) =>
    ste({ ...steSecond, s2Sl0, s2Tg, s2T0sz: 64 - bits, s2Ttb: 0 });
  const down = (build: (bits: number) => Built, from: number) => (n: number) => build(from - n);
  check(able({ smallTables: true }), [
    ["4 KiB from level 3 on: 16 tables", stage2(3, 0), 25, "0x4"],
    ["4 KiB from level 2 on: 16 tables", stage2(0, 0), 34, "0x4"],
    ["4 KiB from level 2 on: two entries", down(stage2(0, 0), 22), 0, "0x4"],
    ["4 KiB from level 1 on: 16 tables", stage2(1, 0), 43, "0x4"],
    ["4 KiB from level 1 on: two entries", down(stage2(1, 0), 31), 0, "0x4"],
    ["4 KiB from level 0 on: one table", stage2(2, 0), 48, "0x4"],
    ["4 KiB from level 0 on: two entries", down(stage2(2, 0), 40), 0, "0x4"],
    ["16 KiB from level 3 on: 16 tables", stage2(0, 2), 29, "0x4"],
    ["16 KiB from level 2 on: 16 tables", stage2(1, 2), 40, "0x4"],
    ["16 KiB from level 2 on: two entries", down(stage2(1, 2), 26), 0, "0x4"],
    ["16 KiB from level 1 on", stage2(2, 2), 48, "0x4"],
    ["64 KiB from level 3 on: 16 tables", stage2(0, 1), 33, "0x4"],
    ["64 KiB from level 2 on: 16 tables", stage2(1, 1), 46, "0x4"],
    ["64 KiB from level 1 on", stage2(2, 1), 52, "0x4"],
  ]);

  it("streams within the table, and within a descriptor's span", () => {
    const linear = unit("smmuv3", "linear", { size: 5 });
    const built = new Built();
    for (const n of [0, 31, 32]) built.put(root + n * 64, StreamEntry, { v: 1, config: 4 });
    expect([31, 32].map((n) => outcome(lookup(built, linear, n, null)))).toEqual(["bypass", "0x2"]);
    expect(outcome(lookup(built, linear, -1, null))).toBe("0x2");
    const two = unit("smmuv3", "two-level", { root: 0x8000, size: 16, split: 10 });
    built.put(0x8000 + 8, L1StreamDescriptor, { span: 6, l2: root / 64 });
    expect([1024, 1055, 1056].map((n) => outcome(lookup(built, two, n, null)))).toEqual(["bypass", "bypass", "0x2"]);
    // A span may be the whole of what the second level resolves, and 2^10 streams at most.
    const spans = [10, 11, 12].map((span) => {
      built.put(0x8000, L1StreamDescriptor, { span, l2: 0 });
      return outcome(lookup(built, two, 0x40, null));
    });
    expect(spans).toEqual(["bypass", "bypass", "0x2"]);
    expect(outcome(lookup(built, { ...two, split: 9 }, 0, null))).toBe("0x2");
  });

  it("leaves of descriptors within the unit's output", () => {
    const leaf = (frame: number, more: Values = {}) =>
      cd({}, { s1CdMax: 8, s1Fmt: 1, s1Context: 0x6000 / 64, ...more }).put(0x6008, L1ContextDescriptor, {
        v: 1,
        frame,
      });
    expect(outcome(lookup(leaf(end - 1), able({}), device, 64))).toBe("0x9");
    expect(outcome(lookup(leaf(end), able({}), device, 64))).toBe("0x8");
  });

  it.each([
    ["leaves of 4 KiB", 1, 6],
    ["leaves of 64 KiB", 2, 10],
  ])("%s hold so many descriptors", (_, s1Fmt, lg2) => {
    const built = cd({}, { s1CdMax: 12, s1Fmt, s1Context: 0x6000 / 64 });
    for (const [n, frame] of [4, 0x20].entries()) built.put(0x6000 + n * 8, L1ContextDescriptor, { v: 1, frame });
    built.put(0x4000 + (2 ** lg2 - 1) * 64, ContextDescriptor, { ...cdGood, asid: 7 });
    built.put(0x20000, ContextDescriptor, { ...cdGood, asid: 8 });
    const domain = (pasid: number) => (lookup(built, able({}), device, pasid) as Attachment).domain;
    expect([domain(2 ** lg2 - 1), domain(2 ** lg2)]).toEqual([7, 8]);
  });
});

describe("a unit's own table", () => {
  const holding = (at: number) => new Built().put(at, DeviceEntry, { v: 1 }).memory;
  it.each([
    ["VT-d: one page", unit("vtd", "legacy"), 0x1000, 0x1fff],
    ["AMD-Vi: as many bytes as it has", unit("amdvi", "v1", { size: 0x2001 }), 0x1000, 0x3fff],
    ["SMMUv3, linear: 64 bytes a stream", unit("smmuv3", "linear", { root: 0x8000, size: 8 }), 0x8000, 0xbfff],
    [
      "SMMUv3, two-level: 8 bytes a span",
      unit("smmuv3", "two-level", { root: 0x8000, size: 16, split: 6 }),
      0x8000,
      0x9fff,
    ],
    [
      "SMMUv3: what its size makes zero does not count",
      unit("smmuv3", "linear", { root: 0x9040, size: 8 }),
      0x8000,
      0xbfff,
    ],
  ])("%s", (_, u, first, last) => {
    const [from, to] = [Math.floor(first / 4096) * 4096, Math.floor(last / 4096) * 4096];
    expect(missingRoot(holding(from), u)).toBeNull();
    expect(missingRoot(holding(to), u)).toBeNull();
    const where = { kind: "outside", entryAt: u.root, value: "0x0", iova: null, level: null };
    expect(missingRoot(holding(from - 4096), u)).toMatchObject(where);
    expect(missingRoot(holding(to + 4096), u)).toMatchObject(where);
  });
  it("none is needed by a unit that aborts, or whose mode is reserved", () => {
    for (const mode of ["abort", "reserved"]) expect(missingRoot(holding(0x9000), unit("vtd", mode))).toBeNull();
    expect(missingRoot(holding(0x9000), unit("vtd", "scalable"))?.what).toContain("root table");
  });
});
