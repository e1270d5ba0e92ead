/** Queues of an SMMUv3: commands that complete or are refused, devices that answer, events, errors and their interrupts. */
import { describe, expect, test } from "vitest";
import { DeviceTlb, type Manners } from "../../../src/hw/iommu/ats/device_tlb.js";
import { AddressType, Outcome } from "../../../src/hw/iommu/core/request.js";
import type { InterruptSource } from "../../../src/hw/iommu/smmuv3/interrupts.js";
import * as C from "../../../src/spec/smmuv3/command_layouts.js";
import { smmuRegisters } from "../../../src/spec/smmuv3/register_map.js";
import { identification, SmmuSoftware, type SoftwareOptions } from "./smmu_software.js";

const { Command: Op } = C;
const { registers: at } = smmuRegisters;
const nic = 9;

function single(o: SoftwareOptions = {}, cd = {}, ste = {}, cr0 = 0) {
  const caches = { devices: 4, spaces: 4, tables: 4, translations: 8 };
  const s = new SmmuSoftware({ caches, ...o }).start(cr0);
  const table = s.first();
  table.map(0x5000, 0x80_0000, 0x3000, 3);
  const context = s.attach(nic, table, { asid: 7, ...cd }, ste);
  return { s, table, context };
}

describe("CMD_SYNC", () => {
  test("writes its message where memory is, and sends it where it is not, after CONS has moved", () => {
    const { s } = single();
    const statusAt = s.frame() * 4096;
    s.sync({ cs: 1, msiAddress: statusAt / 4, msiData: 77 });
    s.unit.registers.write32(at.cmdqProd.offset, 1);
    const steps: string[] = [];
    while (s.unit.queue.choices() > 0 && steps.length < 10) {
      steps.push(`${s.unit.queue.label()}: ${s.left}, ${s.memory.load32(statusAt)}`);
      s.unit.queue.step();
    }
    expect(steps).toEqual(["fetch a command: 1, 0", "carry out: SMMUv3 CMD_SYNC: 1, 0", "send the interrupt: 0, 0"]);
    expect(s.memory.load32(statusAt)).toBe(77);
    s.sync({ cs: 1, msiAddress: 0x1000_0040 / 4, msiData: 5 })
      .sync({ cs: 1, msiData: 6 })
      .ring();
    expect(s.sent).toEqual([{ address: 0x1000_0040, data: 5 }]);
    expect(s.memory.load32(0), "address 0 is no address").toBe(0);
  });

  test("by a wire and by a wake-up event, where the unit has them", () => {
    const told: (InterruptSource | "event")[] = [];
    const o = { wire: (source: InterruptSource) => told.push(source), wakeUp: () => told.push("event") };
    const { s } = single(o);
    s.sync({ cs: 2 }).sync({ cs: 1 }).sync().ring();
    expect(told).toEqual(["event", "completion"]);
    const without = single({ ...o, identification: identification({ sev: 0, msi: 0 }) }).s;
    without.sync({ cs: 2 }).sync({ cs: 1, msiAddress: 0x4000, msiData: 1 }).ring();
    expect(told).toEqual(["event", "completion", "completion"]);
    expect([without.sent, without.memory.load32(0x1_0000)]).toEqual([[], 0]);
  });

  test("waits for what was under way when it was fetched, not for what came later", () => {
    const { s } = single({ requests: 2 });
    const [one, two] = s.unit.transactions;
    one!.begin(s.request(nic, 0x6000, { write: true }));
    while (!one!.isDone) one!.step(0);
    s.sync().ring();
    expect([s.left, s.unit.queue.choices()]).toEqual([1, 0]);
    two!.begin(s.request(nic, 0x5000));
    one!.end();
    s.work();
    expect(s.left).toBe(0);
  });

  test("what an invalidation overtakes is not kept", () => {
    const { s, table } = single();
    const [t] = s.unit.transactions;
    t!.begin(s.request(nic, 0x6000));
    while (t!.label() !== "keep the table's address") t!.step(0);
    table.unmap(0x6000, 0x1000);
    s.post(C.NhAll, Op.nhAll).sync().ring();
    while (!t!.isDone) t!.step(0);
    expect(t!.result, "the old translation, whose use the CMD_SYNC waits for").toMatchObject({ frame: 0x801 });
    expect(s.left).toBe(1);
    t!.end();
    s.work();
    expect(s.left).toBe(0);
    expect(s.dma(nic, 0x6000)).toMatchObject({ outcome: Outcome.refused });
  });
});

