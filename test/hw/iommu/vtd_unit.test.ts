/** A VT-d unit as software and devices meet it: registers, tables, descriptors, requests. */
import { describe, expect, test } from "vitest";
import { AddressType, Outcome } from "../../../src/hw/iommu/core/request.js";
import { vtdRegisters } from "../../../src/spec/vtd/register_map.js";
import { VtdSoftware } from "./vtd_software.js";

const { registers: at } = vtdRegisters;
const nic = 0x18;

function legacy() {
  const s = new VtdSoftware().start();
  const table = s.domain();
  table.map(0x5000, 0x80_0000, 0x3000, 3);
  s.attach(nic, { table: table.root.address, did: 7 });
  return { s, table };
}

describe("legacy mode", () => {
  test("a request reaches what the tables say, the second time from the cache", () => {
    const { s } = legacy();
    expect(s.dma(nic, 0x6123)).toMatchObject({
      outcome: Outcome.passes,
      frame: 0x801,
      allow: 3,
      sizeLg2: 12,
      fromCache: false,
    });
    expect(s.dma(nic, 0x6ff0)).toMatchObject({ frame: 0x801, fromCache: true });
    expect(s.fault()).toBeNull();
  });

  test("what was unmapped is reached until the IOTLB is told, and faults then", () => {
    const { s, table } = legacy();
    s.dma(nic, 0x6000);
    table.unmap(0x6000, 0x1000);
    expect(s.dma(nic, 0x6000)).toMatchObject({ outcome: Outcome.passes, fromCache: true });
    s.iotlb(3, { did: 8, page: 6 }).iotlb(3, { did: 7, page: 5 }).ring();
    expect(s.dma(nic, 0x6000), "another domain, another page").toMatchObject({ fromCache: true });
    s.iotlb(3, { did: 7, page: 6 }).wait(1).ring();
    expect(s.status).toBe(1);
    expect(s.dma(nic, 0x6000)).toMatchObject({ outcome: Outcome.refused, code: 6 });
    expect(s.fault()).toEqual({ reason: 6, sid: nic, page: 6, read: 1 });
    expect(s.dma(nic, 0x6000, { write: true })).toMatchObject({ code: 5 });
    expect(s.fault()).toMatchObject({ reason: 5, read: 0 });
  });

  test("with the hint, a table that was unlinked is still walked", () => {
    const { s, table } = legacy();
    s.dma(nic, 0x6000);
    // The entry of level 1 that leads to the table of leaves goes, as when a kernel frees that table.
    const leafTable = table.tables.at(-1)! * 4096;
    const above = table.tables.at(-2)! * 4096;
    s.memory.store64(above, 0, 0);
    s.iotlb(3, { did: 7, page: 6, ih: 1 }).ring();
    expect(s.dma(nic, 0x6000), "a cached pointer").toMatchObject({
      outcome: Outcome.passes,
      frame: 0x801,
      fromCache: false,
    });
    s.memory.store64(leafTable + 6 * 8, 0x90_0003, 0);
    s.iotlb(3, { did: 7, page: 6, ih: 1 }).ring();
    expect(s.dma(nic, 0x6000), "what now lies there").toMatchObject({ frame: 0x900 });
    s.iotlb(3, { did: 7, page: 6 }).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ outcome: Outcome.refused });
  });

  test("a device's entry counts as it was cached until the context cache is told", () => {
    const { s } = legacy();
    const other = s.domain();
    other.map(0x6000, 0xa0_0000, 0x1000, 1);
    s.dma(nic, 0x6000);
    s.attach(nic, { table: other.root.address, did: 9 });
    expect(s.dma(nic, 0x6000)).toMatchObject({ frame: 0x801 });
    s.context(3, { did: 7, sid: nic }).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ frame: 0xa00, allow: 1 });
    expect(s.dma(nic, 0x6000, { write: true })).toMatchObject({ outcome: Outcome.refused, code: 5 });
  });

  test("with the old domain's tag on a new table, what is cached of the old one is reached", () => {
    const { s } = legacy();
    const other = s.domain();
    other.map(0x6000, 0xa0_0000, 0x1000, 3);
    s.dma(nic, 0x6000);
    s.attach(nic, { table: other.root.address, did: 7 });
    s.context(1).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ frame: 0x801, fromCache: true });
  });

  test.each([
    ["no context entry", 0x19, 0x6000, 2],
    ["no root entry", 0x518, 0x6000, 1],
    ["beyond the width", nic, 2 ** 50, 4],
  ])("%s", (_, requester, address, reason) => {
    const { s } = legacy();
    expect(s.dma(requester, address)).toMatchObject({ outcome: Outcome.refused, code: reason });
    expect(s.fault()).toMatchObject({ reason, sid: requester });
  });

  test("a unit that is off lets all pass", () => {
    const s = new VtdSoftware();
    expect(s.dma(nic, 0x1234_5000)).toMatchObject({ outcome: Outcome.passes, frame: 0x12345 });
  });

  test("interrupt messages are no memory", () => {
    const { s } = legacy();
    expect(s.dma(nic, 0xfee0_1000, { write: true })).toMatchObject({ outcome: Outcome.message });
  });
});

