/**
 * Machines from descriptions: requests a second of each preset, with and without the checks of the DMA API. A request
 * goes from a guest's program through ring, grants, back end, DMA API and device, and every byte of it is compared; so
 * the bytes a second stand beside it. Processor time of a whole run, building the machine included.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeMachine } from "../src/lab/machine/description/description.js";
import { runMachine } from "../src/lab/machine/run/run_machine.js";
import type { Row } from "./row.js";

export async function bench(o: { smoke: boolean }): Promise<Row[]> {
  const count = o.smoke ? 60 : 10_000;
  const presets = readdirSync("machines").filter((f) => machineText(f).includes("workload:"));
  return presets.map((file) => {
    const fast = timed(file, count, false);
    const checked = timed(file, count / 5, true);
    return {
      what: `requests: ${file.replace(/\.ya?ml$/, "")}`,
      measured: `${perSecond(fast.requests, fast.seconds)} requests/s`,
      target: "",
      note: `${perSecond(fast.bytes / 2 ** 20, fast.seconds)} MiB/s; with checks ${perSecond(checked.requests, checked.seconds)} requests/s`,
    };
  });
}

const machineText = (file: string): string => readFileSync(join("machines", file), "utf8");
const perSecond = (n: number, seconds: number): string => Math.round(n / seconds).toLocaleString("en");

function timed(file: string, count: number, checks: boolean) {
  const described = describeMachine(file, machineText(file));
  const { workload } = described.machine;
  for (const w of workload) w.requests = Math.ceil(count / workload.length);
  const begin = process.cpuUsage();
  const run = runMachine(described, { checks });
  const { user, system } = process.cpuUsage(begin);
  const totals = { requests: 0, bytes: 0, seconds: (user + system) / 1e6 };
  for (const p of run.programs) {
    if (p.wrong(true).length > 0) throw new Error(`a request of the benchmark lost bytes: ${p.wrong(true)[0]}`);
    totals.requests += p.requests().ended;
    totals.bytes += p.bytes().read + p.bytes().written;
  }
  return totals;
}
