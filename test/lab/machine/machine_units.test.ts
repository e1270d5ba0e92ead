/** Every kind of IOMMU with its driver: what is mapped is reached, what was flushed is not, and nobody waits for ever. */
import { describe, expect, test } from "vitest";
import { AtsPort } from "../../../src/hw/iommu/ats/ats_port.js";
import { DeviceTlb, type Manners } from "../../../src/hw/iommu/ats/device_tlb.js";
import { TranslatingPort } from "../../../src/hw/iommu/core/translating_port.js";
import { machineUnits } from "../../../src/lab/machine/platform/machine_units.js";
import { UnitWork } from "../../../src/lab/machine/platform/unit_work.js";
import { Memory } from "../../../src/mem/memory.js";
import { type IommuKind, iommuKinds } from "../../../src/spec/linux/iommu_drivers.js";
import { MachineState } from "../../../src/state/machine_state.js";
import type { UnitDomain } from "../../../src/sw/iommu/unit_driver.js";
import { Allow, Mapper } from "../../../src/table/index.js";

const frames = 4096;
const [nic, disk] = [0x18, 0x20];
const page = 4096;

/** A kind, and whose tables its kernel builds where it may choose. */
type Driven = readonly [kind: IommuKind, stage?: "first" | "second"];
const driven: readonly Driven[] = [...iommuKinds.map((kind): Driven => [kind]), ["vtd-scalable", "second"]];

/** A unit with its driver, in memory whose last quarter is for data. */
function started([kind, stage]: Driven, manners: Manners = "answers") {
  const memory = new Memory(frames);
  const state = new MachineState();
  const tlbs = new Map<number, DeviceTlb>();
  const row = machineUnits[kind];
  let told = 0;
  const unit = row.build({
    ...{ state, memory, caches: { devices: 4, spaces: 4, tables: 8, translations: 16 } },
    messages: { send: () => told++ },
    deviceTlb: (requester) => tlbs.get(requester) ?? null,
  });
  tlbs.set(disk, new DeviceTlb({ state, requester: disk, sink: unit, entries: 4, manners }));
  const work = new UnitWork(unit, () => tlbs.values());
  let next = 16;
  const allocate = (count: number) => {
    const first = Math.ceil(next / count) * count;
    next = first + count;
    for (let n = first; n < next; n++) memory.fill(n * page, page, 0);
    return first;
  };
  const posted: number[] = [];
  const driver = row.drive({
    ports: { memory, registers: unit.registers, allocate, spin: (until) => work.spin(until) },
    lastRequester: 0xff,
    ...(stage === undefined ? {} : { stage }),
    posted: (command) => posted.push(row.typeOf(command)),
  });
  const [transaction] = unit.transactions;
  const parts = { memory, transaction: transaction!, pick: () => 0 };
  const plain = new TranslatingPort(parts);
  const own = new AtsPort({ ...parts, tlb: tlbs.get(disk)! });
  const domain = (requester: number, ats: boolean) => {
    const made: UnitDomain = driver.createDomain();
    const mapper = new Mapper(memory, made.root, allocate);
    driver.attach({ requester, ats }, made);
    return { mapper, flushes: driver.flushesOf(made, [{ requester, ats }]) };
  };
  const write = (requester: number, ats: boolean, address: number, value = 1) =>
    (ats ? own : plain).write(requester, address, Uint8Array.of(value));
  return { memory, unit, driver, domain, write, posted, told: () => told };
}

/** Frames of data. */
const [one, two] = [(frames - 8) * page, (frames - 4) * page];
const byte = (m: Memory, at: number) => m.load32(at) & 0xff;

