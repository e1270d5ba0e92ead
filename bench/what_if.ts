/**
 * What-if: a recording of 10^6 events against 64 settings of the pool, as a whole process.
 *
 * The recording is of a kernel of our own (test/lab/racing_kernel.ts), so that it is consistent at any length: two CPUs
 * race for a pool of 8192 slots.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { racingKernel } from "../test/lab/racing_kernel.js";
import { runCommand } from "./command.js";
import type { Row } from "./row.js";

export async function bench(o: { smoke: boolean }): Promise<Row[]> {
  const calls = o.smoke ? 2_000 : 340_000;
  const kernel = racingKernel({ seed: 1, cpus: 2, slots: 8192, areas: 2, calls, lists: false });
  const folder = mkdtempSync(join(tmpdir(), "dmalab-bench-"));
  const path = join(folder, "trace.txt");
  writeFileSync(path, kernel.text);
  try {
    const plain = runCommand(["run", path, "--json"]);
    const auto = runCommand(["run", path, "--sizes", "auto", "--json"]);
    const document = JSON.parse(auto.output) as {
      source: { events: number };
      exact: { compared: number; equal: number };
      whatIf: unknown[];
    };
    const events = document.source.events;
    const { compared, equal } = document.exact;
    const note = `${equal} of ${compared} addresses exact; ${document.whatIf.length} settings`;
    return [
      {
        what: `run on ${events} events of text, two CPUs racing, whole process`,
        measured: `${((plain.cpuSeconds * 1e6) / events).toFixed(2)} µs an event`,
        target: "<= 3 µs an event",
      },
      {
        what: `run --sizes auto on ${events} events`,
        measured: `${auto.cpuSeconds.toFixed(1)} s`,
        target: "<= 6 s",
        note,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
