/** The schemas as files, for editors and for programs in other languages: of the documents, and of a machine's description. */
import { machineJsonSchema } from "../src/lab/machine/description/json_schema.js";
import { documentNames, jsonSchema } from "../src/report/schema/json_schema.js";

/** `dmalab.run/1` is in `docs/schemas/dmalab.run-1.json`. */
const pathOf = (name: string): string => `docs/schemas/${name.replace("/", "-")}.json`;

/** Path and text of each. */
export function schemaFiles(): [path: string, text: string][] {
  const documents = documentNames.map((name) => [pathOf(name), { title: name, ...jsonSchema(name) }] as const);
  const all = [...documents, ["machines/schema.json", machineJsonSchema()] as const];
  return all.map(([path, schema]) => [path, `${JSON.stringify(schema, null, 2)}\n`]);
}
