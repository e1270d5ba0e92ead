/** The pages in docs/scenarios are what the command writes. DMALAB_WRITE=1 writes them. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { demonstrate, historicBugs } from "../../src/lab/scenario/bugs/registry.js";
import { scenarios } from "../../src/lab/scenario/tales/scenarios.js";
import { bugsMarkdown, scenarioMarkdown, scenariosMarkdown } from "../../src/report/index.js";

const folder = "docs/scenarios";

const pages: Readonly<Record<string, () => string>> = {
  "README.md": () => scenariosMarkdown(scenarios),
  "bugs.md": () => bugsMarkdown(historicBugs.map(demonstrate)),
  ...Object.fromEntries(
    scenarios.map((scenario) => [
      `${scenario.id}.md`,
      () => scenarioMarkdown({ scenario, parts: scenario.run({ seed: 1, bugs: [] }), seed: 1, bug: null }),
    ]),
  ),
};

for (const [name, write] of Object.entries(pages)) {
  test(`${folder}/${name} is what the run says`, () => {
    const path = `${folder}/${name}`;
    if (process.env["DMALAB_WRITE"] === "1") writeFileSync(path, write());
    expect(readFileSync(path, "utf8")).toBe(write());
  });
}

test("no page stands there that nothing writes", () => {
  expect(readdirSync(folder).sort()).toEqual(Object.keys(pages).sort());
});

test("every page of a scenario has its quotation, its picture and its rules", () => {
  for (const { id, quotation } of scenarios) {
    const text = readFileSync(`${folder}/${id}.md`, "utf8");
    expect(text).toContain(quotation.author);
    expect(text).toContain("```mermaid");
    expect(text).toContain("| rule | holds | seen |");
  }
});