describe("commands that are refused", () => {
  const has = identification();
  const set = (w: readonly number[]) => (words: Uint32Array) => words.set(w);
  test.each([
    ["an unknown one", has, [0, 0, 0, 0]],
    ["one of the secure queue", has, [0x60, 0, 0, 0]],
    ["a reserved bit", has, [0x30, 1, 0, 0]],
    ["a secure stream", has, [0x403, 0, 0, 0]],
    ["completion of a kind that there is not", has, [0x3046, 0, 0, 0]],
    ["a granule and nothing else", has, [0x12, 0, 0x400, 0]],
    ["a level without a granule", has, [0x12, 0, 0x100, 0]],
    ["a range without a granule", has, [0x1012, 0, 0, 0]],
    ["level 1 of 16 KiB", has, [0x12, 0, 0x900, 0]],
    ["a range where the unit has none", { ...has, idr3: 0 }, [0x1012, 0, 0x400, 0]],
    ["a first stage that is not there", identification({ s1p: 0 }), [0x10, 0, 0, 0]],
    ["a second stage that is not there", identification({ s2p: 0 }), [0x28, 0, 0, 0]],
    ["EL2 that is not there", identification({ hyp: 0 }), [0x20, 0, 0, 0]],
    ["ATS that is not there", identification({ ats: 0 }), [0x40, 0, 0, 0]],
    ["more than all", has, [0x40, 0, 53, 0]],
    ["page requests that are not there", identification({ pri: 0 }), [0x41, 0, 0, 0]],
    ["a response of a kind that there is not", has, [0x41, 0, 0x3000, 0]],
    ["a resumption where nothing stalls", identification({ stallModel: 1 }), [0x44, 0, 0, 0]],
  ] as const)("%s stops the queue, and it goes on when software has mended and acknowledged that", (_, able, words) => {
    const { s } = single({ identification: able });
    const { registers } = s.unit;
    registers.write64(at.gerrorIrqCfg0.offset, 0x1000_0040, 0);
    registers.write32(at.gerrorIrqCfg1.offset, 9);
    registers.write32(at.irqCtrl.offset, 1);
    s.sync().raw(set(words)).sync().ring();
    expect([s.error, s.left, registers.get("gerror")]).toEqual([1, 2, 1]);
    expect(s.sent).toEqual([{ address: 0x1000_0040, data: 9 }]);
    s.work();
    expect(s.left, "while the error is there").toBe(2);
    s.store(s.commandsAt + 16, 4, set([Op.sync, 0, 0, 0]));
    s.acknowledge();
    expect([s.error, s.left]).toEqual([0, 0]);
  });

  test("a queue that memory does not hold: abort", () => {
    const { s } = single();
    const { registers } = s.unit;
    registers.write32(at.cr0.offset, 5);
    registers.write64(at.cmdqBase.offset, 0x1000_0004, 0);
    registers.write32(at.cr0.offset, 0xd);
    s.sync().ring();
    expect([s.error, s.left]).toEqual([2, 1]);
  });

  test("software may take back what is not consumed", () => {
    const { s } = single();
    s.raw(set([0xff, 0, 0, 0])).ring();
    s.unit.registers.write32(at.cmdqProd.offset, 0);
    s.acknowledge();
    expect([s.error, s.unit.registers.get("cmdqCons") & 0xf_ffff]).toEqual([0, 0]);
  });
});

