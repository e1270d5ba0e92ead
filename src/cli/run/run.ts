/** `dmalab run`: replay a recording, or run a described machine or a scenario, and report it. */
import { runLines } from "../../report/recording/lines/run_lines.js";
import { runDocument } from "../../report/recording/run_document.js";
import { verdictOf } from "../../report/recording/words/verdict.js";
import { builtPage } from "../files/built_page.js";
import type { Input } from "../files/input.js";
import { AskedWrongly } from "../host/misuse.js";
import { checkForms } from "../options/check.js";
import { runVerb } from "../options/run_options.js";
import { contentOf, refuseOthers } from "../session/content.js";
import type { Session } from "../session/session.js";
import { textIn } from "../session/text_of.js";
import { type ReplayFlags, replayInput } from "./replay_file.js";
import type { MachineFlags } from "./run_machine.js";
import type { ReplaceFlags } from "./run_replace.js";
import type { ScenarioFlags } from "./run_scenario.js";

export interface RunFlags extends ReplayFlags, MachineFlags, ScenarioFlags, ReplaceFlags {
  /** A recording to be the workload of the described machine. */
  readonly trace?: string;
  readonly html?: string;
  readonly perfetto?: string;
}

/** @returns the exit code: 0 nothing wrong, 1 trouble found. Throws Unreadable for input that cannot be read. */
export async function run(path: string | undefined, flags: RunFlags, session: Session): Promise<0 | 1> {
  const story = storyOf(flags);
  if (story !== null) {
    if (path !== undefined)
      throw new AskedWrongly(`${runVerb.forms[story]} has a machine of its own; ${path} is not used`);
    checkForms(runVerb, [story], "", flags);
    if (story === "replaceTable" || story === "replacement")
      return (await import("./run_replace.js")).runReplace(flags, session);
    return (await import("./run_scenario.js")).runScenario(flags, session);
  }
  if (path === undefined) {
    throw new AskedWrongly(
      "missing argument: a recording, a machine.yaml, --scenario or --bug (--help shows what there is)",
    );
  }
  const input = await session.open(path);
  try {
    const content = await contentOf(input, path);
    refuseOthers(content, ["recording", "machine"], path);
    const form = content.kind !== "machine" ? "recording" : flags.trace === undefined ? "machine" : "driven";
    checkForms(runVerb, [form], path === "-" ? "standard input" : path, flags);
    if (form === "recording") return await replay({ path, input, flags, session });
    const text = textIn(input);
    const { name } = input;
    if (form === "machine") return await (await import("./run_machine.js")).runDescribed(name, text, flags, session);
    return await drive({ name, text }, flags, session);
  } finally {
    input.close();
  }
}

/** Which of those that have a machine of their own is asked for. */
function storyOf(
  flags: ScenarioFlags & ReplaceFlags,
): "scenario" | "bug" | "lifetime" | "replaceTable" | "replacement" | "list" | null {
  if (flags.scenario !== undefined) return "scenario";
  if (flags.bug !== undefined) return "bug";
  if (flags.pageLifetime === true) return "lifetime";
  if (flags.replaceTable === true) return "replaceTable";
  if (flags.replace !== undefined) return "replacement";
  return flags.scenarios === true || flags.bugs === true ? "list" : null;
}

/** A recording as the workload of a described machine. */
async function drive(machine: { name: string; text: string }, flags: RunFlags, session: Session): Promise<0 | 1> {
  const path = flags.trace!;
  const input = await session.open(path);
  try {
    refuseOthers(await contentOf(input, path), ["recording"], path);
    return await replay({ path, input, flags, session, machine });
  } finally {
    input.close();
  }
}

interface Replayed {
  readonly path: string;
  readonly input: Input;
  readonly flags: RunFlags;
  readonly session: Session;
  readonly machine?: { readonly name: string; readonly text: string };
}

async function replay({ flags, session, ...what }: Replayed): Promise<0 | 1> {
  const html = flags.html === undefined ? null : session.output("--html", flags.html);
  const perfetto = flags.perfetto === undefined ? null : session.output("--perfetto", flags.perfetto);
  const report = await replayInput(what, flags, session, perfetto);
  if (flags.sizes !== undefined && report.outcome.whatIf.length === 0) {
    throw new AskedWrongly("--sizes tries other sizes of the machine's bounce pool, and this recording shows none");
  }
  perfetto?.commit();
  if (html !== null) {
    const { runHtml } = await import("../../report/recording/page/run_html.js");
    const page = await builtPage("recording");
    html.write(await session.during(`drawing ${flags.html}`, () => runHtml(report, page)));
    html.commit();
  }
  if (flags.json === true) session.json(runDocument(report));
  else {
    session.say(runLines(report, session.screen));
    session.sayWritten([
      ["report", flags.html],
      ["trace for ui.perfetto.dev", flags.perfetto],
    ]);
  }
  return verdictOf(report).tone === "trouble" ? 1 : 0;
}
