/**
 * Every line whose answer stands in `answers/`, with each of its words taken out or cut, and with each number one digit
 * longer: what is then answered is compared, by a hash for each line, with what was written down.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { explainLine } from "../../../src/audit/index.js";
import { alterations, hashOfAll } from "../altered_text.js";

const folder = "test/audit/why/answers";

/** Lines of logs above their answers; of alike ones, which differ in numbers alone, the first. */
function linesOf(name: string): string[] {
  const parts = readFileSync(`${folder}/${name}`, "utf8").split(/^=== /m).slice(1);
  const lines = parts.flatMap((part) => part.split("\n---\n")[0]!.split("\n").slice(1));
  const byForm = new Map<string, string>();
  for (const line of lines) {
    const form = line.replaceAll(/[0-9a-f]*\d[0-9a-f]*/gi, "0");
    if (!line.startsWith("{") && !byForm.has(form)) byForm.set(form, line);
  }
  return [...byForm.values()];
}

const names = readdirSync(folder).filter((name) => name !== "setting.txt");

test.each(names)("%s", (name) => {
  const rows = linesOf(name).map(
    (line) => `${hashOfAll(alterations(line), (altered) => explainLine(altered))} ${line.slice(0, 80)}`,
  );
  expect(rows.join("\n")).toMatchSnapshot();
});
