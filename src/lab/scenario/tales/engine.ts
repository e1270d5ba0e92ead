/** Scenarios of the engine's contract: its fields, what it answers, and who bounces when the bus is not physical. */
import { Direction } from "../../../spec/dma/direction.js";
import { bounceDuty, busIsPhys } from "../../../sw/dma/index.js";
import { type EngineName, type EngineProfile, engineProfileOf } from "../../../sw/engine/index.js";
import type { XenModel } from "../../../sw/xen/index.js";
import { lend } from "../lend.js";
import type { Scenario } from "../scenario.js";
import { type Driven, drive, driveNative, filled, page, requester, type XenStage, xenStage } from "../stage.js";
import { bytesText, placeWords, Teller } from "../story.js";
import { fact, flow } from "./pictures.js";

const { toDevice, fromDevice } = Direction;
const vpThread = "xen-devel, VP problematic for backend drivers on IA64?";

const kinds: readonly { readonly engine: EngineName; readonly model: XenModel }[] = [
  { engine: "swiotlb-xen-x86", model: "p2m" },
  { engine: "swiotlb-xen-arm", model: "p==m" },
  { engine: "software-iommu", model: "vp+hypercall" },
  { engine: "direct", model: "vp+iommu" },
];

const yes = (is: boolean): string => (is ? "yes" : "no");

export const engineContract: Scenario = {
  id: "engine",
  title: "One contract, many engines",
  quotation: {
    text: "For virtualized environment we do need to check if the pages are linearly contiguous for the size request.",
    author: "Konrad Rzeszutek Wilk",
    date: "2010",
    where: "xen-devel, review of the swiotlb_engine patches",
  },
  machine: "an engine under each memory model, asked the questions of 2010",
  point:
    "Name, bounds, slabs, overflow, membership by bus address, capability with the walk over pages: asked of every engine.",
  ...{ bugs: ["foreign-by-phys"], isOneRun: true },
  picture: () =>
    flow(
      [
        { id: "d", text: "DMA API" },
        { id: "e", text: "engine" },
        ...kinds.map((k, n) => ({ id: `k${n}`, text: k.engine })),
      ],
      [
        { from: "d", to: "e", text: "map, unmap, sync, is it ours, can it reach" },
        ...kinds.map((k, n) => ({ from: "e", to: `k${n}`, text: k.model })),
      ],
    ),
  run({ seed, bugs }) {
    const t = new Teller("the questions of 2010");
    const rows: string[][] = [];
    for (const k of kinds) {
      const s = xenStage({ model: k.model, seed, guestPages: 1024 });
      const d = drive(s, k.engine, { bugs: bugs.includes("foreign-by-phys") ? ["foreign-by-phys"] : [] });
      const { pool, name, overflow } = d.engine;
      const slot = pool === null ? -1 : s.back.physToBus(pool.start);
      const guestPage = d.poolPage;
      const f = lend(s, { guestPage });
      const [ours, theirs] = [slot, f.bus].map((bus) => bus >= 0 && d.engine.isBounceBuffer(d.device, bus)) as [
        boolean,
        boolean,
      ];
      if (pool !== null) bounds(t, s, d);
      const phys = s.back.allocPages(2)! * page;
      const bus = s.back.physToBus(phys);
      const [one, four] = [page, 4 * page].map((size) => d.engine.capable(d.device, bus, phys, size)) as [
        boolean,
        boolean,
      ];
      const inOnePiece = [1, 2, 3].every((n) => s.back.physToBus(phys + n * page) === bus + n * page);
      rows.push([
        name,
        pool === null ? "no pool" : `${placeWords(pool.start)} to ${placeWords(pool.end)}`,
        `${pool?.slabCount ?? 0}`,
        overflow,
        yes(ours),
        yes(theirs),
        yes(one),
        yes(four),
      ]);
      t.rule(
        `${name}: a slot is its own, a page of another domain is not`,
        ours === (pool !== null) && !theirs,
        `slot ${yes(ours)}, foreign page ${yes(theirs)}`,
      );
      t.rule(
        `${name}: four pages are capable exactly when they are neighbours on the bus`,
        one && four === inOnePiece,
        `neighbours ${yes(inOnePiece)}, capable ${yes(four)}`,
      );
    }
    t.grid("all", "answer", {
      title: "Every engine, asked the same",
      columns: ["name", "start to end", "slabs", "overflow", "slot is ours", "foreign is ours", "1 page", "4 pages"],
      rows,
    });
    for (const kernel of ["4.4", "7.2"]) full(t, engineProfileOf(kernel), kernel);
    return [t.part];
  },
};

