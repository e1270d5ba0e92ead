/** An SMMUv3 as software and devices meet it: stages, what is cached by which tag, and what each command forgets. */
import { describe, expect, test } from "vitest";
import { Outcome } from "../../../src/hw/iommu/core/request.js";
import * as C from "../../../src/spec/smmuv3/command_layouts.js";
import { smmuRegisters } from "../../../src/spec/smmuv3/register_map.js";
import { Mapper } from "../../../src/table/index.js";
import { SmmuSoftware } from "./smmu_software.js";

const { Command: Op } = C;
const { registers: at } = smmuRegisters;
const nic = 9;
const page = 0x80_0000;

/** One stream, one first-stage table: 3 pages from 0x5000 on. */
function single(o: ConstructorParameters<typeof SmmuSoftware>[0] = {}) {
  const caches = { devices: 4, spaces: 4, tables: 4, translations: 8 };
  const s = new SmmuSoftware({ caches, ...o }).start();
  const table = s.first();
  table.map(0x5000, page, 0x3000, 3);
  const context = s.attach(nic, table, { asid: 7 }, { s2Vmid: 3 });
  return { s, table, context };
}

const passes = (frame: number, fromCache: boolean) => ({ outcome: Outcome.passes, frame, fromCache });

describe("one stage", () => {
  test.each([false, true])(
    "a request reaches what the tables say, then from the cache (two levels: %s)",
    (twoLevel) => {
      const { s } = single({ twoLevel });
      expect(s.dma(nic, 0x6123)).toMatchObject({ ...passes(0x801, false), allow: 3, sizeLg2: 12 });
      expect(s.dma(nic, 0x6ff0, { write: true })).toMatchObject(passes(0x801, true));
      expect(s.event()).toBeNull();
    },
  );

  test("what was unmapped is reached until its TLB entry is told, and faults then", () => {
    const { s, table } = single();
    s.dma(nic, 0x6000);
    table.unmap(0x6000, 0x1000);
    for (const [vmid, asid, at] of [
      [4, 7, 6],
      [3, 8, 6],
      [3, 7, 5],
    ] as const)
      s.post(C.NhVa, Op.nhVa, { vmid, asid, page: at });
    s.ring();
    expect(s.dma(nic, 0x6000), "another VMID, ASID, page").toMatchObject(passes(0x801, true));
    s.post(C.NhVa, Op.nhVa, { vmid: 3, asid: 7, page: 6 }).ring();
    expect(s.dma(nic, 0x6010, { write: true })).toMatchObject({ outcome: Outcome.refused, code: 0x10 });
    expect(s.event()).toEqual({ id: 0x10, sid: nic, inputLow: 0x6010, cls: 2 });
  });

  test.each([
    ["NH_ALL", C.NhAll, Op.nhAll, { vmid: 3 }, true],
    ["NH_ALL of another", C.NhAll, Op.nhAll, { vmid: 2 }, false],
    ["NH_ASID", C.NhAsid, Op.nhAsid, { vmid: 3, asid: 7 }, true],
    ["NH_VAA", C.NhVaa, Op.nhVaa, { vmid: 3, page: 6 }, true],
    ["S12_VMALL", C.S12VmAll, Op.s12VmAll, { vmid: 3 }, true],
    ["NSNH_ALL", C.NsnhAll, Op.nsnhAll, {}, true],
    ["S2_IPA", C.S2Ipa, Op.s2Ipa, { vmid: 3, page: 6 }, false],
    ["EL2_ALL", C.El2All, Op.el2All, {}, false],
    ["a range from the page before", C.NhVa, Op.nhVa, { vmid: 3, asid: 7, page: 5, tg: 1, num: 1 }, true],
    ["a range beside it", C.NhVa, Op.nhVa, { vmid: 3, asid: 7, page: 2, tg: 1, num: 1, scale: 1 }, false],
    ["the granule and the level of it", C.NhVa, Op.nhVa, { vmid: 3, asid: 7, page: 6, tg: 1, ttl: 3 }, true],
    ["another granule", C.NhVa, Op.nhVa, { vmid: 3, asid: 7, page: 4, tg: 2, num: 1 }, false],
    ["another level", C.NhVa, Op.nhVa, { vmid: 3, asid: 7, page: 0, tg: 1, ttl: 2, num: 1, scale: 9 }, false],
  ] as const)("%s", (_, layout, op, o, forgets) => {
    const { s, table } = single();
    s.dma(nic, 0x6000);
    table.unmap(0x6000, 0x1000);
    s.post(layout, op, o as object).ring();
    expect(s.error).toBe(0);
    expect(s.dma(nic, 0x6000).outcome).toBe(forgets ? Outcome.refused : Outcome.passes);
  });

  test("a block goes as a whole, by any address in it and by its own level", () => {
    for (const [o, forgets] of [
      [{ page: 0x4_00ff }, true],
      [{ page: 0x4_0000, tg: 1, ttl: 2 }, true],
      [{ page: 0x4_0000, tg: 1, ttl: 3 }, false],
    ] as const) {
      const { s, table } = single();
      table.map(0x4000_0000, 0x20_0000, 0x20_0000, 3);
      expect(s.dma(nic, 0x4000_5000)).toMatchObject({ sizeLg2: 21 });
      expect(s.dma(nic, 0x4010_0000)).toMatchObject(passes(0x300, true));
      table.unmap(0x4000_0000, 0x20_0000);
      s.post(C.NhVa, Op.nhVa, { vmid: 3, asid: 7, ...o }).ring();
      expect(s.dma(nic, 0x4010_0000).outcome).toBe(forgets ? Outcome.refused : Outcome.passes);
    }
  });

  test("with Leaf, a table that was unlinked is still walked", () => {
    const { s, table } = single();
    s.dma(nic, 0x6000);
    s.memory.store64(table.tables.at(-2)! * 4096, 0, 0);
    const va = { vmid: 3, asid: 7, page: 6 };
    s.post(C.NhVa, Op.nhVa, { ...va, leaf: 1 }).ring();
    expect(s.dma(nic, 0x6000), "a cached pointer").toMatchObject(passes(0x801, false));
    s.post(C.NhVa, Op.nhVa, { ...va, tg: 1, ttl: 2, num: 1 }).ring();
    expect(s.dma(nic, 0x7000), "leaves of level 2 are in tables above").toMatchObject(passes(0x802, false));
    s.post(C.NhVa, Op.nhVa, { ...va, tg: 1, ttl: 3 }).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ outcome: Outcome.refused });
  });

  test("addresses that differ in an ignored top byte are one translation", () => {
    const { s, table, context } = single();
    s.context(context, table, { asid: 7, tbi0: 1 });
    expect(s.dma(nic, 0xab00_0000_0000_6000n)).toMatchObject(passes(0x801, false));
    expect(s.dma(nic, 0x6000)).toMatchObject(passes(0x801, true));
    table.unmap(0x6000, 0x1000);
    s.post(C.NhVa, Op.nhVa, { vmid: 3, asid: 7, page: 6 }).ring();
    expect(s.dma(nic, 0xcd00_0000_0000_6010n)).toMatchObject({ outcome: Outcome.refused });
    expect(s.event()).toMatchObject({ inputLow: 0x6010, inputHigh: 0xcd00_0000 });
  });
});

