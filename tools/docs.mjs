/**
 * Write the reference of every door that package.json names into api/, from the comments in the sources. What a link does
 * not find, and a type that is named and not exported by the door, is an error.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application, Converter } from "typedoc";

const root = join(fileURLToPath(import.meta.url), "../..");
const { exports: doors } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
/** Doors by the name that typedoc gives their modules. */
const names = new Map(
  Object.entries(doors).flatMap(([name, file]) => {
    const module = /^\.\/dist\/src\/(.*)\.js$/.exec(file)?.[1];
    return module === undefined ? [] : [[module === "index" ? "src" : `src/${module}`, `dmalab${name.slice(1)}`]];
  }),
);

const app = await Application.bootstrap({
  name: "dmalab",
  entryPoints: [...names.keys()].map((module) => join(root, module === "src" ? "src/index.ts" : `${module}.ts`)),
  tsconfig: join(root, "tsconfig.json"),
  basePath: root,
  out: join(root, "api"),
  readme: join(root, "docs/library.md"),
  // Links lead to the sources of this version, wherever its repository is.
  disableSources: true,
  validation: { notExported: true, invalidLink: true, rewrittenLink: true, invalidPath: true },
  // A brand, which nobody writes.
  intentionallyNotExported: ["src/bits/field.ts:value"],
  treatWarningsAsErrors: true,
  skipErrorChecking: true,
});
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  for (const module of project.children ?? []) module.name = names.get(module.name) ?? module.name;
});
const project = await app.convert();
if (project !== undefined) app.validate(project);
if (project === undefined || app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);
await app.generateOutputs(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);
