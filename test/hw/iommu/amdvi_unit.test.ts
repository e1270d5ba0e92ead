/** An AMD-Vi unit as software and devices meet it: registers, tables, commands, requests, records. */
import { describe, expect, test } from "vitest";
import { write } from "../../../src/bits/field.js";
import { DeviceTlb, type Manners } from "../../../src/hw/iommu/ats/device_tlb.js";
import { AddressType, Outcome } from "../../../src/hw/iommu/core/request.js";
import { Opcode, Prefetch } from "../../../src/spec/amdvi/commands.js";
import { amdviRegisters } from "../../../src/spec/amdvi/register_map.js";
import { AmdviSoftware, type Entry, features } from "./amdvi_software.js";

const { registers: at } = amdviRegisters;
const nic = 0x18;
const disk = 0x20;
const { passes, refused } = Outcome;

function host(o: Entry = {}) {
  const s = new AmdviSoftware().start();
  const table = s.domain();
  table.map(0x5000, 0x80_0000, 0x3000, 3);
  s.attach(nic, { table: table.root.address, did: 7, ...o });
  return { s, table };
}

describe("host tables", () => {
  test("a request reaches what the tables say, the second time from the cache", () => {
    const { s } = host();
    expect(s.dma(nic, 0x6123)).toMatchObject({
      outcome: passes,
      frame: 0x801,
      allow: 3,
      sizeLg2: 12,
      fromCache: false,
    });
    expect(s.dma(nic, 0x6ff0)).toMatchObject({ frame: 0x801, fromCache: true });
    expect(s.events()).toEqual([]);
  });

  test("what was unmapped is reached until the domain's pages are invalidated, and faults then", () => {
    const { s, table } = host();
    s.dma(nic, 0x6000);
    table.unmap(0x6000, 0x1000);
    s.pages(8, { page: 6 }).pages(7, { page: 5 }).pages(7, { page: 6, pasid: 0 }).ring();
    expect(s.dma(nic, 0x6000), "another domain, another page, a PASID").toMatchObject({ fromCache: true });
    s.pages(7, { page: 6 }).wait(1).ring();
    expect(s.status).toBe(1);
    expect(s.dma(nic, 0x6abc)).toMatchObject({ outcome: refused, code: 2 });
    s.dma(nic, 0x6000, { write: true });
    expect(s.events()).toEqual([
      { code: 2, device: nic, pasidOrDomain: 7, flags: 0, address: 0x6abc },
      { code: 2, device: nic, pasidOrDomain: 7, flags: 0x20, address: 0x6000 },
    ]);
  });

  test.each([
    ["one page", 6, 0, true],
    ["a page beside it", 5, 0, false],
    ["four pages by 0b01", 5, 1, true],
    ["two pages beside it", 4, 1, false],
    ["all", 0x7_ffff_ffff_ffff, 1, true],
    ["all, without a zero", 0xf_ffff_ffff_ffff, 1, true],
  ] as const)("a range of %s", (_, page, s, forgets) => {
    const m = host();
    m.s.dma(nic, 0x6000);
    m.s.pages(7, { page, s }).ring();
    expect(m.s.dma(nic, 0x6000).fromCache).toBe(!forgets);
  });

  test("without PDE, a table that was unlinked is still walked", () => {
    const { s, table } = host();
    s.dma(nic, 0x6000);
    const above = table.tables.at(-2)! * 4096;
    s.memory.store64(above, 0, 0);
    s.pages(7, { page: 6 }).ring();
    expect(s.dma(nic, 0x6000), "a cached pointer").toMatchObject({ outcome: passes, frame: 0x801, fromCache: false });
    s.pages(7, { page: 6, pde: 1 }).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ outcome: refused });
  });

  test("a device's entry counts as it was cached until it is invalidated", () => {
    const { s } = host();
    const other = s.domain();
    other.map(0x6000, 0xa0_0000, 0x1000, 1);
    s.dma(nic, 0x6000);
    s.attach(nic, { table: other.root.address, did: 9 });
    s.device(disk).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ frame: 0x801 });
    s.device(nic).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ frame: 0xa00, allow: 1 });
    expect(s.dma(nic, 0x6000, { write: true })).toMatchObject({ outcome: refused, code: 2 });
    expect(s.events()).toMatchObject([{ flags: 0x70, pasidOrDomain: 9 }]);
  });

  test("with the old domain's tag on a new table, what is cached of the old one is reached", () => {
    const { s } = host();
    const other = s.domain();
    other.map(0x6000, 0xa0_0000, 0x1000, 3);
    s.dma(nic, 0x6000);
    s.attach(nic, { table: other.root.address, did: 7 });
    s.device(nic).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ frame: 0x801, fromCache: true });
  });

  test("IR and IW are the device's own, whoever of its domain was there first", () => {
    const { s, table } = host();
    s.attach(disk, { table: table.root.address, did: 7, iw: 0 });
    expect(s.dma(disk, 0x6000)).toMatchObject({ allow: 1 });
    expect(s.dma(nic, 0x6000, { write: true })).toMatchObject({ outcome: passes, fromCache: true, allow: 3 });
    expect(s.dma(disk, 0x6000, { write: true })).toMatchObject({ outcome: refused, code: 2 });
    expect(s.events()).toMatchObject([{ device: disk, flags: 0x70 }]);
  });

  test("a page of an encoded size is one entry of the cache, and goes as a whole", () => {
    const { s, table } = host();
    // 64 KiB in sixteen equal entries: bits 15:12 are 0111, the first zero weighs 32 KiB.
    for (let n = 0; n < 16; n++) s.memory.store64(table.tables.at(-1)! * 4096 + (16 + n) * 8, 0x90_7e01, 0x6000_0000);
    expect(s.dma(nic, 0x1_2345)).toMatchObject({ frame: 0x902, sizeLg2: 16 });
    expect(s.dma(nic, 0x1_f000)).toMatchObject({ frame: 0x90f, fromCache: true });
    s.pages(7, { page: 0x15 }).ring();
    expect(s.dma(nic, 0x1_f000)).toMatchObject({ frame: 0x90f, fromCache: false });
  });
});

