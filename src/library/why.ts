/** `why`: lines of a log, a setting or the refusals of a recording, explained. */

import { type MachineContext, nothingKnown } from "../audit/why/context.js";
import { explainingSource } from "../audit/why/explain/explain.js";
import { checkSetting, explainSetting } from "../audit/why/pool/setting.js";
import { frameBytes } from "../base/frame.js";
import { type ReportFinding, refusalFindings, type WhyDocument, whyDocument } from "../report/index.js";
import { contentOf, refuseOthers } from "./content.js";
import { openInput, type TextInput } from "./input.js";
import { replayReport } from "./replay_report.js";
import { Work } from "./work.js";
import { checkNames, type WorkOptions, wholeNumber, workNames } from "./work_options.js";

/** What `why` takes besides what is to be explained: what is known of the machine. */
export interface WhyOptions extends WorkOptions {
  /** CPUs of the machine. */
  readonly cpus?: number;
  /** Bytes of its memory. */
  readonly memory?: number;
}

/**
 * Explain what happened, how that is known, and what to do.
 *
 * @param subject a line of a kernel log or a whole one (text or bytes), a setting (`"swiotlb=65536"`), or a recording,
 *   whose refusals are explained; which of them it is shows in it
 * @returns what `dmalab why --json` prints: no findings where nothing in it concerns DMA
 * @throws Unreadable for what is none of these; BadOption; Misuse `setting` for a pool that no
 *   machine can hold; the signal's reason.
 */
export async function why(subject: TextInput, options: WhyOptions = {}): Promise<WhyDocument> {
  return whyDocument(await explained(subject, options));
}

/** A text that is a setting and nothing else. */
const setting = /^\s*swiotlb=\S*\s*$/;

async function explained(subject: TextInput, options: WhyOptions): Promise<readonly ReportFinding[]> {
  const { name = "log", ...known } = checkNames(options, [...workNames, "cpus", "memory"]);
  const machine = machineOf(known);
  const work = new Work(options);
  if (typeof subject === "string" && setting.test(subject)) {
    checkSetting(subject);
    await work.turn();
    return explainSetting(subject.trim(), { ...nothingKnown, ...machine });
  }
  work.part(0.1);
  const source = await openInput("subject", subject, name, work);
  const content = await contentOf(source, name);
  refuseOthers(content, ["log", "recording"], name);
  work.part(1);
  const findings =
    content.kind === "recording"
      ? refusalFindings(
          (await replayReport({ ...nothingBeside, recording: source, progress: (s) => work.at(s) })).outcome,
        )
      : await work.run(explainingSource(source, machine));
  work.end();
  return findings;
}

const nothingBeside = { log: null, counters: null, xen: null, described: null };

const cpusMax = 2 ** 16;

function machineOf({ cpus, memory }: WhyOptions): Partial<MachineContext> {
  return {
    cpus: cpus === undefined ? null : wholeNumber("cpus", cpus, 1, cpusMax),
    memoryBytes: memory === undefined ? null : wholeNumber("memory", memory, frameBytes, 2 ** 52),
  };
}
