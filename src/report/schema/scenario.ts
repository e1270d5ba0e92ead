/** What a told scenario, a demonstrated bug and the list of both look like in JSON. */
import { z } from "zod";

const count = z.number().int().nonnegative();

const part = z
  .looseObject({
    title: z.string(),
    contrast: z.boolean().describe("shows how it goes otherwise: its broken rules are no fault"),
    steps: z.array(
      z.looseObject({
        actor: z.string(),
        does: z.string(),
        facts: z.array(z.looseObject({ name: z.string(), value: z.string() })),
        grid: z
          .looseObject({ title: z.string(), columns: z.array(z.string()), rows: z.array(z.array(z.string())) })
          .nullable(),
      }),
    ),
    verdicts: z.array(z.looseObject({ rule: z.string(), holds: z.boolean(), seen: z.string() })),
  })
  .meta({ id: "ScenarioPart", description: "one telling: its steps, and which rules held" });

const quotation = z.looseObject({ text: z.string(), author: z.string(), date: z.string(), where: z.string() });

const bug = z
  .looseObject({
    id: z.string(),
    title: z.string(),
    year: count,
    source: z.string().describe("commit, advisory or discussion"),
    rule: z.string().describe("what must hold, and does not with the bug"),
    layer: z.string(),
  })
  .meta({ id: "HistoricBug", description: "a bug of the past that is a switch here" });

const steps = z.array(z.looseObject({ actor: z.string(), said: z.string() }));

const demonstration = z
  .looseObject({
    bug,
    on: z.looseObject({
      broken: z.looseObject({ how: z.string(), steps }).nullable().describe("the shortest run that breaks the rule"),
      runs: count,
    }),
    off: z.looseObject({
      holds: z.boolean(),
      orders: count.describe("orders that came to their end; of a search of states: ends"),
      states: count.optional().describe("different states that were reached, where states were searched"),
      complete: z.boolean(),
      steps,
    }),
  })
  .meta({ id: "BugDemonstration", description: "the shortest run with the bug, and all runs without" });

export const scenarioSchema = z
  .looseObject({
    id: z.string().nullable().describe("null when a bug alone is demonstrated"),
    title: z.string(),
    quotation: quotation.nullable(),
    machine: z.string().nullable(),
    seed: count,
    bug: z.string().nullable(),
    parts: z.array(part),
    demonstration: demonstration.nullable(),
  })
  .meta({ id: "ScenarioStory", description: "what a scenario, or a bug, showed" });

export const runListSchema = z.looseObject({
  schema: z.literal("dmalab.run-list/1"),
  scenarios: z.array(z.looseObject({ id: z.string(), title: z.string(), quotation, bugs: z.array(z.string()) })),
  bugs: z.array(bug.extend({ scenarios: z.array(z.string()).describe("scenarios that can have it on") })),
});