describe("global translations", () => {
  /** Two streams of one VMID, with ASIDs of their own and one table; its leaves are global but for the last one. */
  function two(aset: number) {
    const { s, table } = single();
    const leaves = table.tables.at(-1)! * 4096;
    for (const n of [5, 6, 7]) {
      const low = s.memory.load32(leaves + n * 8);
      s.memory.store32(leaves + n * 8, (n === 7 ? low | 0x800 : low & ~0x800) >>> 0);
    }
    s.attach(10, table, { asid: 8, aset }, { s2Vmid: 3 });
    return { s, table };
  }

  test("count for every ASID of the VMID and of the same set", () => {
    const { s } = two(1);
    s.dma(nic, 0x6000);
    s.dma(nic, 0x7000);
    expect(s.dma(10, 0x6000)).toMatchObject({ fromCache: true });
    expect(s.dma(10, 0x7000)).toMatchObject({ fromCache: false });
    expect(two(0).s.dma(10, 0x6000)).toMatchObject({ fromCache: false });
    const other = two(0).s;
    other.dma(nic, 0x6000);
    expect(other.dma(10, 0x6000)).toMatchObject({ fromCache: false });
  });

  test("stay when an ASID goes, and go with an address whatever its ASID", () => {
    const { s } = two(1);
    s.dma(nic, 0x6000);
    s.post(C.NhAsid, Op.nhAsid, { vmid: 3, asid: 7 }).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ fromCache: true });
    s.post(C.NhVa, Op.nhVa, { vmid: 3, asid: 99, page: 6 }).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ fromCache: false });
    s.post(C.NhAll, Op.nhAll, { vmid: 3 }).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ fromCache: false });
  });
});

