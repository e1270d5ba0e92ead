/** `dmalab run` with scenarios and bugs: what it prints, as what document, with which exit code. */
import { expect, test } from "vitest";
import { historicBugs } from "../../../src/lab/scenario/bugs/registry.js";
import { scenarios } from "../../../src/lab/scenario/tales/scenarios.js";
import { runSchema } from "../../../src/report/index.js";
import { runListSchema } from "../../../src/report/schema/scenario.js";
import { long } from "../../tier.js";
import { dmalab } from "../called.js";

/** Options as one would write them. */
async function printed(...args: readonly string[]): Promise<{ code: number; text: string }> {
  const { code, out, err } = await dmalab(["run", ...args]);
  expect(err).toBe("");
  return { code, text: out };
}

test("the lists name everything, and are one document", async () => {
  const { code, text } = await printed("--scenarios", "--bugs", "--json");
  const list = runListSchema.parse(JSON.parse(text));
  expect([code, list.scenarios.length, list.bugs.length]).toEqual([0, scenarios.length, historicBugs.length]);
  const alone = runListSchema.parse(JSON.parse((await printed("--bugs", "--json")).text));
  expect(alone.bugs.find((b) => b.id === "foreign-by-phys")?.scenarios).toEqual(["engine", "foreign-page"]);
  for (const list of ["--scenarios", "--bugs"]) expect((await printed(list)).code).toBe(0);
  const { text: bugs } = await printed("--bugs");
  for (const { id } of historicBugs) expect(bugs).toContain(id);
});

test("a scenario ends with 0, with a bug on with 1, and says which rule broke", async () => {
  const [right, wrong] = [
    await printed("--scenario", "foreign-page"),
    await printed("--scenario", "foreign-page", "--bug", "foreign-by-phys"),
  ];
  expect([right.code, wrong.code]).toEqual([0, 1]);
  expect(right.text).toContain("Every rule holds");
  expect(wrong.text).toContain("Broken: another domain's page is never taken for a bounce slot");
});

test("a bug alone ends with 1 and prints the shortest run", async () => {
  const { code, text } = await printed("--bug", "test-then-free");
  expect(code).toBe(1);
  expect(text).toContain("the shortest run that breaks the rule has 3 steps");
  expect(text).toContain("all 6 orders");
});

/** What is explored is run in full by other tests: of it a document of each form is enough here. */
const isShown = (id: string) => long || id === "lazy-window" || id === "bystander-given-up";
const shown = {
  scenarios: scenarios.filter((s) => s.isExplored !== true || isShown(s.id)).map((s) => s.id),
  bugs: historicBugs.filter((b) => b.layer !== "sw/iommu" || isShown(b.id)).map((b) => b.id),
};

test.each(shown.scenarios)("%s is a dmalab.run/1 document", async (scenario) => {
  const { text } = await printed("--scenario", scenario, "--json");
  const document = runSchema.parse(JSON.parse(text));
  expect([document.source.format, document.scenario?.id, document.violations]).toEqual(["scenario", scenario, []]);
});

test.each(shown.bugs)("bug %s is a dmalab.run/1 document", async (bug) => {
  const document = runSchema.parse(JSON.parse((await printed("--bug", bug, "--json")).text));
  expect(document.scenario?.demonstration?.off.holds).toBe(true);
  expect(document.violations.map((v) => v.device)).toEqual([bug]);
});

test("another seed is another run of the same story", async () => {
  const [a, b] = [
    await printed("--scenario", "straddle", "--seed", "1"),
    await printed("--scenario", "straddle", "--seed", "9"),
  ];
  expect([a.code, b.code]).toEqual([0, 0]);
  expect(a.text).not.toBe(b.text);
});

test.each([
  ["nothing at all", [], /missing argument/],
  ["a file beside a scenario", ["trace.dat", "--scenario", "ring"], /machine of its own/],
  ["a scenario that is none", ["--scenario", "foreign"], /did you mean foreign-page/],
  ["a scenario that is misspelt", ["--scenario", "stradle"], /did you mean straddle\?\)/],
  ["a bug that is none", ["--bug", "nope"], /--bugs lists them/],
  ["a seed that changes nothing", ["--scenario", "lazy-window", "--seed", "7"], /every order there is.*leave it out/s],
  ["a seed of what goes one way", ["--scenario", "engine", "--seed", "7"], /goes one way only/],
  ["a bug that the scenario does not show", ["--scenario", "ring", "--bug", "half-page"], /it takes no bug/],
])("%s is refused with what is there", async (_, args, says) => {
  const { code, out, err } = await dmalab(["run", ...args]);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(says);
});
