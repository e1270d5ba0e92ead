/** Programs of the network: one controller and one station for each device, a bridge between it and the programs. */
import { Nic } from "../../hw/device/nic.js";
import { type Actor, oneWay } from "../../sim/actor.js";
import { NetBack } from "../../sw/driver/netback.js";
import { NetFront } from "../../sw/driver/netfront.js";
import { NicDriver } from "../../sw/driver/nic_driver.js";
import type { RefusalLog } from "../../sw/driver/refusal_log.js";
import type { BridgePort, Ground, NicUnit, Program } from "./ground.js";
import { addressee, gathered, NetLoad, packetMax, packetMin, sender } from "./net_load.js";
import type { ProgramDescription } from "./schema.js";

class Controller implements NicUnit {
  readonly nic: Nic;
  readonly driver: NicDriver;
  readonly ports = new Map<number, BridgePort>();
  readonly actors: readonly Actor[];

  constructor(g: Ground, bdf: string) {
    const device = g.devices.find((d) => d.description.bdf === bdf)!;
    const { kernel } = g.host;
    this.nic = new Nic({
      port: g.checker?.watchPort(g.host.port) ?? g.host.port,
      requester: device.requester,
      addressBits: device.description.lines ?? 64,
      emit: (packet) => this.ports.get(sender(packet))?.load?.onWire(packet),
    });
    const { registers, configuration, interrupt } = this.nic;
    this.driver = new NicDriver({ kernel, memory: g.memory, api: device.api, registers, configuration, interrupt });
    this.driver.received = (pieces) => {
      const head = gathered(kernel.memory, pieces.slice(0, 1));
      const port = this.ports.get(addressee(head));
      if (port !== undefined) port.take(pieces);
      else for (const p of pieces) kernel.freePages(p.page, 0);
    };
    this.actors = [
      oneWay(`nic ${bdf}`, this.nic),
      oneWay(`driver ${bdf}`, this.driver),
      oneWay(`station ${bdf}`, { ready: () => this.#speaker !== undefined, step: () => this.#speak() }),
    ];
  }

  get #speaker(): NetLoad | undefined {
    for (const { load } of this.ports.values()) if (load !== null && load.fromStation.length > 0) return load;
    return undefined;
  }

  /** A packet that finds no room stays with the station. */
  #speak(): void {
    const { fromStation } = this.#speaker!;
    if (this.nic.receive(fromStation[0]!)) fromStation.shift();
  }
}

/** The controller of a device, made when the first program wants it. */
export function nicOf(g: Ground, bdf: string): NicUnit {
  const unit = g.nics.get(bdf) ?? new Controller(g, bdf);
  g.nics.set(bdf, unit);
  return unit;
}

const within = (w: ProgramDescription) => ({
  from: Math.min(Math.max(w.size.from, packetMin), packetMax),
  to: Math.min(Math.max(w.size.to, packetMin), packetMax),
});

/** Packets of the driver domain itself. */
export function net(g: Ground, w: ProgramDescription, n: number): Program {
  const { kernel } = g.host;
  const unit = nicOf(g, w.device);
  const load = new NetLoad({
    ...{ name: `net ${n}`, number: n + 1, kernel, memory: g.memory, rng: g.rng, requests: w.requests, size: within(w) },
    send: (pieces, done) => {
      const list = pieces.map((p) => ({ phys: p.page * 4096 + p.offset, size: p.size }));
      unit.driver.send({ list, done: (error) => done(error === null) });
    },
  });
  unit.ports.set(n + 1, {
    load,
    take: (pieces) => {
      load.received(gathered(g.memory, pieces));
      for (const p of pieces) kernel.freePages(p.page, 0);
    },
  });
  return netProgram(w, load, [oneWay(load.name, load)], null, () => {});
}

/** Packets of a guest, through its front end and the driver domain's back end. */
export function netback(g: Ground, w: ProgramDescription, n: number): Program {
  const unit = nicOf(g, w.device);
  const { guest, grants } = g.host.guests.get(w.from!)!;
  const { kernel, foreign } = g.host.xen!;
  const front = new NetFront({ guest, grants, backend: 0 });
  const { txRef, rxRef } = front;
  const back = new NetBack({ guest: kernel, foreign, driver: unit.driver, frontend: w.from!, txRef, rxRef });
  const load = new NetLoad({
    ...{ name: `guest ${w.from} ${n}`, number: n + 1, kernel: guest, memory: guest.memory, rng: g.rng },
    ...{ requests: w.requests, size: within(w) },
    send: (pieces, done) => front.send({ pieces, done }),
  });
  front.received = (packet) => load.received(packet);
  unit.ports.set(n + 1, { load, take: (pieces) => back.deliver(pieces) });
  const actors = [oneWay(load.name, load), oneWay(`netfront ${n}`, front), oneWay(`netback ${n}`, back)];
  return netProgram(w, load, actors, back.refusalLog, () => {
    back.disconnect();
    front.disconnect();
  });
}

function netProgram(
  description: ProgramDescription,
  load: NetLoad,
  actors: readonly Actor[],
  refused: RefusalLog | null,
  close: () => void,
): Program {
  return {
    description,
    actors,
    requests: () => ({ issued: load.issued, ended: load.ended, failed: load.failed }),
    bytes: () => ({ written: load.bytesSent, read: load.bytesReceived }),
    wrong: (idle) => [...load.wrong, ...(idle ? load.lost() : [])],
    refusals: () => refused?.texts ?? [],
    refused: () => refused?.count ?? 0,
    close,
  };
}