test("the command queue goes round, is full, and does nothing while its indexes contradict each other", () => {
  const { s } = single();
  for (let n = 0; n < 100; n++) s.sync().ring();
  expect([s.left, s.error]).toEqual([0, 0]);
  for (let n = 0; n < 16; n++) s.sync();
  expect(s.left).toBe(16);
  s.ring();
  expect(s.left).toBe(0);
  const { registers } = s.unit;
  registers.write32(at.cmdqProd.offset, (registers.get("cmdqCons") + 17) % 32);
  expect(s.unit.queue.choices()).toBe(0);
});

test("registers may be changed while what they rule is off, and CMDQEN ends when the command at hand has", () => {
  const { s } = single({ requests: 1 });
  const { registers } = s.unit;
  const [t] = s.unit.transactions;
  t!.begin(s.request(nic, 0x6000));
  s.sync().ring();
  registers.write64(at.cmdqBase.offset, 0, 0);
  registers.write32(at.cmdqCons.offset, 5);
  registers.write64(at.eventqBase.offset, 0, 0);
  registers.write64(at.strtabBase.offset, 0, 0);
  expect(registers.get("cmdqBase")).toBe(s.commandsAt + 4);
  expect(registers.get("cmdqCons")).toBe(0);
  expect(registers.get("eventqBase")).toBe(s.eventsAt + 4);
  expect(registers.get("strtabBase")).toBeGreaterThan(0);
  registers.write32(at.cr0.offset, 5);
  expect(registers.get("cr0ack"), "a CMD_SYNC waits").toBe(0xd);
  while (!t!.isDone) t!.step(0);
  t!.end();
  s.work();
  expect(registers.get("cr0ack")).toBe(5);
  registers.write32(at.cmdqCons.offset, 5);
  expect(registers.get("cmdqCons")).toBe(5);
});

describe("events", () => {
  test("a full queue loses them and says so once, until that is acknowledged", () => {
    const { s } = single({ queueLg2: 1 });
    const { registers } = s.unit;
    const overflow = () => registers.get("eventqProd") >>> 31;
    for (const page of [1, 2]) s.dma(nic, page * 0x1000);
    expect([registers.get("eventqProd"), overflow()]).toEqual([2, 0]);
    for (const page of [3, 4]) s.dma(nic, page * 0x1000);
    expect(overflow()).toBe(1);
    expect(s.event(), "which acknowledges it").toMatchObject({ inputLow: 0x1000 });
    s.dma(nic, 0x9000);
    s.dma(nic, 0xa000);
    expect(overflow(), "it turns back").toBe(0);
    expect(s.event()).toMatchObject({ inputLow: 0x2000 });
    expect(s.event()).toMatchObject({ inputLow: 0x9000 });
    expect(s.event()).toBeNull();
  });

  test("the interrupt tells that the queue is no longer empty, and of nothing more", () => {
    const { s } = single();
    const { registers } = s.unit;
    registers.write64(at.eventqIrqCfg0.offset, 0x1000_0040, 0);
    registers.write32(at.eventqIrqCfg1.offset, 3);
    s.dma(nic, 0x1000);
    registers.write32(at.irqCtrl.offset, 4);
    registers.write32(at.eventqIrqCfg1.offset, 99);
    expect([registers.get("irqCtrlAck"), registers.get("eventqIrqCfg1")]).toEqual([4, 3]);
    s.dma(nic, 0x1000);
    expect(s.sent, "it was not empty").toEqual([]);
    s.event();
    s.event();
    s.dma(nic, 0x1000);
    s.dma(nic, 0x1000);
    expect(s.sent).toEqual([{ address: 0x1000_0040, data: 3 }]);
  });

  test("a queue that memory does not hold: abort, and nothing more until that is acknowledged", () => {
    const { s } = single();
    const { registers } = s.unit;
    registers.write32(at.cr0.offset, 9);
    registers.write64(at.eventqBase.offset, 0x1000_0004, 0);
    registers.write32(at.cr0.offset, 0xd);
    s.dma(nic, 0x1000);
    expect([registers.get("gerror"), registers.get("eventqProd")]).toEqual([4, 0]);
    registers.write32(at.cr0.offset, 9);
    registers.write64(at.eventqBase.offset, s.eventsAt + 4, 0);
    registers.write32(at.cr0.offset, 0xd);
    s.dma(nic, 0x2000);
    expect(s.event()).toBeNull();
    s.acknowledge();
    s.dma(nic, 0x3000);
    expect(s.event()).toMatchObject({ inputLow: 0x3000 });
  });
});

