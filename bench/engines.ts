/**
 * Engines: one map and unmap of a page through each, beside the plain pool, and what the checks of the DMA API cost.
 *
 * The guests are small and their page tables arrays, so a figure is the engine's own work: tests, translation, slots
 * and the copies where it bounces. Buffers of 4 KiB, one live at a time; the least of many short rounds.
 */
import { drawn } from "../src/base/rng.js";
import { Memory } from "../src/mem/memory.js";
import { Direction } from "../src/spec/dma/direction.js";
import { Checker, DmaApi } from "../src/sw/dma/index.js";
import {
  type DmaDevice,
  type Engine,
  type EngineName,
  engines,
  type GuestKernel,
  NativeGuest,
  plainDevice,
} from "../src/sw/engine/index.js";
import { Pool } from "../src/sw/swiotlb/pool.js";
import { fixPool, Guest, Hypervisor, type XenModel } from "../src/sw/xen/index.js";
import type { Row } from "./row.js";

interface Machine {
  readonly engine: Engine;
  readonly device: DmaDevice;
  readonly guest: GuestKernel;
  /** First of the pages that are mapped in turn. */
  readonly first: number;
}

const pages = 4096;
const buffers = 256;
const slots = 1024;
const device = plainDevice({ bdf: "0000:00:03.0" });

const loads: readonly (readonly [what: string, make: () => Machine])[] = [
  ["direct", () => native("direct", false)],
  ["swiotlb, not bouncing", () => native("swiotlb", false)],
  ["swiotlb, bouncing (two copies of 4 KiB)", () => native("swiotlb", true)],
  ["swiotlb-xen x86, translating", () => xen("p2m", "swiotlb-xen-x86", false)],
  ["swiotlb-xen x86, bouncing", () => xen("p2m", "swiotlb-xen-x86", true)],
  ["swiotlb-xen Arm, translating", () => xen("p==m", "swiotlb-xen-arm", false)],
  ["software IOMMU, asking for each page", () => xen("vp+hypercall", "software-iommu", false)],
  ["grants", grants],
];

export async function bench(o: { smoke: boolean }): Promise<Row[]> {
  const pairs = o.smoke ? 2_000 : 400_000;
  const rounds = o.smoke ? 2 : 40;
  const rows: Row[] = [
    { what: "engines: the plain pool", measured: text(least(plainPool(), pairs, rounds)), target: "" },
  ];
  for (const [what, make] of loads) {
    const m = make();
    const plain = least(through(m, null), pairs, rounds);
    const calls = least(through(m, new Checker()), pairs / 10, rounds);
    const all = least(through(m, new Checker({ guest: m.guest, memory: m.guest.memory })), pairs / 20, rounds);
    const note = `checks of calls +${(calls - plain).toFixed(0)} ns, of addresses and bytes too +${(all - plain).toFixed(0)} ns`;
    rows.push({ what: `engines: ${what}`, measured: text(plain), target: "", note });
  }
  return rows;
}

const text = (ns: number): string => `${ns.toFixed(0)} ns a pair`;

type Pairs = (count: number) => void;

function plainPool(): Pairs {
  const pool = new Pool({ start: 0, slots, areas: 1 });
  return (count) => {
    for (let k = 0; k < count; k++) pool.unmap(pool.map(0, 0, (k & (buffers - 1)) << 12, 4096, 0, 0, 0), 0);
  };
}

function through(m: Machine, checks: Checker | null): Pairs {
  const api = new DmaApi({ engine: m.engine, device: m.device, checks });
  return (count) => {
    for (let k = 0; k < count; k++) {
      const { bus } = api.map((m.first + (k & (buffers - 1))) * 4096, 4096, Direction.fromDevice);
      if (api.mappingError(bus)) throw new Error("a mapping of the benchmark was refused");
      api.unmap(bus, 4096, Direction.fromDevice);
    }
  };
}

function native(name: EngineName, force: boolean): Machine {
  const guest = new NativeGuest(pages);
  const pool = { start: guest.allocPages(9)! * 4096, slots, areas: 1 };
  const engine = engines[name].build({ guest, pool, force, memoryEnd: pages * 4096 });
  return { engine, device, guest, first: guest.allocPages(8)! };
}

function xen(model: XenModel, name: EngineName, force: boolean): Machine {
  const h = new Hypervisor({ memory: new Memory(4 * pages), choose: drawn(1), arch: model === "p==m" ? "arm" : "x86" });
  const guest = new Guest(h, h.createDomain({ id: 0, model, pages, class: "control" }));
  const first = guest.allocRun(512, 64)!;
  if (model !== "p==m" && fixPool(guest, first * 4096, 512 * 4096) === null) throw new Error("the pool is not fixed");
  const engine = engines[name].build({ guest, pool: { start: first * 4096, slots, areas: 1 }, force });
  return { engine, device, guest, first: guest.allocRun(buffers, 1)! };
}

/** The engine alone: grants that cost nothing to give. */
function grants(): Machine {
  const guest = new NativeGuest(pages);
  let next = 8;
  const table = { grantRange: ({ count }: { count: number }) => (next += count), endAccess: () => true };
  const engine = engines.grant.build({ guest, grants: table });
  return { engine, device: { ...device, grantBackend: 0 }, guest, first: guest.allocPages(8)! };
}

/** Processor time and not time of day. @returns nanoseconds a pair, the least of `rounds` that share the pairs. */
function least(run: Pairs, allPairs: number, rounds: number): number {
  const pairs = Math.ceil(allPairs / rounds);
  run(pairs);
  let best = Number.POSITIVE_INFINITY;
  for (let r = 0; r < rounds; r++) {
    const begin = process.cpuUsage();
    run(pairs);
    const { user, system } = process.cpuUsage(begin);
    best = Math.min(best, ((user + system) * 1000) / pairs);
  }
  return best;
}
