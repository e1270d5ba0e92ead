/** Programs of disks: one disk and one driver for each device, a part of it for each program. */
import { Disk } from "../../hw/device/disk.js";
import { SectorPort } from "../../hw/device/sector_port.js";
import { type Actor, oneWay } from "../../sim/actor.js";
import type { ListEntry } from "../../sw/dma/index.js";
import { BlkBack } from "../../sw/driver/blkback.js";
import { BlkFront } from "../../sw/driver/blkfront.js";
import { DiskDriver } from "../../sw/driver/disk_driver.js";
import { PhysicalAddresses } from "../../sw/driver/physical_addresses.js";
import { PioDriver } from "../../sw/driver/pio_driver.js";
import type { RefusalLog } from "../../sw/driver/refusal_log.js";
import { BlockLoad, type BlockRequest } from "./block_load.js";
import type { MachineDevice } from "./devices.js";
import type { BlockDriver, DiskUnit, Ground, Program } from "./ground.js";
import type { ProgramDescription } from "./schema.js";
import { sectorBytes } from "./sector_contents.js";

/** Sectors of 512 bytes that each program has for itself. */
export const sectorsEach = 8192;

type MakeDriver = (g: Ground, disk: Disk, device: MachineDevice) => BlockDriver;

const throughApi: MakeDriver = (g, disk, { api }) =>
  new DiskDriver({ memory: g.memory, api, registers: disk.registers, interrupt: disk.interrupt });

/** The DMA layer sees nothing of it, so its checks see nothing either: the port is not watched. */
const byPhysical: MakeDriver = (g, disk) =>
  new DiskDriver({
    memory: g.host.kernel.memory,
    api: new PhysicalAddresses(g.host.kernel),
    registers: disk.registers,
    interrupt: disk.interrupt,
  });

const byCpu: MakeDriver = (g, disk) => new PioDriver({ memory: g.memory, registers: new SectorPort(disk.medium) });

/** The disk of a device, made when the first program wants it. */
export function diskOf(g: Ground, bdf: string, make: MakeDriver = throughApi): DiskUnit {
  const there = g.disks.get(bdf);
  if (there !== undefined) return there;
  const device = g.devices.find((d) => d.description.bdf === bdf)!;
  const shares = g.described.machine.workload.filter((w) => w.device === bdf).length;
  const disk = new Disk({
    port: make === byPhysical ? g.host.port : (g.checker?.watchPort(g.host.port) ?? g.host.port),
    requester: device.requester,
    blocks: sectorsEach * shares,
    addressBits: device.description.lines ?? 64,
  });
  const unit = { disk, driver: make(g, disk, device), used: 0 };
  g.disks.set(bdf, unit);
  return unit;
}

/** Transfers of the driver domain itself. */
export const disk = own(throughApi, () => []);

/** A driver that writes physical addresses into its disk. */
export const legacyDma = own(byPhysical, () => [
  "physical addresses went to the device as they are; the DMA layer saw none of its transfers",
]);

/** A driver that carries every sector by the CPU. */
export const legacyPio = own(byCpu, () => ["every sector was carried by the CPU; no DMA"]);

function own(make: MakeDriver, notes: () => readonly string[]) {
  return (g: Ground, w: ProgramDescription, n: number): Program => ({ ...ownTransfers(g, w, n, make), notes });
}

function ownTransfers(g: Ground, w: ProgramDescription, n: number, make: MakeDriver): Program {
  const unit = diskOf(g, w.device, make);
  const firstSector = unit.used;
  unit.used += sectorsEach;
  const load = new BlockLoad({
    name: `disk ${n}`,
    kernel: g.host.kernel,
    memory: g.memory,
    rng: g.rng,
    requests: w.requests,
    size: w.size,
    sectors: sectorsEach,
    orderMax: 3,
    submit: (r) => {
      const { toDisk, sector } = r;
      unit.driver.submit({ toDisk, block: firstSector + sector, list: listOf(r), done: (e) => r.done(e === null) });
    },
  });
  const actors = [oneWay(load.name, load)];
  return blockProgram({ w, load, unit, firstSector, actors, refused: null, close: () => {} });
}

/** A block of pages that follow each other is one entry, as a compound page is. */
function listOf(r: BlockRequest): ListEntry[] {
  const end = (r.first + r.sectors) * 512;
  let at = 0;
  return r.blocks.map((pages) => {
    const low = at === 0 ? r.first * 512 : 0;
    const phys = r.pages[at]! * 4096 + low;
    const size = Math.min(pages * 4096, end - at * 4096) - low;
    at += pages;
    return { phys, size };
  });
}

/** Transfers of a guest, through its front end and the driver domain's back end. */
export function blkback(g: Ground, w: ProgramDescription, n: number): Program {
  const unit = diskOf(g, w.device);
  const { engine } = g.devices.find((d) => d.description.bdf === w.device)!;
  const { guest, grants } = g.host.guests.get(w.from!)!;
  const { xen } = g.host;
  if (xen === null) throw new Error("unreachable: a description with guests has a hypervisor");
  const firstSector = unit.used;
  unit.used += sectorsEach;
  const front = new BlkFront({ guest, grants, backend: 0, segmentsMax: w.segments, persistent: w.persistent });
  const back = new BlkBack({
    guest: xen.kernel,
    foreign: xen.foreign,
    driver: unit.driver,
    frontend: w.from!,
    ringRef: front.ringRef,
    firstSector,
    sectors: sectorsEach,
    mergeable: (a, b) => engine.mergeable(a, b),
    persistent: w.persistent,
  });
  const most = front.sectorsMax * 512;
  const load = new BlockLoad({
    name: `guest ${w.from} ${n}`,
    kernel: guest,
    memory: guest.memory,
    rng: g.rng,
    requests: w.requests,
    size: { from: Math.min(w.size.from, most), to: Math.min(w.size.to, most) },
    sectors: sectorsEach,
    submit: (r) => front.submit(r),
  });
  return blockProgram({
    w,
    load,
    unit,
    firstSector,
    actors: [oneWay(load.name, load), oneWay(`blkfront ${n}`, front), oneWay(`blkback ${n}`, back)],
    refused: back.refusalLog,
    close: () => {
      back.disconnect();
      front.disconnect();
    },
  });
}

function blockProgram(o: {
  w: ProgramDescription;
  load: BlockLoad;
  unit: DiskUnit;
  firstSector: number;
  actors: readonly Actor[];
  refused: RefusalLog | null;
  close: () => void;
}): Program {
  const { load, unit, firstSector } = o;
  return {
    description: o.w,
    actors: o.actors,
    requests: () => ({ issued: load.issued, ended: load.ended, failed: load.failed }),
    bytes: () => ({ written: load.bytesWritten, read: load.bytesRead }),
    wrong: () => {
      const on = unit.disk.medium.subarray(firstSector * sectorBytes, (firstSector + sectorsEach) * sectorBytes);
      const at = load.differenceOn(on);
      return at < 0 ? load.wrong : [...load.wrong, `the disk differs at byte ${at} of ${load.name}'s part`];
    },
    refusals: () => o.refused?.texts ?? [],
    refused: () => o.refused?.count ?? 0,
    close: o.close,
  };
}
