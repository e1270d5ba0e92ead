/**
 * Words of a memory change by its door only. Readers get words of a type that cannot be written (door.nocompile.ts); here
 * nobody makes them another type.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** Casts to words or bytes, by file, with what they are of. */
const casts = new Map([["cli/files/unpack.ts", "chunks of a stream"]]);
const cast = /\bas (unknown as )?(Uint|Int|Float)\d+Array|<(Uint|Int)\d+Array>\w/;

test("no file casts words that it was given to read", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
  const found = files.filter((f) => cast.test(readFileSync(`src/${f}`, "utf8"))).map((f) => f.replaceAll("\\", "/"));
  expect(found).toEqual([...casts.keys()]);
});
