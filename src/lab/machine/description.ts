/**
 * A machine as its description says: YAML with a schema.
 *
 * What is wrong, or contradicts itself, is said with line, column, what was given and what is allowed.
 */
import { type Document, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { Unreadable } from "../../read/unreadable.js";
import { contradiction } from "./contradictions.js";
import {
  deviceSchema,
  domainSchema,
  type MachineDescription,
  machineSchema,
  programSchema,
  swiotlbSchema,
  xenSchema,
} from "./schema.js";

export type { MachineDescription } from "./schema.js";

/** Text longer than this describes no machine. */
const charsMax = 1 << 20;

/** A place in a description: keys and indexes from the top. */
export type Path = readonly (string | number)[];

/** A description, and how to refuse it where something in it turns out to be impossible. */
export interface Described {
  readonly machine: MachineDescription;
  /** @throws Unreadable with the line and column of that place. */
  readonly refuse: (path: Path, expected: string, found: string) => never;
}

/**
 * @param name what messages call the text: its file's name
 * @throws Unreadable with line and column for text that is no YAML, breaks the schema or contradicts itself.
 */
export function describeMachine(name: string, text: string): Described {
  if (text.length > charsMax) throw new Unreadable(name, "", `at most ${charsMax} characters`, `${text.length}`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `line ${line}, column ${col}`;
  };
  const broken = document.errors[0];
  if (broken !== undefined) throw new Unreadable(name, place(broken.pos[0]), "YAML", broken.message);
  const refuse = (path: Path, expected: string, found: string): never => {
    throw new Unreadable(name, place(offsetOf(document, path)), expected, found);
  };
  const result = machineSchema.safeParse(document.toJS({ maxAliasCount: 0 }) ?? {});
  if (!result.success) {
    // A key that was misspelt explains the one that is missing.
    const { issues } = result.error;
    const issue = issues.find((i) => i.code === "unrecognized_keys") ?? issues[0]!;
    const unknown = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
    const path = (unknown === undefined ? issue.path : [...issue.path, unknown]) as (string | number)[];
    return refuse(path, allowed(issue, path), found(document.getIn(path)));
  }
  const wrong = contradiction(result.data);
  if (wrong !== null) return refuse(wrong.path, wrong.expected, wrong.found);
  return { machine: result.data, refuse };
}

/** Where a place stands in the text; the nearest one around it that does, for a key that was left out. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] | null } | undefined;
    if (node?.range?.[0] !== undefined) return node.range[0];
  }
  return 0;
}

function allowed(issue: z.core.$ZodIssue, path: Path): string {
  const key = path.map(String).join(".");
  if (issue.code === "unrecognized_keys") return `one of the known keys (${known(issue.path)}) instead of ${key}`;
  const words = issue.message.replace(/^Invalid (input|option|string): ?/, "").replace(/^expected /, "");
  return `${key === "" ? "a machine" : key} to be ${words}`;
}

/** Keys that are allowed where an unknown one stands. */
function known(path: readonly PropertyKey[]): string {
  const schemas = { swiotlb: swiotlbSchema, devices: deviceSchema, xen: xenSchema, workload: programSchema } as const;
  const inDomains = path[0] === "xen" && path[1] === "domains";
  const at = inDomains ? domainSchema : (schemas[String(path[0]) as keyof typeof schemas] ?? machineSchema);
  return Object.keys(at.shape).join(", ");
}

function found(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80);
}
