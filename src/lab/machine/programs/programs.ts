/** Programs of a machine: each row says what unit a line of the workload works on, and what is built of it. */
import type { Rng } from "../../../base/rng.js";
import type { ProgramDescription } from "../description/schema.js";
import type { Host } from "../platform/host.js";
import type { DiskDriving } from "../units/disk_unit.js";
import type { Ground } from "../units/ground.js";
import type { DiskUnit, NicUnit } from "../units/unit.js";
import type { Units } from "../units/units.js";
import { balloon } from "./balloon.js";
import { blkback } from "./blkback.js";
import { disk } from "./disk.js";
import { hostileBlk } from "./hostile_blk.js";
import { hostileNet } from "./hostile_net.js";
import { net } from "./net.js";
import { netback } from "./netback.js";
import type { GuestSite, Line, MemorySite, OwnSite, Program, SwitchSite } from "./program.js";
import { switching } from "./switching.js";

/** What a line of the workload can be built of. */
interface Offered {
  readonly own: () => OwnSite;
  readonly guest: () => GuestSite;
  readonly memory: () => MemorySite;
  readonly switched: () => SwitchSite;
  readonly disk: (driving: DiskDriving) => DiskUnit;
  readonly nic: () => NicUnit;
}

const builders: Readonly<Record<ProgramDescription["program"], (o: Offered) => Program>> = {
  disk: (o) => disk(o.own(), o.disk("api")),
  "legacy-dma": (o) =>
    disk(o.own(), o.disk("physical"), [
      "physical addresses went to the device as they are; the DMA layer saw none of its transfers",
    ]),
  "legacy-pio": (o) => disk(o.own(), o.disk("cpu"), ["every sector was carried by the CPU; no DMA"]),
  blkback: (o) => blkback(o.guest(), o.disk("api")),
  "hostile-blk": (o) => hostileBlk(o.guest(), o.disk("api")),
  net: (o) => net(o.own(), o.nic()),
  netback: (o) => netback(o.guest(), o.nic()),
  balloon: (o) => balloon(o.memory()),
  switch: (o) => switching(o.switched()),
  "hostile-net": (o) => hostileNet(o.guest(), o.nic()),
};

/** Build the programs of a workload, line by line: the unit of each first, then the program. */
export function buildPrograms(
  workload: readonly ProgramDescription[],
  o: { readonly ground: Ground; readonly units: Units; readonly rng: Rng },
): Program[] {
  const { host, memory } = o.ground;
  return workload.map((description, n) => {
    const line = { description, n, rng: o.rng };
    return builders[description.program]({
      own: () => ({ ...line, kernel: host.kernel, memory }),
      guest: () => {
        const { xen } = host;
        if (xen === null) throw new Error("unreachable: a description with guests has a hypervisor");
        return { ...line, front: host.guests.get(description.from!)!, back: xen };
      },
      memory: () => memorySite(line, host),
      switched: () => ({ ...line, device: host.kernelIommu!.switchable(deviceOf(description)) }),
      disk: (driving) => o.units.disk(deviceOf(description), driving),
      nic: () => o.units.nic(deviceOf(description)),
    });
  });
}

function deviceOf({ program, device }: ProgramDescription): string {
  if (device === undefined) throw new Error(`unreachable: a description names the device of ${program}`);
  return device;
}

function memorySite(line: Line, { kernel, xen, guests, onProcessors }: Host): MemorySite {
  if (xen === null) throw new Error("unreachable: a description with a balloon has a hypervisor");
  const { from = kernel.domain } = line.description;
  const isDriver = from === kernel.domain;
  return {
    ...line,
    kernel: isDriver ? kernel : guests.get(from)!.guest,
    reservation: xen.reservationOf(from),
    onProcessors: isDriver ? onProcessors : (actor) => actor,
  };
}
