/** A bus master's side of the bus: its requester id and the address lines that it has. */
import type { DmaOutcome, DmaPort } from "../../bus/dma_port.js";

export class Master {
  readonly #port: DmaPort;
  readonly #requester: number;
  /** One more than the highest address that its lines can say: what is above is cut off, as wires do. */
  readonly #wrap: number;
  /** Bytes read and written, and requests that did not complete. */
  bytesRead = 0;
  bytesWritten = 0;
  failed = 0;

  /** @param addressBits address lines, 24 to 64 */
  constructor(port: DmaPort, requester: number, addressBits = 64) {
    this.#port = port;
    this.#requester = requester;
    this.#wrap = 2 ** addressBits;
  }

  read(address: number, into: Uint8Array): DmaOutcome {
    const outcome = this.#port.read(this.#requester, address % this.#wrap, into);
    if (outcome === "done") this.bytesRead += into.length;
    else this.failed++;
    return outcome;
  }

  write(address: number, from: Uint8Array): DmaOutcome {
    const outcome = this.#port.write(this.#requester, address % this.#wrap, from);
    if (outcome === "done") this.bytesWritten += from.length;
    else this.failed++;
    return outcome;
  }
}
