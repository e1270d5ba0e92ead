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
import type { Mappings } from "../contracts/mappings.js";
import { beginOf, isEnd, mappingOf, Outcome } from "../contracts/operation.js";
import type { CarriedSink, OperationSink } from "../contracts/sinks.js";
import { Candidates, clockSlack } from "./candidates.js";
import { type ModelOptions, PoolModel } from "./pool_model.js";
import { Queue } from "./queue.js";
import type { Step } from "./step.js";
import { Trail } from "./trail.js";

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
/** So many more steps than ever before show that a knot is behind. */
const behind = 4;

export class Ordering implements OperationSink {
  readonly #maps: Mappings;
  readonly #model: PoolModel;
  readonly #sink: CarriedSink;
  readonly #queue: Queue;
  readonly #candidates: Candidates;
  readonly #trail = new Trail();
  #tries = 0;
  #credit = creditMax;
  /** Operations of the longest trail since the search met a knot; null where there is none. */
  #deepest: number[] | null = null;
  reordered = 0;

  constructor(o: ModelOptions & { readonly sink: CarriedSink }) {
    this.#maps = o.maps;
    this.#model = new PoolModel(o);
    this.#sink = o.sink;
    this.#queue = new Queue(o.maps);
    this.#candidates = new Candidates(o.maps, this.#queue);
  }

  /** Times that the model was set to the kernel's state. */
  get corrections(): number {
    return this.#model.corrections;
  }

  /** A mapping from before the recording, whose slots are taken on the pool already. */
  hold(m: number, offset: number): void {
    this.#model.hold(m, offset);
  }

  /** Operations come nearly in the order of `lo`. */
  push(op: number): void {
    this.#queue.push(op);
  }

  /** Settle what lies far enough behind `now`. */
  advance(now: number): void {
    const queue = this.#queue;
    while (queue.length > 0) {
      const head = queue.at(queue.first);
      const crowded = queue.length > waitingMax;
      if (!crowded && (now < this.#maps.lo[head]! + lookAhead || !this.#maps.isSettled(head))) break;
      if (crowded) this.#settle(head, now);
      else if (this.#candidates.unknownBefore(head)) break;
      this.#step();
    }
    this.#compact();
  }

  /** Settle everything: there are no more operations. */
  finish(now: number): void {
    const queue = this.#queue;
    while (queue.length > 0) {
      this.#settle(queue.at(queue.first), now);
      this.#step();
    }
    this.#freeze(this.#trail.length);
    this.#compact();
  }

  /** Take what is known as all there is. */
  #settle(op: number, now: number): void {
    const { lo, hi, outcome } = this.#maps;
    const m = mappingOf(op);
    if (!isEnd(op) && outcome[m] === Outcome.open) outcome[m] = Outcome.unknown;
    if (hi[op] === Number.POSITIVE_INFINITY) hi[op] = Math.max(lo[op]!, Math.min(now, lo[op]! + lookAhead));
  }

  #step(): void {
    const queue = this.#queue;
    const step = this.#trail.next;
    const first = queue.at(queue.first);
    const isAlone =
      queue.first + 1 === queue.end || this.#maps.lo[queue.at(queue.first + 1)]! > this.#maps.hi[first]! + clockSlack;
    if (isAlone) {
      step.candidates[0] = first;
      step.candidateCount = 1;
      step.next = 0;
    } else this.#candidates.into(step);
    if (this.#try(step)) return;
    if (this.#deepest === null || this.#trail.length > this.#deepest.length) this.#deepest = this.#operations();
    this.#backtrack();
  }

  /** Take the first candidate left that the kernel's addresses allow. */
  #try(step: Step): boolean {
    for (const begin = step.next; step.next < step.candidateCount; ) {
      const op = step.candidates[step.next++]!;
      if (!this.#model.carryOut(op, step, false)) continue;
      step.reordered = step.next > begin + 1;
      this.#accept(step);
      return true;
    }
    return false;
  }

  #accept(step: Step): void {
    this.#add(step);
    if (this.#credit < creditMax) this.#credit += triesPerOperation;
    if (this.#deepest !== null && this.#trail.length > this.#deepest.length + behind) this.#forget();
    if (this.#trail.length >= 2 * trailMax && this.#deepest === null) this.#freeze(trailMax);
  }

  #add(step: Step): void {
    step.queueFrom = this.#queue.first;
    this.#queue.take(step.op);
    this.#trail.add();
  }

  #forget(): void {
    this.#deepest = null;
    this.#tries = 0;
  }

  /** No candidate fits: undo steps until another choice opens, or settle for a difference. */
  #backtrack(): void {
    while (this.#trail.length > 0 && this.#tries < triesMax && this.#credit > 0) {
      const step = this.#undo();
      this.#tries++;
      this.#credit -= 1 + triesPerOperation;
      if (step.next < step.candidateCount && this.#try(step)) return;
    }
    this.#giveUp();
  }

  /** Go back to where most was explained and set the model to the kernel's state there. */
  #giveUp(): void {
    while (this.#trail.length > 0) this.#undo();
    for (const op of this.#deepest ?? []) {
      const step = this.#trail.next;
      step.reordered = false;
      step.candidateCount = 0;
      step.next = 0;
      if (!this.#model.carryOut(op, step, false)) break;
      this.#add(step);
    }
    this.#forget();
    const step = this.#trail.next;
    this.#candidates.into(step);
    step.reordered = false;
    this.#model.carryOut(this.#candidates.due(step), step, true);
    this.#add(step);
    this.#freeze(this.#trail.length);
  }

  #undo(): Step {
    const step = this.#trail.pop();
    this.#model.undo(step);
    this.#queue.untake(step.op, step.queueFrom);
    return step;
  }

  #operations(): number[] {
    return Array.from({ length: this.#trail.length }, (_, k) => this.#trail.at(k).op);
  }

  /** The oldest steps can no longer be undone: report them. */
  #freeze(count: number): void {
    for (let k = 0; k < count; k++) this.#report(this.#trail.at(k));
    this.#trail.shift(count);
  }

  #report(step: Step): void {
    const { op } = step;
    if (step.reordered) this.reordered++;
    if (isEnd(op)) this.#sink.unmapped(mappingOf(op), this.#maps.at[op]!);
    else this.#sink.mapped(mappingOf(op), step);
    step.closed?.forEach((entry, k) => {
      if (step.closedOffsets![k]! >= 0) this.#sink.released(entry, this.#maps.hi[beginOf(entry)]!);
    });
    this.#model.settle(step);
  }

  /** What lies before the oldest step that may be undone was reported. */
  #compact(): void {
    const trail = this.#trail;
    const moved = this.#queue.giveUp(trail.length > 0 ? trail.at(0).queueFrom : this.#queue.first);
    for (let k = 0; moved > 0 && k < trail.length; k++) trail.at(k).queueFrom -= moved;
  }
}
