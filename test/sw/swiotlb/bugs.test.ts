/** Each historic bug: off, its invariant holds; on, it breaks. */
import { expect, test } from "vitest";
import { LogLines } from "../../../src/base/kernel_log.js";
import { Memory } from "../../../src/mem/memory.js";
import { Direction } from "../../../src/spec/dma/direction.js";
import { Allocator } from "../../../src/sw/swiotlb/allocator.js";
import { allocateEarly, limitAreas } from "../../../src/sw/swiotlb/boot.js";
import { Bounce } from "../../../src/sw/swiotlb/bounce.js";
import { type BugId, bugs } from "../../../src/sw/swiotlb/bugs.js";
import { readParameter } from "../../../src/sw/swiotlb/parameter.js";
import { plainSearch } from "../../../src/sw/swiotlb/plain_search.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import { before2023, before2024, type Profile, profileOf, today } from "../../../src/sw/swiotlb/profile.js";
import { Request } from "../../../src/sw/swiotlb/request.js";
import { RestrictedPool, restrictedPool } from "../../../src/sw/swiotlb/restricted.js";
import { MachinePages } from "./machine_pages.js";

const start = 0x10_0000;
const { toDevice, fromDevice } = Direction;
const reach = { cpu: 0, device: 0, boundarySlots: 0, limit: 2 ** 32 - 1 };
type On = readonly BugId[];

function machine(on: On) {
  const memory = new Memory(2048);
  const pool = new Pool({ start, slots: 128, areas: 1, bugs: on });
  const log = new LogLines();
  return { memory, pool, log, bounce: new Bounce(memory, new Allocator({ pool, growth: null, bugs: on }), { log }) };
}

function bytes(memory: Memory, address: number, count: number): number[] {
  const into = new Uint8Array(count);
  memory.read(address, into);
  return [...into];
}

