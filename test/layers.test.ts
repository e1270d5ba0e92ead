/** Imports go down the table of layers, nothing needs itself by way of others, and ARCHITECTURE.md says so. */
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { expect, test } from "vitest";
import { circles, folderNeeds, importedBy, importsOf } from "../tools/imports.js";
import { isDoor, layers } from "../tools/layers.js";

const imports = importsOf("src");
const layerOf = (file: string) => Object.keys(layers).find((l) => file.startsWith(`${l}/`));
const files = [...imports.keys()].filter((f) => !isDoor(f));
const text = (file: string) => readFileSync(`src/${file}`, "utf8");
const architecture = readFileSync("ARCHITECTURE.md", "utf8");

test("every file belongs to a layer and imports only from it and those it names", () => {
  const wrong: string[] = [];
  for (const file of files) {
    const from = layerOf(file);
    if (from === undefined) {
      wrong.push(`${file} is in no layer`);
      continue;
    }
    for (const target of imports.get(file)!) {
      const to = layerOf(target);
      if (to !== from && (to === undefined || !layers[from]!.includes(to))) wrong.push(`${file} imports ${target}`);
    }
  }
  expect(files.length).toBeGreaterThan(10);
  expect(wrong).toEqual([]);
});

test.each([
  'import { a } from "./x.js";',
  "import { a } from './x.js';",
  "import type { A } from './x.js';",
  'import { type A,\n  b } from\n  "./x.js";',
  "import './x.js';",
  "export * from './x.js';",
  'export { a as b } from "./x.js";',
  "const { a } = await import('./x.js');",
  "const { a } = await import(`./x.js`);",
  "const { a } = await import(/* why */ './x.js');",
  'type A = import("./x.js").A;',
  "type A = typeof import('./x.js', { with: { 'resolution-mode': 'import' } });",
  "import a = require('./x.js');",
  "const tick = /`/; type A = import('./x.js').A;",
])("an import is seen: %s", (text) => expect(importedBy(text)).toEqual(["./x.js"]));

test("nothing is imported by a name that is put together, or by the package's own", () => {
  const wrong = files.filter(
    (f) => /\bimport\s*\((?!\s*"[^"]+"\s*\))/.test(text(f)) || /^dmalab\b/m.test(importedBy(text(f)).join("\n")),
  );
  expect(wrong).toEqual([]);
});

test("the table has no circle: each row names only rows before it, and each row has files", () => {
  const before = new Set<string>();
  for (const [layer, below] of Object.entries(layers)) {
    expect(
      below.filter((b) => !before.has(b)),
      layer,
    ).toEqual([]);
    before.add(layer);
  }
  expect(Object.keys(layers).filter((l) => !files.some((f) => layerOf(f) === l))).toEqual([]);
});

test("ARCHITECTURE.md prints the table, row by row", () => {
  const rows = [...architecture.matchAll(/^\| `([a-z/]+)` \| [^|]+ \| ([^|]+) \|$/gm)];
  const printed = rows.map(([, layer, below]) => [layer, below === "–" ? [] : below!.split(" ")]);
  expect(printed).toEqual(Object.entries(layers));
});

test("no file imports itself by way of others, types included", () => {
  expect(circles(imports)).toEqual([]);
});

test("folders that need each other are those that ARCHITECTURE.md names, each with its reason", () => {
  const section = architecture.split("## Folders that need each other\n")[1]!.split("\n## ")[0]!;
  const named = [...section.matchAll(/^- ((?:`[a-z_/]+`(?:, | and )?)+): .{20,}/gm)];
  const found = circles(folderNeeds(imports)).map((c) => c.join());
  expect(named.map(([, c]) => [...c!.matchAll(/`([^`]+)`/g)].map(([, f]) => f).join())).toEqual(found);
});

test("a circle is found, by way of others too, and a door makes none", () => {
  const needs = (o: Record<string, string[]>) => new Map(Object.entries(o).map(([k, v]) => [k, new Set(v)]));
  expect(circles(needs({ a: ["b"], b: ["c"], c: ["a", "d"], d: [], e: ["a"] }))).toEqual([["a", "b", "c"]]);
  expect(circles(needs({ a: ["b"], b: ["d"], c: ["a"], d: [] }))).toEqual([]);
  const tree = { "x/index.ts": ["x/y/b.ts"], "x/a.ts": [], "x/y/b.ts": ["x/a.ts"] };
  expect(circles(folderNeeds(needs(tree)))).toEqual([]);
  expect(circles(folderNeeds(needs({ ...tree, "x/a.ts": ["x/y/c.ts"] })))).toEqual([["x", "x/y"]]);
});

test("nothing behind a door asks the door", () => {
  const wrong: string[] = [];
  for (const file of files)
    for (const to of imports.get(file)!)
      if (posix.basename(to) === "index.ts" && file.startsWith(`${posix.dirname(to)}/`)) wrong.push(`${file}: ${to}`);
  expect(wrong).toEqual([]);
});

test("hardware and software never import each other", () => {
  for (const [layer, below] of Object.entries(layers)) {
    const other = layer.startsWith("hw/") ? "sw/" : layer.startsWith("sw/") ? "hw/" : undefined;
    if (other !== undefined) expect(below.filter((b) => b.startsWith(other))).toEqual([]);
  }
});

test("no component draws: what is left open is chosen by who runs it", () => {
  const drawing = files.filter((f) => /^(hw|sw)\//.test(f) && /\b(Rng|drawn|Math\.random)\b/.test(text(f)));
  expect(drawing).toEqual([]);
});

test("only the command opens files or touches the process", () => {
  const opening = /^(node:)?(fs|process|child_process|net|http)/;
  const wrong = files.filter((f) => !f.startsWith("cli/") && importedBy(text(f)).some((to) => opening.test(to)));
  expect(wrong).toEqual([]);
});
