/** `dmalab run MACHINE.yaml` as its users call it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runSchema } from "../../../src/report/schema/run.js";
import { dmalab } from "../called.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-machine-"));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: readonly string[]) => dmalab(["run", ...args]);

function machine(text: string): string {
  const path = join(folder, "m.yaml");
  writeFileSync(path, text);
  return path;
}

const small = (preset: string) => readFileSync(`machines/${preset}`, "utf8").replace(/requests: \d+/g, "requests: 4");
const presets = readdirSync("machines").filter((f) => readFileSync(`machines/${f}`, "utf8").includes("workload:"));

test.each(presets)("%s ends with code 0 and a report that one can read", async (preset) => {
  const { code, out, err } = await run(machine(small(preset)));
  expect({ code, err }).toEqual({ code: 0, err: "" });
  for (const part of ["Engines", "Mappings", "Programs", "no rule was broken; nothing is left over"])
    expect(out).toContain(part);
});

test("--json is one document that its schema accepts; --seed is the run", async () => {
  const less = small("xen-pv-dom0.yaml")
    .replaceAll("requests: 4", "requests: 1")
    .replace("memory: 512MiB", "memory: 64MiB");
  const path = machine(less.replaceAll("memory: 128MiB", "memory: 16MiB"));
  const [a, b, c] = await Promise.all(
    [
      ["--seed", "7"],
      ["--seed", "7"],
      ["--seed", "8"],
    ].map((seed) => run(path, "--json", ...seed)),
  );
  const document = runSchema.parse(JSON.parse(a!.out));
  expect(document.machine).toMatchObject({ seed: 7, model: "p2m" });
  expect(a!.out).toBe(b!.out);
  expect(a!.out).not.toBe(c!.out);
  expect([a!.code, a!.err]).toEqual([0, ""]);
});

test("code 1 where bytes were lost, and the report says whose and why", async () => {
  const text = small("xen-pv-dom0.yaml").replace(/workload:[\s\S]*/, "");
  const program = 'workload: [ { program: legacy-dma, device: "0000:00:03.0", requests: 20 } ]\n';
  const { code, out } = await run(machine(text + program));
  expect(code).toBe(1);
  expect(out).toContain("physical addresses went to the device as they are");
  expect(out).toMatch(/^✗ Rules were broken \d+ times/);
});

test("--image: two files that inspect reads as they are, at a step that the run has", async () => {
  const path = machine(small("vtd-strict.yaml"));
  const core = join(folder, "v.elf");
  const written = await run(path, "--image", core, "--image-at", "100");
  expect([written.code, written.err]).toEqual([0, ""]);
  expect(written.out).toMatch(/memory after 100 steps: .*v\.elf\nregisters: .*v\.registers\.json/);
  const inspected = await dmalab(["inspect", core]);
  expect([inspected.code, inspected.out]).toEqual([0, expect.stringContaining("registers were found beside it")]);
  expect(inspected.out).toMatch(/0000:00:03\.0 +translated/);
  const late = await run(path, "--image", join(folder, "late.elf"), "--image-at", "10000000");
  expect([late.code, late.err]).toEqual([2, expect.stringMatching(/the run has ended after [\d,]+ steps/)]);
  expect(readdirSync(folder).filter((f) => f.includes("late"))).toEqual([]);
  expect((await run(path, "--image", "-")).err).toContain("it takes a name and no -");
  expect((await run(path, "--image-at", "5")).code).toBe(2);
});

test.each([
  ["a mask below the pool", "mask: 64", "mask: 24", /m\.yaml: line \d+, column \d+: expected a mask that reaches/],
  ["an unknown program", "program: disk", "program: dusk", /m\.yaml: line \d+, column \d+: expected .*program/],
  ["two devices at one address", "0000:00:04.0", "0000:00:03.0", /m\.yaml: line \d+, column \d+: expected each device/],
])("code 2 and one line for each mistake: %s", async (_, good, bad, line) => {
  const { code, out, err } = await run(machine(small("bare-metal.yaml").replace(good, bad)));
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(line);
  for (const each of err.trim().split("\n")) expect(each).toMatch(/m\.yaml: line \d+, column \d+: expected .*, found /);
});

test.each([
  ["cpus: *none\n", "the alias *none"],
  ["cpus: &a [1]\ndevices: [*a, *a, *a]\n", "the alias *a"],
])("an alias is refused where it stands, in a description that is piped too: %j", async (input, found) => {
  const { code, err } = await dmalab(["run", "-"], { input });
  expect(code).toBe(2);
  expect(err).toMatch(/line \d, column \d+: expected a value of its own, written out/);
  expect(err).toContain(found);
});
