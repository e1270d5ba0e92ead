/** The types of the JSON documents, written from their schemas: what an editor shows is what the schema says. */
import { type DocumentName, documentNames, jsonSchema } from "../src/report/schema/json_schema.js";

/** As much of JSON Schema as our schemas use. */
interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly description?: string;
}

const typeNames: Readonly<Record<DocumentName, string>> = {
  "dmalab.run/1": "RunDocument",
  "dmalab.run-list/1": "RunListDocument",
  "dmalab.page-lifetime/1": "PageLifetimeDocument",
  "dmalab.replace-table/1": "ReplaceTableDocument",
  "dmalab.check/1": "CheckDocument",
  "dmalab.check-list/1": "CheckListDocument",
  "dmalab.why/1": "WhyDocument",
  "dmalab.inspect/1": "InspectDocument",
};

/** The text of `src/report/schema/documents.ts`. */
export function documentTypes(): string {
  const parts = new Map<string, Schema>();
  const wholes = documentNames.map((name) => {
    const schema = jsonSchema(name) as Schema;
    for (const [id, part] of Object.entries(schema.$defs ?? {})) parts.set(id, part);
    const description = `A \`${name}\` document.${schema.description === undefined ? "" : ` ${schema.description}`}`;
    return [typeNames[name], { ...schema, description }] as const;
  });
  return [
    "/**",
    " * The JSON documents as types. Written from the schemas by `npm run types`, not by hand.",
    " *",
    " * Times are seconds, sizes bytes, addresses hexadecimal strings.",
    " */",
    ...[...wholes, ...parts].map(([name, schema]) => {
      return `\n${doc(schema, "")}export interface ${name} ${typeOf(schema, "")}`;
    }),
    "",
  ].join("\n");
}

function typeOf(s: Schema, indent: string): string {
  if (s.$ref !== undefined) return s.$ref.replace("#/$defs/", "");
  if (s.allOf?.length === 1) return typeOf(s.allOf[0]!, indent);
  if (s.const !== undefined) return JSON.stringify(s.const);
  if (s.enum !== undefined) return s.enum.map((v) => JSON.stringify(v)).join(" | ");
  if (s.anyOf !== undefined) return s.anyOf.map((o) => typeOf(o, indent)).join(" | ");
  if (typeof s.type === "object") return s.type.map((type) => typeOf({ ...s, type }, indent)).join(" | ");
  switch (s.type) {
    case "object":
      return objectType(s, indent);
    case "array": {
      const item = typeOf(s.items!, indent);
      return /^[\w.]+$/.test(item) ? `readonly ${item}[]` : `readonly (${item})[]`;
    }
    case "integer":
    case "number":
      return "number";
    case "string":
    case "boolean":
    case "null":
      return s.type;
    default:
      throw new Error(`no type for ${JSON.stringify(s)}`);
  }
}

function objectType(s: Schema, indent: string): string {
  const { properties = {}, required = [], additionalProperties: others } = s;
  const inner = `${indent}  `;
  const rows = Object.entries(properties).map(([key, value]) => {
    const optional = required.includes(key) ? "" : "?";
    return `${doc(value, inner)}${inner}readonly ${key}${optional}: ${typeOf(value, inner)};`;
  });
  if (rows.length > 0) return `{\n${rows.join("\n")}\n${indent}}`;
  if (typeof others !== "object") throw new Error(`an object without keys: ${JSON.stringify(s)}`);
  return `Readonly<Record<string, ${typeOf(others, indent)}>>`;
}

/** What may be null is described where it is not. */
function doc({ description: own, anyOf }: Schema, indent: string): string {
  const description = own ?? anyOf?.find((o) => o.description !== undefined)?.description;
  if (description === undefined) return "";
  const sentence = description.charAt(0).toUpperCase() + description.slice(1);
  return `${indent}/** ${sentence}${/[.!?]$/.test(sentence) ? "" : "."} */\n`;
}