/** For each bug: whether its invariant holds with these bugs on. */
const holds: Record<BugId, (on: On) => boolean> = {
  "stale-bounce": (on) => {
    const { memory, bounce } = machine(on);
    memory.fill(0x2000, 512, 0x5e);
    const map = (orig: number, direction: Direction) =>
      bounce.map({ ...reach, orig, size: 512, minAlignMask: 0, allocAlignMask: 0, direction });
    // A slot set later the search comes back to the slot of the secret.
    const secret = map(0x2000, toDevice);
    bounce.unmap({ address: secret, size: 512, direction: toDevice, minAlignMask: 0 });
    let address = -1;
    for (let k = 0; k < 128 && address !== secret; k++) {
      address = map(0x3000, fromDevice);
      if (address === secret) memory.fill(address, 10, 0xdd);
      bounce.unmap({ address, size: 512, direction: fromDevice, minAlignMask: 0 });
    }
    return address === secret && !bytes(memory, 0x3000, 512).includes(0x5e);
  },
  "sync-overwrites": (on) => {
    const { memory, bounce } = machine(on);
    const range = { size: 2048, direction: fromDevice, minAlignMask: 0 };
    const address = bounce.map({ ...reach, ...range, orig: 0x2000, allocAlignMask: 0 });
    memory.fill(address + 1024, 1024, 0xf2);
    bounce.syncForDevice({ ...range, address });
    bounce.syncForCpu({ ...range, address });
    return bytes(memory, 0x2400, 1024).every((b) => b === 0xf2);
  },
  "sync-from-start": (on) => {
    const { memory, bounce } = machine(on);
    const range = { size: 8192, direction: fromDevice, minAlignMask: 0 };
    const address = bounce.map({ ...reach, ...range, orig: 0x2000, allocAlignMask: 0 });
    memory.fill(address + 4096, 64, 0xdd);
    bounce.syncForCpu({ ...range, address: address + 4096, size: 64 });
    return bytes(memory, 0x3000, 64).every((b) => b === 0xdd) && bytes(memory, 0x2000, 64).every((b) => b === 0);
  },
  "sync-offset-unsigned": (on) => {
    const { memory, log, bounce } = machine(on);
    const range = { size: 4096, direction: fromDevice, minAlignMask: 0xfff };
    const address = bounce.map({ ...reach, ...range, orig: 0x2600, allocAlignMask: 0 });
    memory.fill(address + 0x200, 64, 0xdd);
    bounce.syncForCpu({ ...range, address: address + 0x200, size: 64 });
    return bytes(memory, 0x2800, 64).every((b) => b === 0xdd) && log.lines.length === 0;
  },
  "half-page": (on) => {
    const pool = new RestrictedPool({ base: start, bytes: 2 ** 20, properties: [], bugs: [...on, "page-unchecked"] });
    pool.pool.setAreaIndex(0, 5);
    const pages = [0x2000, 0x2000].map((size) => pool.allocate(0, size));
    return pages.every((page) => pool.pool.headAt(page - start) >= 0);
  },
  "page-unchecked": (on) => {
    const log = new LogLines();
    const node = { base: start, bytes: 2 ** 20, properties: [], bugs: [...on, "half-page"] as BugId[] };
    const pool = new RestrictedPool(node, log);
    pool.pool.setAreaIndex(0, 5);
    const refused = pool.allocate(0, 0x2000) === -1 && pool.pool.used === 0;
    const line = "Cannot allocate pages from non page-aligned swiotlb addr 0x0x0000000000102800.";
    return refused && log.lines[0] === line;
  },
  "both-masks": (on) =>
    new Pool({ start, slots: 128, areas: 1, bugs: on }).map(0, 1, 0x2345_ba10, 0x300, 0xfff, 0xfff, 0) >= 0,
  "no-page-rule": (on) => {
    const pool = new Pool({ start, slots: 128, areas: 1, bugs: on });
    pool.map(0, 1, 0x200, 512, 0, 0, 0);
    return pool.map(0, 1, 0x1000, 4096, 0, 0, 0) % 4096 === 0;
  },
  "no-padding-slots": (on) => {
    const at = new Pool({ start, slots: 128, areas: 1, bugs: on }).map(0, 1, 0x2345_ba10, 0x300, 0xfff, 0xfff, 0);
    return ((start + at) & 0xfff) === 0xa10;
  },
  "runs-past-end": (on) => {
    // Three slots from an odd one, as a transient pool of three slots is asked for.
    const at = new Pool({ start, slots: 3, areas: 1, bugs: on }).map(0, 1, 0xe00, 4096, 0xfff, 0, 0);
    return at < 0 || Math.floor(at / 2048) + 3 <= 3;
  },
  "decrypted-pages-freed": (on) => {
    const pages = new MachinePages(0x4000_0000);
    const pool = new Pool({ start, slots: 512, areas: 1 });
    const allocator = new Allocator({
      pool,
      growth: { pages, limit: 2 ** 32 - 1, areas: 1 },
      encrypted: true,
      bugs: on,
    });
    [pages.decryptWorks, pages.encryptWorks, allocator.growthWaits] = [false, false, true];
    allocator.grow();
    return pages.exposed.length === 0;
  },
  "used-cleared": (on) => {
    const pool = new Pool({ start, slots: 512, areas: 1 });
    const allocator = new Allocator({ pool, growth: null, bugs: on });
    const request = { ...reach, orig: 0x2000, size: 512, minAlignMask: 0, allocAlignMask: 0 };
    const early = allocator.map(request);
    allocator.createCounters();
    allocator.unmap(early, 0);
    return allocator.used === pool.used && allocator.used >= 0;
  },
  "areas-not-limited": (on) => {
    const fits = (size: number) => size <= 2 ** 20;
    const { pool } = allocateEarly(readParameter("512"), { cpus: 64, needed: true, fits, bugs: on });
    const made = new Pool({ start, slots: pool!.slots, areas: pool!.areas });
    return made.areaSlots >= 128 && made.map(0, 1, 0, 65536, 0, 0, 0) >= 0;
  },
  "endless-search": (on) => {
    const pool = new Pool({ start, slots: 128, areas: 1, bugs: on });
    for (let slot = 0; slot < 128; slot++) pool.map(0, 1, 0, 2048, 0, 0, 0);
    for (let slot = 0; slot < 128; slot += 2) pool.unmap(slot * 2048, 0);
    pool.setAreaIndex(0, 1);
    return pool.map(0, 1, 0x600, 4096, 0xfff, 0, 0) === -1 && !pool.searchWasEndless;
  },
};

