/**
 * `npm run mutate [-- --seed N] [--count N] [--only PATH]`: how many mutations of a sample the tests notice. The survivors
 * are printed; the exit code is 1 when fewer than nine in ten were noticed.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";
import { areas, leftOut } from "./areas.mjs";
import { isOf, noticed, share, survivor } from "./outcome.mjs";
import { draw, identity, mutationsOf } from "./sample.mjs";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
    count: { type: "string", default: "200" },
    only: { type: "string", default: "src/" },
  },
});
const { only } = values;
const [seed, count] = [Number(values.seed), Number(values.count)];
if (!Number.isInteger(seed) || !Number.isInteger(count) || count < 1)
  throw new Error("--seed and --count take numbers");
const chosen = areas.filter((a) => a.source.startsWith(only) || only.startsWith(a.source));
if (chosen.length === 0) throw new Error(`--only ${only}: it is in none of ${areas.map((a) => a.source).join(", ")}`);

const sample = [];
for (const [i, area] of chosen.entries()) {
  const all = await mutationsOf(area.source, only);
  const drawn = draw(all, { count: Math.ceil((count - sample.length) / (chosen.length - i)), seed });
  console.log(`${area.name}: ${drawn.length} of ${all.length} mutations`);
  sample.push(...drawn);
}
console.log(`the same again: npm run mutate -- --seed ${seed} --count ${count} --only ${only}`);

const scratch = ".stryker-tmp";
mkdirSync(scratch, { recursive: true });
const drawn = `${scratch}/drawn-${process.pid}.json`;
writeFileSync(drawn, JSON.stringify(sample.map(identity)));
process.env["DMALAB_MUTATE_TESTS"] = JSON.stringify([...new Set(chosen.flatMap((a) => a.tests))]);

const range = ({ fileName, location: { start, end } }) =>
  `${fileName}:${start.line + 1}:${start.column}-${end.line + 1}:${end.column}`;

const results = await new Stryker({
  mutate: sample.map(range),
  mutator: { excludedMutations: leftOut },
  checkers: ["drawn-only"],
  drawn,
  plugins: ["@stryker-mutator/vitest-runner", "./tools/mutate/drawn_only.mjs"],
  testRunner: "vitest",
  vitest: { configFile: "tools/mutate/vitest.config.mjs" },
  coverageAnalysis: "perTest",
  concurrency: availableParallelism(),
  ignorePatterns: ["dist", "web", "bench"],
  tempDirName: scratch,
  // Other work on the machine must not make a mutation look like an endless loop.
  timeoutFactor: 4,
  timeoutMS: 30_000,
  dryRunTimeoutMinutes: 60,
  reporters: ["progress-append-only"],
  logLevel: "warn",
  warnings: { slow: false },
  allowConsoleColors: false,
}).runMutationTest();
rmSync(drawn);

const tried = results.filter((r) => r.status !== "CompileError" && r.status !== "Ignored");
for (const result of tried) if (!noticed(result)) console.log(survivor(result));
for (const area of chosen) console.log(`${area.name}: ${share(tried.filter((r) => isOf(r.fileName, area)))}`);
console.log(`in all: ${share(tried)}`);
process.exitCode = tried.filter(noticed).length >= 0.9 * tried.length ? 0 : 1;
