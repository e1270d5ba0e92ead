/** docs/hitless.md is what the command writes. DMALAB_WRITE=1 writes it; the long tier searches every cell again. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { entryOfStructure } from "../../src/lab/replace/entries.js";
import { structureNames } from "../../src/lab/replace/structures.js";
import { replaceTable } from "../../src/lab/replace/table.js";
import { hitlessMarkdown, tableRows } from "../../src/report/index.js";
import { long } from "../tier.js";

const path = "docs/hitless.md";
const isWriting = process.env["DMALAB_WRITE"] === "1";
const tableOf = (name: (typeof structureNames)[number]) =>
  replaceTable(name, entryOfStructure(name, { overrides: true, stalls: true }));
const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replace(/[\\`*_[\]<>|]/g, "\\$&")).join(" | ")} |`;

test.runIf(long || isWriting)(`${path} is what all searches say`, () => {
  const text = hitlessMarkdown(structureNames.map(tableOf));
  if (isWriting) writeFileSync(path, text);
  expect(readFileSync(path, "utf8")).toBe(text);
});

test.each(["vtd-legacy", "amdvi", "smmuv3-cd"] as const)("its rows of %s are what searches say", (name) => {
  const lines = readFileSync(path, "utf8").split("\n");
  for (const cells of tableRows(tableOf(name))) expect(lines).toContain(line(cells));
});