for (const bug of bugs) {
  test(`${bug.id}: ${bug.breaks}`, () => {
    expect(holds[bug.id]([]), "without the bug").toBe(true);
    expect(holds[bug.id]([bug.id]), `with it (${bug.source}, ${bug.year})`).toBe(false);
  });
}

test("before 2024 the allocation mask was compared with the buffer's address, not honoured", () => {
  const first = (profile: Profile) => {
    const pool = new Pool({ start, slots: 128, areas: 1, profile });
    return pool.headAt(pool.map(0, 1, 0x2345_ba10, 0x300, 0xfff, 0xfff, 0));
  };
  expect([first(before2024), first(today)]).toEqual([1, 0]);
});

test("before 2023 the search began at a multiple of the stride, four slots for a page of NVMe", () => {
  const firsts = (profile: Profile) => {
    const pool = new Pool({ start, slots: 16, areas: 1, profile });
    for (const slot of [0, 1, 4, 5, 8, 9]) expect(pool.place(slot * 2048, 1, 0, 2048, 0, 0)).toBe(true);
    pool.setAreaIndex(0, 3);
    return [pool.map(0, 1, 0, 4096, 0xfff, 0, 0) / 2048, pool.map(0, 1, 0, 4096, 0xfff, 0, 0) / 2048];
  };
  expect(firsts(before2024)).toEqual([6, 10]);
  expect(firsts(before2023)).toEqual([12, -1 / 2048]);
});

test("a kernel's release chooses its profile", () => {
  const ids = ["6.1.0-13-amd64", "6.2", "6.3.1", "6.8.12", "6.9-rc1", "7.2.13", null, "unknown"].map(
    (k) => profileOf(k).id,
  );
  expect(ids).toEqual([
    ...["before-2023", "before-2023", "before-2024", "before-2024", "today", "today", "today", "today"],
  ]);
});

test("a search that counts its steps ends after as many slots as the area has", () => {
  let looked = 0;
  const area = { start, areaSlots: 128, freeRun: () => Math.min(0, looked++) };
  const request = new Request();
  for (const min of [0, 0xfff, 0x3fff]) {
    request.resolve(before2024.rules, 1, 0x600, 4096, min, 0, 0);
    looked = 0;
    expect(plainSearch(area, request, 0, 77, before2024.rules)).toBe(-1);
    expect(looked).toBeLessThanOrEqual(128);
  }
});

test("a restricted pool refuses what its node must not be, and says what it made", () => {
  const node = { base: 0x5000_0000, bytes: 2 ** 22, properties: ["compatible"] };
  for (const bad of ["reusable", "no-map", "linux,cma-default", "linux,dma-default"])
    expect(restrictedPool({ ...node, properties: [bad] })).toEqual({
      error: -22,
      because: `a restricted pool cannot be ${bad}`,
    });
  expect(restrictedPool({ ...node, highMemory: true })).toEqual({
    error: -22,
    because: "Restricted DMA pool must be accessible within the linear mapping.",
  });
  const made = restrictedPool(node);
  if ("error" in made) throw new Error(made.because);
  expect(made.log).toBe("Reserved memory: created restricted DMA pool at 0x0000000050000000, size 4 MiB");
  const { pool } = made;
  expect(pool.pool.areas).toBe(1);
  const first = pool.allocate(3, 100);
  const second = pool.allocate(3, 0x2001);
  expect([first, second]).toEqual([0x5000_0000, 0x5000_4000]);
  expect(pool.pool.used, "aligned to 16 KiB, not rounded up to it").toBe(1 + 5);
  expect([pool.free(first), pool.free(first), pool.free(second)]).toEqual([true, false, true]);
  expect(pool.pool.used).toBe(0);
  expect(limitAreas(1, pool.pool.slots)).toBe(1);
});
