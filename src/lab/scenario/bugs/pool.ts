/** Demonstrations of the bounce pool's bugs. */
import { LogLines } from "../../../base/kernel_log.js";
import { Memory } from "../../../mem/memory.js";
import { Direction } from "../../../spec/dma/direction.js";
import { Allocator } from "../../../sw/swiotlb/allocator.js";
import { allocateEarly } from "../../../sw/swiotlb/boot.js";
import { Bounce } from "../../../sw/swiotlb/bounce.js";
import type { BugId } from "../../../sw/swiotlb/bugs.js";
import type { Pages } from "../../../sw/swiotlb/pages.js";
import { readParameter } from "../../../sw/swiotlb/parameter.js";
import { Pool } from "../../../sw/swiotlb/pool.js";
import { RestrictedPool } from "../../../sw/swiotlb/restricted.js";
import { bytesAt } from "../stage.js";
import { bytesText, placeWords } from "../story.js";
import { type Demonstration, judge, type Program, solo } from "./demonstration.js";

const start = 0x10_0000;
const slot = 2048;
const { toDevice, fromDevice } = Direction;
const reach = { cpu: 0, device: 0, boundarySlots: 0, limit: 2 ** 32 - 1 };

function bouncing(id: BugId, on: boolean) {
  const bugs = on ? [id] : [];
  const memory = new Memory(2048);
  const pool = new Pool({ start, slots: 128, areas: 1, bugs });
  const log = new LogLines();
  return { memory, pool, log, bounce: new Bounce(memory, new Allocator({ pool, growth: null, bugs }), { log }) };
}

const one = (id: BugId, on: boolean, slots = 128) => new Pool({ start, slots, areas: 1, bugs: on ? [id] : [] });
const demo = (title: string, program: (on: boolean) => Program) => solo(title, "driver", program);
const all = (bytes: Uint8Array, value: number): boolean => bytes.every((b) => b === value);