describe.each(driven.map((d) => ({ d, name: d.join(" ") })))("$name", ({ d: kind }) => {
  test.each([false, true])(
    "what is mapped is reached, what was unmapped and flushed is not (TLB of its own: %s)",
    (ats) => {
      const requester = ats ? disk : nic;
      const s = started(kind);
      const { mapper, flushes } = s.domain(requester, ats);
      for (const at of [0x1000, 0xffff_f000, 2 ** 39 + 0x5000]) {
        mapper.map(at, one, 2 * page, Allow.readWrite);
        expect(s.write(requester, ats, at + page + 4, 0x55)).toBe("done");
        expect(byte(s.memory, one + page + 4)).toBe(0x55);
        mapper.unmap(at, 2 * page);
        // Until the flush a cached translation stands for it.
        expect(s.write(requester, ats, at + page + 8)).toBe("done");
        flushes.flush(at / page, at / page + 1, true);
        expect(s.write(requester, ats, at + page + 8)).toBe("fault");
        mapper.map(at, two, 2 * page, Allow.readWrite);
        expect(s.write(requester, ats, at + page + 12, 0x66)).toBe("done");
        expect([byte(s.memory, one + page + 12), byte(s.memory, two + page + 12)]).toEqual([0, 0x66]);
        mapper.unmap(at, 2 * page);
        flushes.flushAll();
        expect(s.write(requester, ats, at + page + 8)).toBe("fault");
      }
    },
  );

  test("a flush of one domain, of any size, forgets all of its range", () => {
    const s = started(kind);
    const { mapper, flushes } = s.domain(nic, false);
    for (const count of [1, 2, 3, 31, 33, 65, 511, 513, 545, 1023]) {
      const at = 0x4000_0000 + (count % 7) * page;
      mapper.map(at, one, page, Allow.readWrite);
      if (count > 1) mapper.map(at + (count - 1) * page, two, page, Allow.readWrite);
      for (const end of [at, at + (count - 1) * page]) expect(s.write(nic, false, end)).toBe("done");
      mapper.unmap(at, count * page);
      flushes.flush(at / page, at / page + count - 1, true);
      for (const end of [at, at + (count - 1) * page]) expect(s.write(nic, false, end)).toBe("fault");
    }
  });

  test("superpages are flushed whole", () => {
    const s = started(kind);
    const { mapper, flushes } = s.domain(nic, false);
    const [size, at] = [2 ** 21, 0x8000_0000];
    mapper.map(at, 2 ** 21, size, Allow.readWrite);
    mapper.map(at + size, one, page, Allow.readWrite);
    for (const to of [at, at + 0x1f_f000, at + size]) expect(s.write(nic, false, to)).toBe("done");
    mapper.unmap(at, size + page);
    flushes.flush(at / page, (at + size) / page, true);
    for (const to of [at, at + 0x1f_f000, at + size]) expect(s.write(nic, false, to)).toBe("fault");
  });

  test("devices of two domains do not reach each other's pages; one that was never attached reaches none", () => {
    const s = started(kind);
    const [a, b] = [s.domain(nic, false), s.domain(disk, false)];
    a.mapper.map(0x5000, one, page, Allow.readWrite);
    b.mapper.map(0x5000, two, page, Allow.read);
    expect(s.write(nic, false, 0x5000, 7)).toBe("done");
    expect(s.write(disk, false, 0x5000, 8)).toBe("fault");
    expect(s.write(0x28, false, 0x5000, 9)).toBe("fault");
    expect([byte(s.memory, one), byte(s.memory, two)]).toEqual([7, 0]);
  });

  test("the kernel is told of a refusal, and reads who, where and what", () => {
    const s = started(kind);
    const { mapper } = s.domain(nic, false);
    mapper.map(0x5000, one, page, Allow.read);
    expect(s.driver.takeFaults()).toEqual([]);
    expect(s.write(nic, false, 0x5000)).toBe("fault");
    expect(s.told()).toBe(1);
    const [fault, ...more] = s.driver.takeFaults();
    expect(more).toEqual([]);
    expect(fault).toMatchObject({ requester: nic, write: true });
    expect(fault!.address - (fault!.address % page)).toBe(0x5000);
    expect(machineUnits[kind[0]].words(fault!.code)).toMatch(/\w/);
    // It is told anew of the next one.
    expect(s.write(nic, false, 0x9000)).toBe("fault");
    expect([s.told(), s.driver.takeFaults().length]).toEqual([2, 1]);
  });

  test("a record that is full loses refusals, and is used again once it was read", () => {
    const s = started(kind);
    s.domain(nic, false);
    const count = 600;
    for (let n = 0; n < count; n++) expect(s.write(nic, false, 0x5000)).toBe("fault");
    const kept = s.driver.takeFaults().length;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(count);
    expect(s.write(nic, false, 0x6000)).toBe("fault");
    expect(s.driver.takeFaults().length).toBe(1);
    expect(s.driver.takeFaults()).toEqual([]);
  });

  test("the first domain has the tag that Linux gives it, whatever passes before", () => {
    const s = started(kind);
    s.driver.attach({ requester: nic, ats: false }, "pass-through");
    // Seen in the images of fixtures: the first device has domain 2, of an SMMUv3 ASID 1.
    expect([s.driver.createDomain().id, s.driver.createDomain().id]).toEqual(kind[0] === "smmuv3" ? [1, 2] : [2, 3]);
  });

  test("a device that passes untranslated reaches memory", () => {
    const s = started(kind);
    s.driver.attach({ requester: nic, ats: false }, "pass-through");
    expect(s.write(nic, false, one, 3)).toBe("done");
    expect(byte(s.memory, one)).toBe(3);
    expect(s.driver.takeFaults()).toEqual([]);
  });

  test("with its own TLB too, where units of the kind let it", () => {
    const s = started(kind);
    s.driver.attach({ requester: disk, ats: true }, "pass-through");
    expect(s.write(disk, true, one, 3)).toBe(machineUnits[kind[0]].passesWithTlb ? "done" : "fault");
  });

  test("the queue goes round and round", () => {
    const s = started(kind);
    const { mapper, flushes } = s.domain(disk, true);
    for (let n = 0; n < 600; n++) {
      const at = 0x10_0000 + (n % 5) * page;
      mapper.map(at, one, page, Allow.readWrite);
      if (n % 100 === 0) expect(s.write(disk, true, at)).toBe("done");
      mapper.unmap(at, page);
      flushes.flush(at / page, at / page, true);
      if (n % 100 === 0) expect(s.write(disk, true, at)).toBe("fault");
    }
  });

  test("a device that does not answer holds nobody up for ever", () => {
    const s = started(kind, "never");
    const { mapper, flushes } = s.domain(disk, true);
    const other = s.domain(nic, false);
    for (let n = 0; n < 5; n++) flushes.flush(n, n, true);
    s.driver.takeFaults();
    other.mapper.map(0x5000, one, page, Allow.readWrite);
    expect(s.write(nic, false, 0x5000)).toBe("done");
    other.mapper.unmap(0x5000, page);
    other.flushes.flush(5, 5, true);
    expect(s.write(nic, false, 0x5000)).toBe("fault");
    expect(mapper.tables).toEqual([]);
  });
});
