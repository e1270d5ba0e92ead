/**
 * Requests for bounce buffers whose mapping has not been read yet.
 *
 * `swiotlb_bounced` names device and original address just before the mapping's own event. A fixed number of places;
 * a forgotten request makes a mapping's way unknown, not wrong.
 */
import { mixed } from "./chains.js";

const places = 2 ** 12;

export class Bounces {
  readonly #device = new Int32Array(places).fill(-1);
  readonly #phys = new Float64Array(places);

  add(device: number, phys: number): void {
    const i = place(device, phys);
    this.#device[i] = device;
    this.#phys[i] = phys;
  }

  /** @returns whether the device asked for a bounce buffer for this memory; forgets it. */
  take(device: number, phys: number): boolean {
    const i = place(device, phys);
    if (this.#device[i]! !== device || this.#phys[i]! !== phys) return false;
    this.#device[i] = -1;
    return true;
  }
}

function place(device: number, phys: number): number {
  return mixed(device, Math.floor(phys / 64)) & (places - 1);
}
