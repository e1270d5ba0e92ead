/** Which file of `src` imports which, types included, and which of them need each other. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";

/** From a node to all that it needs. */
export type Needs = ReadonlyMap<string, ReadonlySet<string>>;

/** What stands between an import's words and its text. */
const gap = String.raw`(?:\s|/\*[\s\S]*?\*/|//.*)*`;
/** Looked for in the whole text, comments too: what a scanner takes for the end of a string hides no import behind it. */
const importPattern = new RegExp(String.raw`\b(?:from|import|require)${gap}\(?${gap}(["'\x60])([^"'\x60\n]+)\1`, "g");

/**
 * What a text imports, in its order: by static and dynamic imports and re-exports, by types that are imported where they
 * stand, in any quotes.
 */
export const importedBy = (text: string): string[] => [...text.matchAll(importPattern)].map(([, , to]) => to!);

/** Files of a folder and beneath it, as paths from there, with the files that each imports by a relative path. */
export function importsOf(root: string): Needs {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((f) => f.replaceAll("\\", "/"))
    .filter((f) => f.endsWith(".ts"));
  return new Map(
    files.map((file) => {
      const near = importedBy(readFileSync(`${root}/${file}`, "utf8")).filter((to) => to.startsWith("."));
      return [file, new Set(near.map((to) => posix.join(posix.dirname(file), to).replace(/\.js$/, ".ts")))];
    }),
  );
}

/**
 * Which folder needs which, by the files that stand right in it. A door (`index.ts`) stands in front of its folder and
 * belongs to none: it hands on what lies behind it, and nothing behind it asks it.
 */
export function folderNeeds(imports: Needs): Needs {
  const needs = new Map<string, Set<string>>();
  for (const [file, targets] of imports) {
    if (posix.basename(file) === "index.ts") continue;
    const folder = posix.dirname(file);
    const all = needs.get(folder) ?? new Set();
    for (const to of targets) if (posix.dirname(to) !== folder) all.add(posix.dirname(to));
    needs.set(folder, all);
  }
  return needs;
}

/** Groups of nodes each of which needs, by way of others, all of its group: each in order, the groups too. */
export function circles(needs: Needs): string[][] {
  const reached = new Map([...needs.keys()].map((n) => [n, reachedFrom(needs, n)]));
  const groups = new Map<string, string[]>();
  for (const [n, all] of reached) {
    const group = [...all].filter((m) => m !== n && reached.get(m)?.has(n) === true);
    if (group.length > 0) groups.set([...group, n].sort().join(), [...group, n].sort());
  }
  return [...groups.values()].sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
}

function reachedFrom(needs: Needs, from: string): Set<string> {
  const seen = new Set<string>();
  const open = [...(needs.get(from) ?? [])];
  for (let n = open.pop(); n !== undefined; n = open.pop()) {
    if (seen.has(n)) continue;
    seen.add(n);
    open.push(...(needs.get(n) ?? []));
  }
  return seen;
}
