/**
 * What was unmapped lately: tells "unmapped twice" from "mapped before the recording began".
 *
 * A fixed number of places; an address that falls on a taken one replaces it, and is then no longer known. That can
 * hide a double unmap, never invent one.
 */
import { mixed } from "./chains.js";

const places = 2 ** 16;

export class Gone {
  readonly #device = new Int32Array(places).fill(-1);
  readonly #address = new Float64Array(places);
  /** Microseconds. */
  readonly mappedAt = new Float64Array(places);
  readonly unmappedAt = new Float64Array(places);
  readonly size = new Float64Array(places);
  readonly direction = new Uint8Array(places);

  add(device: number, address: number, size: number, direction: number, mappedAt: number, unmappedAt: number): void {
    const i = place(device, address);
    this.#device[i] = device;
    this.#address[i] = address;
    this.size[i] = size;
    this.direction[i] = direction;
    this.mappedAt[i] = mappedAt;
    this.unmappedAt[i] = unmappedAt;
  }

  /** @returns the place of the mapping that was last unmapped at this address, -1 when none is known. */
  find(device: number, address: number): number {
    const i = place(device, address);
    return this.#device[i]! === device && this.#address[i]! === address ? i : -1;
  }
}

function place(device: number, address: number): number {
  return mixed(device, Math.floor(address / 64)) & (places - 1);
}
