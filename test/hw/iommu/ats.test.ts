/** Devices with a TLB of their own: what they are answered, what they keep, how they are asked to forget it. */
import { describe, expect, test } from "vitest";
import { AtsPort } from "../../../src/hw/iommu/ats/ats_port.js";
import { DeviceTlb, type Manners } from "../../../src/hw/iommu/ats/device_tlb.js";
import { AddressType, Outcome } from "../../../src/hw/iommu/core/request.js";
import { vtdRegisters } from "../../../src/spec/vtd/register_map.js";
import { VtdSoftware } from "./vtd_software.js";

const { registers: at } = vtdRegisters;
const nic = 0x18;
const page = 0x80_0000;

function machine(o: { readonly manners?: Manners; readonly tt?: number } = {}) {
  let tlb: DeviceTlb | null = null;
  const s = new VtdSoftware({ deviceTlb: (requester) => (requester === nic ? tlb : null) }).start();
  const table = s.domain();
  table.map(0x5000, page, 0x3000, 3);
  s.attach(nic, { table: table.root.address, did: 7, tt: o.tt ?? 1 });
  tlb = new DeviceTlb({ state: s.state, requester: nic, sink: s.unit, manners: o.manners ?? "answers" });
  const [transaction] = s.unit.transactions;
  const port = new AtsPort({ memory: s.memory, transaction: transaction!, tlb, pick: () => 0 });
  const writes = (address: number) => port.write(nic, address, Uint8Array.of(1));
  const work = () => {
    while (tlb.choices() > 0) tlb.step();
    s.work();
  };
  return { s, table, tlb, writes, work };
}

describe("what a device keeps", () => {
  test("it reaches memory by its own translation when the tables and the IOTLB have none", () => {
    const { s, table, writes } = machine();
    expect(writes(0x5010)).toBe("done");
    expect(s.memory.load32(page + 0x10)).toBe(1);
    table.unmap(0x5000, 0x1000);
    s.iotlb(1).wait(1).ring();
    expect(s.status).toBe(1);
    expect(writes(0x5014), "nobody told the device").toBe("done");
    expect(s.memory.load32(page + 0x14)).toBe(1);
  });

  test("a wait is answered when the device has answered, and then nothing is reached", () => {
    const { s, table, tlb, writes, work } = machine();
    writes(0x5000);
    table.unmap(0x5000, 0x1000);
    s.iotlb(1).deviceTlb(nic, { page: 5 }).wait(1).ring();
    expect(s.status).toBe(0);
    expect(s.unit.tags.busyCount).toBe(1);
    expect(tlb.choices()).toBe(1);
    work();
    expect(s.status).toBe(1);
    expect(writes(0x5000)).toBe("fault");
    expect(s.fault(), "to be told that there is none is no fault").toBeNull();
  });

  test.each([
    ["one page beside it", 6, 0, "done"],
    ["two pages", 4, 1, "fault"],
    ["all pages", 0xf_ffff_ffff_ffff, 1, "fault"],
  ] as const)("an invalidation of %s", (_, first, sized, after) => {
    const { s, table, writes, work } = machine();
    writes(0x5000);
    table.unmap(0x5000, 0x1000);
    s.iotlb(1)
      .deviceTlb(nic, { page: first % 2 ** 52, s: sized })
      .wait(1)
      .ring();
    work();
    expect(writes(0x5000)).toBe(after);
  });
});

test.each([
  ["without a PASID", { pasid: null, global: false }, [false, true, false, true, false]],
  ["of one PASID", { pasid: 1, global: false }, [true, true, false, true, true]],
  ["of every PASID", { pasid: 1, global: true }, [true, true, false, true, false]],
])("one page of an invalidation %s", (_, whose, stay) => {
  const { s } = machine();
  const tlb = new DeviceTlb({ state: s.state, requester: 0x20, sink: s.unit, entries: 5 });
  const kept = [
    [null, 5],
    [null, 6],
    [1, 5],
    [1, 6],
    [2, 5],
  ] as const;
  kept.forEach(([pasid, frame], way) => {
    tlb.keep(pasid, { frame, output: 0x800, sizeLg2: 12, allow: 3 }, way);
  });
  tlb.invalidate({ tag: 0, ...whose, frame: 5, frameCount: 1 });
  expect([tlb.label(), tlb.choices()]).toEqual(["forget", 1]);
  tlb.step();
  expect(kept.map(([pasid, frame]) => tlb.find(pasid, frame, 1) >= 0)).toEqual(stay);
});

describe("who may", () => {
  test("a device whose entry does not say so is refused, asking and with addresses of its own", () => {
    const { s } = machine({ tt: 0 });
    expect(s.dma(nic, 0x5000, { type: AddressType.translationRequest })).toMatchObject({ code: 0xd });
    s.fault();
    expect(s.dma(nic, 0x1000, { type: AddressType.translated, write: true })).toMatchObject({ code: 0xd });
    expect(s.fault()).toMatchObject({ reason: 0xd });
  });

  test("one whose entry does reaches any memory with them", () => {
    const { s } = machine();
    const request = { type: AddressType.translated, write: true } as const;
    expect(s.dma(nic, 0x12_3000, request)).toMatchObject({ outcome: Outcome.passes, frame: 0x123 });
  });

  test("an answer has the rights of the tables, whatever was asked for", () => {
    const { s, table } = machine();
    table.map(0x2_0000, 0x9_0000, 0x1000, 1);
    const type = AddressType.translationRequest;
    expect(s.dma(nic, 0x2_0000, { type, write: true })).toMatchObject({ outcome: Outcome.passes, allow: 1 });
    expect(s.dma(nic, 0x3_0000, { type })).toMatchObject({ outcome: Outcome.passes, allow: 0 });
    expect(s.fault()).toBeNull();
  });
});

describe("a device that answers otherwise", () => {
  test("never: the queue stops at the time-out, the wait is not answered, and it goes on when software has seen it", () => {
    const { s, writes, work } = machine({ manners: "never" });
    writes(0x5000);
    s.deviceTlb(nic, { page: 5 }).wait(1).iotlb(1).wait(2).ring();
    work();
    expect(s.status).toBe(0);
    s.unit.queue.timedOut(0);
    s.work();
    const { registers } = s.unit;
    expect(registers.get("fsts")).toBe(0x40);
    expect(Math.floor(registers.get("iqer") / 2 ** 32)).toBe(nic);
    expect(s.status, "the wait that was fetched is not answered").toBe(0);
    registers.write32(at.fsts.offset, 0x40);
    s.work();
    expect(s.status).toBe(2);
    expect(writes(0x5000), "what it kept it keeps").toBe("done");
  });

  test("twice: the second answer is unexpected, and told", () => {
    const { s, writes, work } = machine({ manners: "twice" });
    writes(0x5000);
    s.deviceTlb(nic, { page: 5 }).wait(1).ring();
    work();
    expect(s.status).toBe(1);
    expect(s.unit.registers.get("fsts")).toBe(0x20);
  });

  test("a lie: the wait is answered, and the page is reached", () => {
    const { s, table, writes, work } = machine({ manners: "lies" });
    writes(0x5000);
    table.unmap(0x5000, 0x1000);
    s.iotlb(1).deviceTlb(nic, { page: 5 }).wait(1).ring();
    work();
    expect(s.status).toBe(1);
    expect(writes(0x5000)).toBe("done");
  });
});