describe("what a device's entry says", () => {
  test.each<[string, Entry, boolean, number | null, number]>([
    ["V is 0: all passes", { v: 0, tv: 0 }, true, 0x12345, 0],
    ["TV is 0: nothing passes", { tv: 0 }, false, null, 0],
    ["Mode is 0: a read passes", { mode: 0, iw: 0 }, false, 0x12345, 0],
    ["Mode is 0, IW is 0: no write", { mode: 0, iw: 0 }, true, null, 0x70],
    ["IR and IW are 0", { ir: 0, iw: 0 }, false, null, 0x50],
  ])("%s", (_, entry, isWrite, frame, flags) => {
    const s = new AmdviSoftware().start();
    s.attach(nic, { did: 7, ...entry });
    const result = s.dma(nic, 0x1234_5678, { write: isWrite });
    if (frame !== null) expect(result).toMatchObject({ outcome: passes, frame });
    else {
      expect(result).toMatchObject({ outcome: refused, code: 2 });
      expect(s.events()).toEqual([{ code: 2, device: nic, pasidOrDomain: 7, flags, address: 0x1234_5678 }]);
    }
  });

  test("levels that the unit does not have, reserved bits, and a table that ends before it", () => {
    const { s } = host({ mode: 7 });
    s.dma(nic, 0x6000);
    s.attach(nic, { did: 7 });
    s.memory.store32(s.devtab + nic * 32, 0x13);
    s.device(nic).ring();
    s.dma(nic, 0x7000, { write: true });
    s.dma(0x100, 0x8000);
    expect(s.events()).toMatchObject([
      { code: 1, device: nic, flags: 0, address: 0x6000 },
      { code: 1, device: nic, flags: 0xa0, address: 0x7000 },
      { code: 1, device: 0x100, flags: 0, address: 0x8000 },
    ]);
  });

  test("a device table, and a page table, where there is no memory", () => {
    const { s, table } = host();
    s.memory.store64(table.tables.at(-2)! * 4096, 0x7000_0000 + 0x201, 0x6000_0000);
    s.dma(nic, 0x6000);
    s.unit.registers.write64(at.devtab.offset, 0x4000_0000, 0);
    s.all().ring();
    s.dma(nic, 0x6000);
    expect(s.events()).toEqual([
      { code: 4, device: nic, pasidOrDomain: 7, flags: 0x200, address: 0x7000_0030 },
      { code: 3, device: nic, pasidOrDomain: 0, flags: 0x200, address: 0x4000_0000 + nic * 32 },
    ]);
  });

  test("reserved bits of a page, a level that was skipped, and an address wider than the table", () => {
    const { s, table } = host();
    s.memory.store64(table.tables.at(-1)! * 4096 + 9 * 8, 0x90_0001, 0x6010_0000);
    s.dma(nic, 0x9000);
    // From the top to the leaves, over two levels of which the address has bits.
    s.memory.store64(table.root.address, table.tables.at(-1)! * 4096 + 0x201, 0x6000_0000);
    s.dma(nic, 0x4000_9000, { write: true });
    s.dma(nic, 2 ** 48);
    expect(s.events()).toMatchObject([
      { code: 2, flags: 0x90, address: 0x9000 },
      { code: 2, flags: 0x20, address: 0x4000_9000 },
      { code: 2, flags: 0, address: 2 ** 48 },
    ]);
  });

  test("SA: page faults are not recorded; SE: one, until the entry is fetched anew", () => {
    const { s } = host({ sa: 1 });
    s.dma(nic, 0x1000);
    expect(s.events()).toEqual([]);
    s.attach(nic, { did: 7, se: 1, tv: 0 });
    s.device(nic).ring();
    s.dma(nic, 0x1000);
    s.dma(nic, 0x2000);
    expect(s.events()).toMatchObject([{ address: 0x1000 }]);
    s.device(nic).ring();
    s.dma(nic, 0x3000);
    expect(s.events()).toMatchObject([{ address: 0x3000 }]);
  });

  test("a unit that is off lets all pass; interrupt messages are no memory, and cannot be read", () => {
    const s = new AmdviSoftware();
    expect(s.dma(nic, 0x1234_5000)).toMatchObject({ outcome: passes, frame: 0x12345 });
    s.start();
    expect(s.dma(nic, 0xfee0_1000, { write: true })).toMatchObject({ outcome: Outcome.message });
    expect(s.dma(nic, 0xfee0_1000)).toMatchObject({ outcome: refused, code: 8 });
    expect(s.events()).toMatchObject([{ code: 8, flags: 0, address: 0xfee0_1000 }]);
  });
});

