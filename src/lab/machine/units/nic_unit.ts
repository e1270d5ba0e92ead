/** Network controllers of a machine: each with its driver, a station at the wire's other end, and a bridge to the programs. */
import { Nic } from "../../../hw/device/nic.js";
import { type Actor, oneWay } from "../../../sim/actor.js";
import { NicDriver } from "../../../sw/driver/nic_driver.js";
import { addressee, gathered, sender } from "../load/packet.js";
import type { MachineDevice } from "../platform/devices.js";
import type { Ground } from "./ground.js";
import type { BridgePort, NicUnit, WireEnd } from "./unit.js";

export const buildNicUnit = (g: Ground, device: MachineDevice): NicUnit => new BuiltNic(g, device);

class BuiltNic implements NicUnit {
  readonly device: MachineDevice;
  readonly driver: NicDriver;
  readonly actors: readonly Actor[];
  readonly hardware: Actor;
  readonly #nic: Nic;
  readonly #ports = new Map<number, BridgePort>();

  constructor(g: Ground, device: MachineDevice) {
    this.device = device;
    const { kernel } = g.host;
    this.#nic = new Nic({
      port: g.port,
      requester: device.requester,
      addressBits: device.description.lines ?? 64,
      emit: (packet) => this.#ports.get(sender(packet))?.wire?.onWire(packet),
    });
    const { registers, configuration, interrupt } = this.#nic;
    this.driver = new NicDriver({ kernel, memory: g.memory, api: device.api, registers, configuration, interrupt });
    this.driver.received = (pieces) => {
      const head = gathered(kernel.memory, pieces.slice(0, 1));
      const port = this.#ports.get(addressee(head));
      if (port !== undefined) port.take(pieces);
      else for (const p of pieces) kernel.freePages(p.page, 0);
    };
    const { bdf } = device.description;
    this.hardware = oneWay(`nic ${bdf}`, this.#nic);
    this.actors = [
      this.hardware,
      g.host.onProcessors(oneWay(`driver ${bdf}`, this.driver)),
      oneWay(`station ${bdf}`, { ready: () => this.#speaker !== undefined, step: () => this.#speak() }),
    ];
  }

  connect(number: number, port: BridgePort): void {
    this.#ports.set(number, port);
  }

  receive(packet: Uint8Array): boolean {
    return this.#nic.receive(packet);
  }

  close(): void {
    if (this.driver.idle) this.driver.close();
  }

  get #speaker(): WireEnd | undefined {
    for (const { wire } of this.#ports.values()) if (wire !== null && wire.fromStation.length > 0) return wire;
    return undefined;
  }

  /** A packet that finds no room stays with the station. */
  #speak(): void {
    const { fromStation } = this.#speaker!;
    if (this.receive(fromStation[0]!)) fromStation.shift();
  }
}
