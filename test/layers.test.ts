/** Imports go down the table of layers; a layer may always import itself. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { expect, test } from "vitest";
import { doors, layers } from "../tools/layers.js";

const layerOf = (file: string) => Object.keys(layers).find((l) => file.startsWith(`${l}/`));
const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .map((f) => f.replaceAll("\\", "/"))
  .filter((f) => f.endsWith(".ts") && !doors.includes(f));

/** Static and dynamic imports and re-exports of relative paths. */
const importPattern = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;

test("every file belongs to a layer and imports only from it and those it names", () => {
  const wrong: string[] = [];
  for (const file of files) {
    const from = layerOf(file);
    if (from === undefined) {
      wrong.push(`${file} is in no layer`);
      continue;
    }
    for (const [, target] of readFileSync(`src/${file}`, "utf8").matchAll(importPattern)) {
      const to = layerOf(posix.join(posix.dirname(file), target!));
      if (to !== from && (to === undefined || !layers[from]!.includes(to))) wrong.push(`${file} imports ${target}`);
    }
  }
  expect(files.length).toBeGreaterThan(10);
  expect(wrong).toEqual([]);
});

test("the table has no cycle: each row names only rows before it", () => {
  const before = new Set<string>();
  for (const [layer, below] of Object.entries(layers)) {
    expect(
      below.filter((b) => !before.has(b)),
      layer,
    ).toEqual([]);
    before.add(layer);
  }
});

test("no file imports itself by way of others, types included", () => {
  const imports = new Map(
    files.map((file) => {
      const targets = [...readFileSync(`src/${file}`, "utf8").matchAll(importPattern)];
      return [file, targets.map(([, to]) => posix.join(posix.dirname(file), to!).replace(/\.js$/, ".ts"))];
    }),
  );
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) circles.push([...path.slice(at), file].join(" -> "));
    if (at >= 0 || done.has(file)) return;
    for (const to of imports.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

test("hardware and software never import each other", () => {
  for (const [layer, below] of Object.entries(layers)) {
    const other = layer.startsWith("hw/") ? "sw/" : layer.startsWith("sw/") ? "hw/" : undefined;
    if (other !== undefined) expect(below.filter((b) => b.startsWith(other))).toEqual([]);
  }
});

test("only the command opens files or touches the process", () => {
  const wrong = files.filter(
    (f) =>
      !f.startsWith("cli/") && /from "node:(fs|process|child_process|net|http)/.test(readFileSync(`src/${f}`, "utf8")),
  );
  expect(wrong).toEqual([]);
});
