/**
 * When slots were released, as far as events bound it: a single mapping before its unmap event and after the event that
 * was written last in the same lane, a list after its own event and before the next one there.
 *
 * A lane is a CPU in one kind of code: what runs there does one thing after another.
 */
import { longer } from "../contracts/columns.js";
import type { Mappings } from "../contracts/mappings.js";
import { mappingOf, none } from "../contracts/operation.js";

/** How long a release can lie from its event when nothing else happened on that CPU: microseconds. */
export const releaseSpanMax = 5000;

/** @param context a `Context`: 0 to 3, or 255 */
export const laneOf = (cpu: number, context: number): number => cpu * 8 + (context & 7);

export class ReleaseTimes {
  readonly #maps: Mappings;
  /** Time and number of the last event of each lane. */
  #lastTime = new Float64Array(64).fill(Number.NEGATIVE_INFINITY);
  #lastEvent = new Float64Array(64).fill(none);
  /** The last end of a list whose releases are not known to be over, by lane; and the lanes that have one. */
  #open = new Int32Array(64).fill(none);
  readonly #openLanes: number[] = [];

  constructor(maps: Mappings) {
    this.#maps = maps;
  }

  /** An event was written in a lane: releases of a list before it are over. Called before it is looked at. */
  beforeEvent(lane: number, time: number, event: number): void {
    if (lane >= this.#open.length) this.#makeRoom(lane);
    const lanes = this.#openLanes;
    for (let k = lanes.length - 1; k >= 0; k--) {
      const open = lanes[k]!;
      const latest = this.#maps.lo[this.#open[open]!]! + releaseSpanMax;
      if (open === lane) this.#close(k, Math.min(time, latest), event);
      else if (time > latest) this.#close(k, latest, event);
    }
  }

  /** The event was looked at. */
  afterEvent(lane: number, time: number, event: number): void {
    this.#lastTime[lane] = time;
    this.#lastEvent[lane] = event;
  }

  /** The earliest moment of a release that an event at `time` reports. */
  earliest(lane: number, time: number): number {
    return Math.max(this.#lastTime[lane]!, time - releaseSpanMax);
  }

  /** The event after which it must lie; -1 when the lane had none. */
  eventBefore(lane: number): number {
    return this.#lastEvent[lane]!;
  }

  /**
   * Releases of a list have begun in a lane. Its mappings, which the joiner has kept, are dropped when they are over.
   * @param last end of its last entry, which names those before it
   */
  open(lane: number, last: number): void {
    this.#open[lane] = last;
    this.#openLanes.push(lane);
  }

  /** The recording has ended at `now`. */
  finish(now: number): void {
    for (let k = this.#openLanes.length - 1; k >= 0; k--) this.#close(k, now, none);
  }

  #close(k: number, time: number, event: number): void {
    const lane = this.#openLanes[k]!;
    this.#openLanes[k] = this.#openLanes[this.#openLanes.length - 1]!;
    this.#openLanes.pop();
    const { previous, hi, hiEvent } = this.#maps;
    for (let op = this.#open[lane]!; op !== none; ) {
      hi[op] = time;
      if (event !== none) hiEvent[op] = event;
      const before = previous[op]!;
      this.#maps.drop(mappingOf(op));
      op = before;
    }
    this.#open[lane] = none;
  }

  #makeRoom(lane: number): void {
    const length = 2 * lane;
    this.#lastTime = longer(this.#lastTime, length, Number.NEGATIVE_INFINITY);
    this.#lastEvent = longer(this.#lastEvent, length, none);
    this.#open = longer(this.#open, length, none);
  }
}
