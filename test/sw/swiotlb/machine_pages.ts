/** Pages of a small machine for growing pools: handed out upwards, aligned to their size; encryption can be refused. */
import type { Pages } from "../../../src/sw/swiotlb/pages.js";

export class MachinePages implements Pages {
  readonly given = new Map<number, number>();
  readonly shared = new Set<number>();
  /** Addresses that were released while the host could still read them. */
  readonly exposed: number[] = [];
  decryptWorks = true;
  encryptWorks = true;
  /** Largest piece that is left. */
  bytesMax = Number.POSITIVE_INFINITY;
  atomic: Pages["atomic"] = null;
  #next: number;

  constructor(first: number) {
    this.#next = first;
  }

  allocate(bytes: number, limit: number): number | null {
    const size = 2 ** Math.ceil(Math.log2(Math.max(4096, bytes)));
    const at = Math.ceil(this.#next / size) * size;
    if (bytes > this.bytesMax || at + bytes - 1 > limit) return null;
    this.#next = at + size;
    this.given.set(at, bytes);
    return at;
  }

  release(address: number, bytes: number): void {
    if (this.given.get(address) !== bytes) throw new Error(`released ${bytes} bytes at ${address}`);
    if (this.shared.has(address)) this.exposed.push(address);
    this.given.delete(address);
  }

  decrypt(address: number): boolean {
    // A host that stops half way has some of the pages.
    this.shared.add(address);
    return this.decryptWorks;
  }

  encrypt(address: number): boolean {
    if (this.encryptWorks) this.shared.delete(address);
    return this.encryptWorks;
  }
}
