/**
 * One run of several actors: who comes next, and in which of its ways, is drawn from a seed, so the seed is the run.
 *
 * An actor is a program of atomic steps. Between two steps of one actor any other may come; inside a step none can.
 */
import type { Rng } from "../base/rng.js";
import type { Actor } from "./actor.js";

export interface Ran {
  readonly steps: number;
  /** Nobody had anything left to do; false when the limit came first. */
  readonly idle: boolean;
}

/** Draws before all actors are asked: most often one of the first is ready, and asking all of them is the larger part. */
const draws = 4;

/** Steps after which a run stops for a moment: a few milliseconds of work. */
const stretch = 512;

/**
 * Let actors take steps until none is ready. Each that is ready is as likely to be next as any other.
 * @param stepMax steps after which the run is cut
 */
export function runUntilIdle(actors: readonly Actor[], rng: Rng, stepMax: number): Ran {
  return steps(actors, rng, { from: 0, to: stepMax });
}

/** The same, with a stop now and then, at which it gives the steps taken. @param taken steps that were taken before */
export function* runningUntilIdle(
  actors: readonly Actor[],
  rng: Rng,
  stepMax: number,
  taken = 0,
): Generator<number, Ran, void> {
  for (let from = taken; ; from += stretch) {
    const to = Math.min(stepMax, from + stretch);
    const ran = steps(actors, rng, { from, to });
    if (ran.idle || to === stepMax) return ran;
    yield to;
  }
}

function steps(actors: readonly Actor[], rng: Rng, o: { readonly from: number; readonly to: number }): Ran {
  const ready: Actor[] = [];
  for (let steps = o.from; steps < o.to; steps++) {
    const lucky = drawn(actors, rng);
    if (lucky !== null) {
      step(lucky, rng);
      continue;
    }
    ready.length = 0;
    for (const a of actors) if (a.choices() > 0) ready.push(a);
    if (ready.length === 0) return { steps, idle: true };
    step(ready[rng.below(ready.length)]!, rng);
  }
  return { steps: o.to, idle: false };
}

function drawn(actors: readonly Actor[], rng: Rng): Actor | null {
  for (let n = 0; n < draws && actors.length > 0; n++) {
    const a = actors[rng.below(actors.length)]!;
    if (a.choices() > 0) return a;
  }
  return null;
}

function step(actor: Actor, rng: Rng): void {
  const count = actor.choices();
  actor.step(count === 1 ? 0 : rng.below(count));
}