describe("tags", () => {
  test("the same ASID under another VMID is another space", () => {
    const { s, table } = single();
    s.attach(10, table, { asid: 7 }, { s2Vmid: 4 });
    s.dma(nic, 0x6000);
    expect(s.dma(10, 0x6000)).toMatchObject({ fromCache: false });
  });

  test("two tables of one tag: what is cached of one is no way into the other, when their granules differ", () => {
    const { s } = single();
    const address = s.frames(16) * 4096;
    const root = { format: "smmu-s1-64k", address, level: 2, inputBits: 48, outputBits: 44, allow: 3 } as const;
    const wide = new Mapper(s.memory, { ...root, upper: "zero" }, (n) => s.frames(n ?? 16));
    wide.map(0x7_0000, 0x90_0000, 0x1_0000, 3);
    s.attach(10, wide, { asid: 7, tg0: 1, ttb0: address / 16 }, { s2Vmid: 3 });
    expect(s.dma(10, 0x7_1000)).toMatchObject(passes(0x901, false));
    expect(s.dma(nic, 0x6000)).toMatchObject(passes(0x801, false));
  });

  test("wildcards leave out the low bits of a VMID", () => {
    const { s, table } = single();
    s.dma(nic, 0x6000);
    table.unmap(0x6000, 0x1000);
    s.post(C.NhAll, Op.nhAll, { vmid: 2 }).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ fromCache: true });
    s.unit.registers.write32(at.cr0.offset, 0xd | (1 << 6));
    s.post(C.NhAll, Op.nhAll, { vmid: 2 }).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ outcome: Outcome.refused });
  });

  test("hypervisors' streams are a regime of their own, with ASIDs where CR2 says so", () => {
    for (const e2h of [0, 1]) {
      const s = new SmmuSoftware({ caches: { devices: 4, spaces: 4, tables: 4, translations: 8 } });
      s.unit.registers.write32(at.cr2.offset, e2h);
      s.start();
      s.unit.registers.write32(at.cr0.offset, 0);
      s.unit.registers.write32(at.cr2.offset, 2 | e2h);
      s.unit.registers.write32(at.cr0.offset, 0xd);
      const table = s.first();
      table.map(0x5000, page, 0x3000, 3);
      s.attach(nic, table, { asid: 7 }, { strw: 2 });
      s.attach(10, table, { asid: 8 }, { strw: 2 });
      s.dma(nic, 0x6000);
      expect(s.dma(10, 0x6000), "without ASIDs all are one").toMatchObject({ fromCache: e2h === 0 });
      s.post(C.NsnhAll, Op.nsnhAll).ring();
      expect(s.dma(nic, 0x6000)).toMatchObject({ fromCache: true });
      s.post(C.El2Va, Op.el2Va, { asid: 99, page: 6 }).ring();
      expect(s.dma(nic, 0x6000)).toMatchObject({ fromCache: e2h === 1 });
      s.post(C.El2Vaa, Op.el2Vaa, { page: 6 }).ring();
      expect(s.dma(nic, 0x6000)).toMatchObject({ fromCache: false });
      s.post(C.El2Asid, Op.el2Asid, { asid: 7 }).ring();
      expect(s.dma(nic, 0x6000)).toMatchObject({ fromCache: e2h === 0 });
      s.post(C.El2All, Op.el2All).ring();
      expect(s.dma(nic, 0x6000)).toMatchObject({ fromCache: false });
    }
  });
});

