/** A bus master's side of the bus: its requester id and the address lines that it has. */
import type { DmaOutcome, DmaPort } from "../../bus/dma_port.js";

export class Master {
  readonly #port: DmaPort;
  readonly #requester: number;
  /** One more than the highest address that its lines can say: what is above is cut off, as wires do. */
  readonly #wrap: number;

  /** @param addressBits address lines, 24 to 64 */
  constructor(port: DmaPort, requester: number, addressBits = 64) {
    this.#port = port;
    this.#requester = requester;
    this.#wrap = 2 ** addressBits;
  }

  read(address: number, into: Uint8Array): DmaOutcome {
    return this.#port.read(this.#requester, address % this.#wrap, into);
  }

  write(address: number, from: Uint8Array): DmaOutcome {
    return this.#port.write(this.#requester, address % this.#wrap, from);
  }
}