describe("an entry that changes while it is fetched", () => {
  test.each([
    [256, 0x801, 7],
    [128, 0x801, 7],
    [64, 0x801, 9],
  ] as const)("%i bits at once", (fetchBits, frame, did) => {
    const s = new AmdviSoftware({ fetchBits }).start();
    const [table, other] = [s.domain(), s.domain()];
    table.map(0x6000, 0x80_1000, 0x1000, 3);
    other.map(0x6000, 0xa0_0000, 0x1000, 3);
    s.attach(nic, { table: table.root.address, did: 7 });
    const [t] = s.unit.transactions;
    const type = AddressType.untranslated;
    t!.begin({ requester: nic, pasid: null, frame: 6, offset: 0, write: false, type });
    for (const label of ["look the device up", "fetch a piece of an entry"]) {
      expect(t!.label()).toBe(label);
      t!.step(0);
    }
    s.attach(nic, { table: other.root.address, did: 9 });
    while (!t!.isDone) t!.step(0);
    expect(t!.result).toMatchObject({ outcome: passes, frame });
    t!.end();
    expect(s.unit.caches.translations.domainOf(0)).toBe(did);
  });
});

describe("guest tables", () => {
  function guest(o: Entry = {}) {
    const s = new AmdviSoftware().start();
    const [one, two] = [s.domain("amdvi-v2"), s.domain("amdvi-v2")];
    one.map(0x5000, 0x90_0000, 0x2000, 3);
    two.map(0x5000, 0xa0_0000, 0x2000, 1);
    const gcr3 = s.gcr3({ 1: one.root.address, 2: two.root.address });
    s.attach(nic, { gcr3, did: 4, ...o });
    return { s, one, two, gcr3 };
  }

  test("by PASID; without one, addresses pass as they are, or are those of PASID 0", () => {
    const { s, one, two, gcr3 } = guest();
    expect(s.dma(nic, 0x5000, { pasid: 1 })).toMatchObject({ frame: 0x900 });
    expect(s.dma(nic, 0x5000, { pasid: 2 })).toMatchObject({ frame: 0xa00, allow: 1 });
    expect(s.dma(nic, 0x5000)).toMatchObject({ frame: 5 });
    expect(s.dma(nic, 0x5000, { pasid: 2, write: true })).toMatchObject({ outcome: refused });
    s.dma(nic, 0x5000, { pasid: 3 });
    s.dma(nic, 0x5000, { pasid: 0x1_0005 });
    expect(s.events()).toMatchObject([
      { code: 2, pasidOrDomain: 2, flags: 0x71 },
      { code: 2, pasidOrDomain: 3, flags: 0x01 },
      { code: 2, pasidOrDomain: 5, flags: 0x01 },
    ]);
    s.memory.store64(gcr3 + 4 * 8, 0x1001, 0x10_0000);
    s.dma(nic, 0x5000, { pasid: 4 });
    expect(s.events(), "reserved bits in its entry").toMatchObject([{ code: 2, pasidOrDomain: 4, flags: 0x91 }]);
    s.gcr3({ 0: one.root.address }, gcr3);
    s.attach(nic, { gcr3, did: 4, giov: 1 });
    s.device(nic).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ frame: 0x901 });
    s.gcr3({ 0: two.root.address }, gcr3);
    s.pages(4, { pasid: 0, pde: 1 }).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ frame: 0xa01 });
  });

  test("a PASID's pages are invalidated by domain and PASID", () => {
    const { s, one } = guest();
    s.dma(nic, 0x5000, { pasid: 1 });
    one.unmap(0x5000, 0x1000);
    s.pages(4, { page: 5 }).pages(4, { page: 5, pasid: 2 }).pages(5, { page: 5, pasid: 1 }).ring();
    expect(s.dma(nic, 0x5000, { pasid: 1 })).toMatchObject({ fromCache: true });
    s.pages(4, { page: 5, pasid: 1 }).ring();
    expect(s.dma(nic, 0x5000, { pasid: 1 })).toMatchObject({ outcome: refused });
  });

  test("a PASID that gets another table: what leads to it goes with directories", () => {
    const { s, two, gcr3 } = guest();
    s.dma(nic, 0x5000, { pasid: 1 });
    s.gcr3({ 1: two.root.address }, gcr3);
    s.pages(4, { pasid: 1 }).ring();
    expect(s.dma(nic, 0x5000, { pasid: 1 })).toMatchObject({ frame: 0x900, fromCache: false });
    s.pages(4, { pasid: 1, pde: 1 }).ring();
    expect(s.dma(nic, 0x5000, { pasid: 1 })).toMatchObject({ frame: 0xa00 });
  });

  test("two devices of one domain with tables of their own: the second reaches what is cached of the first", () => {
    const { s, two } = guest();
    s.attach(disk, { gcr3: s.gcr3({ 1: two.root.address }), did: 4 });
    expect(s.dma(nic, 0x5000, { pasid: 1 })).toMatchObject({ frame: 0x900 });
    expect(s.dma(disk, 0x5000, { pasid: 1 })).toMatchObject({ frame: 0x900, fromCache: true });
  });

  test("nested: through both, and the host's invalidation takes what both gave", () => {
    const s = new AmdviSoftware().start();
    const [second, first] = [s.domain(), s.domain("amdvi-v2")];
    first.map(0x7000, 0x5000, 0x1000, 3);
    second.map(0x5000, 0x80_0000, 0x1000, 3);
    const gcr3 = s.gcr3({ 2: first.root.address });
    // What the first stage's tables stand in is mapped as it is: they are inputs of the second.
    for (const at of [gcr3, first.root.address, ...first.tables.map((f) => f * 4096)]) second.map(at, at, 4096, 3);
    s.attach(nic, { table: second.root.address, gcr3, did: 5 });
    expect(s.dma(nic, 0x7000, { pasid: 2 })).toMatchObject({ frame: 0x800 });
    expect(s.dma(nic, 0x5000)).toMatchObject({ frame: 0x800 });
    second.unmap(0x5000, 0x1000);
    s.pages(5, { page: 7 }).ring();
    expect(s.dma(nic, 0x5000)).toMatchObject({ fromCache: true });
    expect(s.dma(nic, 0x7000, { pasid: 2 })).toMatchObject({ outcome: refused });
    expect(s.events()).toMatchObject([{ code: 2, pasidOrDomain: 2, flags: 0x01, address: 0x7000 }]);
  });

  test("a unit without guest tables refuses a PASID", () => {
    const { s } = host();
    s.dma(nic, 0x5000, { pasid: 1 });
    expect(s.events()).toMatchObject([{ code: 8, pasidOrDomain: 1, flags: 1 }]);
  });
});

