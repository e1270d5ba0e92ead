/** Threads that help to read a large image find what one finds. They run what was built. */
import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { askAlone, type Call } from "../../../src/audit/inspect/survey/crew.js";
import { surveyTask } from "../../../src/audit/inspect/survey/survey_task.js";
import type { imageCrew as ImageCrew } from "../../../src/cli/inspect/image_crew.js";
import { openImage } from "../../../src/read/index.js";
import { segmentsOf } from "../../table/device/captured.js";

const { imageCrew } = (await import(`${"../../../dist/src/cli/inspect/"}image_crew.js`)) as {
  imageCrew: typeof ImageCrew;
};

const folder = mkdtempSync(join(tmpdir(), "dmalab-crew-"));
const fd = openSync(join(folder, "ram"), "w+");
afterAll(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

/** A recorded machine's tables in a file of 528 MiB, most of it a hole. */
const size = 528 * 2 ** 20;
ftruncateSync(fd, size);
for (const { first, words } of segmentsOf("vtd-legacy-strict")) {
  const bytes = new Uint8Array(words.slice().buffer);
  if (first * 4096 + bytes.length <= size) writeSync(fd, bytes, 0, bytes.length, first * 4096);
}
const input = {
  name: "ram",
  size,
  fd,
  damage: null,
  read: (at: number, into: Uint8Array) => readSync(fd, into, 0, into.length, at),
  close() {},
};

test.skipIf(availableParallelism() < 2)("all blocks by others", async () => {
  const options = { format: "raw" } as const;
  const image = await openImage(input, options);
  const call: Call = { task: "survey", input: { names: true }, next: new Int32Array(new SharedArrayBuffer(4)) };
  const shares = await imageCrew(input, options)!.call(call);
  expect(shares.length).toBeGreaterThan(0);
  expect(shares.flatMap((s) => s.done).toSorted((a, b) => a - b)).toEqual([...Array(image.blockCount).keys()]);
  const alone = askAlone(image, surveyTask, { names: true });
  expect(alone.parts.roots.length).toBeGreaterThan(0);
  expect(surveyTask.merge(shares.map((s) => s.found as typeof alone))).toEqual(alone);
});

test("a thread that fails is left out", async () => {
  // A descriptor that nobody has open.
  const crew = imageCrew({ ...input, fd: 9999 }, { format: "raw" });
  const call: Call = { task: "survey", input: { names: false }, next: new Int32Array(new SharedArrayBuffer(4)) };
  if (crew !== null) expect(await crew.call(call)).toEqual([]);
});

test("nobody is called for a small image, or one that is in memory", () => {
  expect(imageCrew({ ...input, size: 2 ** 20 }, {})).toBeNull();
  const { fd: _, ...inMemory } = input;
  expect(imageCrew(inMemory, {})).toBeNull();
});
