/** A document held against its JSON Schema: what it holds that no key of the schema describes. */
import { type DocumentName, jsonSchema } from "../../src/report/schema/json_schema.js";

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly type?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
}

/** @returns paths of keys that the schema does not have, each once. */
export function undescribed(document: { readonly schema: DocumentName }): string[] {
  const whole = jsonSchema(document.schema) as Schema;
  const found = new Set<string>();
  look(whole, document, "");
  return [...found];

  function look(given: Schema, value: unknown, path: string): void {
    for (const s of alternatives(given, value)) {
      if (Array.isArray(value)) for (const one of value) look(s.items!, one, `${path}[]`);
      else if (typeof value === "object" && value !== null) {
        for (const [key, inner] of Object.entries(value)) {
          const own = s.properties === undefined ? s.additionalProperties : s.properties[key];
          if (own === undefined) found.add(`${path}.${key}`);
          else look(own, inner, `${path}.${key}`);
        }
      }
    }
  }

  /** What the value is held against: references followed, null told apart from the rest. */
  function alternatives(s: Schema, value: unknown): Schema[] {
    if (s.$ref !== undefined) return alternatives(whole.$defs![s.$ref.slice("#/$defs/".length)]!, value);
    const chosen = s.anyOf?.find((one) => (one.type === "null") === (value === null));
    const parts = [...(s.allOf ?? []), ...(chosen === undefined ? [] : [chosen])];
    return parts.length === 0 ? [s] : parts.flatMap((one) => alternatives(one, value));
  }
}
