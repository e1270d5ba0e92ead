/** Scenarios and demonstrated bugs as `dmalab.run/1` documents, and the list of both. */
import type { Demonstrated, HistoricBug } from "../../lab/scenario/bugs/registry.js";
import type { Scenario } from "../../lab/scenario/scenario.js";
import type { RuleVerdict } from "../../lab/scenario/story.js";
import type { RunDocument, RunListDocument, ScenarioStory } from "../schema/documents.js";
import type { Told } from "./told.js";

export function scenarioDocument({ scenario, parts, seed, bug }: Told): RunDocument {
  const broken = parts.filter((p) => !p.contrast).flatMap((p) => p.verdicts.filter((v) => !v.holds));
  const { id, title, quotation, machine } = scenario;
  return around(
    {
      ...{ id, title, machine, seed, bug, demonstration: null },
      quotation: { ...quotation },
      parts: parts.map((p) => ({
        ...p,
        steps: p.steps.map((s) => ({
          ...s,
          facts: s.facts.map((f) => ({ ...f })),
          grid:
            s.grid === null ? null : { ...s.grid, columns: [...s.grid.columns], rows: s.grid.rows.map((r) => [...r]) },
        })),
        verdicts: p.verdicts.map((v) => ({ ...v })),
      })),
    },
    broken,
  );
}

export function demonstrationDocument({ bug, on, off }: Demonstrated): RunDocument {
  const steps = (taken: readonly { readonly actor: string; readonly said: string }[]) => taken.map((s) => ({ ...s }));
  const broken = on.broken === null ? [] : [{ rule: bug.rule, holds: false, seen: on.broken.how }];
  return around(
    {
      ...{ id: null, title: bug.title, quotation: null, machine: null, seed: 1, bug: bug.id, parts: [] },
      demonstration: {
        bug: bugDocument(bug),
        on: {
          broken: on.broken === null ? null : { how: on.broken.how, steps: steps(on.broken.steps) },
          runs: on.runs,
        },
        off: {
          ...{ holds: off.broken === null, orders: off.orders, complete: off.complete, steps: steps(off.first) },
          ...(off.states !== null && { states: off.states }),
        },
      },
    },
    broken,
  );
}

/** @param all every scenario there is: which of them can have a bug on is told also where they are not listed */
export function runListDocument(
  scenarios: readonly Scenario[],
  bugs: readonly HistoricBug[],
  all: readonly Scenario[],
): RunListDocument {
  return {
    schema: "dmalab.run-list/1",
    scenarios: scenarios.map((s) => ({ id: s.id, title: s.title, quotation: { ...s.quotation }, bugs: [...s.bugs] })),
    bugs: bugs.map((b) => ({
      ...bugDocument(b),
      scenarios: all.filter((s) => s.bugs.includes(b.id)).map((s) => s.id),
    })),
  };
}

const bugDocument = ({ id, title, year, source, rule, layer }: HistoricBug) => ({
  id,
  title,
  year,
  source,
  rule,
  layer,
});

const noKernel = "a scenario has no recorded kernel to compare with";

/** What only a recording has is there, and empty. */
function around(scenario: ScenarioStory, broken: readonly RuleVerdict[]): RunDocument {
  const totals = new Map<string, number>();
  for (const { rule } of broken) totals.set(rule, (totals.get(rule) ?? 0) + 1);
  const device = scenario.id ?? scenario.bug ?? "";
  return {
    schema: "dmalab.run/1",
    source: {
      ...{ format: "scenario", kernel: null, events: 0, lost: 0, cpus: 1 },
      ...{ from: null, to: null, warnings: [] },
    },
    machine: { kernel: null, cpus: 1, swiotlb: null, inferred: [], evidence: [] },
    maps: { total: 0, direct: 0, bounced: 0, translated: 0, foreign: 0, failed: 0 },
    pool: null,
    exact: {
      ...{ compared: 0, equal: 0, note: noKernel, corrections: 0, reordered: 0, mismatches: [] },
      ...{ decisions: { compared: 0, equal: 0 }, refusals: { compared: 0, equal: 0 } },
    },
    scenario,
    leaks: [],
    violations: broken.map(({ rule, seen }) => ({ rule, device, time: 0, detail: seen })),
    violationTotals: [...totals].map(([rule, count]) => ({ rule, count })),
    ...{ faults: [], unjudged: [], alive: [], exposure: [], unknowable: [], devices: [], whatIf: [] },
    audit: { counts: {}, notes: [] },
    advice: { swiotlb: null, because: noKernel, confidence: "unknown" },
  };
}