describe("two stages", () => {
  function nested() {
    const s = new SmmuSoftware({ caches: { devices: 4, spaces: 4, tables: 4, translations: 8 } }).start();
    const [first, second] = [s.first(), s.second()];
    first.map(0x5000, 0x10_0000, 0x3000, 3);
    second.map(0x10_0000, page, 0x2000, 3);
    const contexts = s.contexts();
    s.context(contexts, first, { asid: 7 });
    // What the first stage stands in is mapped as it is: its addresses are inputs of the second.
    for (const frame of [first.root.address / 4096, ...first.tables, contexts / 4096])
      second.map(frame * 4096, frame * 4096, 4096, 3);
    s.stream(nic, { config: 7, s1Context: contexts / 64, ...s.secondOf(second, 5) });
    s.stream(10, { config: 6, ...s.secondOf(second, 5) });
    return { s, first, second, contexts };
  }

  test("both translate; the second one alone by its own stream", () => {
    const { s } = nested();
    expect(s.dma(nic, 0x6123)).toMatchObject(passes(0x801, false));
    expect(s.dma(nic, 0x6124)).toMatchObject(passes(0x801, true));
    expect(s.dma(10, 0x10_1000)).toMatchObject(passes(0x801, false));
  });

  test("S2_IPA forgets what the second stage alone gave, not what both did", () => {
    const { s, second } = nested();
    s.dma(nic, 0x6000);
    s.dma(10, 0x10_1000);
    second.unmap(0x10_1000, 0x1000);
    s.post(C.S2Ipa, Op.s2Ipa, { vmid: 5, page: 0x101 }).ring();
    expect(s.dma(10, 0x10_1000)).toMatchObject({ outcome: Outcome.refused, code: 0x10 });
    expect(s.event()).toEqual({ id: 0x10, sid: 10, rnw: 1, s2: 1, cls: 2, inputLow: 0x10_1000, otherLow: 0x10_1000 });
    expect(s.dma(nic, 0x6000)).toMatchObject(passes(0x801, true));
    s.post(C.NhAll, Op.nhAll, { vmid: 5 }).ring();
    expect(s.dma(nic, 0x6010)).toMatchObject({ outcome: Outcome.refused });
    expect(s.event()).toEqual({ id: 0x10, sid: nic, rnw: 1, s2: 1, cls: 2, inputLow: 0x6010, otherLow: 0x10_1000 });
  });

  test("a first stage's command leaves what the second stage alone gave", () => {
    const { s } = nested();
    s.dma(10, 0x10_1000);
    s.post(C.NhAll, Op.nhAll, { vmid: 5 }).post(C.NhVaa, Op.nhVaa, { vmid: 5, page: 0x101 }).ring();
    expect(s.dma(10, 0x10_1000)).toMatchObject({ fromCache: true });
    s.post(C.S12VmAll, Op.s12VmAll, { vmid: 5 }).ring();
    expect(s.dma(10, 0x10_1000)).toMatchObject({ fromCache: false });
  });

  test.each([
    ["its own leaf", { id: 0x10, cls: 2 }, (o: ReturnType<typeof nested>) => o.first.unmap(0x6000, 0x1000)],
    [
      "a table of the first stage",
      { id: 0x10, s2: 1, cls: 1 },
      (o: ReturnType<typeof nested>) => o.second.unmap(o.first.tables.at(-1)! * 4096, 0x1000),
    ],
    [
      "the context descriptor",
      { id: 0x10, s2: 1, cls: undefined },
      (o: ReturnType<typeof nested>) => o.second.unmap(o.contexts, 0x1000),
    ],
  ] as readonly [
    string,
    { id: number; s2?: number; cls: number | undefined },
    (o: ReturnType<typeof nested>) => void,
  ][])("a fault of %s says where", (_, fields, spoil) => {
    const o = nested();
    spoil(o);
    const { s, first, contexts } = o;
    expect(s.dma(nic, 0x6010)).toMatchObject({ outcome: Outcome.refused });
    const { cls, otherLow, ...event } = s.event()!;
    expect({ ...event, cls }).toEqual({ sid: nic, rnw: 1, inputLow: 0x6010, ...fields });
    expect(otherLow).toBe(cls === 1 ? first.tables.at(-1)! * 4096 : fields.s2 === 1 ? contexts : undefined);
  });
});

