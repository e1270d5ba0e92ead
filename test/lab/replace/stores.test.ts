/** Sequences as processors can carry them out. */
import { expect, test } from "vitest";
import { entryOfStructure } from "../../../src/lab/replace/entries.js";
import { universeOfReplacement } from "../../../src/lab/replace/replacement.js";
import { structureNames } from "../../../src/lab/replace/structures.js";

test.each(structureNames)("%s: no store is wider than what a processor stores at once, and each is aligned", (name) => {
  const of = entryOfStructure(name, { overrides: true, stalls: true });
  const all = Object.keys(of.kinds);
  const ways = Object.entries(of.sequences).flatMap(([sequence, { kinds = all }]) =>
    kinds.flatMap((from) => kinds.map((to) => ({ from, to, sequence }))),
  );
  const isOneStore = (word: number, count: number) => count * 32 <= of.widths.store && word % count === 0;
  const wide = ways.filter((way) =>
    universeOfReplacement(of, way).steps.some((s) => s.kind === "store" && !isOneStore(s.word, s.words.length)),
  );
  expect(wide).toEqual([]);
});