describe("completion waits", () => {
  test("64 bits are stored, an interrupt is told once until software has looked", () => {
    const s = new AmdviSoftware().start({ comWaitIntEn: 1 });
    const { registers } = s.unit;
    registers.write32(at.msiAddress.offset, 0xfee0_0000);
    registers.write32(at.msiData.offset, 0x31);
    s.wait(5, { high: 9, i: 1 }).wait(6, { i: 1 }).ring();
    expect([s.status, s.memory.load32(s.statusAt + 4)]).toEqual([6, 0]);
    expect(s.sent).toEqual([{ address: 0xfee0_0000, data: 0x31 }]);
    expect(s.unitStatus & 4).toBe(4);
    registers.write32(at.status.offset, 4);
    s.wait(7, { i: 1, high: 9 }).ring();
    expect(s.sent).toHaveLength(2);
    expect(s.memory.load32(s.statusAt + 4)).toBe(9);
  });

  test("a wait of which nobody wants to be told is told when somebody does", () => {
    const s = new AmdviSoftware().start();
    s.wait(1, { i: 1 }).ring();
    expect(s.sent).toHaveLength(0);
    s.control({ comWaitIntEn: 1 });
    expect(s.sent).toHaveLength(1);
    s.control({ comWaitIntEn: 1 });
    expect(s.sent).toHaveLength(1);
  });

  test("a wake-up is lost on software that clears the bit after it has looked", () => {
    const s = new AmdviSoftware().start({ comWaitIntEn: 1 });
    s.wait(1, { i: 1 }).ring();
    const looked = s.status;
    s.wait(2, { i: 1 }).ring();
    s.unit.registers.write32(at.status.offset, 4);
    expect([looked, s.status, s.sent.length]).toEqual([1, 2, 1]);
  });

  test("the head says what was fetched, not what is done", () => {
    const s = new AmdviSoftware().start();
    s.pages(7, { page: 6 }).wait(1);
    s.unit.registers.write64(at.cmdTail.offset, 32, 0);
    s.unit.queue.step(0);
    s.unit.queue.step(0);
    expect(s.unit.registers.get("cmdHead")).toBe(32);
    expect(s.status).toBe(0);
    s.work();
    expect(s.status).toBe(1);
  });

  test("commands as words: where Linux's driver puts each field", () => {
    const { s } = host();
    const words = (...w: number[]) => s.post((into) => into.set(w));
    s.dma(nic, 0x6000);
    words(0, 0x3000_0007, 0x5000, 0);
    words(s.statusAt + 1, 0x1000_0000, 0x1234_5678, 0x9abc_def0);
    s.ring();
    expect([s.status, s.memory.load32(s.statusAt + 4)]).toEqual([0x1234_5678, 0x9abc_def0]);
    expect(s.dma(nic, 0x6000).fromCache).toBe(true);
    words(0, 0x3000_0007, 0xffff_f003, 0x7fff_ffff);
    s.ring();
    expect(s.dma(nic, 0x6000).fromCache).toBe(false);
    s.attach(nic, { v: 0 });
    words(nic, 0x2000_0000, 0, 0);
    words(0x2000_0000 + nic, 0x4000_0000 + nic, 0x6000, 0);
    s.ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ frame: 6 });
    expect(s.unit.tags.requesterOf(0)).toBe(nic);
    words(0, 0x8000_0000, 0, 0);
    s.ring();
    expect(s.unit.caches.devices.find(nic, null)).toBe(-1);
    expect(s.events()).toEqual([]);
  });

  test("it goes round", () => {
    const s = new AmdviSoftware().start();
    for (let n = 1; n <= 300; n++) s.wait(n).ring();
    expect(s.status).toBe(300);
    expect(s.unit.registers.get("cmdHead")).toBe((300 % 256) * 16);
  });
});

