/** Tables made to be endless: readings end, say so, and keep what they have. */
import { describe, expect, it } from "vitest";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import { Gcr3Entry } from "../../../src/spec/amdvi/guest_cr3.js";
import { ContextDescriptor, L1ContextDescriptor } from "../../../src/spec/smmuv3/context_descriptor.js";
import { L1StreamDescriptor, StreamEntry } from "../../../src/spec/smmuv3/stream_table.js";
import { ContextEntry, ScalableContextEntry } from "../../../src/spec/vtd/context_entry.js";
import { PasidDirectoryEntry, PasidEntry } from "../../../src/spec/vtd/pasid.js";
import { RootEntry, ScalableRootEntry } from "../../../src/spec/vtd/root_entry.js";
import type { UnitRoot } from "../../../src/table/device/attachment.js";
import { deviceTables } from "../../../src/table/device/index.js";
import { Troubles } from "../../../src/table/trouble.js";
import { Built, unit } from "./built.js";

/** A frame, or several, full of one entry. */
function full(
  built: Built,
  at: number,
  end: number,
  bytes: number,
  layout: object,
  values: Readonly<Record<string, number>>,
): Built {
  for (let a = at; a < end; a += bytes) built.put(a, layout, values);
  return built;
}

const rows: [what: string, built: () => Built, u: UnitRoot][] = [
  [
    "VT-d: every bus with one context table that is full",
    () =>
      full(full(new Built(), 0x1000, 0x2000, 16, RootEntry, { p: 1, frame: 2 }), 0x2000, 0x3000, 16, ContextEntry, {
        p: 1,
        aw: 2,
        frame: 9,
      }),
    unit("vtd", "legacy"),
  ],
  [
    "VT-d: every device with every PASID",
    () => {
      const built = full(new Built(), 0x1000, 0x2000, 16, ScalableRootEntry, {
        lowerP: 1,
        lower: 2,
        upperP: 1,
        upper: 2,
      });
      full(built, 0x2000, 0x3000, 32, ScalableContextEntry, { p: 1, paside: 1, pdts: 7, frame: 16 });
      full(built, 0x10000, 0x30000, 8, PasidDirectoryEntry, { p: 1, frame: 3 });
      return full(built, 0x3000, 0x4000, 64, PasidEntry, { p: 1, pgtt: 2, aw: 2, ssFrame: 9 });
    },
    unit("vtd", "scalable"),
  ],
  [
    "VT-d: every device with PASID tables that are empty",
    () => {
      const built = full(new Built(), 0x1000, 0x2000, 16, ScalableRootEntry, {
        lowerP: 1,
        lower: 2,
        upperP: 1,
        upper: 2,
      });
      full(built, 0x2000, 0x3000, 32, ScalableContextEntry, { p: 1, paside: 1, pdts: 7, frame: 16 });
      full(built, 0x10000, 0x30000, 8, PasidDirectoryEntry, { p: 1, frame: 3 });
      return built.put(0x3000, PasidEntry, {});
    },
    unit("vtd", "scalable"),
  ],
  [
    "AMD-Vi: a GCR3 table that is its own next level",
    () => {
      const built = full(new Built(), 0x10000, 0x20000, 32, DeviceEntry, {
        v: 1,
        tv: 1,
        gv: 1,
        glx: 2,
        gcr3Low: 5,
        ir: 1,
        iw: 1,
      });
      return full(built, 0x5000, 0x6000, 8, Gcr3Entry, { v: 1, frame: 5 });
    },
    unit("amdvi", "v1+v2", { root: 0x10000, size: 0x200000 }),
  ],
  [
    "SMMUv3: every descriptor leads to the same streams, each with every substream",
    () => {
      const built = full(new Built(), 0x40000, 0x50000, 8, L1StreamDescriptor, { span: 7, l2: 0x1000 / 64 });
      full(built, 0x1000, 0x2000, 64, StreamEntry, {
        v: 1,
        config: 5,
        s1CdMax: 20,
        s1Fmt: 1,
        s1Dss: 2,
        s1Context: 0x60000 / 64,
      });
      full(built, 0x60000, 0x80000, 8, L1ContextDescriptor, { v: 1, frame: 3 });
      return full(built, 0x3000, 0x4000, 64, ContextDescriptor, { v: 1, aa64: 1, t0sz: 16, epd1: 1, ips: 5 });
    },
    unit("smmuv3", "two-level", { root: 0x40000, size: 32, split: 6 }),
  ],
  [
    "SMMUv3: 2^32 streams in memory of which one frame is there",
    () => new Built().put(0, StreamEntry, { v: 0 }),
    unit("smmuv3", "linear", { size: 32 }),
  ],
];

describe("a unit whose own table is not there", () => {
  it.each([
    ["VT-d, legacy", unit("vtd", "legacy")],
    ["VT-d, scalable", unit("vtd", "scalable")],
    ["AMD-Vi", unit("amdvi", "v1", { size: 0x200000 })],
    ["SMMUv3, linear", unit("smmuv3", "linear", { size: 32 })],
    ["SMMUv3, two-level", unit("smmuv3", "two-level", { size: 16, split: 8 })],
  ])("%s: one trouble", (_, u) => {
    const troubles = new Troubles();
    expect(deviceTables[u.kind].attachments(new Built().memory, u, troubles)).toEqual([]);
    expect([troubles.total, troubles.list.map((t) => t.kind)]).toEqual([1, ["outside"]]);
  });

  it("VT-d told to abort needs none", () => {
    const troubles = new Troubles();
    deviceTables.vtd.attachments(new Built().memory, unit("vtd", "abort"), troubles);
    expect(troubles.total).toBe(0);
  });

  it("one page of an AMD-Vi device table is enough: the others are troubles, each page one", () => {
    const troubles = new Troubles();
    const u = unit("amdvi", "v1", { root: 0x10000, size: 0x4000 });
    deviceTables.amdvi.attachments(new Built().put(0x13000, DeviceEntry, {}).memory, u, troubles);
    expect(troubles.total).toBe(3);
  });
});

describe("endless tables", () => {
  it.each(rows)("%s", (_, build, u) => {
    const troubles = new Troubles();
    const began = performance.now();
    const list = deviceTables[u.kind].attachments(build().memory, u, troubles);
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(list.length).toBeLessThanOrEqual(2 ** 16);
    // 65,536 devices of legacy mode are all there can be: that answer is whole.
    if (u.mode !== "legacy") expect(troubles.list.map((t) => t.kind)).toContain("limit");
    else expect([list.length, troubles.total]).toEqual([65536, 0]);
    expect(list.length + troubles.total).toBeGreaterThan(0);
  });
});