describe("configuration", () => {
  test("a stream's entry counts as it was cached, valid or not, until its stream is told", () => {
    const { s } = single();
    const other = s.first();
    other.map(0x6000, 0xa0_0000, 0x1000, 1);
    expect(s.dma(11, 0x6000)).toMatchObject({ code: 4 });
    s.event();
    s.attach(11, other, { asid: 9 });
    expect(s.dma(11, 0x6000), "not valid, and cached").toMatchObject({ code: 4 });
    expect(s.event()).toEqual({ id: 4, sid: 11 });
    s.post(C.SteInvalidate, Op.ste, { sid: 10 }).ring();
    expect(s.dma(11, 0x6000)).toMatchObject({ code: 4 });
    s.post(C.SteInvalidate, Op.ste, { sid: 11, leaf: 1 }).ring();
    expect(s.dma(11, 0x6000)).toMatchObject(passes(0xa00, false));
  });

  test.each([
    ["CFGI_CD", C.CdInvalidate, Op.cd, { sid: nic, ssid: 0, leaf: 1 }, true],
    ["CFGI_CD of another substream", C.CdInvalidate, Op.cd, { sid: nic, ssid: 1 }, false],
    ["CFGI_CD_ALL", C.CdAllInvalidate, Op.cdAll, { sid: nic }, true],
    ["CFGI_STE", C.SteInvalidate, Op.ste, { sid: nic, leaf: 1 }, true],
    ["CFGI_STE_RANGE", C.SteRangeInvalidate, Op.steRange, { sid: 8, range: 0 }, true],
    ["CFGI_STE_RANGE beside", C.SteRangeInvalidate, Op.steRange, { sid: 10, range: 0 }, false],
    ["CFGI_ALL", C.SteRangeInvalidate, Op.steRange, { sid: 0, range: 31 }, true],
  ] as const)("%s", (_, layout, op, o, forgets) => {
    const { s, context } = single();
    const other = s.first();
    other.map(0x6000, 0xa0_0000, 0x1000, 3);
    s.dma(nic, 0x6000);
    s.context(context, other, { asid: 8 });
    expect(s.dma(nic, 0x6000)).toMatchObject({ frame: 0x801 });
    s.post(layout, op, o as object).ring();
    expect(s.dma(nic, 0x6000)).toMatchObject({ frame: forgets ? 0xa00 : 0x801 });
  });

  test("substreams, in tables of one and of two levels", () => {
    for (const s1Fmt of [0, 1]) {
      const { s, table } = single();
      const contexts = s.contexts(s1Fmt === 0 ? 7 : 6);
      const leaves = s1Fmt === 0 ? contexts + 64 * 64 : s.contexts(6);
      if (s1Fmt === 1) s.memory.store64(contexts + 8, leaves + 1, 0);
      s.context(leaves + 3 * 64, table, { asid: 20 });
      s.stream(nic, { config: 5, s1Context: contexts / 64, s1CdMax: 7, s1Fmt, s1Dss: 0 });
      expect(s.dma(nic, 0x6000, { pasid: 67 })).toMatchObject(passes(0x801, false));
      expect(s.dma(nic, 0x6000, { pasid: 67 })).toMatchObject(passes(0x801, true));
      expect(s.dma(nic, 0x6000)).toMatchObject({ code: 6 });
      expect(s.event(), "no substream in it").toEqual({ id: 6, sid: nic });
      expect(s.dma(nic, 0x6000, { pasid: 128 })).toMatchObject({ code: 8 });
      expect(s.event()).toEqual({ id: 8, sid: nic, ssid: 128 });
      expect(s.dma(nic, 0x6000, { pasid: 66 })).toMatchObject({ code: 10 });
      expect(s.event()).toEqual({ id: 10, sid: nic, ssid: 66, ssv: 1 });
      s.post(C.CdInvalidate, Op.cd, { sid: nic, ssid: 67 }).ring();
      s.memory.store32(leaves + 3 * 64, 0);
      expect(s.dma(nic, 0x6000, { pasid: 67 })).toMatchObject({ code: 10 });
    }
  });

  test("what was cached of all substreams goes with their stream", () => {
    const { s, table } = single();
    const contexts = s.contexts(6);
    for (const c of [1, 2]) s.context(contexts + c * 64, table, { asid: c });
    s.stream(nic, { config: 5, s1Context: contexts / 64, s1CdMax: 6, s1Dss: 2 });
    for (const pasid of [1, 2]) expect(s.dma(nic, 0x6000, { pasid })).toMatchObject({ frame: 0x801 });
    s.memory.store64(contexts + 2 * 64, 0, 0);
    s.post(C.SteInvalidate, Op.ste, { sid: nic, leaf: 1 }).ring();
    expect(s.dma(nic, 0x6000, { pasid: 1 })).toMatchObject({ frame: 0x801 });
    expect(s.dma(nic, 0x6000, { pasid: 2 })).toMatchObject({ code: 10 });
    s.event();
    expect(s.dma(nic, 0x6000, { pasid: 0 }), "it is that of requests without").toMatchObject({ code: 6 });
    expect(s.event()).toEqual({ id: 6, sid: nic });
  });

  test("another form of the stream table than the cached entry has: it is of no use", () => {
    const { s } = single();
    s.dma(nic, 0x6000);
    const { registers } = s.unit;
    const top = s.frame() * 4096;
    s.memory.store64(top, s.entryAt(0) + 7, 0);
    registers.write32(at.cr0.offset, 0xc);
    registers.write64(at.strtabBase.offset, top, 0);
    registers.write32(at.strtabBaseCfg.offset, 0x1_0000 | (6 << 6) | 8);
    registers.write32(at.cr0.offset, 0xd);
    expect(s.dma(nic, 0x7000)).toMatchObject(passes(0x802, false));
  });

  test("another form of the table than the cached entries have: they are of no use", () => {
    const { s, table } = single();
    s.dma(nic, 0x6000);
    const leaf = s.contexts(6);
    s.context(leaf, table, { asid: 7 });
    const top = s.contexts(6);
    s.memory.store64(top, leaf + 1, 0);
    // Software tells of the stream, and not of its substreams; then the stream's entry alone is cached anew.
    s.stream(nic, { config: 5, s1Context: top / 64, s1CdMax: 7, s1Fmt: 1, s1Dss: 2, s2Vmid: 3 });
    s.unit.caches.devices.invalidate({});
    s.dma(nic, 0x5000);
    expect(s.dma(nic, 0x6000)).toMatchObject({ outcome: Outcome.passes, frame: 0x801 });
  });
});

