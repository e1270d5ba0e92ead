/** A run that was found, told by taking it again in a machine built anew. */
import { Misuse } from "../base/assert.js";
import type { ToldStep, Universe } from "./universe.js";

/** Which actor took its step, by its place in the universe, and in which of its ways. */
export interface Choice {
  readonly actor: number;
  readonly choice: number;
}

/** @throws Misuse `hidden-state` when a step of the run cannot be taken this time. */
export function tell(universe: Universe, choices: readonly Choice[]): readonly ToldStep[] {
  const { state, actors } = universe;
  if (!state.isNoting) state.begin();
  let seen = universe.facts?.() ?? {};
  return choices.map(({ actor: a, choice }, n) => {
    const actor = actors[a]!;
    if (choice >= actor.choices()) {
      throw new Misuse("hidden-state", `step ${n + 1}, of ${actor.name}, cannot be taken when the run is taken again`);
    }
    const step = actor.label(choice);
    const before = state.mark();
    actor.step(choice);
    const now = universe.facts?.() ?? {};
    const facts = Object.fromEntries(Object.entries(now).filter(([name, value]) => seen[name] !== value));
    seen = now;
    return { actor: actor.name, step, changes: state.changedSince(before), facts };
  });
}
