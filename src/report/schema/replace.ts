/** What replacements of entries look like in JSON. */
import { z } from "zod";

const count = z.number().int().nonnegative();
const vendor = z.enum(["vtd", "amdvi", "smmuv3"]);

const row = z.looseObject({
  vendor,
  structure: z.string().describe("whose entries: a name of `structures`"),
  from: z.string(),
  to: z.string(),
  method: z.string().describe("a name of the structure's `methods`"),
  ships: z.boolean().describe("a kernel of today does so"),
  best: z.boolean().describe("the best way of this pair: hitless, without a condition if there is such a one"),
  fetchBits: count.describe("what the unit reads of an entry at once"),
  fetchOrder: z.string(),
  syncs: count.describe("waits until the unit has forgotten the entry"),
  verdict: z.enum(["hitless", "breaking", "unsafe"]),
  forbidden: z.string().nullable().describe("why hardware's document does not allow it; null: it does"),
  onlyAlone: z.boolean().describe("so only where no other device has the tag that the entry keeps"),
  owesFlush: z.boolean().describe("the old tag must be flushed before it serves again"),
  mixesAttributes: z.boolean().describe("a request may have attributes of one entry and tables of the other"),
  states: count.describe("different states that were reached"),
  complete: z.boolean().describe("every state was reached; false: the search was cut"),
  views: z.array(z.string()).describe("what the unit took the entry for, in any order"),
  steps: z.array(z.string()).describe("stores with the fields that they change, waits, flushes"),
  broken: z.array(
    z.looseObject({
      rule: z.string(),
      says: z.string(),
      steps: z
        .array(z.looseObject({ actor: z.string(), does: z.string() }))
        .describe("the shortest run that breaks it"),
    }),
  ),
});

export const replaceTableSchema = z.looseObject({
  schema: z.literal("dmalab.replace-table/1"),
  structures: z.array(
    z.looseObject({
      structure: z.string(),
      vendor,
      title: z.string(),
      storeBits: count.describe("what the processor stores at once, at most"),
      kinds: z.array(z.looseObject({ kind: z.string(), title: z.string() })),
      methods: z.array(
        z.looseObject({ method: z.string(), title: z.string(), source: z.string(), ships: z.boolean() }),
      ),
    }),
  ),
  rows: z.array(row),
});
