/**
 * What the bytes of one mapping should be, and who owns each of them.
 *
 * The shadow is what an ideal machine without caches and bounces would hold: the CPU's bytes when it hands them over,
 * and over them what the device writes. Where the rules leave open what comes out, a byte is of unknown value.
 * Source: Documentation/core-api/dma-api.rst (ownership); commit aa6f8dcbab47 for what stays open.
 */

const cpuOwns = 1;
const deviceWrote = 2;
const unknown = 4;
const cpuWrote = 8;

/** What a device's or a CPU's access met. */
export interface Met {
  readonly owned: boolean;
  readonly changed: boolean;
}

export class Shadow {
  readonly #bytes: Uint8Array;
  readonly #state: Uint8Array;

  /** @param bytes what the CPU sees when it maps; kept. @param open nothing is known of the bytes until a sync */
  constructor(bytes: Uint8Array, open: boolean) {
    this.#bytes = bytes;
    this.#state = new Uint8Array(bytes.length).fill(open ? unknown : 0);
  }

  /** Does the device own bytes of the range, and has it written any that the CPU has not been given since? */
  metByCpu(from: number, count: number): Met {
    return this.#met(from, count, (s) => (s & cpuOwns) === 0, deviceWrote);
  }

  /** Does the CPU own bytes of the range, and has it written any that the device has not been given since? */
  metByDevice(from: number, count: number): Met {
    return this.#met(from, count, (s) => (s & cpuOwns) !== 0, cpuWrote);
  }

  cpuWrites(from: number, count: number): void {
    for (let k = from; k < from + count; k++) this.#state[k]! |= cpuWrote | unknown;
  }

  deviceWrites(from: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, from);
    for (let k = from; k < from + bytes.length; k++) this.#state[k] = (this.#state[k]! & cpuOwns) | deviceWrote;
  }

  /** @returns the first byte that is known to differ from what `seen` shows, or -1. */
  differs(from: number, seen: Uint8Array): number {
    for (let k = 0; k < seen.length; k++)
      if (seen[k] !== this.#bytes[from + k] && (this.#state[from + k]! & unknown) === 0) return from + k;
    return -1;
  }

  wroteAt(k: number): boolean {
    return (this.#state[k]! & deviceWrote) !== 0;
  }

  expectedAt(k: number): number {
    return this.#bytes[k]!;
  }

  /** A sync for the CPU: the range is its own now. */
  giveCpu(from: number, count: number): void {
    for (let k = from; k < from + count; k++) this.#state[k] = (this.#state[k]! & unknown) | cpuOwns;
  }

  /** A sync for the device. @param carries the CPU's bytes reach the device; else what it wrote may be lost or kept */
  giveDevice(from: number, seen: Uint8Array, carries: boolean): void {
    for (let k = 0; k < seen.length; k++) {
      const at = from + k;
      if (carries) {
        this.#bytes[at] = seen[k]!;
        this.#state[at] = 0;
      } else if ((this.#state[at]! & cpuOwns) !== 0) {
        // What the CPU wrote in its turn may come back or be lost; what the device owned all the time must stay.
        this.#state[at] = seen[k] === this.#bytes[at] ? this.#state[at]! & unknown : unknown;
      }
    }
  }

  #met(from: number, count: number, owned: (state: number) => boolean, written: number): Met {
    const met = { owned: false, changed: false };
    for (let k = from; k < from + count; k++) {
      const s = this.#state[k]!;
      if (!owned(s)) continue;
      met.owned = true;
      if ((s & written) !== 0) return { owned: true, changed: true };
    }
    return met;
  }
}