describe("what is silent", () => {
  test("a stream that is told to abort", () => {
    const { s } = single();
    s.stream(10, { config: 0 });
    expect(s.dma(10, 0x6000)).toMatchObject({ outcome: Outcome.dropped });
    expect(s.event()).toBeNull();
  });

  test("a unit that is off lets all pass, or aborts all where GBPA says so by its procedure", () => {
    const s = new SmmuSoftware();
    const { registers } = s.unit;
    expect(s.dma(nic, 0x1234_5000)).toMatchObject(passes(0x12345, false));
    registers.write32(at.gbpa.offset, 0x10_0000);
    expect(registers.get("gbpa"), "without UPDATE").toBe(0);
    registers.write32(at.gbpa.offset, 0x8010_0000);
    expect(registers.get("gbpa")).toBe(0x10_0000);
    expect(s.dma(nic, 0x1234_5000)).toMatchObject({ outcome: Outcome.dropped });
  });

  test("streams beyond the table, unless CR2 says that they are recorded", () => {
    const { s } = single();
    expect(s.dma(64, 0x6000)).toMatchObject({ code: 2 });
    expect(s.event()).toEqual({ id: 2, sid: 64 });
    s.unit.registers.write32(at.cr0.offset, 0xc);
    s.unit.registers.write32(at.cr2.offset, 0);
    s.unit.registers.write32(at.cr0.offset, 0xd);
    expect(s.dma(64, 0x6000)).toMatchObject({ code: 2 });
    expect(s.event()).toBeNull();
  });

  test("faults of tables, where the descriptor says so", () => {
    const { s, table, context } = single();
    s.context(context, table, { asid: 7, r: 0 });
    expect(s.dma(nic, 0x1000)).toMatchObject({ outcome: Outcome.refused });
    expect(s.event()).toBeNull();
    s.context(context, table, { asid: 7, r: 1, a: 0 });
    s.post(C.CdAllInvalidate, Op.cdAll, { sid: nic }).ring();
    expect(s.dma(nic, 0x1000), "told to look successful").toMatchObject({ outcome: Outcome.swallowed });
    expect(s.event()).toMatchObject({ id: 0x10 });
  });
});