describe("faults", () => {
  test("one record: a second fault is lost, and said to be", () => {
    const { s } = legacy();
    const { registers } = s.unit;
    registers.write32(at.feaddr.offset, 0xfee0_0000);
    registers.write32(at.fedata.offset, 0x21);
    registers.write32(at.fectl.offset, 0);
    s.dma(nic, 0x1000);
    s.dma(nic, 0x2000);
    expect(s.sent).toEqual([{ address: 0xfee0_0000, data: 0x21 }]);
    expect(registers.get("fsts")).toBe(3);
    expect(s.fault()).toMatchObject({ page: 1 });
    expect(registers.get("fsts"), "the overflow stays").toBe(1);
    s.dma(nic, 0x3000);
    expect(s.fault(), "nothing is recorded while it is up").toBeNull();
    registers.write32(at.fsts.offset, 1);
    s.dma(nic, 0x4000);
    expect(s.fault()).toMatchObject({ page: 4 });
    expect(s.sent).toHaveLength(2);
  });

  test("masked, the interrupt waits", () => {
    const { s } = legacy();
    const { registers } = s.unit;
    s.dma(nic, 0x1000);
    expect(registers.get("fectl")).toBe(0xc000_0000);
    expect(s.sent).toEqual([]);
    registers.write32(at.fectl.offset, 0);
    expect(s.sent).toHaveLength(1);
    expect(registers.get("fectl")).toBe(0);
  });
});

describe("the queue", () => {
  test("completion by interrupt is told once until software has looked", () => {
    const { s } = legacy();
    const { registers } = s.unit;
    registers.write32(at.iectl.offset, 0);
    s.wait(0, { if: 1 }).wait(0, { if: 1 }).ring();
    expect(s.sent).toHaveLength(1);
    expect(registers.get("ics")).toBe(1);
    registers.write32(at.ics.offset, 1);
    s.wait(0, { if: 1 }).ring();
    expect(s.sent).toHaveLength(2);
  });

  test.each([
    ["an unknown type", (w: Uint32Array) => w.set([0xf, 0, 0, 0]), 3],
    ["a reserved bit", (w: Uint32Array) => w.set([0x12, 1, 0, 0]), 4],
    ["more pages than the unit can", (w: Uint32Array) => w.set([0x32, 0, 0x3f, 0]), 4],
  ])("%s stops it, and it goes on when software has mended that", (_, set, reason) => {
    const { s } = legacy();
    const { registers } = s.unit;
    s.iotlb(1).post(set).wait(5).ring();
    expect(registers.get("fsts")).toBe(0x10);
    expect(registers.get("iqer")).toBe(reason);
    expect(registers.get("iqh")).toBe(16);
    expect(s.status).toBe(0);
    const queue = registers.get("iqa");
    s.memory.store(queue + 16, [0x12, 0, 0, 0]);
    registers.write32(at.fsts.offset, 0x10);
    s.work();
    expect(s.status).toBe(5);
    expect(registers.get("iqh")).toBe(48);
  });

  test("a tail beyond the queue is an error", () => {
    const { s } = legacy();
    s.unit.registers.write64(at.iqt.offset, 0x2000, 0);
    s.work();
    expect(s.unit.registers.get("iqer")).toBe(1);
  });

  test.each([
    ["by the queue", (s: VtdSoftware) => s.iotlb(1).ring()],
    ["by registers", (s: VtdSoftware) => s.unit.registers.write64(at.iotlb.offset, 0, 0x9000_0000)],
    ["of contexts", (s: VtdSoftware) => s.context(1).ring()],
  ] as const)("what an invalidation overtakes is not kept: %s", (_, invalidate) => {
    const { s, table } = legacy();
    const [t] = s.unit.transactions;
    const read = { frame: 6, offset: 0, write: false, type: AddressType.untranslated } as const;
    t!.begin({ requester: nic, pasid: null, ...read });
    while (t!.label() !== "keep the table's address") t!.step(0);
    table.unmap(0x6000, 0x1000);
    invalidate(s);
    while (!t!.isDone) t!.step(0);
    expect(t!.result).toMatchObject({ outcome: Outcome.passes, frame: 0x801 });
    t!.end();
    expect(s.dma(nic, 0x6000)).toMatchObject({ outcome: Outcome.refused, code: 6 });
  });

  test("it goes round", () => {
    const { s } = legacy();
    for (let n = 1; n <= 600; n++) s.wait(n).ring();
    expect(s.status).toBe(600);
  });
});

