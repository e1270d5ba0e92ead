/**
 * What happened in a described machine, in its order: each event on the lane of who did it, each DMA with all that became of
 * it. As many events are kept as asked for; those after them are counted.
 */

/** Who acts, from the driver down to the device. */
export const lanes = ["driver", "DMA API", "engine", "queue", "unit", "device"] as const;
export type Lane = (typeof lanes)[number];

/** An entry of a table that was read on the way. */
export interface EntrySeen {
  /** Byte address. */
  readonly at: number;
  readonly low: number;
  readonly high: number;
  /** The vendor's name of such an entry. */
  readonly name: string;
  /** What it led to, in words. */
  readonly meaning: string;
}

export interface TimelineEvent {
  /** Atomic steps that were taken before it; several events may be of one step. */
  readonly step: number;
  readonly lane: Lane;
  /** null: of none in particular. */
  readonly device: string | null;
  /** The DMA that it is of, an index; -1: of none that is known. */
  readonly dma: number;
  readonly what: string;
  readonly entries: readonly EntrySeen[];
  readonly isTrouble: boolean;
}

/** A mapping from its beginning to its end. */
export interface DmaLife {
  readonly device: string;
  readonly kind: "single" | "list" | "coherent";
  readonly direction: string;
  readonly phys: number;
  readonly size: number;
  /** -1: refused. */
  readonly bus: number;
  readonly cause: string;
  /** Indices into the events; null: it had not ended when events were no longer kept. */
  readonly begin: number;
  end: number | null;
}

export class Timeline {
  readonly events: TimelineEvent[] = [];
  readonly dmas: DmaLife[] = [];
  /** Events that came after the last that is kept. */
  leftOut = 0;
  /** Steps so far. */
  step = 0;
  readonly #eventMax: number;

  constructor(eventMax: number) {
    this.#eventMax = eventMax;
  }

  get isFull(): boolean {
    return this.events.length >= this.#eventMax;
  }

  /** @returns its index; -1 when it is not kept */
  add(e: Omit<TimelineEvent, "step" | "entries" | "isTrouble"> & Partial<TimelineEvent>): number {
    if (this.isFull) {
      this.leftOut++;
      return -1;
    }
    return this.events.push({ entries: [], isTrouble: false, ...e, step: this.step }) - 1;
  }
}
