/** Disks of a machine, and the three drivers that a disk may have. */
import { Disk } from "../../../hw/device/disk.js";
import { SectorPort } from "../../../hw/device/sector_port.js";
import { type Actor, oneWay } from "../../../sim/actor.js";
import { DiskDriver } from "../../../sw/driver/disk_driver.js";
import { PhysicalAddresses } from "../../../sw/driver/physical_addresses.js";
import { PioDriver } from "../../../sw/driver/pio_driver.js";
import type { MachineDevice } from "../platform/devices.js";
import type { Ground } from "./ground.js";
import { type BlockDriver, type DiskUnit, sectorsEach } from "./unit.js";

/** `api`: as drivers should. `physical`: past the DMA API, with physical addresses. `cpu`: no DMA at all. */
export type DiskDriving = "api" | "physical" | "cpu";

const drivers: Readonly<Record<DiskDriving, (g: Ground, disk: Disk, device: MachineDevice) => BlockDriver>> = {
  api: (g, disk, { api, mapsRequests }) =>
    new DiskDriver({ memory: g.memory, api, mapsRequests, registers: disk.registers, interrupt: disk.interrupt }),
  physical: (g, disk) =>
    new DiskDriver({
      memory: g.host.kernel.memory,
      api: new PhysicalAddresses(g.host.kernel),
      registers: disk.registers,
      interrupt: disk.interrupt,
    }),
  cpu: (g, disk) => new PioDriver({ memory: g.memory, registers: new SectorPort(disk.medium) }),
};

/** @param shares programs that will want a part of it */
export function buildDiskUnit(g: Ground, device: MachineDevice, driving: DiskDriving, shares: number): DiskUnit {
  return new BuiltDisk(g, device, driving, shares);
}

class BuiltDisk implements DiskUnit {
  readonly device: MachineDevice;
  readonly driver: BlockDriver;
  readonly actors: readonly Actor[];
  readonly hardware: Actor;
  readonly #disk: Disk;
  #taken = 0;

  constructor(g: Ground, device: MachineDevice, driving: DiskDriving, shares: number) {
    this.device = device;
    this.#disk = new Disk({
      // The DMA layer sees nothing of a driver that goes past it, so its checks see nothing either.
      port: driving === "physical" ? g.bus : g.port,
      requester: device.requester,
      blocks: sectorsEach * shares,
      addressBits: device.description.lines ?? 64,
    });
    this.driver = drivers[driving](g, this.#disk, device);
    const { bdf } = device.description;
    this.hardware = oneWay(`disk ${bdf}`, this.#disk);
    this.actors = [this.hardware, g.host.onProcessors(oneWay(`driver ${bdf}`, this.driver))];
  }

  get medium(): Uint8Array {
    return this.#disk.medium;
  }

  takeSectors(): number {
    const first = this.#taken;
    this.#taken += sectorsEach;
    return first;
  }

  close(): void {
    if (this.driver.idle) this.driver.close();
  }
}
