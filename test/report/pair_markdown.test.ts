/** The page of one replaced pair says of each way what the table says of it, and how what breaks is reached. */
import { expect, test } from "vitest";
import { pairOf } from "../../src/lab/replace/table.js";
import { vtdPasidEntry } from "../../src/lab/replace/vtd_entries.js";
import { replacementMarkdown } from "../../src/report/index.js";

const page = (from: string, to: string) => {
  const pair = pairOf(vtdPasidEntry, from, to);
  const text = replacementMarkdown({
    structure: "vtd",
    of: vtdPasidEntry,
    pair,
    fetchBits: 128,
    fetchOrder: "ascending",
  });
  return { pair, sections: text.split(/^## /m).slice(1) };
};

test("each way has its verdict, its stores, and each rule that breaks with its run", () => {
  const { pair, sections } = page("fs", "fs");
  expect(sections.map((s) => s.split("\n")[0])).toEqual(pair.ways.map((way) => way.sequence));
  for (const [n, way] of pair.ways.entries()) {
    const text = sections[n]!;
    const verdict = { hitless: /\*\*Hitless/, breaking: /\*\*Breaking/, unsafe: /\*\*(Unsafe|Not allowed)/ }[
      way.verdict
    ];
    expect(text).toMatch(verdict);
    expect(text.match(/^✗ /gm) ?? []).toHaveLength(way.broken.length);
    for (const { steps } of way.broken) expect(text).toContain(`broken in ${steps.length} step`);
    expect(text).toContain("1. store bits ");
  }
});

test("where nothing is stored, that is said", () => {
  const { sections } = page("blocked", "blocked");
  expect(sections.some((s) => s.includes("Nothing is stored."))).toBe(true);
});
