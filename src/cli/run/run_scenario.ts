/** `dmalab run --scenarios, --scenario, --bugs, --bug, --page-lifetime`: stories and historic bugs, told and listed. */
import { didYouMean } from "../../base/nearest.js";
import { comparePolicies } from "../../lab/protocol/comparison.js";
import { demonstrate, type HistoricBug, historicBugs } from "../../lab/scenario/bugs/registry.js";
import { brokenRules, type Scenario, seedlessWords } from "../../lab/scenario/scenario.js";
import { scenarios } from "../../lab/scenario/tales/scenarios.js";
import {
  bugsMarkdown,
  demonstrationDocument,
  demonstrationLines,
  pageLifetimeDocument,
  pageLifetimeLines,
  pageLifetimeMarkdown,
  runListDocument,
  runListLines,
  scenarioDocument,
  scenarioLines,
  scenarioMarkdown,
  scenariosMarkdown,
  type Told,
} from "../../report/index.js";
import { AskedWrongly } from "../host/misuse.js";
import type { Session } from "../session/session.js";

export interface ScenarioFlags {
  readonly scenarios?: boolean;
  readonly scenario?: string;
  readonly bugs?: boolean;
  readonly bug?: string;
  readonly pageLifetime?: boolean;
  readonly seed?: number;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

/** @returns 1 when a rule broke that no contrast is there to break, else 0. Throws AskedWrongly for unknown names. */
export async function runScenario(flags: ScenarioFlags, session: Session): Promise<0 | 1> {
  if (flags.scenario !== undefined) return tell(scenarioOf(flags.scenario), flags, session);
  if (flags.bug !== undefined) return show(bugOf(flags.bug), flags, session);
  if (flags.pageLifetime === true) return compare(flags, session);
  const [told, bugs] = [flags.scenarios === true ? scenarios : [], flags.bugs === true ? historicBugs : []];
  if (flags.json === true) session.json(runListDocument(told, bugs, scenarios));
  else if (flags.markdown !== true) session.say(runListLines(told, bugs, session.screen));
  else {
    const pages = [
      ...(told.length === 0 ? [] : [scenariosMarkdown(told)]),
      ...(bugs.length === 0
        ? []
        : [await session.during("running the bugs", () => bugsMarkdown(bugs.map(demonstrate)))]),
    ];
    session.print([pages.join("\n")]);
  }
  return 0;
}

/** A comparison has no side that is wrong: what policies break is what it is asked for. */
async function compare(flags: ScenarioFlags, session: Session): Promise<0> {
  const all = await session.during("running every policy with every device", comparePolicies);
  if (flags.markdown === true) session.print([pageLifetimeMarkdown(all)]);
  else if (flags.json === true) session.json(pageLifetimeDocument(all));
  else session.say(pageLifetimeLines(all, session.screen));
  return 0;
}

async function tell(scenario: Scenario, flags: ScenarioFlags, session: Session): Promise<0 | 1> {
  const { bug = null, seed = 1 } = flags;
  const seedless = seedlessWords(scenario);
  if (flags.seed !== undefined && seedless !== null) throw new AskedWrongly(seedless);
  if (bug !== null) bugOf(bug);
  if (bug !== null && !scenario.bugs.includes(bug))
    throw new AskedWrongly(
      `scenario ${scenario.id} does not show ${bug}; ${scenario.bugs.length === 0 ? "it takes no bug" : `it takes ${scenario.bugs.join(", ")}`}. dmalab run --bug ${bug} shows it alone`,
    );
  const parts = await session.during(`running ${scenario.id}`, () =>
    scenario.run({ seed, bugs: bug === null ? [] : [bug] }),
  );
  const told: Told = { scenario, parts, seed, bug };
  if (flags.markdown === true) session.print([scenarioMarkdown(told)]);
  else if (flags.json === true) session.json(scenarioDocument(told));
  else session.say(scenarioLines(told, session.screen));
  return brokenRules(parts).length > 0 ? 1 : 0;
}

async function show(bug: HistoricBug, flags: ScenarioFlags, session: Session): Promise<0 | 1> {
  const demonstrated = await session.during(`running ${bug.id}`, () => demonstrate(bug));
  if (flags.markdown === true) session.print([bugsMarkdown([demonstrated])]);
  else if (flags.json === true) session.json(demonstrationDocument(demonstrated));
  else session.say(demonstrationLines(demonstrated, session.screen));
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
  const meant = didYouMean(
    id,
    all.map((o) => o.id),
  );
  throw new AskedWrongly(`no ${kind} ${id}${meant}; dmalab run --${kind}s lists them`);
}
