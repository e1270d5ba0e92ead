/** `dmalab run` with scenarios and bugs: what it prints, as what document, with which exit code. */
import { afterEach, expect, test, vi } from "vitest";
import { AskedWrongly } from "../../src/cli/misuse.js";
import { type RunFlags, run } from "../../src/cli/run.js";
import { historicBugs } from "../../src/lab/scenario/bugs/registry.js";
import { scenarios } from "../../src/lab/scenario/scenarios.js";
import { runSchema } from "../../src/report/index.js";
import { runListSchema } from "../../src/report/schema/scenario.js";

async function printed(flags: RunFlags, path?: string): Promise<{ code: number; text: string }> {
  let text = "";
  vi.spyOn(process.stdout, "write").mockImplementation((part) => {
    text += String(part);
    return true;
  });
  const code = await run(path, flags);
  vi.restoreAllMocks();
  return { code, text };
}

afterEach(() => vi.restoreAllMocks());

test("the lists name everything, and are one document", async () => {
  const { code, text } = await printed({ scenarios: true, bugs: true, json: true });
  const list = runListSchema.parse(JSON.parse(text));
  expect([code, list.scenarios.length, list.bugs.length]).toEqual([0, scenarios.length, historicBugs.length]);
  const alone = runListSchema.parse(JSON.parse((await printed({ bugs: true, json: true })).text));
  expect(alone.bugs.find((b) => b.id === "foreign-by-phys")?.scenarios).toEqual(["engine", "foreign-page"]);
  for (const flags of [{ scenarios: true }, { bugs: true }]) expect((await printed(flags)).code).toBe(0);
  const { text: bugs } = await printed({ bugs: true });
  for (const { id } of historicBugs) expect(bugs).toContain(id);
});

test("a scenario ends with 0, with a bug on with 1, and says which rule broke", async () => {
  const [right, wrong] = [
    await printed({ scenario: "foreign-page" }),
    await printed({ scenario: "foreign-page", bug: "foreign-by-phys" }),
  ];
  expect([right.code, wrong.code]).toEqual([0, 1]);
  expect(right.text).toContain("Every rule holds");
  expect(wrong.text).toContain("Broken: another domain's page is never taken for a bounce slot");
});

test("a bug alone ends with 1 and prints the shortest run", async () => {
  const { code, text } = await printed({ bug: "test-then-free" });
  expect(code).toBe(1);
  expect(text).toContain("the shortest run that breaks the rule has 3 steps");
  expect(text).toContain("all 6 orders");
});

test.each(scenarios.map((s) => s.id))("%s is a dmalab.run/1 document", async (scenario) => {
  const { text } = await printed({ scenario, json: true });
  const document = runSchema.parse(JSON.parse(text));
  expect([document.source.format, document.scenario?.id, document.violations]).toEqual(["scenario", scenario, []]);
});

test.each(historicBugs.map((b) => b.id))("bug %s is a dmalab.run/1 document", async (bug) => {
  const document = runSchema.parse(JSON.parse((await printed({ bug, json: true })).text));
  expect(document.scenario?.demonstration?.off.holds).toBe(true);
  expect(document.violations.map((v) => v.device)).toEqual([bug]);
});

test("another seed is another run of the same story", async () => {
  const [a, b] = [await printed({ scenario: "straddle", seed: 1 }), await printed({ scenario: "straddle", seed: 9 })];
  expect([a.code, b.code]).toEqual([0, 0]);
  expect(a.text).not.toBe(b.text);
});

test.each<[what: string, flags: RunFlags, path: string | undefined, says: string]>([
  ["nothing at all", {}, undefined, "missing argument"],
  ["a file beside a scenario", { scenario: "ring" }, "trace.dat", "machine of its own"],
  ["a scenario that is none", { scenario: "foreign" }, undefined, "perhaps foreign-page"],
  ["a bug that is none", { bug: "nope" }, undefined, "--bugs lists them"],
  ["a bug that the scenario does not show", { scenario: "ring", bug: "half-page" }, undefined, "it takes no bug"],
])("%s is refused with what is there", async (_, flags, path, says) => {
  await expect(run(path, flags)).rejects.toThrow(AskedWrongly);
  await expect(run(path, flags)).rejects.toThrow(says);
});
