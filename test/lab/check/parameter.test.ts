/** What may be said of a protocol's machine. */
import { expect, test } from "vitest";
import { numbers, type Parameters, usualValues, valuesOf } from "../../../src/lab/check/parameter.js";

const parameters: Parameters = {
  policy: { about: "what is done", values: ["waits", "frees"] },
  writes: numbers("how many", 2, 1, 3),
};

test("the usual value stands first, and the others follow", () => {
  expect(parameters["writes"]!.values).toEqual(["2", "1", "3"]);
  expect(usualValues(parameters)).toEqual({ policy: "waits", writes: "2" });
});

test.each([
  ["writes=3", { policy: "waits", writes: "3" }],
  ["writes=1,policy=frees", { policy: "frees", writes: "1" }],
])("%s", (asked, values) => {
  expect(valuesOf(parameters, asked)).toEqual(values);
});

test.each([
  ["", " is not NAME=VALUE"],
  ["writes", "writes is not NAME=VALUE"],
  ["writes=1=2", "writes=1=2 is not NAME=VALUE"],
  ["writ=1", "no parameter writ (did you mean writes?); there are policy, writes"],
  ["constructor=1", "no parameter constructor; there are policy, writes"],
  ["writes=4", "writes is one of 2, 1, 3; this is 4"],
  ["policy=free", "policy is one of waits, frees; this is free (did you mean frees?)"],
  ["writes=1,writes=2", "writes is given twice"],
])("%s: %s", (asked, words) => {
  expect(valuesOf(parameters, asked)).toBe(words);
});
