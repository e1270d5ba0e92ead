/** What replacements of entries look like in JSON. */
import { z } from "zod";

const count = z.number().int().nonnegative();

const way = z.looseObject({
  sequence: z.string(),
  verdict: z.enum(["hitless", "breaking", "unsafe"]),
  onlyAlone: z.boolean().describe("so only where no other device has the tag that the entry keeps"),
  owesFlush: z.boolean().describe("the old tag must be flushed before it serves again"),
  mixesAttributes: z.boolean().describe("a request may have attributes of one entry and tables of the other"),
  syncs: count.describe("waits until the unit has forgotten the entry"),
  steps: z.array(z.string()).describe("stores with the fields that they change, waits, flushes"),
  views: z
    .array(z.looseObject({ is: z.enum(["old", "new", "blocked", "attributes", "wrong"]), words: z.string() }))
    .describe("what the unit took the entry for, in any order"),
  broken: z.array(
    z.looseObject({
      rule: z.string(),
      says: z.string(),
      steps: z
        .array(z.looseObject({ actor: z.string(), does: z.string() }))
        .describe("the shortest run that breaks it"),
    }),
  ),
  states: count.describe("different states that were reached"),
  complete: z.boolean().describe("every state was reached; false: the search was cut"),
});

export const replaceSchema = z.looseObject({
  schema: z.literal("dmalab.replace/1"),
  structures: z.array(
    z.looseObject({
      structure: z.string(),
      fetchBits: count.describe("what the unit reads of an entry at once"),
      fetchOrder: z.string(),
      storeBits: count.describe("what the processor stores at once, at most"),
      kinds: z.array(z.looseObject({ kind: z.string(), title: z.string() })),
      sequences: z.array(
        z.looseObject({
          sequence: z.string(),
          title: z.string(),
          source: z.string(),
          ships: z.boolean().describe("a kernel of today does so"),
        }),
      ),
      pairs: z.array(
        z.looseObject({
          from: z.string(),
          to: z.string(),
          best: z.string().nullable().describe("a way that is hitless; null: none is"),
          ways: z.array(way),
        }),
      ),
    }),
  ),
});
