/** Files that ARCHITECTURE.md and comments name are there. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const folders = ["src", "test", "tools", "bench", "wasm", "web", "examples", "docs", "machines", "fixtures"];
const within = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).map((f) => `${folder}/${f.replaceAll("\\", "/")}`);
const paths = [...readdirSync("."), ...folders.flatMap(within)];

/** Every file and folder by every end of its path: one is named from wherever the reader stands. */
const ends = new Set(
  paths.flatMap((path) => {
    const parts = path.split("/");
    return parts.map((_, from) => parts.slice(from).join("/"));
  }),
);
/** NAME and VENDOR stand for any. */
const isThere = (name: string): boolean => {
  const [before, after] = name.replace(/\/$/, "").split(/\b(?:NAME|VENDOR)\b/) as [string, string?];
  if (after === undefined) return ends.has(before);
  return [...ends].some((end) => end.startsWith(before) && end.endsWith(after));
};

const prose = (text: string) => text.replace(/^```[\s\S]*?^```/gm, "");
/** What has a slash or ends as a file does. What a package, a document or the reader's own files are named stands apart. */
const inBackticks = (text: string): string[] =>
  [
    ...prose(text).matchAll(
      /`((?:[\w-]+\/)+|(?:[\w-]+\/)*[\w-]+(?:\.\w+)*\.(?:ts|md|json|svelte)|(?:[\w-]+\/)+[\w-]+)`/g,
    ),
  ]
    .map(([, name]) => name!)
    .filter((name) => !/^dmalab[./]/.test(name));
const inComments = (text: string): string[] =>
  [...text.matchAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm)]
    .flatMap(([comment]) => [...comment.matchAll(/(?<![\w.*-])(?:[\w-]+\/)*[\w-]+(?:\.[\w-]+)*\.(?:ts|mjs|md)\b/g)])
    .map(([name]) => name);

test("a name is found where it is, and missed where it is not", () => {
  const text = "`read/packed.ts`, `sw/xen/`, `spec/VENDOR/registers.ts`, `dmalab.run/1`, `Rng`";
  expect(inBackticks(text)).toEqual(["read/packed.ts", "sw/xen/", "spec/VENDOR/registers.ts"]);
  expect(inBackticks(text).map(isThere)).toEqual([true, true, true]);
  const none = "none.ts";
  expect(inComments(`/** See bits/${none}. */ ${none}\n  // and \`*.test.ts\`, ${none}`)).toEqual([
    `bits/${none}`,
    none,
  ]);
  expect(["bits/none.ts", "read/bits/", "spec/VENDOR/none.ts"].map(isThere)).toEqual([false, false, false]);
});

test("ARCHITECTURE.md names files and folders that are there", () => {
  const names = inBackticks(readFileSync("ARCHITECTURE.md", "utf8"));
  expect(names.length).toBeGreaterThan(150);
  expect(names.filter((name) => !isThere(name))).toEqual([]);
});

test("comments name files that are there", () => {
  const sources = paths.filter((path) => /\.(?:ts|mjs|svelte)$/.test(path));
  const wrong = sources.flatMap((path) =>
    inComments(readFileSync(path, "utf8"))
      .filter((name) => !isThere(name))
      .map((name) => `${path}: ${name}`),
  );
  expect(sources.length).toBeGreaterThan(500);
  expect(wrong).toEqual([]);
});
