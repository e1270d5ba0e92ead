/** One machine explored, whatever kind it is of. */
import { explore, type Options } from "../../check/explore.js";
import type { Limits, ToldStep, Universe } from "../../check/universe.js";
import { type HistoricBug, historicBugs } from "../scenario/bugs/registry.js";
import { runsMax, searchShortest } from "../scenario/bugs/shortest.js";
import type { CheckedMachine, CheckedStep } from "./checked.js";

export interface Search {
  readonly limits: Limits;
  readonly progress?: NonNullable<Options["progress"]>;
}

export const bugOf = (id: string): HistoricBug => historicBugs.find((bug) => bug.id === id)!;

/** @param mustSee names of `sometimes` without which nothing was shown */
export function checkUniverse(
  name: string,
  build: () => Universe,
  { limits, progress }: Search,
  mustSee: readonly string[] = [],
): CheckedMachine {
  const { always, atRest } = build();
  const found = explore(build, limits, progress === undefined ? {} : { progress });
  const { states, transitions, complete, bounded, violated, sometimes } = found;
  return {
    ...{ name, bug: null, orders: null, states, transitions, complete, bounded, sometimes },
    invariants: [...Object.keys(always), ...Object.keys(atRest ?? {})],
    violated: violated === null ? null : { invariant: violated.invariant, steps: violated.steps.map(told) },
    // A search that was ended by what it found has not looked everywhere.
    unseen: complete ? mustSee.filter((what) => sometimes[what] !== true) : [],
  };
}

/** @param on is the bug on? With it, only the rule that it is known for is looked at */
export function checkBug({ id, demonstration }: HistoricBug, on: boolean, search: Search): CheckedMachine {
  const bug = on ? id : null;
  if ("universe" in demonstration) {
    const { universe, rule } = demonstration;
    return { ...checkUniverse(id, () => (on ? only(universe(true), rule) : universe(false)), search), bug };
  }
  const { broken, runs, orders, complete } = searchShortest(() => demonstration.world(on));
  return {
    ...{ name: id, bug, states: null, orders, transitions: runs, complete },
    bounded: complete || broken !== null ? null : { by: "runs", max: runsMax },
    violated:
      broken === null
        ? null
        : {
            invariant: bugOf(id).rule,
            steps: broken.steps.map(({ actor, said }, n) => ({
              ...{ actor, step: said, changes: [] },
              detail: n === broken.steps.length - 1 ? broken.how : "",
            })),
          },
    ...{ invariants: [bugOf(id).rule], sometimes: {}, unseen: [] },
  };
}

/** The universe with one of its rules. */
function only(universe: Universe, rule: string): Universe {
  const kept = (rules: Universe["always"]) =>
    Object.fromEntries(Object.entries(rules).filter(([name]) => name === rule));
  return { ...universe, always: kept(universe.always), atRest: kept(universe.atRest ?? {}) };
}

function told({ actor, step, changes, facts }: ToldStep): CheckedStep {
  const seen = Object.entries(facts).map(([name, value]) => `${name}: ${value}`);
  return { actor, step, detail: seen.join("; "), changes };
}