/** Slots from the first to the last are the pool's, and nothing beside them. */
function bounds(t: Teller, s: XenStage, d: Driven): void {
  const { start, end, slabCount } = d.engine.pool!;
  const ours = (phys: number): boolean => d.engine.isBounceBuffer(d.device, s.back.physToBus(phys));
  const right = end - start === slabCount * 2048 && ours(start) && ours(end - 1) && !ours(start - 1) && !ours(end);
  t.rule(
    `${d.engine.name}: from start to end are its slabs, and nothing else`,
    right,
    `${slabCount} slabs, ${end - start} bytes`,
  );
}

/** A pool that is full: the fallback buffer of old kernels, and the error of today's. */
function full(t: Teller, profile: EngineProfile, kernel: string): void {
  const d = driveNative("swiotlb", { force: true, profile });
  const phys = d.guest.allocPages(7)! * page;
  let mapped = 0;
  let last = d.api.map(phys, page, fromDevice);
  for (; last.refused === null && mapped < 128; mapped++)
    last = d.api.map(phys + (mapped % 128) * page, page, fromDevice);
  const failed = d.api.mappingError(last.bus);
  t.step(`Linux ${kernel}`, "maps pages until the pool of 128 slots is full", {
    [`${kernel}: overflow`]: d.engine.overflow,
    [`${kernel}: mapped`]: `${mapped}`,
    [`${kernel}: then`]:
      last.bus < 0 ? `refused: ${last.refused?.words}` : `the fallback buffer at ${placeWords(last.bus)}`,
  });
  t.rule(`${kernel}: a driver that asks is told that the mapping failed`, failed, placeWords(last.bus));
  t.rule(
    `${kernel}: the policy is what happens`,
    last.bus >= 0 === (d.engine.overflow === "fallback"),
    d.engine.overflow,
  );
}

interface DutyRow {
  readonly what: string;
  readonly make: (seed: number) => { readonly d: Driven; readonly memoryEnd: number };
}

const narrow = { mask: 2 ** 24 - 1, coherentMask: 2 ** 24 - 1 };

const dutyRows: readonly DutyRow[] = [
  {
    what: "no pool",
    make: () => ({ d: driveNative("direct", { device: { mask: 2 ** 20 - 1 } }), memoryEnd: 1024 * page }),
  },
  {
    what: "swiotlb",
    make: () => ({ d: driveNative("swiotlb", { device: { mask: 2 ** 20 - 1 } }), memoryEnd: 1024 * page }),
  },
  {
    what: "swiotlb-xen",
    make: (seed) => ({
      d: drive(xenStage({ seed, frames: 16384 }), "swiotlb-xen-x86", { device: narrow }),
      memoryEnd: 1024 * page,
    }),
  },
];

const kernels = ["2.6.16", "4.19", "7.2"];

