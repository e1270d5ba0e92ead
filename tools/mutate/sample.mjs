/** A sample of mutations: all that StrykerJS would make of some sources, and from them as many as asked, by a seed. */
import { readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { Instrumenter } from "@stryker-mutator/instrumenter";
import { Rng } from "../../dist/src/base/index.js";
import { leftOut } from "./areas.mjs";

/** @typedef {import("@stryker-mutator/api/core").Mutant} Mutant */

const silent = { isDebugEnabled: () => false, debug() {}, info() {}, warn() {} };

/**
 * Every mutation that counts, in an order that does not depend on the file system.
 * @param {string} source a folder
 * @param {string} only the beginning of the paths that are wanted
 * @returns {Promise<Mutant[]>} `location` counts lines and columns from 0
 */
export async function mutationsOf(source, only) {
  const names = readdirSync(source, { recursive: true, encoding: "utf8" });
  const paths = names.map((f) => `${source}/${f.replaceAll("\\", "/")}`).filter((f) => f.endsWith(".ts"));
  const wanted = paths.filter((f) => f.startsWith(only)).sort();
  const files = wanted.map((name) => ({ name, mutate: true, content: readFileSync(name, "utf8") }));
  const options = { ignorers: [], excludedMutations: leftOut, plugins: null };
  const { mutants } = await new Instrumenter(silent).instrument(files, options);
  return mutants.filter((m) => m.status !== "Ignored");
}

/**
 * `count` of them, each equally likely: the first steps of Fisher and Yates's shuffle.
 * @template T
 * @param {readonly T[]} from
 * @param {{ count: number, seed: number }} by
 * @returns {T[]}
 */
export function draw(from, { count, seed }) {
  const rng = new Rng(seed);
  const left = [...from];
  const drawn = [];
  while (drawn.length < count && left.length > 0) {
    const at = rng.below(left.length);
    drawn.push(left[at]);
    left[at] = left[left.length - 1];
    left.pop();
  }
  return drawn;
}

/** One mutation's name, alike in every process. @param {Mutant} mutant */
export function identity({ fileName, mutatorName, replacement, location: { start, end } }) {
  const file = relative(process.cwd(), fileName).replaceAll("\\", "/");
  return [file, start.line, start.column, end.line, end.column, mutatorName, replacement].join(" ");
}
