/** First-stage structures that lie behind a second stage. */
import { describe, expect, it } from "vitest";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import { Gcr3Entry } from "../../../src/spec/amdvi/guest_cr3.js";
import { ContextDescriptor, L1ContextDescriptor } from "../../../src/spec/smmuv3/context_descriptor.js";
import { StreamEntry } from "../../../src/spec/smmuv3/stream_table.js";
import type { Attachment } from "../../../src/table/device/attachment.js";
import { deviceTables } from "../../../src/table/device/index.js";
import { Troubles } from "../../../src/table/trouble.js";
import { Built, lookup, outcome, unit } from "./built.js";

const device = 0x18;

/** A 64-bit table entry of 4 KiB pages, by its own bits. */
const entry = (built: Built, at: number, low: number, high = 0) =>
  built.memory.write(at, new Uint8Array(Uint32Array.of(low, high).buffer));

/** AMD-Vi: one level of host table at 0x9000; guest page 5 is frame 7. */
function amd(pasid: number, readable = true): Built {
  const built = new Built()
    .put(0x1000 + device * 32, DeviceEntry, { v: 1, tv: 1, mode: 1, frame: 9, ir: 1, iw: 1, did: 3, gv: 1, gcr3Low: 5 })
    .put(0x7000 + pasid * 8, Gcr3Entry, { v: 1, frame: 0x77 });
  entry(built, 0x9000 + 5 * 8, 0x7001, readable ? 0x6000_0000 : 0x4000_0000);
  return built;
}

/**
 * SMMUv3: a second stage of 40 bits from level 1 on at 0xa000, whose blocks of 1 GiB shift by nothing; the page that
 * holds the descriptors is in a table of its own and lies elsewhere.
 */
function smmu(values: Readonly<Record<string, number>>): Built {
  const built = new Built()
    .put(0x1000 + device * 64, StreamEntry, {
      ...{ v: 1, config: 7, s2Aa64: 1, s2T0sz: 24, s2Sl0: 1, s2Ps: 5, s2Ttb: 0xa000 / 16, s2Vmid: 4 },
      ...values,
    })
    .put(0x7000, L1ContextDescriptor, { v: 1, frame: 0x6 })
    .put(0x7100, L1ContextDescriptor, { v: 1, frame: 0x6 });
  // Input 0x4000 is frame 7, input 0x6000 is frame 8: three levels, tables at 0xa000, 0xc000, 0xd000.
  entry(built, 0xa000, 0xc003);
  entry(built, 0xc000, 0xd003);
  entry(built, 0xd000 + 4 * 8, 0x74ff);
  entry(built, 0xd000 + 6 * 8, 0x84ff);
  return built;
}
const descriptor = { v: 1, aa64: 1, t0sz: 25, ips: 5, epd1: 1, a: 1, ttb0: 0x5000 / 16, asid: 3 };

