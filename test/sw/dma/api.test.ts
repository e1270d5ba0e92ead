/** The DMA API's own part: error codes, masks, lists, limits, counts, and what it costs when nothing is checked. */
import { describe, expect, test, vi } from "vitest";
import { attrRequireCoherent, Direction } from "../../../src/spec/dma/direction.js";
import { bounceDuty, busIsPhys, DmaApi, limitsOf, listOf } from "../../../src/sw/dma/index.js";
import { allAddresses, engines, NativeGuest, plainDevice } from "../../../src/sw/engine/index.js";
import { bench, kinds } from "../engine/bench.js";

const { toDevice, fromDevice, bidirectional } = Direction;
const kind = (what: string) => kinds.find((k) => k.what === what)!;
const at = 64 * 4096;

describe("errors are the kernel's", () => {
  test("a mapping out of reach without a pool is all ones, with the kernel's line", () => {
    const b = bench({ ...kind("direct"), device: { mask: 2 ** 16 - 1 } });
    const m = b.api.map(at, 100, toDevice);
    expect([m.bus, m.cause, b.api.mappingError(m.bus)]).toEqual([-1, "mask", true]);
    expect(m.refused?.words).toContain("does not reach");
    expect(b.log).toEqual(["DMA addr 0x0000000000040000+100 overflow (mask ffff, bus limit 0)."]);
  });

  test("the limit of the path counts like the mask", () => {
    const b = bench({ ...kind("direct"), device: { busLimit: at + 99 } });
    expect(b.api.map(at, 100, toDevice).bus).toBe(at);
    expect(b.api.map(at, 101, toDevice).bus).toBe(-1);
  });

  test("a driver that set no mask maps nothing", () => {
    const b = bench({ ...kind("direct"), device: { mask: 0, coherentMask: 0 } });
    expect(b.api.map(at, 1, toDevice).refused?.words).toContain("no mask");
    expect(b.api.mapList([{ phys: at, size: 1 }], toDevice)).toMatchObject({ count: 0, error: -5 });
    expect(b.api.alloc(1)).toBeNull();
  });

  test("a buffer that must be coherent is refused where the device is not, and where it would bounce", () => {
    const noncoherent = bench(kind("direct, not coherent"));
    expect(noncoherent.api.map(at, 64, toDevice, attrRequireCoherent).bus).toBe(-1);
    expect(noncoherent.api.mapList([{ phys: at, size: 1 }], toDevice, attrRequireCoherent).error).toBe(-95);
    for (const what of ["swiotlb forced", "swiotlb-xen x86 forced"]) {
      const b = bench(kind(what));
      expect(b.api.map(at, 64, toDevice, attrRequireCoherent).bus).toBe(-1);
    }
    expect(bench(kind("direct")).api.map(at, 64, toDevice, attrRequireCoherent).bus).toBe(at);
  });

  test("an empty list is -EINVAL, a full pool -EIO, and nothing of a failed list stays mapped", () => {
    const b = bench(kind("swiotlb forced"));
    expect(b.api.mapList([], toDevice)).toMatchObject({ count: 0, error: -22 });
    const entries = Array.from({ length: 5 }, (_, k) => ({ phys: at + k * 262144, size: 262144 }));
    b.memory.write(entries[0]!.phys, new Uint8Array([1, 2, 3]));
    const list = b.api.mapList(entries, fromDevice);
    expect(list).toMatchObject({ count: 0, error: -5, parts: [], segments: [] });
    expect(list.refused?.words).toContain("exhausted");
    expect(b.api.mapList(entries.slice(0, 4), toDevice).count, "all slots are free again").toBe(4);
    expect(b.checker.totals.map((t) => t.rule)).toEqual(["segment-too-long"]);
  });

  test("nonsense is the caller's: a size of nothing, an address that is none", () => {
    const b = bench(kind("direct"));
    for (const [phys, size] of [
      [at, 0],
      [at, -1],
      [at, 0.5],
      [at, Number.NaN],
      [-1, 1],
      [Number.POSITIVE_INFINITY, 1],
    ] as const)
      expect(() => b.api.map(phys, size, toDevice)).toThrow("dma-range");
    expect(() => b.api.alloc(0)).toThrow("dma-range");
  });
});

