/**
 * The order in which CPUs really searched the pool, found from the addresses that the kernel chose.
 *
 * Events of two CPUs that overlap stand in the recording in the order they were written, which is not the order in
 * which the pool was changed. Each operation is known to have happened between two moments; within those bounds this
 * looks for an order in which the model chooses every address that the kernel chose. Where there is none the model is
 * set to what the kernel did, and the difference is counted.
 *
 * An order is a path; the search for it goes depth first, in the recording's own order first, and undoes steps on the
 * pool when it meets a mapping that no order so far explains.
 */
import type { Pool } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import { type Operation, Outcome } from "../contracts/operation.js";
import type { PoolAddresses } from "../contracts/pool_addresses.js";
import type { CarriedSink, OperationSink } from "../contracts/sinks.js";
import { none, PoolModel, type Step } from "./pool_model.js";

/** Clocks of two CPUs, and rounding to microseconds, may be this far apart. */
const clockSlack = 2;
/** How far behind the newest event the order is settled: a release may be written this late (microseconds). */
const lookAhead = 20_000;
/** Operations that may wait; beyond it the oldest is settled with what is known. */
const waitingMax = 16_384;
/** Steps that may still be undone. */
const trailMax = 64;
/**
 * Steps tried for one mapping that nothing explains, and how many each settled operation allows: a recording that fits
 * no kernel is read in time that grows with its length alone.
 */
const triesMax = 4000;
const triesPerOperation = 8;
const creditMax = 40_000;
/** Candidates looked at for one step. */
const candidatesMax = 64;

export class Ordering implements OperationSink {
  readonly #model: PoolModel;
  readonly #sink: CarriedSink;
  readonly #waiting: Operation[] = [];
  #waitingFrom = 0;
  readonly #trail: Step[] = [];
  #tries = 0;
  #credit = creditMax;
  #deepest: Operation[] | null = null;
  #deepestLength = 0;
  reordered = 0;

  /** @param o.unseen true when the pool was in use before the recording began, by mappings that are not known. */
  constructor(o: { pool: Pool; alignments: Alignments; addresses: PoolAddresses; sink: CarriedSink; unseen: boolean }) {
    this.#model = new PoolModel(o);
    this.#sink = o.sink;
  }

  /** Times that the model was set to the kernel's state. */
  get corrections(): number {
    return this.#model.corrections;
  }

  /** A mapping from before the recording, whose slots are taken on the pool already. */
  hold(op: Operation, offset: number): void {
    this.#model.hold(op, offset);
  }

  /** Operations come nearly in the order of `lo`; a release may come later than what it happened before. */
  push(op: Operation): void {
    const w = this.#waiting;
    let k = w.length;
    while (k > this.#waitingFrom && w[k - 1]!.lo > op.lo) k--;
    if (k === w.length) w.push(op);
    else w.splice(k, 0, op);
  }

  /** Settle what lies far enough behind `now`. */
  advance(now: number): void {
    while (this.#waitingFrom < this.#waiting.length) {
      const head = this.#waiting[this.#waitingFrom]!;
      const crowded = this.#waiting.length - this.#waitingFrom > waitingMax;
      if (!crowded && (now < head.lo + lookAhead || !settled(head))) break;
      if (crowded) settle(head, now);
      else if (this.#unknownAhead(head)) break;
      this.#step();
    }
    this.#compact();
  }

  /** Settle everything: there are no more operations. */
  finish(now: number): void {
    while (this.#waitingFrom < this.#waiting.length) {
      settle(this.#waiting[this.#waitingFrom]!, now);
      this.#step();
    }
    this.#compact();
    this.#freeze(this.#trail.length);
  }

  /** Whether something that may have come first has an outcome that the recording has yet to show. */
  #unknownAhead(head: Operation): boolean {
    const w = this.#waiting;
    let soonest = head.hi;
    for (let k = this.#waitingFrom; k < w.length && w[k]!.lo <= soonest + clockSlack; k++) {
      const op = w[k]!;
      if (op.done) continue;
      if (!settled(op)) return true;
      if (op.hi < soonest) soonest = op.hi;
    }
    return false;
  }

  #step(): void {
    const first = this.#waiting[this.#waitingFrom]!;
    const next = this.#waiting[this.#waitingFrom + 1];
    if (next === undefined || next.lo > first.hi + clockSlack) {
      const step = this.#model.carryOut(first, none, false);
      if (step !== null) {
        this.#accept(step);
        return;
      }
    } else if (this.#try(this.#candidates())) return;
    if (this.#deepest === null || this.#trail.length > this.#deepestLength) {
      this.#deepest = this.#trail.map((s) => s.op);
      this.#deepestLength = this.#trail.length;
    }
    this.#backtrack();
  }

  /** Take the first candidate that the kernel's addresses allow. */
  #try(candidates: readonly Operation[]): boolean {
    for (let k = 0; k < candidates.length; k++) {
      const step = this.#model.carryOut(
        candidates[k]!,
        k + 1 < candidates.length ? candidates.slice(k + 1) : none,
        false,
      );
      if (step === null) continue;
      step.reordered = k > 0;
      this.#accept(step);
      return true;
    }
    return false;
  }

