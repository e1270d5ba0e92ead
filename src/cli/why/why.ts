/** `dmalab why`: explain a log line, a log, a setting, or the refusals of a recording. */
import { type MachineContext, nothingKnown } from "../../audit/why/context.js";
import { explainingSource, explainLine } from "../../audit/why/explain/explain.js";
import { checkSetting, explainSetting } from "../../audit/why/pool/setting.js";
import { type ReportFinding, refusalFindings, whyDocument, whyLines } from "../../report/index.js";
import type { Input } from "../files/input.js";
import { AskedWrongly } from "../host/misuse.js";
import { checkForms } from "../options/check.js";
import { whyVerb } from "../options/why_options.js";
import { replayFile } from "../run/replay_file.js";
import { contentOf, refuseOthers } from "../session/content.js";
import type { Session } from "../session/session.js";

export interface WhyFlags {
  readonly line?: string;
  readonly swiotlb?: string;
  readonly cpus?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly trace?: string;
  readonly json?: boolean;
}

/** @returns the exit code: 1 when a finding is trouble. Throws Unreadable for a log that cannot be read. */
export async function why(path: string | undefined, flags: WhyFlags, session: Session): Promise<0 | 1> {
  const { line, swiotlb, trace } = flags;
  const given = { log: path, line, setting: swiotlb, recording: trace };
  const forms = Object.entries(given).flatMap(([form, value]) => (value === undefined ? [] : [form]));
  if (forms.length === 0) {
    const ways = "a log file, - for standard input, --line TEXT, --swiotlb TEXT or --trace FILE";
    throw new AskedWrongly(`what is to be explained? Give ${ways}`);
  }
  checkForms(whyVerb, forms, "", flags);
  if (swiotlb !== undefined) checkSetting(swiotlb);
  const findings: ReportFinding[] = [];
  const machine = machineOf(flags);
  let isSilent = false;
  const input = path === undefined ? null : await openLog(path, session);
  try {
    if (input !== null) {
      findings.push(...(await session.paced(`reading ${input.name}`, explainingSource(input, machine))));
    }
    if (line !== undefined) findings.push(...explainLine(line, machine));
    // What is said of the setting would pass for all there is.
    isSilent = line !== undefined && swiotlb !== undefined && findings.length === 0;
    if (swiotlb !== undefined) findings.push(...explainSetting(swiotlb, { ...nothingKnown, ...machine }));
  } finally {
    input?.close();
  }
  if (trace !== undefined) findings.push(...refusalFindings((await replayFile(trace, {}, session)).outcome));
  if (flags.json === true) session.json(whyDocument(findings));
  else session.say([...(isSilent ? [...whyLines([], session.screen), ""] : []), ...whyLines(findings, session.screen)]);
  return findings.some((f) => f.trouble !== false) ? 1 : 0;
}

/** @throws AskedWrongly for a file that another verb is there for. */
async function openLog(path: string, session: Session): Promise<Input> {
  const input = await session.open(path);
  try {
    refuseOthers(await contentOf(input, path), ["log"], path);
    return input;
  } catch (error) {
    input.close();
    throw error;
  }
}

/** What the options say of the machine; a log says the rest. */
function machineOf({ memory, cpus }: WhyFlags): Partial<MachineContext> {
  return { memoryBytes: memory ?? null, cpus: cpus ?? null };
}
