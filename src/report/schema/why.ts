/** What a `dmalab.why/1` document looks like. */
import { z } from "zod";

export const whySchema = z.looseObject({
  schema: z.literal("dmalab.why/1"),
  findings: z.array(
    z.looseObject({
      line: z.string().describe("the line of the log, or the setting, that this is about"),
      cause: z.string(),
      evidence: z.string(),
      do: z.string(),
    }),
  ),
});

export type WhyDocument = z.infer<typeof whySchema>;
