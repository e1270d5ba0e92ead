/** `dmalab run MACHINE.yaml`: a described machine with its own drivers, from a seed to its end. */
import { countWords } from "../../base/count_words.js";
import type { Paced } from "../../base/paced.js";
import { isTrouble, type MachineOutcome } from "../../lab/machine/outcome.js";
import type { Snapshot } from "../../lab/machine/run/run_machine.js";
import { Timeline } from "../../lab/machine/timeline/timeline.js";
import { machineOutcome } from "../../library/run_machine.js";
import {
  leftOutWords,
  machineDocument,
  machineHtml,
  machineLines,
  machinePerfetto,
  memoryCore,
  registersText,
} from "../../report/index.js";
import { builtPage } from "../files/built_page.js";
import { AskedWrongly } from "../host/misuse.js";
import type { Session } from "../session/session.js";

export interface MachineFlags {
  readonly seed?: number;
  readonly json?: boolean;
  /** Keep the rules of the DMA API under watch; --no-checks turns it off. */
  readonly checks?: boolean;
  /** Where memory and registers are to be written, and after how many steps. */
  readonly image?: string;
  readonly imageAt?: number;
  readonly html?: string;
  readonly perfetto?: string;
}

/** Events that a page or a trace holds: some megabytes. */
const eventMax = 20_000;

/** @returns 0 when every byte and every rule held, 1 otherwise. Throws Unreadable for a machine that cannot be. */
export async function runDescribed(name: string, text: string, flags: MachineFlags, session: Session): Promise<0 | 1> {
  const run = <T>(work: Paced<T>) => session.paced(`running ${name}`, work);
  const image = imageOf(flags, session);
  const pictures = picturesOf(flags, session);
  const choice = { ...flags, ...(image !== null && { snapshot: image.snapshot }), ...pictures?.choice };
  const outcome = await machineOutcome({ name, said: text }, choice, { run });
  image?.commit(outcome.steps);
  await pictures?.write(name, outcome);
  if (flags.json === true) session.json(machineDocument(outcome));
  else {
    session.say(machineLines(outcome, session.screen));
    session.sayWritten([
      [`memory after ${countWords(image?.steps() ?? 0)} steps`, flags.image],
      ["registers", image?.registersPath],
      ["report", flags.html],
      ["trace for ui.perfetto.dev", flags.perfetto],
    ]);
    const left = pictures?.left() ?? null;
    if (left !== null) session.say([`  ${left}`]);
  }
  return isTrouble(outcome) ? 1 : 0;
}

/** What is written of all that happened; null: nothing is asked for. */
function picturesOf({ html, perfetto }: MachineFlags, session: Session) {
  if (html === undefined && perfetto === undefined) return null;
  const timeline = new Timeline(eventMax);
  const page = html === undefined ? null : session.output("--html", html);
  const trace = perfetto === undefined ? null : session.output("--perfetto", perfetto);
  const write = async (name: string, outcome: MachineOutcome) => {
    if (trace !== null) machinePerfetto(timeline, (chunk) => trace.write(chunk));
    page?.write(machineHtml(name, outcome, timeline, await builtPage("machine")));
    trace?.commit();
    page?.commit();
  };
  return { choice: { timeline }, write, left: () => leftOutWords(timeline) };
}

/** The two files of `--image`, written while the machine stands still. */
function imageOf({ image, imageAt }: MachineFlags, session: Session) {
  if (image === undefined) return null;
  if (image === "-") throw new AskedWrongly("--image writes two files, so it takes a name and no -");
  const registersPath = `${image.replace(/\.[^./]*$/, "")}.registers.json`;
  const core = session.output("--image", image);
  const beside = session.output("--image", registersPath);
  let taken: number | null = null;
  const snapshot: Snapshot = {
    after: imageAt ?? null,
    take({ memory, arch, registers: { kind, base, words }, steps }) {
      for (const piece of memoryCore(memory, arch)) core.write(piece);
      beside.write(registersText(kind, base, words));
      taken = steps;
    },
  };
  const commit = (steps: number) => {
    if (taken === null)
      throw new AskedWrongly(`--image-at ${imageAt}: the run has ended after ${countWords(steps)} steps`);
    core.commit();
    beside.commit();
  };
  return { snapshot, commit, registersPath, steps: () => taken };
}
