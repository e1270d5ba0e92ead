/** Memory that several tables reach, against a count page by page. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { sharedMemory } from "../../../src/audit/inspect/findings/shared.js";
import { device, machine, ranges } from "./machine.js";

const page = 4096;
const row = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 6 }));

test("bytes, places and beginnings of each combination", () => {
  fc.assert(
    fc.property(fc.array(fc.array(row, { maxLength: 6 }), { minLength: 1, maxLength: 4 }), (tables) => {
      const devices = tables.map((rows, i) =>
        device(i, ranges(...rows.map(([at, count], n) => [n * 2 ** 20, at * page, count * page] as const))),
      );
      const expected = new Map<string, { bytes: number; from: number; places: number }>();
      let before = "";
      for (let p = 0; p < 40; p++) {
        const owners = tables.flatMap((rows, i) => (rows.some(([at, n]) => at <= p && p < at + n) ? [i] : []));
        const key = owners.length > 1 ? owners.join() : "";
        const found = expected.get(key);
        if (key !== "" && found === undefined) expected.set(key, { bytes: page, from: p * page, places: 1 });
        else if (key !== "") {
          found!.bytes += page;
          if (key !== before) found!.places++;
        }
        before = key;
      }
      const ours = sharedMemory(machine(devices)).map(({ owners, bytes, from, places }) => [
        owners.join(),
        { bytes, from, places },
      ]);
      expect(new Map(ours as [string, { bytes: number; from: number; places: number }][])).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});
