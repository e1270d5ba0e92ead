/** Addresses first, buffers later: what the two-step interface takes, leads where, and gives back. */
import { expect, test } from "vitest";
import { Direction } from "../../../src/spec/dma/direction.js";
import { DmaApi } from "../../../src/sw/dma/index.js";
import { isGapless } from "../../../src/sw/dma/linked_list.js";
import { engines, NativeGuest, plainDevice } from "../../../src/sw/engine/index.js";
import { DmaDomain } from "../../../src/sw/iommu/domain/dma_domain.js";
import { Mapper } from "../../../src/table/index.js";

const page = 4096;
const { fromDevice } = Direction;
const call = { direction: fromDevice, attributes: 0 };

function machine(policy: "strict" | "lazy" = "strict") {
  const guest = new NativeGuest(1024);
  const frame = () => {
    const first = guest.allocPages(0)!;
    guest.memory.write(first * page, new Uint8Array(page));
    return first;
  };
  const root = { format: "vtd-ss", address: frame() * page, level: 3, inputBits: 48, outputBits: 46 } as const;
  const mapper = new Mapper(guest.memory, { ...root, upper: "zero", allow: 3 }, frame);
  const flushed: string[] = [];
  const flushes = {
    flush: (first: number, last: number) => void flushed.push(`${last - first + 1} pages`),
    flushAll: () => void flushed.push("all"),
  };
  const domain = new DmaDomain({ mapper, memory: guest.memory, flushes, policy, reserved: [] });
  const engine = engines.iommu.build({ guest, domainOf: () => domain });
  const device = plainDevice({ bdf: "0000:00:03.0" });
  return { domain, engine, ranges: engine.ranges!, device, flushed, api: new DmaApi({ engine, device }) };
}

test("a range leads nowhere until a buffer is linked to it, and again when that is unlinked", () => {
  const { domain, ranges, device, flushed } = machine();
  const range = ranges.tryAlloc(device, 0x5200, 3 * page)!;
  expect([range.bus % page, range.size, domain.counts.mapped]).toEqual([0x200, 3 * page, 1]);
  const at = (offset: number) => domain.physOf(range.bus + offset);
  expect([at(0), at(3 * page - 1)]).toEqual([-1, -1]);
  expect(ranges.link(device, range, { ...call, phys: 0x5200, offset: 0, size: 0xe00 })).toBeNull();
  expect(ranges.link(device, range, { ...call, phys: 0x9000, offset: 0xe00, size: page })).toBeNull();
  expect([at(0), at(0xdff), at(0xe00), at(0xe00 + page)]).toEqual([0x5200, 0x5fff, 0x9000, -1]);
  ranges.unlink(device, range, { ...call, offset: 0xe00, size: page });
  expect([at(0), at(0xe00), flushed]).toEqual([0x5200, -1, ["1 pages"]]);
  ranges.destroy(device, range, { ...call, linked: 0xe00 });
  expect([at(0), flushed.length, domain.counts.mapped]).toEqual([-1, 2, 0]);
  // All four pages that it took are free again.
  expect(ranges.tryAlloc(device, 0x5200, 3 * page)!.bus).toBe(range.bus);
});

test("a range that nothing was linked to is given back without a flush, linked anew it costs one each time", () => {
  const { ranges, device, flushed, domain } = machine("lazy");
  const range = ranges.tryAlloc(device, 0, 2 * page)!;
  ranges.free(device, range);
  expect([flushed, domain.counts]).toEqual([[], { mapped: 0, waiting: 0 }]);
  const again = ranges.tryAlloc(device, 0, 2 * page)!;
  for (const phys of [0x8000, 0x3000]) {
    expect(ranges.link(device, again, { ...call, phys, offset: 0, size: 2 * page })).toBeNull();
    expect(domain.physOf(again.bus + page)).toBe(phys + page);
    ranges.unlink(device, again, { ...call, offset: 0, size: 2 * page });
  }
  expect(flushed).toEqual(["2 pages", "2 pages"]);
  ranges.link(device, again, { ...call, phys: 0x8000, offset: 0, size: page });
  ranges.destroy(device, again, { ...call, linked: page });
  // Lazy: the addresses wait for a flush of all.
  expect([flushed.length, domain.counts]).toEqual([2, { mapped: 0, waiting: 1 }]);
});

test("only the first buffer begins inside a page, and none lies outside", () => {
  const { ranges, device } = machine();
  const range = ranges.tryAlloc(device, 0, 2 * page)!;
  for (const [phys, offset, size] of [
    [0x5010, 0, 16],
    [0x5010, 0x10, 16],
    [0x5000, page, 2 * page],
  ] as const)
    expect(() => ranges.link(device, range, { ...call, phys, offset, size })).toThrow(/range-offset/);
});

test("who is not trusted, or finds no address, is mapped in one step", () => {
  const { ranges, device, api } = machine();
  expect(ranges.tryAlloc({ ...device, untrusted: true }, 0, page)).toBeNull();
  expect(ranges.tryAlloc({ ...device, mask: 2 ** 20 - 1 }, 0, 2 ** 21)).toBeNull();
  expect(api.mapRequest([], fromDevice).error).toBe(-22);
});

test("a request without gaps is one segment, one with gaps as many as it has buffers, each with its own addresses", () => {
  const { api, domain, flushed } = machine();
  const whole = [
    { phys: 0x5e00, size: 0x200 },
    { phys: 0x9000, size: 2 * page },
    { phys: 0x3000, size: 512 },
  ];
  const gaps = [
    { phys: 0x5000, size: 512 },
    { phys: 0x9000, size: page },
  ];
  expect([isGapless(whole), isGapless(gaps)]).toEqual([true, false]);
  const one = api.mapRequest(whole, fromDevice);
  expect(one.segments).toEqual([{ bus: one.range!.bus, size: 0x400 + 2 * page }]);
  expect(domain.counts.mapped).toBe(1);
  const behind = [0, 0x200, 0x200 + page, 0x200 + 2 * page].map((offset) => domain.physOf(one.range!.bus + offset));
  expect(behind).toEqual([0x5e00, 0x9000, 0xa000, 0x3000]);
  const two = api.mapRequest(gaps, fromDevice);
  expect([two.range, two.segments.length, domain.counts.mapped]).toEqual([undefined, 2, 3]);
  api.unmapList(two, gaps.length, fromDevice);
  api.unmapList(one, whole.length, fromDevice);
  expect([flushed, domain.counts.mapped]).toEqual([["1 pages", "1 pages", "4 pages"], 0]);
});
