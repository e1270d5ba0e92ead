/** `dmalab run --scenarios, --scenario, --bugs, --bug`: stories and historic bugs, told and listed. */
import { demonstrate, type HistoricBug, historicBugs } from "../lab/scenario/bugs/registry.js";
import { brokenRules, type Scenario } from "../lab/scenario/scenario.js";
import { scenarios } from "../lab/scenario/scenarios.js";
import {
  bugsMarkdown,
  demonstrationDocument,
  demonstrationLines,
  runListDocument,
  runListLines,
  scenarioDocument,
  scenarioLines,
  scenarioMarkdown,
  scenariosMarkdown,
  type Told,
} from "../report/index.js";
import { AskedWrongly } from "./misuse.js";
import { screen } from "./terminal.js";

export interface ScenarioFlags {
  readonly scenarios?: boolean;
  readonly scenario?: string;
  readonly bugs?: boolean;
  readonly bug?: string;
  readonly seed?: number;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

/** @returns 1 when a rule broke that no contrast is there to break, else 0. Throws AskedWrongly for unknown names. */
export function runScenario(flags: ScenarioFlags): 0 | 1 {
  if (flags.scenario !== undefined) return tell(scenarioOf(flags.scenario), flags);
  if (flags.bug !== undefined) return show(bugOf(flags.bug), flags);
  const [told, bugs] = [flags.scenarios === true ? scenarios : [], flags.bugs === true ? historicBugs : []];
  if (flags.markdown === true)
    write(flags.bugs === true ? bugsMarkdown(bugs.map(demonstrate)) : scenariosMarkdown(told));
  else if (flags.json === true) json(runListDocument(told, bugs, scenarios));
  else lines(runListLines(told, bugs, screen()));
  return 0;
}

function tell(scenario: Scenario, flags: ScenarioFlags): 0 | 1 {
  const { bug = null, seed = 1 } = flags;
  if (bug !== null) bugOf(bug);
  if (bug !== null && !scenario.bugs.includes(bug))
    throw new AskedWrongly(
      `scenario ${scenario.id} does not show ${bug}; ${scenario.bugs.length === 0 ? "it takes no bug" : `it takes ${scenario.bugs.join(", ")}`}. dmalab run --bug ${bug} shows it alone`,
    );
  const parts = scenario.run({ seed, bugs: bug === null ? [] : [bug] });
  const told: Told = { scenario, parts, seed, bug };
  if (flags.markdown === true) write(scenarioMarkdown(told));
  else if (flags.json === true) json(scenarioDocument(told));
  else lines(scenarioLines(told, screen()));
  return brokenRules(parts).length > 0 ? 1 : 0;
}

function show(bug: HistoricBug, flags: ScenarioFlags): 0 | 1 {
  const demonstrated = demonstrate(bug);
  if (flags.markdown === true) write(bugsMarkdown([demonstrated]));
  else if (flags.json === true) json(demonstrationDocument(demonstrated));
  else lines(demonstrationLines(demonstrated, screen()));
  return demonstrated.on.broken !== null || demonstrated.off.broken !== null ? 1 : 0;
}

function scenarioOf(id: string): Scenario {
  return named("scenario", id, scenarios);
}

function bugOf(id: string): HistoricBug {
  return named("bug", id, historicBugs);
}

function named<T extends { readonly id: string }>(kind: string, id: string, all: readonly T[]): T {
  const found = all.find((o) => o.id === id);
  if (found !== undefined) return found;
  const near = all.filter((o) => o.id.includes(id) || id.includes(o.id)).map((o) => o.id);
  throw new AskedWrongly(
    `no ${kind} ${id}; ${near.length > 0 ? `perhaps ${near.join(", ")}` : `dmalab run --${kind}s lists them`}`,
  );
}

const write = (text: string): void => void process.stdout.write(text);
const json = (document: object): void => write(`${JSON.stringify(document, null, 2)}\n`);
const lines = (all: readonly string[]): void => write(`${all.join("\n")}\n`);