describe("structures behind a second stage", () => {
  it("AMD-Vi: the GCR3 table is found through the host table", () => {
    const found = lookup(amd(9), unit("amdvi", "v1+v2"), device, 9) as Attachment;
    expect(found).toMatchObject({ state: "translated", stage: "nested", domain: 3, pasid: 9 });
    expect(found.first[0]).toMatchObject({ format: "amdvi-v2", address: 0x77000, level: 3, outputBits: 32 });
    expect(found.second).toMatchObject({ format: "amdvi-v1", address: 0x9000, level: 0, inputBits: 21 });
    expect(found.entries.map((e) => e.at)).toEqual([0x1000 + device * 32, 0x7000 + 9 * 8]);
  });

  it("AMD-Vi: a GCR3 table that the host table does not let be read", () => {
    expect(outcome(lookup(amd(9, false), unit("amdvi", "v1+v2"), device, 9))).toBe("0x2");
  });

  it("AMD-Vi: every PASID is listed, and the host table for requests without one", () => {
    const built = amd(9).put(0x7000 + 300 * 8, Gcr3Entry, { v: 1, frame: 0x78 });
    const list = deviceTables.amdvi.attachments(built.memory, unit("amdvi", "v1+v2"), new Troubles());
    expect(list.map((a) => [a.requester, a.pasid, a.stage])).toEqual([
      [device, null, "second"],
      [device, 9, "nested"],
      [device, 300, "nested"],
    ]);
  });

  it("AMD-Vi: a GCR3 table of two levels", () => {
    const built = new Built()
      .put(0x1000 + device * 32, DeviceEntry, { v: 1, tv: 1, mode: 0, ir: 1, did: 3, gv: 1, glx: 1, gcr3Low: 5 })
      .put(0x5000 + 3 * 8, Gcr3Entry, { v: 1, frame: 6 })
      .put(0x6000 + 17 * 8, Gcr3Entry, { v: 1, frame: 0x55 });
    const found = lookup(built, unit("amdvi", "v1+v2"), device, 3 * 512 + 17) as Attachment;
    expect(found.first[0]).toMatchObject({ address: 0x55000, allow: 1, outputBits: 48 });
    const list = deviceTables.amdvi.attachments(built.memory, unit("amdvi", "v1+v2"), new Troubles());
    expect(list.map((a) => [a.pasid, a.state])).toEqual([
      [null, "identity"],
      [3 * 512 + 17, "translated"],
    ]);
  });

  it("SMMUv3: the descriptor is found through stage 2", () => {
    const built = smmu({ s1Context: 0x4000 / 64 }).put(0x7000, ContextDescriptor, descriptor);
    const found = lookup(built, unit("smmuv3", "linear", { size: 6 }), device, null) as Attachment;
    expect(found).toMatchObject({ state: "translated", stage: "nested", domain: 4, pasid: 0 });
    expect(found.first[0]).toMatchObject({
      format: "smmu-s1-4k",
      address: 0x5000,
      level: 2,
      inputBits: 39,
      outputBits: 40,
    });
    expect(found.second).toMatchObject({ format: "smmu-s2-4k", address: 0xa000, level: 2, inputBits: 40 });
  });

  it("SMMUv3: two-level descriptor tables, each part through stage 2", () => {
    const built = smmu({ s1Context: 0x4000 / 64, s1CdMax: 8, s1Fmt: 1, s1Dss: 2 })
      .put(0x8000, ContextDescriptor, descriptor)
      .put(0x8000 + 5 * 64, ContextDescriptor, { ...descriptor, ttb0: 0x7000 / 16 });
    const u = unit("smmuv3", "linear", { size: 6 });
    expect((lookup(built, u, device, 5) as Attachment).first[0]!.address).toBe(0x7000);
    const list = deviceTables.smmuv3.attachments(built.memory, u, new Troubles());
    expect(list.map((a) => [a.pasid, a.first[0]?.address])).toEqual([
      [0, 0x5000],
      [5, 0x7000],
    ]);
  });

  it("SMMUv3: a stage 2 of 16 tables side by side", () => {
    const built = smmu({ s2T0sz: 64 - 43, s2Ttb: 0x12345 * 256 });
    const found = lookup(built.put(0x7000, ContextDescriptor, {}), unit("smmuv3", "linear", { size: 6 }), device, null);
    // Bits below the size of 16 tables are not looked at: nothing is mapped at the aligned address.
    expect(outcome(found)).toBe("0x10");
    const alone = new Built().put(0x1000 + device * 64, StreamEntry, {
      ...{ v: 1, config: 6, s2Aa64: 1, s2T0sz: 21, s2Sl0: 1, s2Ps: 5, s2Ttb: 0x12345 * 256 },
    });
    const second = (lookup(alone, unit("smmuv3", "linear", { size: 6 }), device, null) as Attachment).second;
    expect(second).toMatchObject({ address: 0x12340000, level: 2, inputBits: 43 });
  });
});
