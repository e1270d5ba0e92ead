/** docs/coverage.md names nothing that is not there, and every scenario stands in it. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { scenarios } from "../../src/lab/scenario/tales/scenarios.js";

interface Row {
  readonly statement: string;
  readonly who: string;
  readonly code: readonly string[];
  readonly scenario: string;
  readonly file: string;
  readonly name: string;
}

/** Paths as they are written relative to docs/. */
const linked = (cell: string): string[] => [...cell.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path!);

function rowsOf(text: string): Row[] {
  const lines = text
    .split("\n")
    .filter((l) => l.startsWith("| ") && !l.startsWith("| statement") && !l.startsWith("| ---"));
  return lines.map((line) => {
    const [statement, who, code, scenario, proof] = line.slice(2, -2).split(" | ") as [
      string,
      string,
      string,
      string,
      string,
    ];
    const [file, name] = [linked(proof)[0]!, proof.replace(/^\[[^\]]+\]\([^)]+\): /, "")];
    return { statement, who, code: linked(code), scenario: linked(scenario)[0]!, file, name };
  });
}

const rows = rowsOf(readFileSync("docs/coverage.md", "utf8"));

test("there is a row for each statement, each with all of its parts", () => {
  expect(rows.length).toBeGreaterThan(40);
  expect(new Set(rows.map((r) => r.statement)).size).toBe(rows.length);
  for (const r of rows) expect([r.statement, r.who !== "", r.code.length > 0]).toEqual([r.statement, true, true]);
});

test.each(rows.map((r) => [r.statement, r] as const))("%s: its code, its scenario and its test are there", (_, r) => {
  for (const path of [...r.code, r.scenario, r.file]) expect([path, existsSync(`docs/${path}`)]).toEqual([path, true]);
  expect(readFileSync(`docs/${r.file}`, "utf8"), r.name).toContain(r.name);
});

test("every scenario shows at least one statement", () => {
  const shown = new Set(rows.map((r) => r.scenario));
  expect(scenarios.filter((s) => !shown.has(`scenarios/${s.id}.md`)).map((s) => s.id)).toEqual([]);
});
