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
import type { Pool } from "../../sw/swiotlb/index.js";
import type { OperationSink } from "./joiner.js";
import { type Operation, Outcome } from "./operation.js";
import { type Alignments, type Refusal, refusalOf } from "./refusal.js";

/** What became of an operation on the model, in the order that was found. */
export interface Carried {
  readonly op: Operation;
  /** Where the model put or would have put it: bytes from the pool's start, -1 = refused. NaN: not the pool's matter. */
  readonly model: number;
  /** The kernel's place, or -1 when it refused; NaN when the recording does not show it. */
  readonly kernel: number;
  /** Model and kernel agree, as far as the recording shows. */
  readonly agrees: boolean;
  /** Why the model had no room, when it had none. */
  readonly refusal: Refusal | null;
}

export interface CarriedSink {
  carried(c: Carried): void;
  /** A list was refused: the kernel gave back what its earlier entries had. */
  released(op: Operation): void;
}

interface Step extends Carried {
  readonly area: number;
  readonly areaIndex: number;
  readonly hiwater: number;
  /** Entries of a refused list given back with this step. */
  readonly released: readonly Operation[];
  readonly group: Operation[] | undefined;
  /** Other operations that could have come here instead, best first. */
  readonly others: readonly Operation[];
  reordered: boolean;
}

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
/** Places of unknown holders learnt from one mapping. */
const doubtsMax = 512;
/** Shared, so that a step without alternatives allocates none. */
const none: readonly Operation[] = [];
/** Candidates looked at for one step. */
const candidatesMax = 64;

export class Ordering implements OperationSink {
  readonly #pool: Pool;
  readonly #alignments: Alignments;
  readonly #sink: CarriedSink;
  readonly #waiting: Operation[] = [];
  #waitingFrom = 0;
  readonly #trail: Step[] = [];
  /** Granted entries of lists that turn out refused, by task. */
  readonly #groups = new Map<number, Operation[]>();
  readonly #poolBytes: number;
  /** Operation that holds each allocation on the model, by its first slot. */
  readonly #holders = new Map<number, Operation>();
  /** Slots of which nothing is known yet; empty when the recording begins with an empty pool. */
  readonly #unseen: Uint8Array | null;
  /** First slot of the last place that the model chose and the kernel did not. */
  #doubted = -1;
  #doubts = 0;
  #tries = 0;
  #credit = creditMax;
  #deepest: Operation[] | null = null;
  #deepestLength = 0;
  corrections = 0;
  reordered = 0;

  /** @param unseen true when the pool was in use before the recording began, by mappings that are not known. */
  constructor(o: { pool: Pool; alignments: Alignments; sink: CarriedSink; unseen: boolean }) {
    this.#pool = o.pool;
    this.#alignments = o.alignments;
    this.#sink = o.sink;
    this.#poolBytes = o.pool.slots * 2048;
    this.#unseen = o.unseen ? new Uint8Array(o.pool.slots).fill(1) : null;
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
      const step = this.#carryOut(first, none, false);
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
      const step = this.#carryOut(candidates[k]!, k + 1 < candidates.length ? candidates.slice(k + 1) : none, false);
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
      const step = this.#carryOut(op, none, false);
      if (step === null) break;
      this.#take(op);
      this.#trail.push(step);
    }
    this.#forget();
    const candidates = this.#candidates();
    const due = candidates.reduce((a, b) => (b.hi < a.hi ? b : a));
    const step = this.#carryOut(due, none, true)!;
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

  /**
   * Carry an operation out on the model.
   * @returns null when the model does not do what the kernel did, unless `force` sets it so.
   */
  #carryOut(op: Operation, others: readonly Operation[], force: boolean): Step | null {
    if (op.unmap) return this.#unmap(op, others);
    const pool = this.#pool;
    const inside = op.address - pool.start;
    if (inside >= 0 && inside < this.#poolBytes) op.bounced = true;
    if (!op.bounced) return this.#step0(op, Number.NaN, Number.NaN, others);
    const kernel = op.address >= 0 ? (inside >= 0 && inside < this.#poolBytes ? inside : Number.NaN) : Outcome.refused;
    if (op.address >= 0 && Number.isNaN(kernel)) return this.#step0(op, Number.NaN, Number.NaN, others);
    const model = this.#find(op);
    switch (op.address) {
      case Outcome.unknown:
        return this.#step0(op, model, Number.NaN, others);
      case Outcome.granted:
        return model < 0 ? (force ? this.#step0(op, model, Number.NaN, others) : null) : this.#map(op, model, others);
      case Outcome.refusedList:
        return this.#mapOfRefusedList(op, model, others, force);
      case Outcome.refused:
        if (model >= 0 && pool.start + model + op.size - 1 > op.mask) {
          return { ...this.#step0(op, model, kernel, others), refusal: { reason: "mask", slots: 0 } };
        }
        if (model >= 0 && !force) return null;
        if (model >= 0) this.corrections++;
        return { ...this.#step0(op, model, kernel, others), agrees: model < 0, refusal: this.#refusal(op, model) };
      default:
        if (model === kernel) return this.#map(op, model, others);
        return force ? this.#correct(op, model, kernel) : null;
    }
  }

  #find(op: Operation): number {
    const a = this.#alignments,
      d = op.device;
    const high = Math.floor(op.orig / 2 ** 32),
      low = op.orig >>> 0;
    return this.#pool.find(op.cpu, high, low, op.size, a.minAlignMask(d), a.allocAlignMask(d), a.boundarySlots(d));
  }

  #refusal(op: Operation, model: number): Refusal | null {
    return model >= 0 ? null : refusalOf(this.#pool, op, this.#alignments);
  }

  #map(op: Operation, model: number, others: readonly Operation[]): Step {
    const pool = this.#pool;
    const area = Math.floor(model / 2048 / pool.areaSlots);
    const step = this.#step0(op, model, model, others, area);
    this.#place(op, model);
    return step;
  }

  #place(op: Operation, offset: number): boolean {
    const a = this.#alignments,
      d = op.device;
    const high = Math.floor(op.orig / 2 ** 32),
      low = op.orig >>> 0;
    if (!this.#pool.place(offset, high, low, op.size, a.minAlignMask(d), a.allocAlignMask(d))) return false;
    op.offset = offset;
    this.#holders.set(this.#pool.headAt(offset), op);
    return true;
  }

  #unplace(op: Operation): void {
    if (op.offset < 0) return;
    this.#holders.delete(this.#pool.headAt(op.offset));
    this.#pool.unmap(op.offset, this.#alignments.minAlignMask(op.device));
    op.offset = -1;
  }

  #unmap(op: Operation, others: readonly Operation[]): Step {
    const of = op.of!;
    const offset = of.offset;
    const step = this.#step0(op, offset, offset, others);
    this.#unplace(of);
    op.offset = offset;
    return step;
  }

