/**
 * When slots were released, as far as events bound it: a single mapping before its unmap event and after the event that
 * was written last in the same place, a list after its own event and before the next one there.
 */
import type { Operation } from "./operation.js";

/** How long a release can lie from its event when nothing else happened on that CPU: microseconds. */
export const releaseSpanMax = 5000;

export class ReleaseTimes {
  /** Time and number of the last event of each place: a CPU and a context. */
  readonly #lastTime = new Map<number, number>();
  readonly #lastEvent = new Map<number, number>();
  /** Releases of lists whose end is not known yet, by place. */
  readonly #open = new Map<number, Operation[]>();

  /** An event was written in a place: releases of a list before it are over. Called before it is looked at. */
  begin(place: number, time: number, event: number): void {
    if (this.#open.size === 0) return;
    const ops = this.#open.get(place);
    if (ops !== undefined) {
      for (const op of ops) end(op, Math.min(time, op.lo + releaseSpanMax), event);
      this.#open.delete(place);
    }
    for (const [other, late] of this.#open) {
      if (time - late[0]!.lo <= releaseSpanMax) continue;
      for (const op of late) end(op, op.lo + releaseSpanMax, event);
      this.#open.delete(other);
    }
  }

  /** The event was looked at. */
  end(place: number, time: number, event: number): void {
    this.#lastTime.set(place, time);
    this.#lastEvent.set(place, event);
  }

  /** The earliest moment of a release that an event at `time` reports. */
  earliest(place: number, time: number): number {
    return Math.max(this.#lastTime.get(place) ?? Number.NEGATIVE_INFINITY, time - releaseSpanMax);
  }

  /** The event after which it must lie; -1 when the place had none. */
  eventBefore(place: number): number {
    return this.#lastEvent.get(place) ?? -1;
  }

  /** Releases of a list have begun in a place. */
  open(place: number, ops: Operation[]): void {
    this.#open.set(place, ops);
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
