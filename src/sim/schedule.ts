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

/**
 * Let actors take steps until none is ready. Each that is ready is as likely to be next as any other.
 * @param stepMax steps after which the run is cut
 */
export function runUntilIdle(actors: readonly Actor[], rng: Rng, stepMax: number): Ran {
  const ready: Actor[] = [];
  for (let steps = 0; steps < stepMax; steps++) {
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
  return { steps: stepMax, idle: false };
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
