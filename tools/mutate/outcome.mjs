/** What became of a sample, in lines. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";

/** @typedef {import("@stryker-mutator/api/core").MutantResult} MutantResult */

/** A test failed, or never ended, or the code could not be loaded at all. @param {MutantResult} result */
export const noticed = ({ status }) => status === "Killed" || status === "Timeout" || status === "RuntimeError";

/** @param {string} file @param {{ source: string }} area */
export const isOf = (file, area) => relative(process.cwd(), file).replaceAll("\\", "/").startsWith(`${area.source}/`);

/** @param {string} text */
const oneLine = (text) => text.replace(/\s+/g, " ").replace(/^(.{80}).+$/, "$1…");

/** Where nobody noticed, what stood there, and what stood there instead. @param {MutantResult} result; lines from 1 */
export function survivor({ fileName, location: { start, end }, mutatorName, replacement, status }) {
  const lines = readFileSync(fileName, "utf8")
    .split("\n")
    .slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  const run = status === "NoCoverage" ? ", run by no test" : "";
  const where = `${relative(process.cwd(), fileName)}:${start.line}:${start.column}`;
  return `${where}  ${mutatorName}${run}\n    - ${oneLine(lines.join("\n"))}\n    + ${oneLine(replacement)}`;
}

/** @param {readonly MutantResult[]} results */
export function share(results) {
  const count = results.filter(noticed).length;
  return `${count} of ${results.length} noticed, ${((100 * count) / results.length).toFixed(1)} %`;
}
