/** `dmalab run`: replay a recording, or run a described machine, and report it. */
import { writeFileSync } from "node:fs";
import { runDocument, runHtml, runLines, verdictOf } from "../report/index.js";
import { builtPage } from "./built_page.js";
import { AskedWrongly } from "./misuse.js";
import { type ReplayFlags, replayFile } from "./replay_file.js";
import type { MachineFlags } from "./run_machine.js";
import type { ScenarioFlags } from "./run_scenario.js";
import { screen } from "./terminal.js";

/** Descriptions are told from recordings by their name. */
const isDescription = (path: string): boolean => /\.ya?ml(\.gz|\.zst)?$/i.test(path);

const asksForScenario = (f: ScenarioFlags): boolean =>
  f.scenarios === true || f.scenario !== undefined || f.bugs === true || f.bug !== undefined;

export interface RunFlags extends ReplayFlags, MachineFlags, ScenarioFlags {
  /** A recording to be the workload of the described machine. */
  readonly trace?: string;
}

/** @returns the exit code: 0 nothing wrong, 1 trouble found. Throws Unreadable for input that cannot be read. */
export async function run(path: string | undefined, flags: RunFlags): Promise<0 | 1> {
  if (asksForScenario(flags)) {
    if (path !== undefined) throw new AskedWrongly(`a scenario or a bug has a machine of its own; ${path} is not used`);
    return (await import("./run_scenario.js")).runScenario(flags);
  }
  if (path === undefined)
    throw new AskedWrongly(
      "missing argument: a recording, a machine.yaml, --scenario or --bug (--help shows what there is)",
    );
  if (!isDescription(path)) return runRecording(path, flags);
  if (flags.trace !== undefined) return runRecording(flags.trace, { ...flags, machine: path });
  return (await import("./run_machine.js")).runDescribed(path, flags);
}

async function runRecording(path: string, flags: RunFlags): Promise<0 | 1> {
  const report = await replayFile(path, flags);
  if (flags.html !== undefined) writeFileSync(flags.html, runHtml(report, builtPage("report")));
  if (flags.json === true) process.stdout.write(`${JSON.stringify(runDocument(report), null, 2)}\n`);
  else {
    const lines = runLines(report, screen());
    if (flags.html !== undefined || flags.perfetto !== undefined) lines.push("");
    if (flags.html !== undefined) lines.push(`report: ${flags.html}`);
    if (flags.perfetto !== undefined) lines.push(`trace for ui.perfetto.dev: ${flags.perfetto}`);
    process.stdout.write(`${lines.join("\n")}\n`);
  }
  return verdictOf(report).tone === "trouble" ? 1 : 0;
}
