/** The reading of whole images as a page bundles it: with its kernel, and with nothing of Node. */
import { runInNewContext } from "node:vm";
import { build } from "vite";
import { expect, test } from "vitest";

test("a bundle for browsers has the kernel in it, and needs nothing of Node", async () => {
  const entry = "src/audit/inspect/survey/blocks_job.ts";
  const built = await build({
    configFile: false,
    logLevel: "silent",
    build: { write: false, minify: false, lib: { entry, formats: ["iife"], name: "job" } },
  });
  const [{ output }] = built as unknown as [{ output: [{ code: string }] }];
  const { code } = output[0];
  expect(code).not.toMatch(/node:|require\(|process\.|Buffer\b/);
  const marks = runInNewContext(
    `${code}
    let tester;
    const image = { blockCount: 1, readBlock(n, block) {
      block.bytes.fill(0);
      block.bytes.set([1, 0x20], 3 * 4096);
      block.count = 4;
      return true;
    } };
    const worker = new job.Worker(image, { found: 0, take(t) { tester = t; } });
    worker.step(new Int32Array(1));
    [tester.constructor.name, ...tester.mark(true).slice(0, 4)].join();`,
    { atob },
  ) as string;
  expect(marks).toBe("FastTester,0,0,0,1");
});
