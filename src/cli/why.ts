/** `dmalab why`: explain a log line, a log, a setting, or the refusals of a recording. */
import { explainLine, explainLog, explainSetting, type MachineContext, nothingKnown } from "../audit/index.js";
import type { KernelLog } from "../read/index.js";
import { type ReportFinding, refusalFindings, whyDocument, whyLines } from "../report/index.js";
import { openInput } from "./input.js";
import { linesOf } from "./lines.js";
import { readLog } from "./log.js";
import { AskedWrongly } from "./misuse.js";
import { replayFile } from "./replay_file.js";
import { screen } from "./terminal.js";

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
export async function why(path: string | undefined, flags: WhyFlags): Promise<0 | 1> {
  const { line, swiotlb, trace } = flags;
  if (path === undefined && line === undefined && swiotlb === undefined && trace === undefined) {
    const ways = "a log file, - for standard input, --line TEXT, --swiotlb TEXT or --trace FILE";
    throw new AskedWrongly(`what is to be explained? Give ${ways}`);
  }
  const findings: ReportFinding[] = [];
  const machine = contextOf(path === undefined || path === "-" ? null : await readLog(path), flags);
  if (path !== undefined) findings.push(...(await explainFile(path, machine)));
  if (line !== undefined) findings.push(...explainLine(line, machine));
  if (swiotlb !== undefined) findings.push(...explainSetting(swiotlb, machine));
  if (trace !== undefined) findings.push(...refusalFindings((await replayFile(trace, {})).outcome));
  if (flags.json === true) process.stdout.write(`${JSON.stringify(whyDocument(findings), null, 2)}\n`);
  else process.stdout.write(`${whyLines(findings, screen()).join("\n")}\n`);
  return findings.some((f) => f.trouble !== false) ? 1 : 0;
}

async function explainFile(path: string, machine: MachineContext): Promise<ReportFinding[]> {
  const input = await openInput(path);
  try {
    return explainLog(linesOf(input), machine);
  } finally {
    input.close();
  }
}

function contextOf(log: KernelLog | null, flags: WhyFlags): MachineContext {
  return {
    ...nothingKnown,
    poolSlots: log?.pool == null ? null : (log.pool.to - log.pool.from) / 2048,
    areas: log?.areas ?? null,
    poolStart: log?.pool?.from ?? null,
    poolEnd: log?.pool?.to ?? null,
    memoryBytes: flags.memory ?? log?.memoryBytes ?? null,
    cpus: flags.cpus ?? log?.cpus ?? null,
    setting: log?.swiotlb ?? null,
    xen: log?.xen ?? false,
  };
}
