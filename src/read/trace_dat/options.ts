/**
 * Options of a file: what each says that is used.
 *
 * Source: trace-cmd.dat.v7(5), OPTIONS SECTION; version 6 uses the same numbers up to 15.
 */
import { latin1 } from "../../base/text_bytes.js";
import { warnOfOverrun } from "../overrun.js";
import type { Warnings } from "../unreadable.js";
import type { Cursor } from "./cursor.js";

export const OptionId = {
  done: 0,
  cpuStat: 2,
  buffer: 3,
  traceClock: 4,
  uname: 5,
  cpuCount: 8,
  tscToNsec: 14,
  headerInfo: 16,
  ftraceEvents: 17,
  eventFormats: 18,
  commands: 21,
  bufferText: 22,
} as const;

/** No option that is read is longer: the CPU table of 8192 CPUs takes 160 KiB. */
export const mostOptionBytes = 1 << 20;

/** What the plain options said. */
export interface Facts {
  kernel: string | null;
  clock: string | null;
  cpus: number | null;
  /** Events that were overwritten or refused while recording, per CPU as "CPU: n" says. */
  overrun: { cpu: string; events: number }[];
}

export function noFacts(): Facts {
  return { kernel: null, clock: null, cpus: null, overrun: [] };
}

/** Take an option that is understood the same way in both versions. */
export function readFact(facts: Facts, id: number, c: Cursor, bytes: number, warnings: Warnings): void {
  switch (id) {
    case OptionId.uname:
      // "Linux NODE RELEASE MACHINE": the node's name may be anything, so no more than the release is kept.
      facts.kernel = /^\S+ \S* ?(\d\S*)/.exec(text(c, bytes))?.[1] ?? null;
      break;
    case OptionId.traceClock:
      facts.clock = /\[([\w-]+)\]/.exec(text(c, bytes))?.[1] ?? null;
      break;
    case OptionId.cpuCount:
      if (bytes >= 4) facts.cpus = c.u32();
      break;
    case OptionId.cpuStat:
      readCpuStat(facts, text(c, bytes));
      break;
    case OptionId.tscToNsec:
      warnings.add(c.where(), "the factors that turn this clock's cycles into nanoseconds are left out");
      break;
  }
}

/** The kernel's per_cpu/cpuN/stats: "overrun" were overwritten, "dropped events" refused. */
function readCpuStat(facts: Facts, stat: string): void {
  const cpu = /^CPU: (\d+)/m.exec(stat)?.[1] ?? "?";
  const events =
    Number(/^overrun: (\d+)/m.exec(stat)?.[1] ?? 0) + Number(/^dropped events: (\d+)/m.exec(stat)?.[1] ?? 0);
  if (events > 0 && facts.overrun.length < 8192) facts.overrun.push({ cpu, events });
}

function text(c: Cursor, bytes: number): string {
  return latin1(c.bytes(bytes, "an option")).split("\0", 1)[0]!;
}

/** Warn of events that the kernel overwrote or refused: no marker in the ring need say so. */
export function warnOverrun(facts: Facts, warnings: Warnings): void {
  warnOfOverrun(
    warnings,
    facts.overrun.reduce((sum, { events }) => sum + events, 0),
  );
}

/** @returns pid to command, from the lines of saved_cmdlines. */
export function parseCommands(lines: string): Map<number, string> {
  const commands = new Map<number, string>();
  for (const line of lines.split("\n")) {
    const m = /^(\d{1,10}) (.{1,64})$/.exec(line);
    if (m !== null) commands.set(Number(m[1]), m[2]!);
  }
  return commands;
}
