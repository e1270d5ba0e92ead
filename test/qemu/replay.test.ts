/** QEMU's recorded answers against the library of today. Needs no QEMU. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Alternative } from "./alternative.js";
import { differs } from "./judge.js";
import { knownFaults } from "./known_faults.js";
import { predict, reaches } from "./predict.js";
import { memoryOf, type Recording, seenAgain, unpacked } from "./recording.js";

const folder = "fixtures/qemu";
const files = readdirSync(folder).filter((f) => f.endsWith(".json.gz"));

interface Count {
  compared: number;
  /** Accesses that reach RAM, where what they find is compared. */
  reached: number;
  known: number;
  readonly wrong: string[];
}

/** @param shift added to every address that we say is reached: 0, or what makes the comparison fail */
function compareAll(recording: Recording, shift: number): Count {
  const count: Count = { compared: 0, reached: 0, known: 0, wrong: [] };
  for (const world of recording.worlds) {
    const memory = memoryOf(recording, world);
    for (const answer of world.answers) {
      const [requester, text, write] = answer;
      const access = { requester, address: BigInt(text), write: write === 1 };
      const said = predict(memory, world.unit, recording.rules.codes, access);
      const outcome = reaches(said) ? { ...said, reaches: said.reaches + shift } : said;
      const probe = { ...access, edu: 0, outcome, sees: true };
      const seen = seenAgain(memory, answer, outcome);
      count.compared++;
      if (reaches(outcome) && memory.index(outcome.reaches) >= 0) count.reached++;
      const difference = differs(recording.rules, requester, probe, seen);
      if (difference === null) continue;
      const other = new Alternative(recording.rules, memory, world.unit, access, seen);
      if (knownFaults[world.unit.kind](probe, seen, other) !== null) count.known++;
      else count.wrong.push(difference);
    }
  }
  return count;
}

const compared = new Map<string, Count>();

/** What the library says of a recording, once. */
function agreement(file: string): Count {
  const count = compared.get(file) ?? compareAll(unpacked(readFileSync(`${folder}/${file}`)), 0);
  compared.set(file, count);
  return count;
}

test("there is a recording of every kind of unit", () => {
  const kinds = files.map((f) => unpacked(readFileSync(`${folder}/${f}`)).worlds[0]!.unit.kind);
  expect(new Set(kinds)).toEqual(new Set(["vtd", "smmuv3", "amdvi"]));
});

test.each(files)("%s: the library agrees with what QEMU did", (file) => {
  const count = agreement(file);
  expect(count.wrong.slice(0, 10)).toEqual([]);
  expect(count.compared).toBeGreaterThan(200);
  expect(count.reached).toBeGreaterThan(50);
  // QEMU 7.2 has legacy reasons in scalable mode: those, too, are known.
  expect(count.known).toBeLessThan(count.compared * 0.8);
});

test.each(files)("%s: an answer that is 8 bytes off is noticed every time", (file) => {
  const wrong = compareAll(unpacked(readFileSync(`${folder}/${file}`)), 8);
  expect(wrong.wrong.length + wrong.known).toBeGreaterThan(agreement(file).reached * 0.9);
});