describe("commands that are refused", () => {
  const isAs =
    (opcode: number, ...rest: number[]) =>
    (w: Uint32Array) =>
      w.set([0, (opcode << 28) >>> 0, ...rest]);

  test.each<[string, (w: Uint32Array) => void, { readonly features: readonly [number, number] }?]>([
    ["opcode 0", isAs(0)],
    ["an unknown opcode", isAs(9)],
    ["a reserved bit", isAs(2, 1)],
    ["guest addresses on a unit that has none", isAs(3, 4), { features: [0, 0] }],
    ["INVALIDATE_IOMMU_ALL on a unit that has it not", isAs(8), { features: [0, 0] }],
    ["a prefetch on a unit that has it not", isAs(6), { features: [0, 0] }],
    ["an answer to page requests on a unit that takes none", isAs(7), { features: [0, 0] }],
  ])("%s halts the processor until it is switched on anew", (_, set, o) => {
    const s = new AmdviSoftware(o).start();
    s.wait(1).post(set).wait(2).ring();
    expect(s.status).toBe(1);
    expect(s.events()).toEqual([{ code: 5, device: 0, pasidOrDomain: 0, flags: 0, address: s.commandsAt + 16 }]);
    expect(s.unitStatus & 0x10).toBe(0);
    s.control({ cmdBufEn: 1 }).work();
    expect(s.status).toBe(1);
    s.control({ cmdBufEn: 0 }).control({ cmdBufEn: 1 }).work();
    expect(s.status).toBe(2);
  });

  test("the same, but for the unit, are taken", () => {
    const s = new AmdviSoftware().start();
    s.post(isAs(5)).post(isAs(6)).post(isAs(7)).post(isAs(8)).wait(1).ring();
    expect(s.events()).toEqual([]);
    expect([s.status, features[0] & 0x53]).toEqual([1, 0x53]);
  });

  test("a buffer where there is no memory", () => {
    const s = new AmdviSoftware().start();
    s.unit.registers.write64(at.cmdbuf.offset, 0x5000_0000, 0x0800_0000);
    s.wait(1).ring();
    expect(s.events()).toMatchObject([{ code: 6, flags: 0x200, address: 0x5000_0000 }]);
    expect(s.unit.registers.get("cmdHead")).toBe(0);
    expect(s.unitStatus & 0x10).toBe(0);
  });

  test("a prefetch may forget first", () => {
    const { s } = host();
    const prefetch = (inval: 0 | 1) => (w: Uint32Array) => {
      write(w, 0, Prefetch.opcode, Opcode.prefetch);
      write(w, 0, Prefetch.page, 6 as never);
      write(w, 0, Prefetch.inval, inval);
    };
    s.dma(nic, 0x6000);
    s.post(prefetch(0)).ring();
    expect(s.dma(nic, 0x6000).fromCache).toBe(true);
    s.post(prefetch(1)).ring();
    expect(s.dma(nic, 0x6000).fromCache).toBe(false);
  });

  test("a tail beyond the buffer: what counts is what remains inside", () => {
    const s = new AmdviSoftware().start();
    for (let n = 1; n <= 256; n++) s.wait(n);
    s.unit.registers.write64(at.cmdTail.offset, 0x1028, 0xffff_ffff);
    for (let n = 0; n < 1000 && s.unit.queue.choices() > 0; n++) s.unit.queue.step(0);
    expect(s.unit.queue.choices()).toBe(0);
    expect(s.status).toBe(2);
  });

  test("a new base sets both pointers back", () => {
    const s = new AmdviSoftware().start();
    s.wait(1).ring();
    s.unit.registers.write64(at.cmdbuf.offset, s.commandsAt, 0x0900_0000);
    expect([s.unit.registers.get("cmdHead"), s.unit.registers.get("cmdTail")]).toEqual([0, 0]);
  });
});

