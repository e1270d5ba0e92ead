/**
 * When slots were released, as far as events bound it: a single mapping before its unmap event and after the event that
 * was written last in the same lane, a list after its own event and before the next one there.
 */
import type { Operation } from "../contracts/operation.js";

/** How long a release can lie from its event when nothing else happened on that CPU: microseconds. */
export const releaseSpanMax = 5000;

export class ReleaseTimes {
  /** Time and number of the last event of each lane: a CPU and a context. */
  readonly #lastTime = new Map<number, number>();
  readonly #lastEvent = new Map<number, number>();
  /** Releases of lists whose end is not known yet, by lane. */
  readonly #open = new Map<number, Operation[]>();

  /** An event was written in a lane: releases of a list before it are over. Called before it is looked at. */
  beforeEvent(lane: number, time: number, event: number): void {
    if (this.#open.size === 0) return;
    const ops = this.#open.get(lane);
    if (ops !== undefined) {
      for (const op of ops) end(op, Math.min(time, op.lo + releaseSpanMax), event);
      this.#open.delete(lane);
    }
    for (const [other, late] of this.#open) {
      if (time - late[0]!.lo <= releaseSpanMax) continue;
      for (const op of late) end(op, op.lo + releaseSpanMax, event);
      this.#open.delete(other);
    }
  }

  /** The event was looked at. */
  afterEvent(lane: number, time: number, event: number): void {
    this.#lastTime.set(lane, time);
    this.#lastEvent.set(lane, event);
  }

  /** The earliest moment of a release that an event at `time` reports. */
  earliest(lane: number, time: number): number {
    return Math.max(this.#lastTime.get(lane) ?? Number.NEGATIVE_INFINITY, time - releaseSpanMax);
  }

  /** The event after which it must lie; -1 when the lane had none. */
  eventBefore(lane: number): number {
    return this.#lastEvent.get(lane) ?? -1;
  }

  /** Releases of a list have begun in a lane. */
  open(lane: number, ops: Operation[]): void {
    this.#open.set(lane, ops);
  }

  /** The recording has ended at `now`. */
  finish(now: number): void {
    for (const ops of this.#open.values()) for (const op of ops) op.hi = now;
    this.#open.clear();
  }
}

function end(op: Operation, time: number, event: number): void {
  op.hi = time;
  op.hiEvent = event;
}
