/** Every preset runs to its end: right bytes, kept rules, nothing left over. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description.js";
import { runMachine } from "../../../src/lab/machine/run_machine.js";

const long = process.env["DMALAB_LONG"] === "1";
const presets = readdirSync("machines").filter((f) => readFileSync(`machines/${f}`, "utf8").includes("workload:"));

test.each(presets)("%s", (file) => {
  const described = describeMachine(file, readFileSync(`machines/${file}`, "utf8"));
  const each = long ? 100_000 / described.machine.workload.length : 300;
  for (const w of described.machine.workload) w.requests = Math.ceil(each);
  const run = runMachine(described, { checks: !long });
  expect(run.ran.idle).toBe(true);
  for (const p of run.programs) {
    expect(p.requests()).toEqual({ issued: p.description.requests, ended: p.description.requests, failed: 0 });
    expect(p.wrong()).toEqual([]);
    expect(p.refusals()).toEqual([]);
  }
  expect(run.left).toEqual([]);
  expect(run.host.xen?.hypervisor.gate.violations ?? []).toEqual([]);
  expect(run.checker?.violations ?? []).toEqual([]);
});
