/** Scenarios of the memory models: who knows a bus address, and who goes past the DMA API. */
import { SectorPort } from "../../../hw/device/sector_port.js";
import { Direction } from "../../../spec/dma/direction.js";
import { PhysicalAddresses } from "../../../sw/driver/physical_addresses.js";
import { PioDriver } from "../../../sw/driver/pio_driver.js";
import { type Platform, plainDevice, selectEngine } from "../../../sw/engine/index.js";
import { iommuMap, violationText, type XenModel } from "../../../sw/xen/index.js";
import type { Scenario } from "../scenario.js";
import { bytesAt, type Driven, drive, filled, page, requester, type XenStage, xenStage } from "../stage.js";
import { bytesText, placeWords, Teller } from "../story.js";
import { fact, flow } from "./pictures.js";

const { fromDevice } = Direction;
const vpThread = "xen-devel, VP problematic for backend drivers on IA64?";

interface Row {
  readonly what: string;
  readonly model: XenModel;
  readonly arch: Platform["arch"];
}

const rows: readonly Row[] = [
  { what: "P2M", model: "p2m", arch: "x86" },
  { what: "P==M", model: "p==m", arch: "arm" },
  { what: "VP", model: "vp", arch: "ia64" },
  { what: "VP, calling Xen", model: "vp+hypercall", arch: "ia64" },
  { what: "VP behind an IOMMU", model: "vp+iommu", arch: "x86" },
];

/** Domain 0 of a model with the engine that its kernel takes. */
function kernelOf(row: Row, seed: number) {
  const s = xenStage({ model: row.model, seed });
  const platform = { arch: row.arch, model: row.model, domain: 0, swiotlb: "auto", memoryEnd: 1024 * page } as const;
  const { engine, because } = selectEngine(platform, plainDevice({ bdf: "0000:00:01.0" }));
  return { s, d: drive(s, engine), engine, because };
}

const calls = (c: Readonly<Record<string, number>>): Record<string, number> => ({ ...c });

function callsSince(before: Record<string, number>, now: Readonly<Record<string, number>>): string {
  const made = Object.entries(now).filter(([name, n]) => n > (before[name] ?? 0));
  return made.length === 0 ? "none" : made.map(([name, n]) => `${name} ${n - (before[name] ?? 0)}`).join(", ");
}

export const memoryModels: Scenario = {
  id: "memory-models",
  title: "The DMA API is the only place that knows",
  quotation: {
    text: "Theoretically, a DMA-API implementation is the only part of the dom0 Linux kernel that would need to know to read the P2M table (P2M) or do nothing (P=M) or call into Xen to get the tanslation (VP without IOMMU) or call into Xen to establish an IOMMU mapping (VP w/ IOMMU).",
    author: "Muli Ben-Yehuda",
    date: "20 January 2006",
    where: vpThread,
  },
  machine: "one driver, the same calls, under five memory models",
  point: "The driver's calls are the same; what the DMA layer does for them is not.",
  bugs: [],
  picture: (parts) =>
    flow(
      [
        { id: "d", text: "driver: map, unmap" },
        ...rows.map((r, n) => ({ id: `m${n}`, text: `${r.what}: ${fact(parts, `${r.what}: engine`)}` })),
      ],
      rows.map((r, n) => ({ from: "d", to: `m${n}`, text: fact(parts, `${r.what}: hypercalls`) })),
    ),
  run({ seed }) {
    const t = new Teller("one driver");
    const grid: string[][] = [];
    let touched = 0;
    for (const row of rows) {
      const { s, d, engine, because } = kernelOf(row, seed);
      const phys = s.back.allocPages(0)! * page;
      const before = calls(s.calls.all);
      const m = d.api.map(phys, page, fromDevice);
      const made = callsSince(before, s.calls.all);
      t.step(row.what, "maps a page of its own from the device", {
        [`${row.what}: engine`]: engine,
        [`${row.what}: hypercalls`]: made,
      });
      if (d.api.mappingError(m.bus)) {
        t.rule("where nobody knows the bus address the mapping is refused", row.model === "vp", m.refused?.words ?? "");
        grid.push([row.what, engine, placeWords(phys), "refused", made, because]);
        continue;
      }
      d.port.write(requester, m.bus, filled(page, 0x6b));
      d.api.unmap(m.bus, page, fromDevice);
      const got = bytesAt(s.back.memory, phys, page);
      touched += s.gate.violationCount;
      grid.push([row.what, engine, placeWords(phys), placeWords(m.bus), made, because]);
      t.rule(
        `${row.what}: what the device wrote arrives`,
        got.every((b) => b === 0x6b),
        bytesText(got),
      );
    }
    const asking = withDeviceMap(seed);
    t.step("VP, mapping by call", "asks Xen to put a page where the device reaches it", asking.facts);
    t.rule("VP, mapping by call: what the device wrote arrives", asking.arrived, asking.facts["the page holds"]!);
    t.rule(
      "and where nothing was mapped the device reaches nothing",
      asking.fault,
      `the device was answered: ${asking.fault ? "fault" : "done"}`,
    );
    t.grid("all", "compared", {
      title: "One page, five models",
      columns: ["model", "engine", "physical", "bus", "hypercalls", "why this engine"],
      rows: grid,
    });
    t.rule("nobody touched a frame of another", touched === 0, `${touched} such accesses`);
    return [t.part];
  },
};

/** The fourth case: a domain whose device is behind an IOMMU that it fills by calls. */
function withDeviceMap(seed: number) {
  const s = xenStage({ model: "vp", seed, deviceMap: true });
  const own = s.back.allocPages(0)!;
  const dfn = 0x10000;
  const status = iommuMap(s.h, s.d0, { dfn, pages: [own], writable: true });
  s.bus.write(requester, dfn * page, filled(64, 0x2c));
  const got = bytesAt(s.back.memory, own * page, 64);
  const fault = s.bus.write(requester, (dfn + 1) * page, filled(64, 0x2d)) === "fault";
  const facts = { "device address": placeWords(dfn * page), status: `${status}`, "the page holds": bytesText(got) };
  return { facts, arrived: got.every((b) => b === 0x2c), fault };
}