export const whoBounces: Scenario = {
  id: "who-bounces",
  title: "Who bounces when the bus is not physical",
  quotation: {
    text: "We set it to zero if using swiotlb.",
    author: "Keir Fraser",
    date: "25 January 2006",
    where: vpThread,
  },
  machine: "a device that does not reach all of memory, with and without a pool, in kernels of three times",
  point:
    "PCI_DMA_BUS_IS_PHYS says whether the block layer bounces. Were it one with swiotlb-xen, a buffer would be copied twice: low pages are not low on the bus.",
  bugs: [],
  picture: (parts) =>
    flow(
      [
        { id: "b", text: "buffer above the device's limit" },
        { id: "l", text: `block layer: copied to physical ${fact(parts.slice(1), "low page")}` },
        { id: "x", text: `engine: bus ${fact(parts.slice(1), "its bus address")} is too high, copied again` },
        { id: "d", text: "device" },
      ],
      [
        { from: "b", to: "x", text: "constant 0: one copy" },
        { from: "b", to: "l", text: "constant 1", dotted: true },
        { from: "l", to: "x", text: "second copy", dotted: true },
        { from: "x", to: "d", text: "reads" },
      ],
    ),
  run({ seed }) {
    const t = new Teller("one of them bounces");
    const grid: string[][] = [];
    for (const row of dutyRows) duty(t, grid, row, seed);
    t.grid("all", "who bounces", {
      title: "Who bounces what the device does not reach",
      columns: ["engine", "kernel", "PCI_DMA_BUS_IS_PHYS", "who", "why"],
      rows: grid,
    });
    const wrong = new Teller("the constant is one with swiotlb-xen", true);
    twice(wrong, seed);
    return [t.part, wrong.part];
  },
};

function duty(t: Teller, grid: string[][], row: DutyRow, seed: number): void {
  const { d, memoryEnd } = row.make(seed);
  for (const kernel of kernels) {
    const { who, because } = bounceDuty(kernel, d.engine, d.device, memoryEnd);
    const constant = kernel === "7.2" ? "gone" : busIsPhys(d.engine) ? "1" : "0";
    grid.push([row.what, kernel, constant, who, because]);
    const expected = d.engine.pool !== null ? "engine" : kernel === "7.2" ? "nobody" : "block layer";
    t.rule(`${row.what}, ${kernel}: one of them bounces, or mappings fail`, who === expected, who);
  }
  const phys = highPage(d) * page;
  d.memory.write(phys, filled(page, 0x21));
  const m = d.api.map(phys, page, toDevice);
  const refused = d.api.mappingError(m.bus);
  const seen = new Uint8Array(page);
  if (!refused) d.port.read(requester, m.bus, seen);
  t.step(row.what, "maps a page above the device's limit as it is", {
    [`${row.what}: page`]: `physical ${placeWords(phys)}, bus ${placeWords(d.guest.physToBus(phys))}`,
    [`${row.what}: outcome`]: refused
      ? `refused: ${m.refused?.words}`
      : m.bounced
        ? `bounced to ${placeWords(m.bus)}`
        : `used at ${placeWords(m.bus)}`,
  });
  const right = d.engine.pool === null ? refused : m.bounced && seen.every((b) => b === 0x21);
  t.rule(
    `${row.what}: the engine bounces when it has a pool, else the mapping fails`,
    right,
    refused ? "refused" : bytesText(seen),
  );
}

/** An own page above what the device reaches. */
function highPage(d: Driven): number {
  for (;;) {
    const at = d.guest.allocPages(0);
    if (at === null) throw new Error("no page lies above the device's limit");
    if (d.guest.physToBus(at * page) > d.device.mask) return at;
  }
}

function twice(t: Teller, seed: number): void {
  const { d } = dutyRows[2]!.make(seed);
  const buffer = highPage(d) * page;
  d.memory.write(buffer, filled(page, 0x22));
  // The block layer knows physical addresses alone: any page below the limit will do for it.
  const low = highPage(d) * page;
  d.memory.copy({ from: buffer, to: low, count: page });
  t.step("block layer", "copies the buffer to a page below the device's limit, by physical address", {
    "low page": placeWords(low),
    limit: placeWords(d.device.mask),
    "its bus address": placeWords(d.guest.physToBus(low)),
  });
  const m = d.api.map(low, page, toDevice);
  d.api.mappingError(m.bus);
  const copies = 1 + (m.bounced ? 1 : 0);
  const seen = new Uint8Array(page);
  d.port.read(requester, m.bus, seen);
  t.step("swiotlb-xen", "maps that page", {
    outcome: m.bounced ? `bounced: ${m.cause}` : m.cause,
    copies: `${copies}`,
  });
  t.rule(
    "the device reads the buffer",
    seen.every((b) => b === 0x22),
    bytesText(seen),
  );
  t.rule("no byte is copied twice", copies === 1, `${copies} copies`);
}
