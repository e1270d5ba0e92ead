/** The units that a workload works on: one for each device that a line of it names, whatever the number of lines. */
import type { Actor } from "../../../sim/actor.js";
import type { MachineDescription, ProgramDescription } from "../description/schema.js";
import type { MachineDevice } from "../platform/devices.js";
import { buildDiskUnit, type DiskDriving } from "./disk_unit.js";
import type { Ground } from "./ground.js";
import { buildNicUnit } from "./nic_unit.js";
import type { DiskUnit, NicUnit, Unit } from "./unit.js";

/** Where the lines of a workload, and those who run it, find the units. */
export class Units {
  readonly #ground: Ground;
  readonly #devices: readonly MachineDevice[];
  readonly #workload: readonly ProgramDescription[];
  readonly #disks = new Map<string, DiskUnit>();
  readonly #nics = new Map<string, NicUnit>();

  constructor(ground: Ground, devices: readonly MachineDevice[], machine: MachineDescription) {
    this.#ground = ground;
    this.#devices = devices;
    this.#workload = machine.workload;
  }

  /** A disk, built for the first line of the workload that names it. */
  disk(bdf: string, driving: DiskDriving): DiskUnit {
    let unit = this.#disks.get(bdf);
    if (unit === undefined) {
      const shares = this.#workload.filter((w) => w.device === bdf).length;
      unit = buildDiskUnit(this.#ground, this.#device(bdf), driving, shares);
      this.#disks.set(bdf, unit);
    }
    return unit;
  }

  /** A network controller, built for the first line of the workload that names it. */
  nic(bdf: string): NicUnit {
    let unit = this.#nics.get(bdf);
    if (unit === undefined) {
      unit = buildNicUnit(this.#ground, this.#device(bdf));
      this.#nics.set(bdf, unit);
    }
    return unit;
  }

  /** All of them, disks first. */
  get all(): readonly Unit[] {
    return [...this.#disks.values(), ...this.#nics.values()];
  }

  get actors(): readonly Actor[] {
    return this.all.flatMap((u) => u.actors);
  }

  #device(bdf: string): MachineDevice {
    return this.#devices.find((d) => d.description.bdf === bdf)!;
  }
}
