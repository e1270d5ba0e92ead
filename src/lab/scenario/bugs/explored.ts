/** Demonstrations on machines whose state is declared: every state instead of every order. */
import { explore } from "../../../check/explore.js";
import type { ToldStep, Universe } from "../../../check/universe.js";
import type { Searched, Taken } from "./shortest.js";

const limits = { statesMax: 50_000, bytesMax: 2 ** 28 };
const end = "the first end";

/** @param rule the one that is looked at; left out: all that the universe has */
export function searchStates(build: () => Universe, rule: string | null): Searched {
  const only = (rules: Universe["always"]) =>
    rule === null ? rules : Object.fromEntries(Object.entries(rules).filter(([name]) => name === rule));
  const looked = () => {
    const universe = build();
    const atRest = { ...only(universe.atRest ?? {}), ...(rule === null && { [end]: () => false }) };
    return { ...universe, always: only(universe.always), atRest };
  };
  const found = explore(looked, limits, { auditEvery: 0, goesOn: rule === null });
  const broken = found.violations.find((v) => v.invariant !== end);
  return {
    broken: broken === undefined ? null : { steps: told(broken.steps), how: broken.invariant },
    runs: found.transitions,
    orders: found.atRest,
    states: found.states,
    complete: found.bounded === null && (rule === null || broken === undefined),
    first: told(found.violations.find((v) => v.invariant === end)?.steps ?? []),
  };
}

const told = (steps: readonly ToldStep[]): readonly Taken[] =>
  steps.map(({ actor, step, facts }) => {
    const seen = Object.entries(facts).map(([name, value]) => `${name}: ${value}`);
    return { actor, said: [step, ...seen].join("; ") };
  });