export const poolDemonstrations: Readonly<Record<BugId, Demonstration>> = {
  "stale-bounce": demo("a short read hands the driver what others left in the bounce slot", function* (on) {
    const { memory, bounce } = bouncing("stale-bounce", on);
    memory.fill(0x2000, 512, 0x5e);
    const map = (orig: number, direction: Direction) =>
      bounce.map({ ...reach, orig, size: 512, minAlignMask: 0, allocAlignMask: 0, direction });
    const secret = map(0x2000, toDevice);
    yield `maps 512 secret bytes (5e) to the device: they are copied to the slot at ${placeWords(secret)}`;
    bounce.unmap({ address: secret, size: 512, direction: toDevice, minAlignMask: 0 });
    yield "unmaps them; the slot keeps the bytes";
    let address = -1;
    let turns = 0;
    for (; turns < 128 && address !== secret; turns++) {
      address = map(0x3000, fromDevice);
      if (address === secret) memory.fill(address, 10, 0xdd);
      bounce.unmap({ address, size: 512, direction: fromDevice, minAlignMask: 0 });
    }
    const got = bytesAt(memory, 0x3000, 512);
    yield judge(
      `maps a buffer from the device (the ${turns}th time it has the same slot), the device writes 10 bytes (dd), unmaps; the buffer holds ${bytesText(got, 12)}`,
      address === secret && !got.includes(0x5e),
      `${got.filter((b) => b === 0x5e).length} bytes of the other buffer arrived`,
    );
  }),
  "sync-overwrites": demo("a sync for the device destroys what the device has just written", function* (on) {
    const { memory, bounce } = bouncing("sync-overwrites", on);
    const range = { size: 2048, direction: fromDevice, minAlignMask: 0 };
    const address = bounce.map({ ...reach, ...range, orig: 0x2000, allocAlignMask: 0 });
    yield `maps 2048 bytes from the device at ${placeWords(address)}`;
    memory.fill(address + 1024, 1024, 0xf2);
    yield "the device writes its second frame (f2) to the upper half";
    bounce.syncForDevice({ ...range, address });
    yield "hands the buffer back for the first frame: sync for the device";
    bounce.syncForCpu({ ...range, address });
    const got = bytesAt(memory, 0x2400, 1024);
    yield judge(
      `syncs for the CPU; the upper half holds ${bytesText(got)}`,
      all(got, 0xf2),
      "the second frame is lost",
    );
  }),
  "sync-from-start": demo("a sync in the middle of a mapping copies to its start", function* (on) {
    const { memory, bounce } = bouncing("sync-from-start", on);
    const range = { size: 8192, direction: fromDevice, minAlignMask: 0 };
    const address = bounce.map({ ...reach, ...range, orig: 0x2000, allocAlignMask: 0 });
    yield `maps 8192 bytes from the device at ${placeWords(address)}`;
    memory.fill(address + 4096, 64, 0xdd);
    yield "the device writes 64 bytes (dd) at offset 4096";
    bounce.syncForCpu({ ...range, address: address + 4096, size: 64 });
    const [first, middle] = [bytesAt(memory, 0x2000, 64), bytesAt(memory, 0x3000, 64)];
    yield judge(
      `syncs those 64 bytes; at offset 4096: ${bytesText(middle)}, at offset 0: ${bytesText(first)}`,
      all(middle, 0xdd) && all(first, 0),
      "the bytes went to the start of the buffer",
    );
  }),
  "sync-offset-unsigned": demo("a sync in the second slot, before the kept offset, is refused", function* (on) {
    const { memory, log, bounce } = bouncing("sync-offset-unsigned", on);
    const range = { size: 4096, direction: fromDevice, minAlignMask: 0xfff };
    const address = bounce.map({ ...reach, ...range, orig: 0x2600, allocAlignMask: 0 });
    yield `maps 4096 bytes from 0x2600 for a device that keeps 12 low bits: at ${placeWords(address)}`;
    memory.fill(address + 0x200, 64, 0xdd);
    yield "the device writes 64 bytes (dd) at offset 0x200, which is in the second slot";
    bounce.syncForCpu({ ...range, address: address + 0x200, size: 64 });
    const got = bytesAt(memory, 0x2800, 64);
    yield judge(
      `syncs them; the buffer holds ${bytesText(got)} there; warnings: ${log.lines.length}`,
      all(got, 0xdd) && log.lines.length === 0,
      "nothing was copied",
    );
  }),
  "half-page": solo("a page-sized allocation begins at half a page", "restricted pool", function* (on) {
    const bugs: BugId[] = on ? ["half-page", "page-unchecked"] : ["page-unchecked"];
    const pool = new RestrictedPool({ base: start, bytes: 2 ** 20, properties: [], bugs });
    pool.pool.setAreaIndex(0, 5);
    yield "the search stands at slot 5, an odd one";
    for (const n of ["first", "second"]) {
      const at = pool.allocate(0, 0x2000);
      const page = Math.floor(at / 4096) * 4096;
      yield judge(
        `gives the ${n} two pages out at ${placeWords(at)}: its first page is ${placeWords(page)}`,
        pool.pool.headAt(page - start) >= 0,
        `the page at ${placeWords(page)} begins with 2048 bytes of somebody else's`,
      );
    }
  }),
  "page-unchecked": solo(
    "an allocation that is not on a page is given out all the same",
    "restricted pool",
    function* (on) {
      const bugs: BugId[] = on ? ["half-page", "page-unchecked"] : ["half-page"];
      const log = new LogLines();
      const pool = new RestrictedPool({ base: start, bytes: 2 ** 20, properties: [], bugs }, log);
      pool.pool.setAreaIndex(0, 5);
      yield "the search misplaces pages (the bug half-page) and stands at slot 5";
      const at = pool.allocate(0, 0x2000);
      yield judge(
        `is asked for two pages: ${at < 0 ? `refused: ${log.lines[0]}` : `${placeWords(at)} is given out`}`,
        at === -1 && pool.pool.used === 0 && log.lines.length === 1,
        `${placeWords(at)} is no page`,
      );
    },
  ),
  "both-masks": demo("an empty pool is full when device and caller both ask for alignment", function* (on) {
    const pool = one("both-masks", on);
    yield "the pool of 128 slots is empty";
    const at = pool.map(0, 1, 0x2345_ba10, 0x300, 0xfff, 0xfff, 0);
    yield judge(
      `maps 0x300 bytes, 12 low bits kept, aligned to pages: ${at < 0 ? "refused" : `slot ${Math.floor(at / slot)}`}`,
      at >= 0,
      "refused with every slot free",
    );
  }),
  "no-page-rule": demo("a whole page is bounced to the middle of a page", function* (on) {
    const pool = one("no-page-rule", on);
    const small = pool.map(0, 1, 0x200, 512, 0, 0, 0);
    yield `maps 512 bytes: slot ${small / slot}`;
    const at = pool.map(0, 1, 0x1000, 4096, 0, 0, 0);
    yield judge(`maps a page: offset ${placeWords(at)} of the pool`, at % 4096 === 0, "it does not begin on a page");
  }),
  "no-padding-slots": demo("the low bits of a buffer's address are lost", function* (on) {
    const at = one("no-padding-slots", on).map(0, 1, 0x2345_ba10, 0x300, 0xfff, 0xfff, 0);
    yield judge(
      `maps 0x300 bytes at …ba10 for a device that keeps 12 low bits: bus address ${placeWords(start + at)}`,
      ((start + at) & 0xfff) === 0xa10,
      "the low 12 bits are not a10, and the device reads the wrong part of its page",
    );
  }),
  "runs-past-end": demo("an allocation reaches past the end of a short pool", function* (on) {
    const pool = one("runs-past-end", on, 3);
    yield "the pool has 3 slots, as a transient one does";
    const at = pool.map(0, 1, 0xe00, 4096, 0xfff, 0, 0);
    const end = Math.floor(at / slot) + 3;
    yield judge(
      `maps a page at offset 0xe00, which needs 3 slots from an odd one: ${at < 0 ? "refused" : `slots ${end - 3} to ${end - 1}`}`,
      at < 0 || end <= 3,
      `slot ${end - 1} is behind the pool's end`,
    );
  }),
  "decrypted-pages-freed": solo("pages that the host can read go back to the allocator", "pool", function* (on) {
    const exposed: number[] = [];
    const pages = stubbornPages(exposed);
    const allocator = new Allocator({
      pool: new Pool({ start, slots: 512, areas: 1 }),
      growth: { pages, limit: 2 ** 32 - 1, areas: 1 },
      encrypted: true,
      bugs: on ? ["decrypted-pages-freed"] : [],
    });
    yield "wants to grow; the host shares some of the pages, then fails, and does not take them back";
    allocator.growthWaits = true;
    allocator.grow();
    yield judge(
      `gives up: ${exposed.length === 0 ? "the pages stay with nobody" : `pages at ${placeWords(exposed[0]!)} are freed`}`,
      exposed.length === 0,
      "memory that the host reads is private memory of somebody else next",
    );
  }),
  "used-cleared": solo("the count of used slots is cleared while some are", "kernel", function* (on) {
    const pool = new Pool({ start, slots: 512, areas: 1 });
    const allocator = new Allocator({ pool, growth: null, bugs: on ? ["used-cleared"] : [] });
    const early = allocator.map({ ...reach, orig: 0x2000, size: 512, minAlignMask: 0, allocAlignMask: 0 });
    yield `a driver maps early: ${pool.used} slot is used`;
    allocator.createCounters();
    yield judge(
      `creates the counters in debugfs: used reads ${allocator.used}`,
      allocator.used === pool.used,
      "the count is not the sum over the areas",
    );
    allocator.unmap(early, 0);
    yield judge(`the driver unmaps: used reads ${allocator.used}`, allocator.used === 0, "the count is below zero");
  }),
  "areas-not-limited": solo("areas are smaller than the largest mapping", "kernel", function* (on) {
    const fits = (size: number) => size <= 2 ** 20;
    const bugs: BugId[] = on ? ["areas-not-limited"] : [];
    const { pool } = allocateEarly(readParameter("512"), { cpus: 64, needed: true, fits, bugs });
    const made = new Pool({ start, slots: pool!.slots, areas: pool!.areas });
    yield `boots with swiotlb=512 on 64 CPUs: ${pool!.areas} areas of ${made.areaSlots} slots`;
    const at = made.map(0, 1, 0, 65536, 0, 0, 0);
    yield judge(
      `a driver maps 64 KiB on the empty pool: ${at < 0 ? "refused" : "served"}`,
      made.areaSlots >= 128 && at >= 0,
      `an area of ${made.areaSlots} slots never holds 32 slots`,
    );
  }),
  "endless-search": demo("a search on a full pool never ends", function* (on) {
    const pool = one("endless-search", on);
    for (let n = 0; n < 128; n++) pool.map(0, 1, 0, slot, 0, 0, 0);
    for (let n = 0; n < 128; n += 2) pool.unmap(n * slot, 0);
    pool.setAreaIndex(0, 1);
    yield "every other slot is free, the search stands at an odd one";
    const at = pool.map(0, 1, 0x600, 4096, 0xfff, 0, 0);
    yield judge(
      `maps a page at offset 0x600, 12 low bits kept: ${pool.searchWasEndless ? "the search goes round and round" : at < 0 ? "refused" : "served"}`,
      at === -1 && !pool.searchWasEndless,
      "the area's lock is held for ever",
    );
  }),
};

/** Pages of a host that shares them and never takes them back. */
function stubbornPages(exposed: number[]): Pages {
  let next = 0x4000_0000;
  return {
    allocate(bytes) {
      const size = 2 ** Math.ceil(Math.log2(bytes));
      const at = Math.ceil(next / size) * size;
      next = at + size;
      return at;
    },
    release(address) {
      exposed.push(address);
    },
    decrypt: () => false,
    encrypt: () => false,
    atomic: null,
  };
}
