/** Searches of one task as lists: where one ends and the next begins. */
import { expect, test } from "vitest";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { attemptsOf } from "../../../src/lab/replay/events/attempts.js";
import { failedAddress } from "../../../src/read/event.js";
import { made } from "./made.js";

/** A search by the letter of its buffer; a capital is another device's, ' an interrupt's, ! was answered with nothing. */
function attempts(searches: string) {
  const maps = new Mappings();
  const names: string[] = [];
  for (const name of searches.split(" ").filter((s) => s !== "")) {
    const letter = name[0]!.toLowerCase();
    const device = letter === name[0] ? 0 : 1;
    const m = made(maps, { device, orig: 4096 * letter.charCodeAt(0), size: name.includes("2") ? 512 : 4096 });
    maps.context[m] = name.includes("'") ? 1 : 0;
    maps.answer[m] = name.includes("!") ? failedAddress : 0;
    names[m] = name;
  }
  const found = attemptsOf(
    maps,
    names.map((_, m) => m),
  );
  return {
    lists: found.map((list) => list.map((m) => names[m]).join(" ")),
    retried: names.filter((_, m) => maps.retried[m] === 1).length,
  };
}

const rows: readonly (readonly [what: string, searches: string, lists: string[], retried: number])[] = [
  ["none", "", [], 0],
  ["one list", "a b c", ["a b c"], 0],
  ["the same buffer again begins the list again", "a b a b a", ["a b", "a b", "a"], 5],
  ["another size is another buffer", "a b a2 b", ["a b a2 b"], 0],
  ["another device is another list", "a b A B", ["a b", "A B"], 0],
  ["what had no answer ended its list", "a b! c d!", ["a b!", "c d!"], 0],
  ["code of another kind has lists of its own", "a a' b b'", ["a b", "a' b'"], 0],
  ["beyond what a list came to, its next try and another list", "a b a b c c", ["a b", "a b", "c", "c"], 6],
  ["a list that comes further than before", "a b a b c d", ["a b", "a b c d"], 6],
  ["a buffer again that is not the one after the last try", "a b a b c d d", ["a b", "a b c d d"], 7],
  ["lists that begin with different buffers", "a b c! d b c!", ["a b c!", "d b c!"], 0],
];

test.each(rows)("%s", (_what, searches, lists, retried) => {
  expect(attempts(searches)).toEqual({ lists, retried });
});
