/** The machine description as JSON Schema (draft 2020-12): editors complete and check descriptions with it. */
import { z } from "zod";
import { machineSchema } from "./schema.js";

export function machineJsonSchema(): object {
  return { title: "dmalab machine", ...z.toJSONSchema(machineSchema, { target: "draft-2020-12", io: "input" }) };
}
