/**
 * State that nobody declared, caught: a machine built anew that takes the same choices must come to the same words, and
 * offer the same choices from there. What a component keeps in a field of its own makes the two differ.
 */
import { Misuse } from "../base/assert.js";
import type { MachineState } from "../state/machine_state.js";
import { type Choice, tell } from "./told.js";
import type { Universe } from "./universe.js";

/**
 * @param found the universe, in the state that `choices` led to
 * @param anew the same universe just built
 * @throws Misuse `hidden-state` with what differs.
 */
export function auditHidden(found: Universe, anew: Universe, choices: readonly Choice[]): void {
  tell(anew, choices);
  const where = wordsThatDiffer(found.state, anew.state);
  const steps = `after ${choices.length} steps`;
  if (where !== null) throw new Misuse("hidden-state", `${steps} ${where} differs when the run is taken again`);
  for (const [i, actor] of found.actors.entries()) {
    const [once, again] = [actor.choices(), anew.actors[i]!.choices()];
    if (once === again) continue;
    const said = `${actor.name} had ${once} choices ${steps}, and has ${again} when the run is taken again`;
    throw new Misuse("hidden-state", said);
  }
}

function wordsThatDiffer(a: MachineState, b: MachineState): string | null {
  for (let n = 0; n < a.recordCount; n++) {
    const [one, other] = [a.parts[n]!, b.parts[n]!];
    for (let i = 0; i < one.wordCount; i++) if (one.words[i] !== other.words[i]) return `${one.name}, word ${i},`;
  }
  return linesThatDiffer(a, b) ?? linesThatDiffer(b, a);
}

function linesThatDiffer(a: MachineState, b: MachineState): string | null {
  for (const part of a.parts.slice(a.recordCount)) {
    const other = b.sameLine(part, a)?.copy() ?? part.start;
    if (part.copy().some((word, i) => word !== other[i])) return part.name;
  }
  return null;
}