describe("masks", () => {
  test("bare metal serves masks from 24 bits on, or what covers a small memory", () => {
    const { api } = bench(kind("direct"));
    // 2048 pages: 23 bits cover them.
    expect([2 ** 24 - 1, 2 ** 23 - 1, 2 ** 23 - 2].map((m) => api.setMask(m))).toEqual([0, 0, -5]);
    expect(api.device.mask).toBe(2 ** 23 - 1);
    expect(api.setCoherentMask(2 ** 32 - 1)).toBe(0);
    expect(api.device.coherentMask).toBe(2 ** 32 - 1);
  });

  test("swiotlb-xen looks at the last byte of the pool alone", () => {
    const b = bench(kind("swiotlb-xen x86"));
    const last = b.guest.physToBus(b.engine.pool!.end - 1);
    expect([b.api.setMask(last), b.api.setMask(last - 1)]).toEqual([0, -5]);
  });

  test("a device of grants takes 64 bits and nothing else", () => {
    const { api } = bench(kind("grants"));
    expect([api.setMask(allAddresses), api.setMask(2 ** 40 - 1)]).toEqual([0, -5]);
  });
});

describe("the largest mapping", () => {
  const rows = [
    ["direct", allAddresses],
    ["swiotlb, a wide device", allAddresses],
    ["swiotlb, a narrow device", 262144],
    ["swiotlb forced", 262144],
    ["swiotlb, alignment kept", 258048],
    ["swiotlb-xen x86", 262144],
    ["swiotlb-xen Arm", 262144],
    ["software IOMMU", 262144],
    ["grants", allAddresses],
  ] as const;
  for (const [what, bytes] of rows) {
    test(`${what}: ${bytes === allAddresses ? "no limit" : bytes}`, () => {
      const b = bench(kind(what));
      expect(b.api.maxMappingBytes()).toBe(bytes);
      // What is reported can be had, wherever the buffer begins.
      for (const offset of [0, 1, 0xe00, 0xfff]) {
        const size = Math.min(bytes, 2 ** 20);
        const m = b.api.map(at + offset, size, toDevice);
        expect(m.refused, `offset ${offset}`).toBeNull();
        b.api.unmap(m.bus, size, toDevice);
      }
    });
  }
});

describe("lists", () => {
  test("what Xen's engine maps is neither split nor merged: a straddling entry bounces", () => {
    const b = bench(kind("swiotlb-xen x86"));
    const list = b.api.mapList(
      [
        { phys: at, size: 12288 },
        { phys: at + 12288, size: 4096 },
      ],
      toDevice,
    );
    expect(list.parts.map((p) => [p.entry, p.mapped.cause])).toEqual([
      [0, "straddle"],
      [1, "translated"],
    ]);
  });

  test("the software IOMMU turns one buffer into a scatter list, each piece where its page is", () => {
    const b = bench(kind("software IOMMU"));
    const list = b.api.mapList([{ phys: at + 100, size: 12288 }], toDevice);
    expect(list.parts.every((p) => !p.mapped.bounced && p.entry === 0)).toBe(true);
    expect(list.segments.reduce((sum, s) => sum + s.size, 0)).toBe(12288);
    let phys = at + 100;
    for (const s of list.segments) {
      expect(b.guest.physToBus(phys)).toBe(s.bus);
      phys += s.size;
    }
    expect(list.segments.length).toBeGreaterThan(1);
  });

  test("neighbours on the bus become one segment, as long as the device takes it", () => {
    for (const [device, sizes] of [
      [{}, [16384]],
      [{ maxSegmentBytes: 8192 }, [8192, 8192]],
      [{ boundary: 4096 }, [4096, 4096, 4096, 4096]],
    ] as const) {
      const b = bench({ ...kind("software IOMMU"), device });
      const first = b.guest.allocPages(2)!;
      b.guest.createContiguous(first * 4096, 2, 32);
      const entries = [...Array(4).keys()].map((k) => ({ phys: (first + k) * 4096, size: 4096 }));
      expect(b.api.mapList(entries, toDevice).segments.map((s) => s.size)).toEqual(sizes);
    }
  });

  test("the block layer merges vectors only where physical memory and bus agree", () => {
    const b = bench(kind("swiotlb-xen x86"));
    const first = b.guest.allocPages(3)!;
    b.guest.createContiguous(first * 4096, 1, 32);
    const vectors = [...Array(4).keys()].map((k) => ({ phys: (first + k) * 4096, size: 4096 }));
    const { entries, taken } = listOf(b.engine, b.device, vectors);
    expect([entries[0], taken]).toEqual([{ phys: first * 4096, size: 8192 }, 4]);
    const list = b.api.mapList(entries, toDevice);
    expect(
      list.parts.some((p) => p.mapped.bounced),
      "nothing that was merged straddles",
    ).toBe(false);
    const halves = [
      { phys: at, size: 2048 },
      { phys: at + 2048, size: 2048 },
    ];
    expect(listOf(b.engine, b.device, halves).entries).toEqual([{ phys: at, size: 4096 }]);
  });

  test("a list stays within the device's segments: length, boundary and number", () => {
    const { engine } = bench(kind("direct"));
    const device = plainDevice({ bdf: "0000:00:03.0", maxSegmentBytes: 65536, boundary: 32768, maxSegments: 4 });
    const one = [{ phys: 30000, size: 100000 }];
    expect(listOf(engine, device, one).entries.map((e) => e.size)).toEqual([2768, 32768, 32768, 31696]);
    const many = [...Array(6).keys()].map((k) => ({ phys: k * 8192, size: 4096 }));
    expect(listOf(engine, device, many)).toMatchObject({ taken: 4, entries: many.slice(0, 4) });
  });
});