  #accept(step: Step): void {
    this.#take(step.op);
    this.#trail.push(step);
    if (this.#credit < creditMax) this.#credit += triesPerOperation;
    if (this.#deepest !== null && this.#trail.length > this.#deepestLength + 4) this.#forget();
    if (this.#trail.length >= 2 * trailMax && this.#deepest === null) this.#freeze(trailMax);
  }

  #forget(): void {
    this.#deepest = null;
    this.#deepestLength = 0;
    this.#tries = 0;
  }

  /** No candidate fits: undo steps until another choice opens, or settle for a difference. */
  #backtrack(): void {
    while (this.#trail.length > 0 && this.#tries < triesMax && this.#credit > 0) {
      const last = this.#trail.pop()!;
      this.#undo(last);
      this.#tries++;
      this.#credit -= 1 + triesPerOperation;
      if (last.others.length > 0 && this.#try(last.others)) return;
    }
    this.#giveUp();
  }

  /** Go back to where most was explained and set the model to the kernel's state there. */
  #giveUp(): void {
    while (this.#trail.length > 0) this.#undo(this.#trail.pop()!);
    for (const op of this.#deepest ?? []) {
      const step = this.#model.carryOut(op, none, false);
      if (step === null) break;
      this.#take(op);
      this.#trail.push(step);
    }
    this.#forget();
    const candidates = this.#candidates();
    const due = candidates.reduce((a, b) => (b.hi < a.hi ? b : a));
    const step = this.#model.carryOut(due, none, true)!;
    this.#take(due);
    this.#trail.push(step);
    this.#freeze(this.#trail.length);
  }

  /** Operations that may come next: none that waits was over before they began. */
  #candidates(): Operation[] {
    const w = this.#waiting;
    const found: Operation[] = [];
    let soonest = Number.POSITIVE_INFINITY;
    for (let k = this.#waitingFrom; k < w.length && found.length < candidatesMax; k++) {
      const op = w[k]!;
      if (op.done) continue;
      if (op.lo > soonest + clockSlack) break;
      if (!settled(op)) break;
      found.push(op);
      if (op.hi < soonest) soonest = op.hi;
    }
    const ready = found.filter((q) => q.lo <= soonest + clockSlack && found.every((p) => !precedes(p, q)));
    return (ready.length > 0 ? ready : found.slice(0, 1)).sort((a, b) => a.at - b.at || a.loEvent - b.loEvent);
  }

  #undo(step: Step): void {
    this.#model.undo(step);
    this.#untake(step.op);
  }

  #take(op: Operation): void {
    op.done = true;
    const w = this.#waiting;
    while (this.#waitingFrom < w.length && w[this.#waitingFrom]!.done) this.#waitingFrom++;
  }

  /** Put an undone operation back: it still lies in the queue, at or before the first that waits. */
  #untake(op: Operation): void {
    op.done = false;
    const w = this.#waiting;
    let k = Math.min(this.#waitingFrom, w.length - 1);
    while (k > 0 && w[k] !== op) k--;
    if (k < this.#waitingFrom && w[k] === op) this.#waitingFrom = k;
  }

  /** The oldest steps can no longer be undone: report them. */
  #freeze(count: number): void {
    for (let k = 0; k < count; k++) this.#report(this.#trail[k]!);
    this.#trail.splice(0, count);
  }

  #report(step: Step): void {
    if (step.reordered) this.reordered++;
    this.#model.settle(step);
    this.#sink.carried(step);
    for (const op of step.released) this.#sink.released(op);
  }

  #compact(): void {
    // Operations of undoable steps stay in the queue until they are frozen.
    const keep = this.#waitingFrom - trailMax * 8;
    if (keep > 4096) {
      this.#waiting.splice(0, keep);
      this.#waitingFrom -= keep;
    }
  }
}

/** p was over before q began; a mapping before its own end, whatever the clocks of two CPUs say. */
function precedes(p: Operation, q: Operation): boolean {
  if (p === q) return false;
  if (q.of === p) return true;
  if (q.previous === p) return true;
  if (p.unmap && p.previous !== null && !p.previous.done) {
    // Entries of one list are released in order: only the first of those that wait is compared.
    return false;
  }
  if (p.cpu === q.cpu) return p.hiEvent >= 0 && p.hiEvent <= q.loEvent;
  return p.hi + clockSlack < q.lo;
}

const settled = (op: Operation) => !Number.isNaN(op.address) && !Number.isNaN(op.hi);

/** Take what is known as all there is. */
function settle(op: Operation, now: number): void {
  if (Number.isNaN(op.address)) op.address = Outcome.unknown;
  if (Number.isNaN(op.hi)) op.hi = Math.max(op.lo, Math.min(now, op.lo + lookAhead));
}
