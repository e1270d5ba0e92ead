/** Pictures in Mermaid's language. */
import type { Part } from "../story.js";

/** A fact that the main part tells, by its name. @throws Error when no step tells it */
export function fact(parts: readonly Part[], name: string): string {
  const found = parts.flatMap((p) => p.steps.flatMap((s) => s.facts)).find((f) => f.name === name);
  if (found === undefined) throw new Error(`no step tells of "${name}"`);
  return found.value;
}

/** A label as Mermaid takes it: quoted, without quotes of its own. */
const quoted = (text: string): string => `"${text.replaceAll('"', "'")}"`;

export interface Box {
  readonly id: string;
  readonly text: string;
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly dotted?: boolean;
}

export function flow(boxes: readonly Box[], arrows: readonly Arrow[], direction: "LR" | "TD" = "LR"): string {
  return [
    `flowchart ${direction}`,
    ...boxes.map((b) => `  ${b.id}[${quoted(b.text)}]`),
    ...arrows.map((a) => `  ${a.from} ${a.dotted === true ? "-.->" : "-->"}|${quoted(a.text)}| ${a.to}`),
  ].join("\n");
}

/** Who did what, and whose turn it is then, of the main part. */
export function sequence(parts: readonly Part[]): string {
  const { steps } = parts[0]!;
  const actors = [...new Set(steps.map((s) => s.actor))];
  const names = new Map(actors.map((a, n) => [a, `a${n}`]));
  return [
    "sequenceDiagram",
    ...actors.map((a) => `  participant ${names.get(a)} as ${a}`),
    ...steps.map((s, n) => `  ${names.get(s.actor)}->>${names.get((steps[n + 1] ?? s).actor)}: ${clean(s.does)}`),
  ].join("\n");
}

/** What ends a message or begins something else is left out. */
const clean = (text: string): string => text.replace(/[;#]/g, ",").replace(/:/g, " -");
