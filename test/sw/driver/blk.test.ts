/** A guest's disk through ring and grants, a driver domain that maps its pages, and a disk that masters the bus. */
import { expect, test } from "vitest";
import type { Pfn } from "../../../src/base/frame.js";
import { drawn, Rng } from "../../../src/base/rng.js";
import { Disk } from "../../../src/hw/device/disk.js";
import { DmaLog } from "../../../src/lab/machine/run/dma_log.js";
import { Memory } from "../../../src/mem/memory.js";
import { oneWay } from "../../../src/sim/actor.js";
import { runUntilIdle } from "../../../src/sim/schedule.js";
import { DmaApi } from "../../../src/sw/dma/index.js";
import { BlkBack } from "../../../src/sw/driver/blkback.js";
import { BlkFront } from "../../../src/sw/driver/blkfront.js";
import { DiskDriver } from "../../../src/sw/driver/disk_driver.js";
import { engines, plainDevice } from "../../../src/sw/engine/index.js";
import {
  AccessGate,
  ForeignPages,
  Grants,
  Guest,
  Hypervisor,
  leftovers,
  MachineBus,
  makePool,
} from "../../../src/sw/xen/index.js";

const requester = 0x18;
const bdf = "0000:00:03.0";

function machine(o: { seed: number; force?: boolean; segmentsMax?: number }) {
  const memory = new Memory(16384);
  const gate = new AccessGate(memory);
  const h = new Hypervisor({ memory, watch: gate, choose: drawn(o.seed) });
  const dom0 = h.createDomain({ id: 0, model: "p2m", pages: 4096, class: "control" });
  const host = new Guest(h, dom0);
  const made = makePool(host, 4 * 1024 * 1024)!;
  const pool = { start: made.first * 4096, slots: made.bytes / 2048, areas: 1 };
  const engine = engines["swiotlb-xen-x86"].build({ guest: host, pool, force: o.force ?? false });
  const bus = new MachineBus(h);
  bus.assign(requester, dom0);
  const disk = new Disk({ port: bus, requester, blocks: 8192 });
  const seen = new DmaLog();
  const api = new DmaApi({ engine, device: plainDevice({ bdf }), checks: seen.before(null) });
  const driver = new DiskDriver({ memory: host.memory, api, registers: disk.registers, interrupt: disk.interrupt });
  const foreign = new ForeignPages(host, { section: 2048 });
  const domU = new Guest(h, h.createDomain({ id: 1, model: "p2m", pages: 2048 }));
  const grants = new Grants(domU);
  const front = new BlkFront({ guest: domU, grants, backend: 0, ...(o.segmentsMax && { segmentsMax: o.segmentsMax }) });
  const back = new BlkBack({
    guest: host,
    foreign,
    driver,
    frontend: 1,
    ringRef: front.ringRef,
    firstSector: 1024,
    sectors: 4096,
    mergeable: (a, b) => api.mergeable(a, b),
  });
  const actors = [oneWay("front", front), oneWay("back", back), oneWay("driver", driver), oneWay("disk", disk)];
  return { h, gate, seen, host, domU, disk, driver, api, front, back, actors, grants };
}

test.each([
  ["mapped where they lie", {}],
  ["all bounced", { force: true }],
  ["with indirect requests", { segmentsMax: 64 }],
])("what guests write comes back, %s", (_, o) => {
  const rng = new Rng(5);
  const m = machine({ seed: 11, ...o });
  const outcome: boolean[] = [];
  const jobs = Array.from({ length: 60 }, (_, n) => {
    const first = rng.below(8);
    const sectors = 1 + rng.below(Math.min(64, m.front.sectorsMax));
    const pages = Array.from({ length: Math.ceil((first + sectors) / 8) }, () => m.domU.allocPages(0)!);
    const bytes = Uint8Array.from({ length: sectors * 512 }, () => rng.below(256));
    spread(m.domU, pages, first, bytes);
    return { sector: n * 64, first, sectors, pages, bytes };
  });
  for (const j of jobs) m.front.submit({ toDisk: true, ...j, done: (ok) => outcome.push(ok) });
  expect(runUntilIdle(m.actors, rng, 1e6).idle).toBe(true);
  for (const j of jobs) {
    same(m.disk.medium.subarray((1024 + j.sector) * 512).subarray(0, j.bytes.length), j.bytes);
    spread(m.domU, j.pages, j.first, new Uint8Array(j.bytes.length));
  }
  for (const j of jobs) m.front.submit({ toDisk: false, ...j, done: (ok) => outcome.push(ok) });
  expect(runUntilIdle(m.actors, rng, 1e6).idle).toBe(true);
  for (const j of jobs) same(gather(m.domU, j.pages, j.first, j.bytes.length), j.bytes);
  expect(outcome).toEqual(new Array(120).fill(true));
  m.back.disconnect();
  expect(m.front.disconnect()).toBe(true);
  m.driver.close();
  expect(leftovers(m.h, m.gate)).toEqual([]);
  expect(m.gate.violations).toEqual([]);
  const { maps, foreign, bounced, failed } = m.seen.tally(bdf);
  expect({ foreign, bounced, failed }).toEqual({ foreign: maps, bounced: "force" in o ? maps : 0, failed: 0 });
});

function spread(guest: Guest, pages: readonly Pfn[], first: number, bytes: Uint8Array) {
  let at = 0;
  pages.forEach((page, n) => {
    const low = n === 0 ? first * 512 : 0;
    const part = bytes.subarray(at, at + 4096 - low);
    guest.memory.write(page * 4096 + low, part);
    at += part.length;
  });
}

function gather(guest: Guest, pages: readonly Pfn[], first: number, count: number) {
  const all = new Uint8Array(pages.length * 4096);
  pages.forEach((page, n) => {
    guest.memory.read(page * 4096, all.subarray(n * 4096, (n + 1) * 4096));
  });
  return all.subarray(first * 512, first * 512 + count);
}

function same(got: Uint8Array, want: Uint8Array) {
  expect(Buffer.compare(got, want)).toBe(0);
}