describe("requests that stall", () => {
  function stalled(more: SoftwareOptions = {}) {
    const { s, table } = single({ requests: 2, ...more }, { s: 1, r: 0 });
    const t = s.unit.transactions[1]!;
    t.begin(s.request(nic, 0x9010, { write: true }));
    while (t.choices() > 0) t.step(0);
    return { s, table, t };
  }

  test("are told, with a tag, and go on as software says: again, refused, as if all went well", () => {
    const { s, table, t } = stalled();
    expect([t.isStalled, t.isDone]).toEqual([true, false]);
    expect(s.event()).toEqual({ id: 0x10, sid: nic, stall: 1, stag: 1, cls: 2, inputLow: 0x9010 });
    s.sync().ring();
    expect(s.left, "a CMD_SYNC does not wait for them").toBe(0);
    s.post(C.Resume, Op.resume, { sid: 10, stag: 1, retry: 1 }).post(C.Resume, Op.resume, { sid: nic, stag: 0 }).ring();
    expect(t.isStalled, "another stream, another tag").toBe(true);
    table.map(0x9000, 0x90_0000, 0x1000, 3);
    s.post(C.Resume, Op.resume, { sid: nic, stag: 1, retry: 1 }).ring();
    while (t.choices() > 0) t.step(0);
    expect(t.result).toMatchObject({ outcome: Outcome.passes, frame: 0x900 });
    for (const [o, outcome] of [
      [{ abort: 1 }, Outcome.refused],
      [{}, Outcome.swallowed],
    ] as const) {
      const again = stalled();
      again.s.post(C.Resume, Op.resume, { sid: nic, stag: 1, ...o }).ring();
      expect(again.t.result).toMatchObject({ outcome });
      expect(again.t.isDone).toBe(true);
    }
  });

  test("one that comes to stall is no longer waited for", () => {
    const { s } = single({}, { s: 1 });
    const [t] = s.unit.transactions;
    t!.begin(s.request(nic, 0x9000));
    s.sync().ring();
    expect(s.left).toBe(1);
    while (t!.choices() > 0) t!.step(0);
    s.work();
    expect([t!.isStalled, s.left]).toEqual([true, 0]);
  });

  test("end with their stream, and with the unit", () => {
    const one = stalled();
    one.s.post(C.StallTerminate, Op.stallTerm, { sid: 10 }).ring();
    expect(one.t.isStalled).toBe(true);
    one.s.post(C.StallTerminate, Op.stallTerm, { sid: nic }).ring();
    expect(one.t.result).toMatchObject({ outcome: Outcome.refused });
    const two = stalled();
    two.s.unit.registers.write32(at.cr0.offset, 0xc);
    expect(two.t.isDone).toBe(true);
  });

  test("are tried again when an event can be written", () => {
    const { s, t } = stalled({ queueLg2: 0 });
    s.dma(nic, 0x1000);
    const [other] = s.unit.transactions;
    other!.begin(s.request(nic, 0xa000));
    while (other!.choices() > 0) other!.step(0);
    expect([t.isStalled, other!.isStalled, other!.isDone]).toEqual([true, false, false]);
    s.event();
    while (other!.choices() > 0) other!.step(0);
    expect(other!.isStalled).toBe(true);
    expect(s.event()).toMatchObject({ stall: 1, inputLow: 0xa000 });
  });
});

