/**
 * The queue of a lazy domain: addresses whose translations were cleared, and which may be given again once a flush of the
 * whole domain that began after that has ended.
 *
 * Each CPU has a ring. An address is queued with the number of flushes begun so far, and leaves when more have ended. Of
 * as many ended flushes at most that number began before it was queued, so that one of them began after: also where
 * flushes overlap and end in another order.
 *
 * Source: Linux drivers/iommu/dma-iommu.c, queue_iova, fq_flush_iotlb, fq_ring_free_locked, fq_flush_timeout.
 */

/** Entries of a ring, of which one stays free; how long the timer waits. Source: IOVA_DEFAULT_FQ_SIZE, IOVA_DEFAULT_FQ_TIMEOUT. */
export const perCpuQueue: FlushQueueShape = { entries: 256, timeout: 10_000, single: false };
/** One ring for all CPUs, where a flush is dear. Source: IOVA_SINGLE_FQ_SIZE, IOVA_SINGLE_FQ_TIMEOUT. */
export const singleQueue: FlushQueueShape = { entries: 32_768, timeout: 1_000_000, single: true };

export interface FlushQueueShape {
  /** A power of two. */
  readonly entries: number;
  /** Microseconds. */
  readonly timeout: number;
  readonly single: boolean;
}

interface Ring {
  readonly firsts: Float64Array;
  readonly frames: Float64Array;
  readonly flushes: Float64Array;
  head: number;
  tail: number;
}

export interface Flushes {
  /** Flush the caches of the whole domain; when this returns they are flushed. */
  flushAll(): void;
  /** An address that may be given again. */
  release(cpu: number, first: number, frames: number): void;
}

export class FlushQueue {
  readonly #shape: FlushQueueShape;
  readonly #flushes: Flushes;
  readonly #rings: Ring[] = [];
  #begun = 0;
  #ended = 0;
  /** Whether the timer is set. Who keeps the time clears it by `timedOut`. */
  waiting = false;

  constructor(flushes: Flushes, shape: FlushQueueShape = perCpuQueue) {
    this.#flushes = flushes;
    this.#shape = shape;
  }

  /** Addresses that wait. */
  get length(): number {
    return this.#rings.reduce((sum, r) => sum + ((r.tail - r.head) & (this.#shape.entries - 1)), 0);
  }

  /** @returns true when the timer must be set now */
  queue(cpu: number, first: number, frames: number): boolean {
    const ring = this.#of(cpu);
    const mask = this.#shape.entries - 1;
    this.#release(cpu, ring);
    if (((ring.tail + 1) & mask) === ring.head) {
      this.flush();
      this.#release(cpu, ring);
    }
    ring.firsts[ring.tail] = first;
    ring.frames[ring.tail] = frames;
    ring.flushes[ring.tail] = this.#begun;
    ring.tail = (ring.tail + 1) & mask;
    if (this.waiting) return false;
    this.waiting = true;
    return true;
  }

  /** The timer's work, on the CPU where it runs: a flush, and what waits on any CPU is released. */
  timedOut(cpu: number): void {
    this.waiting = false;
    this.flush();
    for (const ring of this.#rings) if (ring !== undefined) this.#release(cpu, ring);
  }

  /** A flush of the whole domain, whoever asked for it. */
  flush(): void {
    this.#begun++;
    this.#flushes.flushAll();
    this.#ended++;
  }

  /** Whether the next address of this CPU finds its ring full. */
  isFull(cpu: number): boolean {
    const ring = this.#of(cpu);
    return ((ring.tail + 1) & (this.#shape.entries - 1)) === ring.head;
  }

  #release(cpu: number, ring: Ring): void {
    const mask = this.#shape.entries - 1;
    while (ring.head !== ring.tail && ring.flushes[ring.head]! < this.#ended) {
      this.#flushes.release(cpu, ring.firsts[ring.head]!, ring.frames[ring.head]!);
      ring.head = (ring.head + 1) & mask;
    }
  }

  #of(cpu: number): Ring {
    const at = this.#shape.single ? 0 : cpu;
    const { entries } = this.#shape;
    this.#rings[at] ??= {
      firsts: new Float64Array(entries),
      frames: new Float64Array(entries),
      flushes: new Float64Array(entries),
      head: 0,
      tail: 0,
    };
    return this.#rings[at];
  }
}