describe("the event log", () => {
  test("full, it stops: what comes is lost and said to be, until it is switched on anew", () => {
    const s = new AmdviSoftware().start({ eventIntEn: 1 });
    s.attach(nic, { tv: 0 });
    for (let n = 0; n < 255; n++) s.dma(nic, n * 4096);
    expect(s.unitStatus & 9).toBe(8);
    expect(s.sent).toHaveLength(1);
    s.dma(nic, 0x100_0000);
    expect(s.unitStatus & 9).toBe(1);
    expect(s.sent).toHaveLength(2);
    expect(s.events()).toHaveLength(255);
    s.dma(nic, 0x100_0000);
    expect(s.events(), "it does not run").toEqual([]);
    s.unit.registers.write32(at.status.offset, 2);
    s.control({ eventLogEn: 0 }).control({ eventLogEn: 1 });
    s.dma(nic, 0x200_0000);
    expect(s.events()).toMatchObject([{ address: 0x200_0000 }]);
    expect(s.unitStatus & 9).toBe(8);
    expect(s.sent).toHaveLength(3);
  });

  test("an event between a look and the clearing of its bit wakes nobody", () => {
    const s = new AmdviSoftware().start({ eventIntEn: 1 });
    s.attach(nic, { tv: 0 });
    s.dma(nic, 0x1000);
    s.events();
    s.dma(nic, 0x2000);
    s.unit.registers.write32(at.status.offset, 2);
    expect(s.sent).toHaveLength(1);
    expect(s.events()).toHaveLength(1);
  });
});

