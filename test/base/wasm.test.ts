import { expect, test } from "vitest";
import { ftraceLines } from "../../src/base/wasm/ftrace_lines.js";
import { startWasm } from "../../src/base/wasm.js";

test("a module that the engine refuses is none, each time it is asked for", () => {
  const cut = ftraceLines.slice(0, 400);
  expect(startWasm(cut, 1)).toBeNull();
  expect(startWasm(cut, 1)).toBeNull();
  expect(startWasm("not base 64!", 1)).toBeNull();
});

test("memory that cannot be had is none, and the module is still good", () => {
  expect(startWasm(ftraceLines, 2 ** 45)).toBeNull();
  const started = startWasm<{ forget(): void }>(ftraceLines, 2 ** 20)!;
  expect(started.memory.buffer.byteLength).toBe(2 ** 20);
  started.exports.forget();
});