describe("scalable mode", () => {
  test("second stage, first stage and both, by PASID", () => {
    const s = new VtdSoftware({ scalable: true }).start();
    const [second, first, nestedFirst] = [s.domain(), s.domain("vtd-fs"), s.domain("vtd-fs")];
    second.map(0x5000, 0x80_0000, 0x2000, 3);
    first.map(0x5000, 0x90_0000, 0x2000, 3);
    nestedFirst.map(0x7000, 0x5000, 0x1000, 3);
    // What the first stage's tables stand in is mapped as it is: they are inputs of the second.
    for (const frame of [nestedFirst.root.address / 4096, ...nestedFirst.tables])
      second.map(frame * 4096, frame * 4096, 4096, 3);
    const table = s.attachPasids(nic);
    s.setPasid(table, 0, { second: second.root.address, did: 3 });
    s.setPasid(table, 1, { first: first.root.address, did: 4 });
    s.setPasid(table, 2, { first: nestedFirst.root.address, second: second.root.address, did: 5 });
    expect(s.dma(nic, 0x5000)).toMatchObject({ frame: 0x800 });
    expect(s.dma(nic, 0x5000, { pasid: 1 })).toMatchObject({ frame: 0x900 });
    expect(s.dma(nic, 0x7000, { pasid: 2 })).toMatchObject({ frame: 0x800 });
    expect(s.dma(nic, 0x7000, { pasid: 3 })).toMatchObject({ outcome: Outcome.refused, code: 0x59 });
  });

  test("one page of a second stage takes all that both stages gave of its domain, and nothing else", () => {
    const s = new VtdSoftware({
      scalable: true,
      caches: { devices: 1, spaces: 2, tables: 4, translations: 4 },
    }).start();
    const [second, first, alone] = [s.domain(), s.domain("vtd-fs"), s.domain("vtd-fs")];
    second.map(0x5000, 0x80_0000, 0x2000, 3);
    first.map(0x7000, 0x5000, 0x1000, 3);
    alone.map(0x7000, 0x90_0000, 0x1000, 3);
    for (const frame of [first.root.address / 4096, ...first.tables]) second.map(frame * 4096, frame * 4096, 4096, 3);
    const table = s.attachPasids(nic);
    s.setPasid(table, 1, { first: alone.root.address, did: 5 });
    s.setPasid(table, 2, { first: first.root.address, second: second.root.address, did: 5 });
    s.dma(nic, 0x7000, { pasid: 1 });
    s.dma(nic, 0x7000, { pasid: 2 });
    second.unmap(0x5000, 0x1000);
    s.iotlb(3, { did: 6, page: 5 }).ring();
    expect(s.dma(nic, 0x7000, { pasid: 2 }), "another domain").toMatchObject({ frame: 0x800, fromCache: true });
    s.iotlb(3, { did: 5, page: 5 }).ring();
    expect(s.dma(nic, 0x7000, { pasid: 2 })).toMatchObject({ outcome: Outcome.refused });
    expect(s.dma(nic, 0x7000, { pasid: 1 })).toMatchObject({ frame: 0x900, fromCache: true });
  });
});