describe("devices with a TLB of their own", () => {
  const translated = { type: AddressType.translated };
  const asks = { type: AddressType.translationRequest };

  function withTlb(o: { readonly manners?: Manners; readonly commands?: number; readonly entry?: Entry } = {}) {
    let tlb: DeviceTlb | null = null;
    const s = new AmdviSoftware({ commands: o.commands ?? 4, deviceTlb: (r) => (r === nic ? tlb : null) }).start();
    const table = s.domain();
    table.map(0x5000, 0x80_0000, 0x3000, 3);
    s.attach(nic, { table: table.root.address, did: 7, i: 1, ...o.entry });
    tlb = new DeviceTlb({ state: s.state, requester: nic, sink: s.unit, manners: o.manners ?? "answers", entries: 2 });
    const answers = () => {
      while (tlb.choices() > 0) tlb.step();
      s.work();
    };
    const keep = (frame: number, pasid: number | null = null) => {
      const { frame: output, sizeLg2, allow } = s.dma(nic, frame * 4096, { ...asks });
      tlb.keep(pasid, { frame, output, sizeLg2, allow }, 0);
    };
    return { s, table, tlb, answers, keep };
  }

  test("only those may ask, and use what they were told, whose entry says so", () => {
    const { s } = withTlb({ entry: { i: 0 } });
    s.dma(nic, 0x5000, { ...asks });
    s.dma(nic, 0x80_0000, { ...translated, write: true });
    expect(s.events()).toMatchObject([
      { code: 8, flags: 0x100 },
      { code: 8, flags: 0x200 },
    ]);
    const may = withTlb().s;
    expect(may.dma(nic, 0x5000, { ...asks })).toMatchObject({ outcome: passes, frame: 0x800, allow: 3 });
    expect(may.dma(nic, 0x1000, { ...asks })).toMatchObject({ outcome: passes, allow: 0 });
    expect(may.dma(nic, 0x80_0000, { ...translated })).toMatchObject({ outcome: passes, frame: 0x800 });
    expect(may.events()).toEqual([]);
  });

  test("a wait is done when the device has answered; what follows it is begun before unless it flushes", () => {
    const { s, tlb, answers, keep } = withTlb();
    keep(5);
    s.deviceTlb(nic, { page: 5 }).wait(1).pages(7, { page: 5 }).ring();
    expect(s.status).toBe(0);
    expect(s.dma(nic, 0x5000).fromCache, "the pages behind the wait").toBe(false);
    expect(tlb.find(null, 5, 1)).toBe(0);
    answers();
    expect(s.status).toBe(1);
    expect(tlb.find(null, 5, 1)).toBe(-1);
    s.deviceTlb(nic, { page: 5 }).wait(2, { f: 1 }).pages(7, { page: 5 }).ring();
    expect(s.dma(nic, 0x5000).fromCache, "the wait lets nothing past").toBe(true);
    answers();
    expect(s.dma(nic, 0x5000).fromCache).toBe(false);
  });

  test("no more are without an answer than the command says", () => {
    const { s, answers } = withTlb();
    s.deviceTlb(nic, { page: 5, maxPend: 1 }).deviceTlb(nic, { page: 6, maxPend: 1 }).wait(1).ring();
    expect(s.unit.tags.busyCount).toBe(1);
    answers();
    expect([s.unit.tags.busyCount, s.status]).toEqual([1, 0]);
    answers();
    expect([s.unit.tags.busyCount, s.status]).toEqual([0, 1]);
    s.deviceTlb(nic, { page: 5, maxPend: 1 }).deviceTlb(nic, { page: 6, maxPend: 1, queue: 0 }).ring();
    expect(s.unit.tags.busyCount, "another queue").toBe(2);
  });

  test("of a PASID: all of its bits", () => {
    const { s, tlb, answers } = withTlb();
    const e = { frame: 5, output: 0x800, sizeLg2: 12, allow: 3 };
    tlb.keep(0xa_bcde, e, 0);
    s.deviceTlb(nic, { page: 6 }).deviceTlb(nic, { page: 5, pasid: 0xbcde }).ring();
    answers();
    expect(tlb.find(0xa_bcde, 5, 1)).toBe(0);
    s.deviceTlb(nic, { page: 5, pasid: 0xa_bcde }).ring();
    answers();
    expect(tlb.find(0xa_bcde, 5, 1)).toBe(-1);
  });

  test("one that does not answer is recorded, with the command; the wait is answered, and what it kept it keeps", () => {
    const { s, tlb, answers, keep } = withTlb({ manners: "never" });
    keep(6);
    s.deviceTlb(nic, { page: 5 }).wait(1).ring();
    answers();
    expect(s.unit.queue.timeoutMs).toBeNull();
    s.unit.queue.timedOut(0);
    expect(s.work().status, "no time-out is set").toBe(0);
    s.control({ invTimeOut: 3 });
    expect(s.unit.queue.timeoutMs).toBe(100);
    s.unit.queue.timedOut(0);
    expect(s.work().status).toBe(1);
    expect(s.events()).toEqual([{ code: 7, device: nic, pasidOrDomain: 0, flags: 0, address: s.commandsAt }]);
    expect(tlb.find(null, 6, 1)).toBe(0);
    expect(s.unitStatus & 0x10).toBe(0x10);
  });

  test("an answer that nobody waits for changes nothing; one that comes late is taken for the next command's", () => {
    const { s } = withTlb({ manners: "never" });
    s.unit.completed({ requester: nic, tags: 0xffff_ffff, count: 1 });
    s.control({ invTimeOut: 1 });
    s.deviceTlb(nic, { page: 5 }).ring();
    s.unit.queue.timedOut(0);
    s.deviceTlb(nic, { page: 6 }).wait(1).ring();
    expect(s.status).toBe(0);
    s.unit.completed({ requester: nic, tags: 1, count: 1 });
    expect(s.work().status).toBe(1);
  });
});
