/**
 * What was unmapped lately: tells "unmapped twice" from "mapped before the recording began", and what a fault is of.
 *
 * A fixed number of places; an address that falls on a taken one replaces it, and is then no longer known. That can
 * hide a double unmap, never invent one.
 */
import { frameBytes } from "../../base/frame.js";
import { mixed } from "./chains.js";

const pageBytes = frameBytes;

const places = 2 ** 16;
/** How far back what holds an address may begin: 4 MiB. */
const framesBackMax = 1024;

export class Gone {
  /** Told of each mapping that ends: its place is complete. */
  told: ((i: number, device: number, address: number) => void) | null = null;
  readonly #device = new Int32Array(places).fill(-2);
  readonly #address = new Float64Array(places);
  /** Microseconds. */
  readonly mappedAt = new Float64Array(places);
  readonly unmappedAt = new Float64Array(places);
  readonly size = new Float64Array(places);
  readonly direction = new Uint8Array(places);
  /** Number of the task that unmapped it, -1 unknown. */
  readonly task = new Int32Array(places);
  /** 1 = coherent memory, which has no direction. */
  readonly coherent = new Uint8Array(places);
  /** Place of what began last in a page. */
  readonly #byFrame = new Int32Array(places).fill(-1);

  add(
    device: number,
    address: number,
    size: number,
    direction: number,
    mappedAt: number,
    unmappedAt: number,
    task: number,
    coherent: boolean,
  ): void {
    const i = place(device, Math.floor(address / 64));
    this.#device[i] = device;
    this.#address[i] = address;
    this.size[i] = size;
    this.direction[i] = direction;
    this.mappedAt[i] = mappedAt;
    this.unmappedAt[i] = unmappedAt;
    this.task[i] = task;
    this.coherent[i] = coherent ? 1 : 0;
    this.#byFrame[place(device, Math.floor(address / pageBytes))] = i;
    this.told?.(i, device, address);
  }

  /** @returns the place of the mapping that was last unmapped at this address, -1 when none is known. */
  find(device: number, address: number): number {
    const i = place(device, Math.floor(address / 64));
    return this.#device[i]! === device && this.#address[i]! === address ? i : -1;
  }

  /** @returns the place of the mapping that held this address and was unmapped last, -1 when none is known. */
  holding(device: number, address: number): number {
    const frame = Math.floor(address / pageBytes);
    let best = -1;
    for (let f = frame; f >= 0 && f >= frame - framesBackMax; f--) {
      const i = this.#byFrame[place(device, f)]!;
      if (i === -1 || this.#device[i]! !== device) continue;
      const from = this.#address[i]!;
      if (from > address || address >= from + this.size[i]!) continue;
      if (best === -1 || this.unmappedAt[i]! > this.unmappedAt[best]!) best = i;
    }
    return best;
  }
}

function place(device: number, unit: number): number {
  return mixed(device, unit) & (places - 1);
}
