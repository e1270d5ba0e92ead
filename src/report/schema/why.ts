/** What a `dmalab.why/1` document looks like. */
import { z } from "zod";

const finding = z
  .looseObject({
    line: z.string().describe("the line of the log, or the setting, that this is about"),
    cause: z.string(),
    evidence: z.string(),
    do: z.string(),
    kind: z.string().optional().describe("stable name of the cause, for programs"),
    trouble: z.boolean().optional().describe("false: normal, and only worth knowing"),
    device: z.string().nullable().optional().describe("as the log names it; null: it names none"),
    time: z.number().nullable().optional().describe("seconds of the log's clock"),
    count: z.number().int().nonnegative().optional().describe("lines of the log that say the same"),
    lastTime: z.number().nullable().optional().describe("when the last of them came"),
  })
  .meta({ id: "WhyFinding", description: "one answer: what happened, how that is known, and what to do" });

export const whySchema = z.looseObject({
  schema: z.literal("dmalab.why/1"),
  findings: z.array(finding),
});