describe("devices with a TLB", () => {
  function device(manners: Manners = "answers", cr0 = 0x10, eats = 1) {
    let tlb: DeviceTlb | null = null;
    const { s, table } = single({ deviceTlb: (r) => (r === nic ? tlb : null) }, {}, { eats }, cr0);
    tlb = new DeviceTlb({ state: s.state, requester: nic, sink: s.unit, manners, entries: 2 });
    const keep = (frame: number, pasid: number | null = null) =>
      tlb.keep(pasid, { frame, output: frame, sizeLg2: 12, allow: 3 }, 0);
    const work = () => {
      while (tlb.choices() > 0) tlb.step();
      s.work();
    };
    return { s, table, tlb, keep, work };
  }

  test("CMD_ATC_INV is consumed at once, CMD_SYNC when the device has answered", () => {
    const { s, tlb, keep, work } = device();
    keep(5);
    keep(6);
    s.post(C.AtcInvalidate, Op.atcInv, { sid: nic, page: 5 }).sync().ring();
    expect([s.left, tlb.find(null, 5, 1)]).toEqual([1, 0]);
    work();
    expect([s.left, tlb.find(null, 5, 1), tlb.find(null, 6, 1)]).toEqual([0, -1, 1]);
  });

  test.each([
    ["one page", { page: 5 }, [0, 1, 0]],
    ["pages aligned to their number", { page: 7, size: 1 }, [1, 0, 1]],
    ["four pages", { page: 6, size: 2 }, [0, 0, 0]],
    ["all", { page: 0x1234, size: 52 }, [0, 0, 0]],
    ["of a substream", { page: 5, ssv: 1, ssid: 3 }, [1, 1, 0]],
    ["of all substreams", { page: 5, ssv: 1, ssid: 4, global: 1 }, [1, 1, 0]],
    ["global counts with a substream only", { page: 5, global: 1 }, [0, 1, 0]],
  ] as const)("%s", (_, o, kept) => {
    const { s, tlb, work } = device();
    const big = new DeviceTlb({ state: s.state, requester: 77, sink: s.unit, entries: 4 });
    for (const [frame, pasid] of [
      [5, null],
      [7, null],
      [5, 3],
    ] as const)
      big.keep(pasid, { frame, output: frame, sizeLg2: 12, allow: 3 }, 0);
    tlb.invalidate = (r) => big.invalidate(r);
    s.post(C.AtcInvalidate, Op.atcInv, { sid: nic, ...o }).ring();
    while (big.choices() > 0) big.step();
    work();
    expect([big.find(null, 5, 1), big.find(null, 7, 1), big.find(3, 5, 1)].map((n) => (n < 0 ? 0 : 1))).toEqual(kept);
  });

  test("one that never answers: CMD_SYNC fails, nothing of it is told, and the next one completes", () => {
    const { s, keep, work } = device("never");
    keep(5);
    s.post(C.AtcInvalidate, Op.atcInv, { sid: nic, page: 5 })
      .sync({ cs: 1, msiAddress: 0x1000_0000 / 4, msiData: 1 })
      .ring();
    work();
    expect(s.left).toBe(1);
    s.unit.queue.timedOut(0);
    s.work();
    expect([s.error, s.left, s.sent]).toEqual([3, 1, []]);
    s.acknowledge();
    expect([s.error, s.left]).toEqual([0, 0]);
    expect(s.sent).toHaveLength(1);
  });

  test("one that never answers, and nobody waits yet: the next CMD_SYNC fails", () => {
    const { s } = device("never");
    s.post(C.AtcInvalidate, Op.atcInv, { sid: nic, page: 5 }).ring();
    s.unit.queue.timedOut(0);
    s.post(C.NsnhAll, Op.nsnhAll).sync().ring();
    expect([s.error, s.left]).toEqual([3, 1]);
  });

  test("an error that is there already is not told again", () => {
    const { s } = device("never");
    const { registers } = s.unit;
    s.post(C.AtcInvalidate, Op.atcInv, { sid: nic, page: 5 }).sync().ring();
    registers.write32(at.gerrorn.offset, 1);
    s.unit.queue.timedOut(0);
    s.work();
    expect([s.error, registers.get("gerror")]).toEqual([3, 0]);
  });

  test("no more may be owed than there are tags; answers that nobody asked for are passed over", () => {
    const { s, work } = device();
    for (let n = 0; n < 3; n++) s.post(C.AtcInvalidate, Op.atcInv, { sid: nic, page: n });
    s.ring();
    expect([s.left, s.unit.tags.busyCount]).toEqual([1, 2]);
    s.unit.completed({ requester: 10, tags: 3, count: 1 });
    expect(s.unit.tags.busyCount).toBe(2);
    work();
    work();
    expect([s.left, s.unit.tags.busyCount]).toEqual([0, 0]);
  });

  test("a unit that is off asks nobody", () => {
    const { s } = device();
    s.unit.registers.write32(at.cr0.offset, 0xc);
    s.post(C.AtcInvalidate, Op.atcInv, { sid: nic, page: 5 }).sync().ring();
    expect([s.left, s.unit.tags.busyCount]).toEqual([0, 0]);
  });

  const request = { type: AddressType.translationRequest } as const;
  const translated = { type: AddressType.translated, write: true } as const;

  test("who asks is answered with what there is, and no fault", () => {
    const { s, table } = device();
    table.map(0x2_0000, 0x9_0000, 0x1000, 1);
    expect(s.dma(nic, 0x6000, request)).toMatchObject({ outcome: Outcome.passes, frame: 0x801, allow: 3 });
    expect(s.dma(nic, 0x2_0000, { ...request, write: true })).toMatchObject({ outcome: Outcome.passes, allow: 1 });
    expect(s.dma(nic, 0x9000, request)).toMatchObject({ outcome: Outcome.passes, allow: 0 });
    expect(s.dma(nic, 2 ** 50, request)).toMatchObject({ outcome: Outcome.passes, allow: 0 });
    expect(s.dma(11, 0x6000, request)).toMatchObject({ outcome: Outcome.refused, code: 4 });
    s.attach(12, table, { epd0: 1 }, { eats: 1 });
    expect(s.dma(12, 0x6000, request)).toMatchObject({ outcome: Outcome.passes, allow: 0 });
    expect(s.event()).toBeNull();
  });

  test("a stream that has no ATS, or a unit that is off, says so", () => {
    const { s } = device("answers", 0x10, 0);
    expect(s.dma(nic, 0x6018, request)).toMatchObject({ code: 5 });
    expect(s.event()).toEqual({ id: 5, sid: nic, inputLow: 0x6018 });
    expect(s.dma(nic, 0x6018, translated)).toMatchObject({ code: 7 });
    expect(s.event()).toEqual({ id: 7, sid: nic, inputLow: 0x6018 });
    s.stream(12, { config: 0 });
    expect(s.dma(12, 0x6018, translated)).toMatchObject({ outcome: Outcome.dropped });
    expect(s.dma(11, 0x6018, translated)).toMatchObject({ code: 4 });
    expect(s.event()).toBeNull();
    s.unit.registers.write32(at.cr0.offset, 0xc);
    expect(s.dma(nic, 0x6018, request)).toMatchObject({ code: 5 });
    expect(s.dma(nic, 0x6018, translated)).toMatchObject({ code: 7 });
    expect([s.event()?.["id"], s.event()?.["id"]]).toEqual([5, 7]);
  });

  test("addresses of its own pass where the entry says so, and from anybody where nobody checks", () => {
    const checked = device().s;
    expect(checked.dma(nic, 0x12_3000, translated)).toMatchObject({ outcome: Outcome.passes, frame: 0x123 });
    expect(checked.dma(11, 0x12_3000, translated)).toMatchObject({ outcome: Outcome.refused });
    const { s } = device("answers", 0);
    expect(s.dma(11, 0x12_3000, translated)).toMatchObject({ outcome: Outcome.passes, frame: 0x123 });
    expect(s.dma(11, 2 ** 44, translated)).toMatchObject({ outcome: Outcome.refused });
    expect(s.event()).toBeNull();
  });

  test("page requests are answered through the queue", () => {
    const told: object[] = [];
    const { s } = single({ pageResponse: (r) => told.push(r) });
    s.post(C.PageResponse, Op.priResp, { sid: nic, ssv: 1, ssid: 4, group: 300, resp: 2 }).ring();
    expect(told).toEqual([{ requester: nic, pasid: 4, group: 300, code: 2 }]);
  });
});
