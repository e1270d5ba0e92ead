/**
 * Verdicts that wait a moment.
 *
 * The unmap event of a single mapping is written after its address was given back, so that another CPU may map the
 * address again and write its event first; clocks of CPUs differ by a little, too. What looks wrong at once may be
 * explained by an event that comes shortly after. Waiting verdicts are few and bounded: when too many wait, the
 * oldest is judged early.
 */

const room = 1024;

export const Suspicion = { mapOverLive: 0, overlap: 1, overlapCacheLine: 2, unmap: 3, unmapList: 4, free: 5 } as const;
export type Suspicion = (typeof Suspicion)[keyof typeof Suspicion];

/** A ring of suspicions in order of time. Columns of one hold what its words need, whatever becomes of the mappings. */
export class Waiting {
  readonly what = new Uint8Array(room);
  readonly device = new Int32Array(room);
  /** The event's bus address; for lists the first physical address. */
  readonly address = new Float64Array(room);
  readonly phys = new Float64Array(room);
  readonly size = new Float64Array(room);
  readonly direction = new Uint8Array(room);
  readonly attrs = new Uint32Array(room);
  /** Microseconds. */
  readonly time = new Float64Array(room);
  /** The older mapping, and its serial while it is the same one. */
  readonly other = new Int32Array(room);
  readonly otherSerial = new Float64Array(room);
  /** 1 where both are the very same mapping, made twice. */
  readonly again = new Uint8Array(room);
  /** Set when an event explained it. */
  readonly #settled = new Uint8Array(room);
  #first = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === room;
  }

  /** Index of the oldest; only when `count` is not 0. */
  get oldest(): number {
    return this.#first;
  }

  /** @returns the index of a new one; the caller fills the columns it needs. Not when full. */
  add(what: Suspicion, device: number, address: number, size: number, direction: number, time: number): number {
    const i = (this.#first + this.#count++) & (room - 1);
    this.what[i] = what;
    this.device[i] = device;
    this.address[i] = address;
    this.phys[i] = Number.NaN;
    this.attrs[i] = 0;
    this.size[i] = size;
    this.direction[i] = direction;
    this.time[i] = time;
    this.other[i] = -1;
    this.again[i] = 0;
    this.#settled[i] = 0;
    return i;
  }

  /** Drop the oldest. @returns false when an event had explained it. */
  shift(): boolean {
    const open = this.#settled[this.#first]! === 0;
    this.#first = (this.#first + 1) & (room - 1);
    this.#count--;
    return open;
  }

  /** Settle the oldest suspicion of this kind about an address. @returns its index, -1 when there is none. */
  settle(what: Suspicion, device: number, address: number): number {
    for (let step = 0; step < this.#count; step++) {
      const i = (this.#first + step) & (room - 1);
      if (
        this.#settled[i]! === 1 ||
        this.what[i]! !== what ||
        this.device[i]! !== device ||
        this.address[i]! !== address
      )
        continue;
      this.#settled[i] = 1;
      return i;
    }
    return -1;
  }
}
