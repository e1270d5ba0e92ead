/** One step of an order: an operation carried out on the model, with what takes it back. */
import type { Mark } from "../../../state/index.js";
import { none } from "../contracts/operation.js";
import type { PoolRefusal } from "../contracts/refusal.js";
import { type Carried, Choice } from "../contracts/sinks.js";

/** Operations that could come next, looked at for one step. */
export const candidatesMax = 64;

export class Step implements Carried {
  op: number = none;
  model: number = Choice.none;
  kernel: number = Choice.none;
  agrees = true;
  refusal: PoolRefusal | null = null;
  /** The pool as it was before the step, and its peak. */
  mark = 0 as Mark;
  hiwater = 0;
  /** Entries of a refused list that ended with this step, and where those lived that were given back (else none). */
  closed: number[] | null = null;
  closedOffsets: number[] | null = null;
  /** Where the queue began. */
  queueFrom = 0;
  /** Operations that could come here, best first: those before `next` were tried. */
  readonly candidates = new Int32Array(candidatesMax);
  candidateCount = 0;
  next = 0;
  reordered = false;

  /** What becomes of an operation, as long as nothing else is said. */
  begin(op: number, mark: Mark, hiwater: number): void {
    this.op = op;
    this.model = Choice.none;
    this.kernel = Choice.none;
    this.agrees = true;
    this.refusal = null;
    this.mark = mark;
    this.hiwater = hiwater;
    this.closed = null;
    this.closedOffsets = null;
  }
}
