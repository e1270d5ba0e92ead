/** Stories for programs: sentences of public discussions as something that happens, and the bugs that are switches here. */
import { type HistoricBug as BugRow, demonstrate, historicBugs } from "../../lab/scenario/bugs/registry.js";
import { type Scenario as ScenarioRow, seedlessWords } from "../../lab/scenario/scenario.js";
import { scenarios as scenarioRows } from "../../lab/scenario/tales/scenarios.js";
import { demonstrationDocument, type RunDocument, runListDocument, scenarioDocument } from "../../report/index.js";
import type { RunListDocument } from "../../report/schema/documents.js";
import { BadOption, checkNames, wholeNumber } from "../work_options.js";

/** A scenario that can be run. */
export type Scenario = RunListDocument["scenarios"][number];
/** A bug of the past that can be switched on. */
export type Bug = RunListDocument["bugs"][number];

const list = runListDocument(scenarioRows, historicBugs, scenarioRows);

/** Every scenario, with the sentence that it shows. */
export const scenarios: readonly Scenario[] = list.scenarios;

/** Every historic bug, with the rule that it breaks. */
export const bugs: readonly Bug[] = list.bugs;

/** How a scenario is run. */
export interface ScenarioOptions {
  /** Another order of the work; a scenario that has no other takes none. Default: 1. */
  readonly seed?: number;
  /** Have this bug on. */
  readonly bug?: string;
}

/**
 * Run a scenario, which takes a moment: its story is `scenario` in the document.
 * @throws BadOption for a name that there is not, a bug that the scenario does not show, or a seed that it has no use for.
 */
export function runScenario(id: string, options: ScenarioOptions = {}): RunDocument {
  const { seed = 1, bug = null } = checkNames(options, ["seed", "bug"]);
  const scenario = named<ScenarioRow>("scenario", id, scenarioRows);
  wholeNumber("seed", seed, 0, 2 ** 32 - 1);
  const seedless = seedlessWords(scenario);
  if (options.seed !== undefined && seedless !== null) throw new BadOption("seed", seed, seedless);
  if (bug !== null && !scenario.bugs.includes(bug)) {
    const known = scenario.bugs.length === 0 ? "it takes no bug" : `it takes ${scenario.bugs.join(", ")}`;
    throw new BadOption("bug", bug, `scenario ${id} does not show it; ${known}`);
  }
  return scenarioDocument({ scenario, parts: scenario.run({ seed, bugs: bug === null ? [] : [bug] }), seed, bug });
}

/**
 * Run a historic bug, on and off: the shortest run that breaks its rule, and every run without it.
 * @throws BadOption for a name that there is not.
 */
export function demonstrateBug(id: string): RunDocument {
  return demonstrationDocument(demonstrate(named<BugRow>("bug", id, historicBugs)));
}

function named<T extends { readonly id: string }>(kind: string, id: string, all: readonly T[]): T {
  const found = all.find((one) => one.id === id);
  if (found !== undefined) return found;
  throw new BadOption(kind, id, `there is ${all.map((one) => one.id).join(", ")}`);
}