test("addresses beyond the unit's pass nowhere, by no table", () => {
  const { s } = single();
  s.stream(10, { config: 4 });
  expect(s.dma(10, 2 ** 43)).toMatchObject(passes(2 ** 31, false));
  expect(s.dma(10, 2 ** 44)).toMatchObject({ code: 0x11 });
  expect(s.event()).toEqual({ id: 0x11, sid: 10, rnw: 1, cls: 2, inputHigh: 2 ** 12 });
});

test("structures and tables that memory does not hold", () => {
  const { s, table } = single();
  s.stream(10, { config: 5, s1Context: 0x4000_0000 / 64 });
  expect(s.dma(10, 0x6000)).toMatchObject({ code: 9 });
  expect(s.event()).toEqual({ id: 9, sid: 10, otherLow: 0x4000_0000 });
  s.memory.store64(table.tables.at(-2)! * 4096, 0x4000_0003, 0);
  expect(s.dma(nic, 0x6018)).toMatchObject({ code: 0xb });
  expect(s.event()).toEqual({ id: 0xb, sid: nic, rnw: 1, cls: 1, inputLow: 0x6018, otherLow: 0x4000_0030 });
  s.unit.registers.write32(at.cr0.offset, 0xc);
  s.unit.registers.write64(at.strtabBase.offset, 0x4000_0000, 0);
  s.unit.registers.write32(at.cr0.offset, 0xd);
  expect(s.dma(12, 0x6000)).toMatchObject({ code: 3 });
  expect(s.event()).toEqual({ id: 3, sid: 12, otherLow: 0x4000_0300 });
});
