/** What a check found, and what can be checked, in JSON. */
import { z } from "zod";

const count = z.number().int().nonnegative();

const bounded = z
  .looseObject({ by: z.enum(["states", "bytes", "seconds", "runs"]), max: z.number() })
  .nullable()
  .describe("what ended the search before all was reached; null: nothing did");

const violated = z
  .looseObject({
    invariant: z.string().describe("what must hold, and does not"),
    steps: z
      .array(
        z.looseObject({
          actor: z.string(),
          step: z.string(),
          detail: z.string().describe("what there was to see after it that was not before; empty: nothing"),
          changes: z
            .array(z.looseObject({ part: z.string(), cell: z.string(), from: z.number(), to: z.number() }))
            .describe("what it wrote; empty where programs are run in every order"),
        }),
      )
      .describe("a shortest run to it"),
  })
  .nullable()
  .describe("the first that was found; null: none was");

const sometimes = z
  .record(z.string(), z.boolean())
  .describe("what was looked for in any state, and whether it was seen");
const unseen = z.array(z.string()).describe("of it, what had to be seen and was not: then nothing was shown");

const machine = z.looseObject({
  name: z.string().describe("own: of the universe's values; else the bug whose machine it is"),
  bug: z.string().nullable().describe("the bug that was on"),
  states: count.nullable().describe("different states; null where programs are run in every order"),
  orders: count.nullable().describe("orders that came to their end; null where states are told apart"),
  transitions: count.describe("steps between states; runs, where programs are run in every order"),
  complete: z.boolean().describe("all of it was reached"),
  bounded,
  violated,
  invariants: z.array(z.string()).describe("what was looked at in every state, or at its end"),
  sometimes,
  unseen,
});

export const checkSchema = z.looseObject({
  schema: z.literal("dmalab.check/1"),
  protocol: z.string(),
  title: z.string(),
  bug: z.string().nullable().describe("with one, what follows is of the search with it"),
  universe: z.record(z.string(), z.string()).describe("values of the protocol's parameters; empty where it has none"),
  states: count.describe("of all machines that were asked for"),
  orders: count,
  transitions: count,
  complete: z
    .boolean()
    .describe("all of every machine was reached: with nothing violated and nothing unseen a proof for them"),
  bounded,
  violated,
  sometimes,
  unseen,
  machines: z.array(machine).describe("each that was explored; with a bug: with it, and without it"),
});

export const checkListSchema = z.looseObject({
  schema: z.literal("dmalab.check-list/1"),
  protocols: z.array(
    z.looseObject({
      id: z.string(),
      title: z.string(),
      parameters: z.array(
        z.looseObject({ name: z.string(), about: z.string(), values: z.array(z.string()), usual: z.string() }),
      ),
      bugs: z.array(z.string()),
    }),
  ),
  bugs: z.array(
    z.looseObject({
      id: z.string(),
      protocol: z.string(),
      title: z.string(),
      year: count,
      source: z.string().describe("commit, advisory or discussion"),
      invariant: z.string().describe("what must hold, and does not with the bug"),
      status: z.enum(["fixed", "candidate"]).describe("candidate: found by reading, and confirmed by nobody"),
      layer: z.string(),
    }),
  ),
});
