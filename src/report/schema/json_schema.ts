/** The documents' JSON Schemas (draft 2020-12), for editors and for programs in other languages. */
import { z } from "zod";
import { checkListSchema, checkSchema } from "./check.js";
import { inspectSchema } from "./inspect.js";
import { pageLifetimeSchema } from "./page_lifetime.js";
import { replaceTableSchema } from "./replace.js";
import { runSchema } from "./run.js";
import { runListSchema } from "./scenario.js";
import { whySchema } from "./why.js";

const schemas = {
  "dmalab.run/1": runSchema,
  "dmalab.run-list/1": runListSchema,
  "dmalab.page-lifetime/1": pageLifetimeSchema,
  "dmalab.replace-table/1": replaceTableSchema,
  "dmalab.check/1": checkSchema,
  "dmalab.check-list/1": checkListSchema,
  "dmalab.why/1": whySchema,
  "dmalab.inspect/1": inspectSchema,
} as const;

export type DocumentName = keyof typeof schemas;
export const documentNames = Object.keys(schemas) as readonly DocumentName[];

export function jsonSchema(name: DocumentName): object {
  return z.toJSONSchema(schemas[name], { target: "draft-2020-12" });
}
