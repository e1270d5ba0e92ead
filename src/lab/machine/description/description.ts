/**
 * A machine as its description says: YAML with a schema.
 *
 * All that is wrong, or contradicts itself, is said at once: line, column, what is allowed, what was given, and what was
 * probably meant.
 */
import { type Document, isAlias, isCollection, isPair, isScalar, LineCounter, parseDocument, visit } from "yaml";
import { Unreadable } from "../../../read/unreadable.js";
import { contradictions } from "./contradictions.js";
import { acceptedParts, type Given, type Mistake, mistakesOf, nameOf, type Partly, type Path } from "./mistakes.js";
import { type MachineDescription, machineSchema } from "./schema.js";
import { yamlFault } from "./yaml_faults.js";

export type { MachineDescription } from "./schema.js";

/** Text longer than this describes no machine. */
const charsMax = 1 << 20;
/** Mistakes that are told in full; the others are counted. */
const mistakesMax = 20;

/** A description, and how to refuse it where something in it turns out to be impossible. */
export interface Described {
  readonly machine: MachineDescription;
  /** @throws Unreadable with the line and column of that place, or its path where no text was given. */
  readonly refuse: (path: Path, expected: string, found: string) => never;
}

/**
 * @param name what messages call the description: its file's name
 * @param said YAML, or an object
 * @throws Unreadable for text that is no YAML, and for what breaks the schema or contradicts itself: a line for each
 *   mistake, in the order of the text, with line and column; of an object with the path, such as `devices[0].mask`.
 */
export function describeMachine(name: string, said: string | object): Described {
  // JSON is YAML too; but its lines are ours, and nobody could look them up.
  const text = typeof said === "string" ? said : JSON.stringify(said, null, 2);
  if (text.length > charsMax) throw new Unreadable(name, "", `at most ${charsMax} characters`, `${text.length}`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const refused = (found: readonly Placed[]): Unreadable => {
    const told = found.map(({ path, offset, expected, expectedThere = expected, found }) => {
      if (said !== text) return { where: nameOf(path), expected, found };
      const { line, col } = lines.linePos(offset);
      return { where: `line ${line}, column ${col}`, expected: expectedThere, found };
    });
    return Unreadable.all(name, told, mistakesMax);
  };
  const broken = yamlMistakes(document, text);
  if (broken.length > 0) throw refused(broken);
  const given: unknown = document.contents === null ? {} : document.toJS();
  const result = machineSchema.safeParse(given);
  const wrong = result.success ? [] : mistakesOf(result.error, (path) => givenAt(document, given, path));
  const places = new Set(wrong.map(({ path }) => JSON.stringify(path)));
  const parts = (acceptedParts(machineSchema, given) ?? {}) as Partly<MachineDescription>;
  const apart = contradictions(parts, (path) => places.has(JSON.stringify(path)));
  const all = [...wrong, ...apart].map((m) => placed(document, m)).sort((a, b) => a.offset - b.offset);
  if (!result.success || all.length > 0) throw refused(all);
  return {
    machine: result.data,
    refuse: (path, expected, found) => {
      throw refused([placed(document, { path, expected, found, meant: [] })]);
    },
  };
}

/** A mistake with its place in the text. */
interface Placed {
  readonly path: Path;
  readonly offset: number;
  readonly expected: string;
  readonly expectedThere?: string;
  readonly found: string;
}

function placed(document: Document, { meant, ...mistake }: Mistake): Placed {
  const near = meant.length === 0 ? "" : ` (did you mean ${meant.join(" or ")}?)`;
  return { ...mistake, offset: offsetOf(document, mistake.path), found: `${mistake.found}${near}` };
}

/** What is no YAML, and what is that is not taken: an alias would let a short text become a long one. */
function yamlMistakes(document: Document.Parsed, text: string): Placed[] {
  // How deep the parser itself can go is the stack's: the same text is refused wherever it is read.
  const exhausted = document.errors.find((e) => e.code === "RESOURCE_EXHAUSTION");
  const offset = exhausted?.pos[0] ?? tooDeepAt(document);
  if (offset !== null) {
    // What follows from reading no further is no mistake of its own.
    return [{ path: [], offset, expected: "values a few levels deep", found: "too many, one within another" }];
  }
  const found: Placed[] = document.errors.map((e) => ({
    path: [],
    offset: e.pos[0],
    ...yamlFault(e.code, text, e.pos[0]),
  }));
  visit(document, (_, node) => {
    if (!isAlias(node)) return;
    const offset = node.range?.[0] ?? 0;
    found.push({ path: [], offset, expected: "a value of its own, written out", found: `the alias *${node.source}` });
  });
  return found.sort((a, b) => a.offset - b.offset);
}

/** Far more than any description has. */
const levelsMax = 64;

/** @returns where a value stands that is within too many others; null when none is */
function tooDeepAt(document: Document): number | null {
  const open: { readonly node: unknown; readonly level: number }[] = [{ node: document.contents, level: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, level } = next;
    if (!isCollection(node)) continue;
    if (level > levelsMax) return node.range?.[0] ?? 0;
    for (const item of node.items) {
      const inside = isPair(item) ? [item.key, item.value] : [item];
      for (const n of inside) open.push({ node: n, level: level + 1 });
    }
  }
  return null;
}

/** A number is shown as it was written: 6.10 is 6.1 to YAML. */
function givenAt(document: Document, given: unknown, path: Path): Given {
  let value = given;
  for (const step of path) value = (value as Record<string | number, unknown> | null | undefined)?.[step];
  const node = document.getIn(path, true);
  const text = isScalar(node) && typeof value === "number" ? (node.source ?? null) : null;
  return { value, text };
}

/** Where a place stands in the text; the nearest one around it that does, for a key that was left out. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] | null } | undefined;
    if (node?.range?.[0] !== undefined) return node.range[0];
  }
  return 0;
}
