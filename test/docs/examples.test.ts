/** The programs of `examples/`: each is named to readers, and two run in the tree; all do from the package, in the second tier. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { examples, missing, pageTable, scriptOf, whoReaches } from "./examples.js";

const names = examples.map(({ name }) => `${name}.ts`);

test("there are those that are tested, and docs/library.md names each", () => {
  const files = readdirSync("examples").filter((file) => file !== "tsconfig.json");
  expect(files).toEqual([...names].sort());
  const text = readFileSync("docs/library.md", "utf8");
  expect(names.filter((name) => !text.includes(`](../examples/${name})`))).toEqual([]);
});

test("a line that is not printed is missed", () => {
  const example = { name: "", args: [], lines: [/^b$/, /^a$/] };
  expect(missing(example, "b\nc\na\n")).toBeNull();
  expect(missing(example, "a\nb\n")).toEqual(/^a$/);
});

test.each([pageTable, whoReaches].map((e) => [e.name, e] as const))("%s prints what it should", (_, example) => {
  const args = ["--input-type=module", "-e", scriptOf(example), example.name, ...example.args];
  const { status, stdout, stderr } = spawnSync("node", args, { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  expect(missing(example, stdout)).toBeNull();
});
