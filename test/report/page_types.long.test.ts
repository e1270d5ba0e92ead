/** The page's modules are type checked against the library's public types; the bundler only strips types. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test("the page's modules have no type errors", () => {
  const checked = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "web/tsconfig.json"], {
    encoding: "utf8",
  });
  expect(checked.stdout).toBe("");
  expect(checked.status).toBe(0);
});
