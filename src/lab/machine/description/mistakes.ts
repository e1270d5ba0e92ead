/**
 * What is wrong in a description, in words: for each place what is allowed there, what was given, and what was probably
 * meant. All words on values come from the schema as editors have it, so that they are said in one way and in one place.
 */
import { z } from "zod";
import { nearest } from "../../../base/nearest.js";
import { driverKey, pciDrivers } from "../../../spec/linux/pci_drivers.js";
import { machineJsonSchema } from "./json_schema.js";

/** A place in a description: keys and indexes from the top. */
export type Path = readonly (string | number)[];

export interface Mistake {
  readonly path: Path;
  readonly expected: string;
  /** The same where the place is told as a line and a column, which name nothing. */
  readonly expectedThere?: string;
  readonly found: string;
  /** What was probably meant; empty when nothing is near. */
  readonly meant: readonly string[];
}

/** A node of the JSON Schema, as far as it is looked at. */
interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

const top = machineJsonSchema() as Node;

/** The part of the schema that says what may stand at a place; null where nothing may. */
function nodeAt(path: Path): Node | null {
  let node: Node | undefined = top;
  for (const step of path) node = typeof step === "number" ? node?.items : node?.properties?.[step];
  return node ?? null;
}

/** What stands at a place: its value, undefined for nothing; and its text, where that says more. */
export interface Given {
  readonly value: unknown;
  readonly text: string | null;
}

/** @returns one mistake for each place that is wrong */
export function mistakesOf(error: z.core.$ZodError, at: (path: Path) => Given): Mistake[] {
  const unknown = error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys.map((key) => unknownKey(issue.path as Path, key)) : [],
  );
  // A key that was misspelt explains the one that is missing.
  const explained = new Set(
    unknown.flatMap(({ path, meant }) => meant.map((key) => JSON.stringify([...path.slice(0, -1), key]))),
  );
  const wrong = new Map(
    error.issues
      .filter((issue) => issue.code !== "unrecognized_keys")
      .map(({ path }) => [JSON.stringify(path), path as Path] as const),
  );
  const values = [...wrong]
    .filter(([key, path]) => at(path).value !== undefined || !explained.has(key))
    .map(([, path]) => wrongValue(path, at(path)));
  return [...unknown, ...values];
}

/** `devices[0].mask`. */
export const nameOf = (path: Path): string =>
  path.map((step, n) => (typeof step === "number" ? `[${step}]` : n === 0 ? step : `.${step}`)).join("");

function unknownKey(path: Path, key: string): Mistake {
  const keys = Object.keys(nodeAt(path)?.properties ?? {});
  const expected = `one of the known keys (${keys.join(", ")})`;
  return {
    path: [...path, key],
    expected,
    expectedThere: path.length === 0 ? expected : `${expected} in ${nameOf(path)}`,
    found: key,
    meant: nearest(key, keys).slice(0, nearMax),
  };
}

function wrongValue(path: Path, { value, text }: Given): Mistake {
  const node = nodeAt(path);
  const words = node === null ? "something else" : allowed(node);
  const expected = path.length === 0 ? `a machine to be ${words}` : words;
  const expectedThere = path.length === 0 ? expected : `${nameOf(path)} to be ${words}`;
  return { path, expected, expectedThere, found: text ?? shown(value), meant: meantBy(path, node, value) };
}

const nearMax = 3;

function meantBy(path: Path, node: Node | null, value: unknown): readonly string[] {
  if (typeof value !== "string") return [];
  if (node?.enum !== undefined) return nearest(value, node.enum).slice(0, nearMax);
  return path.at(-1) === "driver" ? nearest(driverKey(value), [...pciDrivers]).slice(0, nearMax) : [];
}

/** What may stand there, in words. */
function allowed(node: Node): string {
  if (node.description !== undefined) return node.description;
  if (node.enum !== undefined) return `one of ${node.enum.join(", ")}`;
  if (node.type === "boolean") return "true or false";
  if (node.type === "array") return node.maxItems === undefined ? "a list" : `a list of at most ${node.maxItems}`;
  if (node.properties !== undefined) return `keys with values (${Object.keys(node.properties).join(", ")})`;
  const { minimum, maximum = Number.MAX_SAFE_INTEGER } = node;
  if (minimum === undefined) return "text";
  return `a whole number ${maximum >= Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`}`;
}

/** A value as it was given, short. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}

const shownMax = 80;

type Said<T> = T extends readonly (infer E)[]
  ? readonly Said<E>[]
  : T extends object
    ? { readonly [K in keyof T]?: Said<T[K]> | undefined }
    : T;

/** A description of which any part may be missing. */
export type Partly<T> = Said<T>;

/** The parts of a value that the schema accepts, each by itself; what is wrong is left out, and lists keep their places. */
export function acceptedParts(schema: z.core.$ZodType, given: unknown): unknown {
  const whole = z.safeParse(schema, given);
  if (whole.success) return whole.data;
  let inner: z.core.$ZodType = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault) inner = inner.unwrap();
  if (inner instanceof z.ZodArray && Array.isArray(given)) {
    const { element } = inner;
    return given.map((item) => acceptedParts(element, item));
  }
  if (!(inner instanceof z.ZodObject) || typeof given !== "object" || given === null) return undefined;
  const parts = Object.entries(inner.shape).map(
    ([key, field]) => [key, acceptedParts(field, (given as Record<string, unknown>)[key])] as const,
  );
  return Object.fromEntries(parts);
}