export const legacyBypass: Scenario = {
  id: "legacy-bypass",
  title: "A driver that goes past the DMA API",
  quotation: {
    text: "Yes, unless there are legacy drivers/devices that circumvent the DMA interface.",
    author: "Dan Magenheimer",
    date: "22 January 2006",
    where: vpThread,
  },
  machine:
    "a driver that uses the DMA API, one that writes physical addresses into its device, and one without DMA, under five memory models",
  point:
    "Physical addresses work where they are the bus's; elsewhere the device writes into frames of others, and no error tells. A driver that moves its bytes by the CPU works everywhere.",
  bugs: [],
  picture: (parts) =>
    flow(
      [
        { id: "b", text: `buffer at physical ${fact(parts.slice(1), "P2M: physical")}` },
        { id: "f", text: `its frame ${fact(parts.slice(1), "P2M: its frame")}` },
        { id: "w", text: `frame ${fact(parts.slice(1), "P2M: written")}, of ${fact(parts.slice(1), "P2M: owner")}` },
      ],
      [
        { from: "b", to: "f", text: "through the DMA API" },
        { from: "b", to: "w", text: "physical address as bus address", dotted: true },
      ],
    ),
  run({ seed }) {
    const api = new Teller("through the DMA API, or without DMA");
    const past = new Teller("past the DMA API", true);
    for (const row of rows) {
      throughApi(api, row, seed);
      pastApi(past, row, seed);
    }
    return [api.part, past.part];
  },
};

function throughApi(t: Teller, row: Row, seed: number): void {
  const { s, d } = kernelOf(row, seed);
  const phys = s.back.allocPages(0)! * page;
  const m = d.api.map(phys, 512, fromDevice);
  if (!d.api.mappingError(m.bus)) {
    d.port.write(requester, m.bus, filled(512, 0x6c));
    d.api.unmap(m.bus, 512, fromDevice);
  }
  const got = bytesAt(s.back.memory, phys, 512);
  const right = m.refused !== null || got.every((b) => b === 0x6c);
  const pio = s.back.allocPages(0)! * page;
  const moved = withoutDma(d, pio);
  t.step(row.what, "reads a sector by DMA, and another without", {
    [`${row.what}: DMA`]:
      m.refused === null ? `bus ${placeWords(m.bus)}: ${bytesText(got)}` : `refused: ${m.refused.words}`,
    [`${row.what}: without`]: moved,
  });
  const touched = s.gate.violationCount;
  t.rule(`${row.what}: through the API bytes arrive or the driver is told`, right, m.refused?.words ?? bytesText(got));
  t.rule(
    `${row.what}: a driver without DMA is right`,
    bytesAt(s.back.memory, pio, 512).every((b) => b === 0x70),
    moved,
  );
  t.rule(`${row.what}: no frame of another is touched`, touched === 0, `${touched}`);
}

/** The CPU carries the sector. @returns what the buffer holds then. */
function withoutDma(d: Driven, phys: number): string {
  const registers = new SectorPort(new Uint8Array(512).fill(0x70));
  const driver = new PioDriver({ memory: d.guest.memory, registers });
  driver.submit({ toDisk: false, block: 0, list: [{ phys, size: 512 }], done: () => {} });
  while (driver.ready()) driver.step();
  return bytesText(bytesAt(d.guest.memory, phys, 512));
}

function pastApi(t: Teller, row: Row, seed: number): void {
  // Few frames are free, so the frame with the buffer's number is mostly somebody's.
  const s = xenStage({ model: row.model, seed, frames: 2048, guestPages: 900 });
  const own = pageOver(s, row.model === "p==m" || row.model === "vp+iommu" ? 0 : 1);
  const { segments } = new PhysicalAddresses(s.back).mapList([{ phys: own * page, size: 512 }]);
  const { bus } = segments[0]!;
  const frame = s.d0.map.frameOf(own);
  s.bus.write(requester, bus, filled(512, 0x6d));
  const got = bytesAt(s.back.memory, own * page, 512);
  const hit = row.model === "vp+iommu" ? frame : bus / page;
  const owner = s.gate.ownerOf(hit);
  const victim = s.h.frames.m2p[hit]!;
  t.step(row.what, "tells the device the physical address, and the device writes a sector (6d)", {
    [`${row.what}: physical`]: placeWords(own * page),
    [`${row.what}: its frame`]: placeWords(frame),
    [`${row.what}: written`]: placeWords(hit),
    [`${row.what}: owner`]: `domain ${owner}`,
    ...(owner === 1 && {
      [`${row.what}: domain 1's page ${placeWords(victim)}`]: bytesText(bytesAt(s.kernel.memory, victim * page, 512)),
    }),
  });
  const [violation] = s.gate.violations;
  const seen = violation === undefined ? "none" : violationText(violation);
  t.rule(
    `${row.what}: the sector is in the buffer`,
    got.every((b) => b === 0x6d),
    bytesText(got),
  );
  t.rule(`${row.what}: no frame of another is touched`, violation === undefined, seen);
}

/** A page of domain 0 whose number is a frame of a domain. */
function pageOver(s: XenStage, owner: number): number {
  for (;;) {
    const own = s.back.allocPages(0);
    if (own === null) throw new Error(`no page of domain 0 has the number of a frame of domain ${owner}`);
    if (owner === 0 || s.gate.ownerOf(own) === owner) return own;
  }
}