  /** Entries are granted until one is not; then the kernel gives back the others. */
  #mapOfRefusedList(op: Operation, model: number, others: readonly Operation[], force: boolean): Step | null {
    const group = this.#groups.get(op.task);
    if (model >= 0 && !op.listEnd) {
      const step = this.#map(op, model, others);
      this.#groups.set(op.task, group === undefined ? [op] : [...group, op]);
      return { ...step, group };
    }
    if (model >= 0 && !force) return null;
    if (model >= 0) this.corrections++;
    const released = (group ?? []).filter((g) => g.offset >= 0);
    const refusal = this.#refusal(op, model);
    const step = { ...this.#step0(op, model, Outcome.refused, others), agrees: model < 0, refusal, released, group };
    this.#groups.delete(op.task);
    for (const g of released) {
      const offset = g.offset;
      this.#unplace(g);
      // Kept so that an undo can put it back.
      g.offset = -2 - offset;
    }
    return step;
  }

  /** Set the model to what the kernel did. */
  #correct(op: Operation, model: number, kernel: number): Step {
    this.corrections++;
    if (model >= 0) this.#doubt(op, model, kernel);
    const slots = Math.ceil((op.size + (op.address % 2048)) / 2048);
    const first = Math.floor(kernel / 2048);
    for (let slot = first; slot < first + slots; slot++) {
      const head = this.#pool.ownerHead(slot);
      if (head < 0) continue;
      const holder = this.#holders.get(head);
      if (holder !== undefined) this.#unplace(holder);
      else this.#pool.unmap(head * 2048, 0);
    }
    const step = { ...this.#step0(op, model, kernel, none), agrees: false };
    this.#place(op, kernel);
    return step;
  }

  /**
   * The kernel passed over slots that are free on the model. Once may be an order that was not found; where it happens
   * again and again, or where nothing was known of the slots, somebody holds them whom the recording does not show.
   */
  #doubt(op: Operation, model: number, kernel: number): void {
    const first = Math.floor(model / 2048);
    this.#doubts = this.#doubted === first ? this.#doubts + 1 : 0;
    this.#doubted = first;
    const again = this.#doubts >= 2;
    for (let n = 0; n < doubtsMax; n++) {
      const found = this.#find(op);
      const slot = Math.floor(found / 2048);
      if (found < 0 || found === kernel) return;
      if (!(again && n === 0) && (this.#unseen === null || this.#unseen[slot] === 0)) return;
      if (!this.#pool.place(slot * 2048, 0, 0, op.size, 0, 0)) return;
      this.#unseen?.fill(0, slot, slot + Math.ceil(op.size / 2048));
    }
  }

  #step0(op: Operation, model: number, kernel: number, others: readonly Operation[], area = -1): Step {
    return {
      op,
      model,
      kernel,
      agrees: true,
      refusal: null,
      area,
      areaIndex: area < 0 ? 0 : this.#pool.areaIndex(area),
      hiwater: this.#pool.hiwater,
      released: none,
      group: undefined,
      others,
      reordered: false,
    };
  }

  #undo(step: Step): void {
    const { op } = step;
    if (op.unmap) {
      if (op.offset >= 0) this.#restore(op.of!, op.offset);
      op.offset = -1;
    } else if (op.offset >= 0) {
      this.#unplace(op);
      if (step.area >= 0) this.#pool.setAreaIndex(step.area, step.areaIndex);
    }
    for (const g of step.released) this.#restore(g, -2 - g.offset);
    if (op.address === Outcome.refusedList) {
      if (step.group === undefined) this.#groups.delete(op.task);
      else this.#groups.set(op.task, step.group);
    }
    this.#pool.hiwater = step.hiwater;
    this.#untake(op);
  }

  #restore(of: Operation, offset: number): void {
    const area = Math.floor(offset / 2048 / this.#pool.areaSlots);
    const index = this.#pool.areaIndex(area);
    this.#place(of, offset);
    this.#pool.setAreaIndex(area, index);
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
    if (this.#unseen !== null && step.kernel >= 0) {
      const slots = Math.ceil((step.op.size + (step.op.address % 2048)) / 2048);
      const first = Math.floor(step.kernel / 2048);
      this.#unseen.fill(0, first, first + slots);
    }
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

/** p was over before q began. */
function precedes(p: Operation, q: Operation): boolean {
  if (p === q) return false;
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
