import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { removeStale } from "../../tools/stale.js";

const root = mkdtempSync(join(tmpdir(), "dmalab-stale-"));
afterAll(() => rmSync(root, { recursive: true }));

const sources = [
  "src/a/here.ts",
  "src/base/wasm/kernel.ts",
  "wasm/kernel.ts",
  "web/page/main.ts",
  "web/shared/words.ts",
];
const outputs = ["dist/src/a/here.js", "dist/src/a/here.d.ts", "dist/src/base/wasm/kernel.js", "dist/wasm/kernel.wasm"];
const others = ["dist/.tsbuildinfo", "dist/web/pages.js", "dist/web/page/page.js", "dist/web/shared/words.d.ts"];
const stale = [
  ...["dist/old/deep/moved.d.ts", "dist/old/deep/moved.js", "dist/src/a/gone.js", "dist/src/a/here.js.map"],
  ...["dist/src/base/wasm/gone.js", "dist/wasm/gone.wasm", "dist/web/past/past.css", "dist/web/shared/gone.js"],
  "src/base/wasm/gone.ts",
];

test("what has no source any more goes, with the folders that it was in; the rest stays", () => {
  for (const file of [...sources, ...outputs, ...others, ...stale]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), "");
  }
  expect(removeStale(root)).toEqual(stale);
  expect([...sources, ...outputs, ...others].filter((file) => !existsSync(join(root, file)))).toEqual([]);
  expect(existsSync(join(root, "dist/old"))).toBe(false);
  expect(removeStale(root)).toEqual([]);
});

test("the build has left none", () => expect(removeStale(process.cwd())).toEqual([]));
