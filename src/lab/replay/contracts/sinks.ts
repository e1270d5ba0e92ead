/** What the parts of a replay promise each other: who takes operations, who is told of them, who knows addresses. */
import type { EventBatch } from "../../../read/event.js";
import type { BufferOnBus } from "./buffer_on_bus.js";
import type { PoolRefusal } from "./refusal.js";

/** Takes operations in the order of their first possible moment; their outcome may become known later. */
export interface OperationSink {
  /** The sink drops the operation's mapping when it has reported it. */
  push(op: number): void;
  /** The recording has come to `now`: called after a fixed number of events, whatever the reader's batches. */
  advance?(now: number): void;
}

/** Where a mapping is put in the pool: bytes from its start, or one of these. */
export const Choice = {
  /** There was no room for it. */
  refused: -1,
  /** It is not the pool's matter, or not known. */
  none: -2,
} as const;

/** What became of a mapping on the model, in the order that was found. Holds while it is told. */
export interface Carried {
  /** Where the model put or would have put it, a `Choice`. */
  readonly model: number;
  /** The kernel's choice as far as the recording shows it. */
  readonly kernel: number;
  /** Model and kernel agree, as far as the recording shows. */
  readonly agrees: boolean;
  /** Why the model had no room, when it had none. */
  readonly refusal: PoolRefusal | null;
}

/** Is told of operations in the order in which they were carried out. A mapping's number holds while it is told. */
export interface CarriedSink {
  /** A mapping was carried out or refused. */
  mapped(m: number, how: Carried): void;
  /** It ended, at a time in microseconds. */
  unmapped(m: number, time: number): void;
  /** Its list was refused: the kernel gave back what this earlier entry had. */
  released(m: number, time: number): void;
}

/** Told of every event before the mapping that it may be, in the recording's order. */
export interface PageWatch {
  see(b: EventBatch, i: number): void;
  /**
   * Where a hypervisor's page map has a buffer.
   * @param m a mapping whose buffer and outcome have just become known
   * @param original bus address of the buffer as `swiotlb_bounced` printed it, NaN for a mapping that did not bounce
   */
  locate(m: number, original: number): BufferOnBus;
}

/** @returns whether a buffer mapped at a bus address bounced; null when the address does not tell. */
export type BounceByAddress = (phys: number, address: number) => boolean | null;