describe("who bounces", () => {
  const guest = new NativeGuest(64);
  const pool = { start: guest.allocPages(4)! * 4096, slots: 32, areas: 1 };
  const direct = engines.direct.build({ guest });
  const swiotlb = engines.swiotlb.build({ guest, pool, memoryEnd: 2 ** 33 });
  const narrow = plainDevice({ bdf: "0000:00:03.0", mask: 2 ** 32 - 1 });
  const wide = plainDevice({ bdf: "0000:00:03.0" });
  const rows = [
    ["2.6.16", "direct", direct, narrow, "block layer", /is 1/],
    ["2.6.16", "swiotlb", swiotlb, narrow, "engine", /is 0/],
    ["4.19.0", "direct", direct, narrow, "block layer", /is 1/],
    ["4.20", "direct", direct, narrow, "nobody", /mappings fail/],
    ["7.2", "swiotlb", swiotlb, narrow, "engine", /asked for its limits/],
    [null, "direct", direct, wide, "nobody", /reaches all/],
  ] as const;
  for (const [kernel, name, engine, device, who, because] of rows) {
    test(`${kernel ?? "today"}, ${name}, ${device === narrow ? "32 bits" : "64 bits"}: ${who}`, () => {
      const duty = bounceDuty(kernel, engine, device, 2 ** 33);
      expect(duty.who).toBe(who);
      expect(duty.because).toMatch(because);
    });
  }

  test("the constant and the questions that replaced it", () => {
    expect([busIsPhys(direct), busIsPhys(swiotlb)]).toEqual([true, false]);
    expect(limitsOf(swiotlb, narrow, 2 ** 33)).toEqual({
      ...{ addressingLimited: true, maxMappingBytes: 262144, mergeBoundary: 0 },
    });
    expect(limitsOf(direct, wide, 2 ** 33).addressingLimited).toBe(false);
  });
});

test("every mapping says why it is as it is", () => {
  const b = bench(kind("swiotlb-xen x86"));
  b.scattered!.mapForeign({ at: 3000, ownersNumber: 3 });
  const mapped = [
    b.api.map(at, 100, toDevice),
    b.api.map(at + 4000, 200, toDevice),
    b.api.map(3000 * 4096, 300, fromDevice),
    b.api.map(at, 300_000, bidirectional),
  ];
  expect(mapped.map((m) => [m.cause, m.bounced, m.foreign, m.refused?.reason ?? null])).toEqual([
    ["translated", false, false, null],
    ["straddle", true, false, null],
    ["translated", false, true, null],
    ["straddle", false, false, "too-large"],
  ]);
});

test("a coherent device needs no syncs until something of it bounces", () => {
  const b = bench({ ...kind("swiotlb, a narrow device") });
  const low = b.api.map(at, 64, toDevice);
  const syncs = vi.spyOn(b.engine, "syncForDevice");
  b.api.syncForDevice(low.bus, 64, toDevice);
  expect(syncs).not.toHaveBeenCalled();
  b.api.map(1500 * 4096, 64, toDevice);
  b.api.syncForDevice(low.bus, 64, toDevice);
  expect(syncs).toHaveBeenCalledOnce();
});

test("without checks the engine alone is called", () => {
  const b = bench(kind("swiotlb-xen x86"));
  const api = new DmaApi({ engine: b.engine, device: b.device });
  const m = api.map(at, 100, toDevice);
  api.unmap(m.bus, 50, fromDevice);
  expect(b.checker.count()).toBe(0);
});
