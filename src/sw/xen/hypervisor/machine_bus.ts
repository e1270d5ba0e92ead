/**
 * The bus of a machine with a hypervisor: what devices emit, translated by the table that the hypervisor made for
 * their domain or taken as a machine address, and checked by the gate.
 */
import { frameBytes } from "../../../base/frame.js";
import type { DmaOutcome, DmaPort } from "../../../bus/dma_port.js";
import { Reach } from "./cpu_map.js";
import { Permission } from "./device_table.js";
import type { Domain } from "./domain.js";
import type { Hypervisor } from "./hypervisor.js";
import { deviceFrame } from "./iommu_map.js";

const pageBytes = frameBytes;
const fault = -1;
const outside = -2;

export class MachineBus implements DmaPort {
  readonly #h: Hypervisor;
  readonly #domains = new Map<number, Domain>();

  constructor(h: Hypervisor) {
    this.#h = h;
  }

  /** A device works for a domain from now on. */
  assign(requester: number, d: Domain): void {
    this.#domains.set(requester, d);
  }

  read(requester: number, address: number, into: Uint8Array): DmaOutcome {
    return this.#pieces(requester, address, into.length, false, (machine, from, count) => {
      this.#h.memory.read(machine, into.subarray(from, from + count));
    });
  }

  write(requester: number, address: number, from: Uint8Array): DmaOutcome {
    return this.#pieces(requester, address, from.length, true, (machine, at, count) => {
      this.#h.memory.write(machine, from.subarray(at, at + count));
    });
  }

  #pieces(
    requester: number,
    address: number,
    count: number,
    write: boolean,
    each: (machine: number, from: number, count: number) => void,
  ): DmaOutcome {
    const d = this.#domains.get(requester);
    if (d === undefined) return "fault";
    if (!Number.isSafeInteger(address) || address < 0) return "outside";
    for (let done = 0; done < count; ) {
      const low = (address + done) % pageBytes;
      const length = Math.min(pageBytes - low, count - done);
      const frame = this.#translate(d, (address + done - low) / pageBytes, write);
      if (frame === fault) return "fault";
      if (frame === outside) return "outside";
      this.#h.watch.device({ domain: d.id, requester }, frame, write);
      each(frame * pageBytes + low, done, length);
      done += length;
    }
    return "done";
  }

  #translate(d: Domain, number: number, write: boolean): number {
    // What is not mapped there is -1, which is a fault.
    if (d.deviceMap !== null) return deviceFrame(this.#h, d, number, write);
    if (d.rules.behindIommu) {
      const reach = d.map.reachOf(number);
      return (reach & (write ? Reach.writable : Reach.present)) === 0 ? fault : d.map.frameOf(number);
    }
    if (d.devices !== null) {
      const needed = write ? Permission.readWrite : Permission.read;
      return (d.devices.permission(number) & needed) === needed ? number : fault;
    }
    return this.#h.frames.exists(number) ? number : outside;
  }
}
