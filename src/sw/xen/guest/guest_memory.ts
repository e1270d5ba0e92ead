/** A guest's memory as its CPUs see it: by its own page numbers, through what they mean at this moment. */

import { Misuse } from "../../../base/assert.js";
import { frameBytes } from "../../../base/frame.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import { Reach } from "../hypervisor/cpu_map.js";
import type { Domain } from "../hypervisor/domain.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";

const pageBytes = frameBytes;

export class GuestMemory implements ByteMemory {
  readonly #h: Hypervisor;
  readonly #d: Domain;

  constructor(h: Hypervisor, d: Domain) {
    this.#h = h;
    this.#d = d;
  }

  read(address: number, into: Uint8Array): void {
    this.#pieces(address, into.length, false, (machine, from, count) => {
      this.#h.memory.read(machine, into.subarray(from, from + count));
    });
  }

  /** @throws Misuse `read-only` when a page of the range is mapped for reading only. */
  write(address: number, from: Uint8Array): void {
    this.#pieces(address, from.length, true, (machine, at, count) => {
      this.#h.memory.write(machine, from.subarray(at, at + count));
    });
  }

  copy(o: { readonly from: number; readonly to: number; readonly count: number }): void {
    const bytes = new Uint8Array(o.count);
    this.read(o.from, bytes);
    this.write(o.to, bytes);
  }

  #pieces(
    address: number,
    count: number,
    write: boolean,
    each: (machine: number, from: number, count: number) => void,
  ): void {
    for (let done = 0; done < count; ) {
      const low = (address + done) % pageBytes;
      const length = Math.min(pageBytes - low, count - done);
      each(this.#translate((address + done - low) / pageBytes, write) * pageBytes + low, done, length);
      done += length;
    }
  }

  #translate(page: number, write: boolean): number {
    const frame = this.#d.map.frameOf(page);
    if (frame < 0) throw new Misuse("outside-memory", `domain ${this.#d.id} has nothing at page ${page}`);
    if (write && (this.#d.map.reachOf(page) & Reach.writable) === 0) {
      throw new Misuse("read-only", `domain ${this.#d.id} may only read page ${page}`);
    }
    this.#h.watch.cpu(this.#d.id, frame, write);
    return frame;
  }
}
