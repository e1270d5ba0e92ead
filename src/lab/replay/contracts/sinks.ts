/** What the parts of a replay promise each other: who takes operations, who is told of them, who knows addresses. */
import type { EventBatch } from "../../../read/event.js";
import type { BufferOnBus } from "./buffer_on_bus.js";
import type { Operation } from "./operation.js";
import type { Refusal } from "./refusal.js";

/** Takes operations in the order of their first possible moment; their outcome may become known later. */
export interface OperationSink {
  push(op: Operation): void;
  /** The recording has come to `now`: called after a fixed number of events, whatever the reader's batches. */
  advance?(now: number): void;
}

/** What became of an operation on the model, in the order that was found. */
export interface Carried {
  readonly op: Operation;
  /** Where the model put or would have put it: bytes from the pool's start, -1 = refused. NaN: not the pool's matter. */
  readonly model: number;
  /** The kernel's choice, or -1 when it refused; NaN when the recording does not show it. */
  readonly kernel: number;
  /** Model and kernel agree, as far as the recording shows. */
  readonly agrees: boolean;
  /** Why the model had no room, when it had none. */
  readonly refusal: Refusal | null;
}

/** Is told of operations in the order in which they were carried out. */
export interface CarriedSink {
  carried(c: Carried): void;
  /** A list was refused: the kernel gave back what its earlier entries had. */
  released(op: Operation): void;
}

/** Told of every event before the mapping that it may be, in the recording's order. */
export interface PageWatch {
  see(b: EventBatch, i: number): void;
  /**
   * Where a hypervisor's page map has a buffer.
   * @param op a mapping whose buffer and outcome have just become known
   * @param original bus address of the buffer as `swiotlb_bounced` printed it, NaN for a mapping that did not bounce
   */
  locate(op: Operation, original: number): BufferOnBus;
}

/** @returns whether a buffer mapped at a bus address bounced; null when the address does not tell. */
export type BounceByAddress = (phys: number, address: number) => boolean | null;
