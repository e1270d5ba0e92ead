/** The package as it is published: what it holds, and the programs of `examples/` compiled and run against it. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { examples, missing } from "./examples.js";
import { installPackage, run } from "./installed.js";
import { packageFiles, tourOf } from "./tour.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-package-"));
afterAll(() => rmSync(folder, { recursive: true }));

let home: string;
let files: readonly string[];
beforeAll(() => {
  ({ home, files } = installPackage(folder));
}, 300_000);

const inPackage = (path: string) => join(home, "node_modules/dmalab", path);

describe("it holds", () => {
  test("what the README uses and links to", () => {
    const readme = readFileSync("README.md", "utf8");
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => path!);
    const used = tourOf(readme).flatMap(({ line }) => packageFiles(line));
    expect(links.length * used.length).toBeGreaterThan(0);
    expect([...links, ...used].filter((path) => !existsSync(inPackage(path)))).toEqual([]);
  });

  test("every door that package.json names, with its types", () => {
    const { exports: doors } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Record<string, string> };
    const named = Object.values(doors).flatMap((file) => [
      file,
      file.replace(/\.js$/, file.endsWith("n") ? "" : ".d.ts"),
    ]);
    expect(named.filter((file) => !existsSync(inPackage(file)))).toEqual([]);
  });

  test("no source map, and nothing that names one", () => {
    expect(files.filter((path) => path.endsWith(".map"))).toEqual([]);
    const scripts = files.filter((path) => path.startsWith("dist/"));
    expect(scripts.filter((path) => readFileSync(inPackage(path), "utf8").includes("sourceMappingURL="))).toEqual([]);
  });

  test("nothing compiled without its source", () => {
    const sources = files.flatMap((path) => /^dist\/(src\/.*?)(\.d\.ts|\.js)$/.exec(path)?.[1] ?? []);
    expect(sources.length).toBeGreaterThan(1000);
    expect(sources.filter((source) => !existsSync(`${source}.ts`))).toEqual([]);
  });
});

/** Compile in the project, with the compiler and the types of Node that the tree has. */
const compile = (args: string) => run(home, `${resolve("node_modules/typescript/bin/tsc")} ${args}`);

describe("the programs of examples/", () => {
  beforeAll(() => {
    cpSync(inPackage("examples"), home, { recursive: true });
    writeFileSync(join(home, "package.json"), JSON.stringify({ type: "module", private: true }));
    for (const name of ["@types/node", "undici-types"]) {
      mkdirSync(dirname(join(home, "node_modules", name)), { recursive: true });
      symlinkSync(resolve("node_modules", name), join(home, "node_modules", name));
    }
    expect(compile("-p .")).toEqual({ code: 0, out: "", err: "" });
  }, 300_000);

  test.each(examples.map((e) => [e.name, e] as const))("%s prints what it should", (_, example) => {
    const args = example.args.map((arg) => `'${existsSync(arg) ? inPackage(arg) : arg}'`);
    const { code, out, err } = run(home, `node out/${example.name}.js ${args.join(" ")}`);
    expect([code, err]).toEqual([0, ""]);
    expect(missing(example, out)).toBeNull();
  });
});

test("its declarations are good where there are no types of Node", () => {
  const { exports: doors } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Record<string, string> };
  const names = Object.keys(doors).filter((name) => name !== "./package.json");
  const page = join(home, "page.ts");
  writeFileSync(page, names.map((name, i) => `export * as door${i} from "dmalab${name.slice(1)}";\n`).join(""));
  const how =
    "--ignoreConfig --noEmit --strict --module esnext --moduleResolution bundler --target es2022 --lib es2023,dom";
  expect(compile(`${how} page.ts`)).toEqual({ code: 0, out: "", err: "" });
});
