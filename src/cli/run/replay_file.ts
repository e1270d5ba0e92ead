/** A recording's file, its log and the flags, made into one report. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Described } from "../../lab/machine/description/description.js";
import { logFacts } from "../../library/log_facts.js";
import { type AskedPool, replayReport } from "../../library/replay_report.js";
import { readPoolCounters } from "../../read/pool_counters.js";
import { Unreadable } from "../../read/unreadable.js";
import type { RunReport } from "../../report/index.js";
import type { Input } from "../files/input.js";
import type { Output } from "../files/output.js";
import { contentOf, refuseOthers } from "../session/content.js";
import { readLog } from "../session/log.js";
import type { Session } from "../session/session.js";
import { textOf } from "../session/text_of.js";
import { xenFiles } from "./xen_files.js";

export interface ReplayFlags {
  readonly swiotlb?: AskedPool;
  readonly sizes?: "auto" | readonly number[];
  readonly machine?: string;
  readonly dmesg?: string;
  /** Dumps of the Xen domain that was recorded. */
  readonly p2m?: string;
  readonly m2p?: string;
  readonly pool?: string;
}

/** What is replayed: a recording that is open, under its name. */
export interface ReplayedInput {
  readonly path: string;
  readonly input: Input;
  /** A description that it is the workload of. */
  readonly machine?: { readonly name: string; readonly text: string };
}

/** @throws Unreadable for a file that is no recording; AskedWrongly for one that another verb is there for. */
export async function replayFile(path: string, flags: ReplayFlags, session: Session): Promise<RunReport> {
  const input = await session.open(path);
  try {
    refuseOthers(await contentOf(input, path), ["recording"], path);
    return await replayInput({ path, input }, flags, session);
  } finally {
    input.close();
  }
}

/** @param perfetto where every mapping is told as a track; the caller commits it */
export async function replayInput(
  what: ReplayedInput,
  flags: ReplayFlags,
  session: Session,
  perfetto: Output | null = null,
): Promise<RunReport> {
  const beside = await readBeside(what, flags, session);
  const progress = session.progress(`replaying ${basename(what.path)}`);
  try {
    const { swiotlb, sizes } = flags;
    return await replayReport({
      ...beside,
      recording: what.input,
      ...(swiotlb !== undefined && { swiotlb }),
      ...(sizes !== undefined && { sizes }),
      ...(perfetto !== null && { perfetto: (piece: Uint8Array) => perfetto.write(piece) }),
      progress(share) {
        progress.at(share);
        return session.breath();
      },
    });
  } finally {
    progress.done();
  }
}

/** What stands beside the recording, or was named with it. */
async function readBeside({ path, input, machine }: ReplayedInput, flags: ReplayFlags, session: Session) {
  const progress = session.progress(`reading what is beside ${basename(path)}`);
  try {
    const xen = await xenFiles(path, input, flags, session);
    const ownLog = flags.dmesg ?? besideRecording(path);
    const logPath = ownLog ?? xen?.log ?? null;
    const isBorrowed = ownLog === null && logPath !== null;
    const borrowed = { name: basename(logPath ?? ""), used: "kernel log of another phase, of the same boot" };
    const countersPath = beside(path, ["swiotlb.txt"]);
    const described = await describedBy(machine, flags.machine, session);
    const passedOver: PassedOver[] = [];
    const log =
      logPath === null
        ? null
        : await foundOr(passedOver, logPath, flags.dmesg, (f) => readLog(f, session, flags.dmesg !== undefined));
    const counters =
      countersPath === null ? null : await foundOr(passedOver, countersPath, undefined, (f) => textOf(f, session));
    return {
      log: log === null ? null : logFacts(log),
      counters: counters === null ? null : readPoolCounters(counters),
      passedOver,
      xen: xen === null ? null : { ...xen.files, alsoRead: isBorrowed ? [borrowed] : [] },
      described,
    };
  } finally {
    progress.done();
  }
}

interface PassedOver {
  readonly name: string;
  readonly used: string;
}

/** What a file says; nothing where it was not asked for and cannot be read, which is then told. */
async function foundOr<T>(
  passedOver: PassedOver[],
  path: string,
  asked: string | undefined,
  read: (path: string) => Promise<T>,
): Promise<T | null> {
  try {
    return await read(path);
  } catch (error) {
    if (asked !== undefined || !(error instanceof Unreadable)) throw error;
    passedOver.push({ name: basename(path), used: `passed over: ${error.message}` });
    return null;
  }
}

/** Most recordings have none, so that what reads descriptions is loaded only where one is given. */
async function describedBy(
  machine: ReplayedInput["machine"],
  path: string | undefined,
  session: Session,
): Promise<Described | null> {
  if (machine === undefined && path === undefined) return null;
  const { name, text } = machine ?? { name: path!, text: await textOf(path!, session) };
  const { describeMachine } = await import("../../lab/machine/description/description.js");
  return describeMachine(name, text);
}

/** A kernel log that lies beside the recording under one of the usual names. */
function besideRecording(path: string): string | null {
  const phase = /^(.+)\.trace\./.exec(basename(path))?.[1];
  return beside(path, [...(phase === undefined ? [] : [`${phase}.dmesg.txt`]), "dmesg.txt", "dmesg.log", "dmesg"]);
}

/** The first of these files that lies beside the recording, packed or not; null when none does. */
function beside(path: string, names: readonly string[]): string | null {
  if (path === "-") return null;
  for (const name of names) {
    for (const ending of ["", ".gz", ".zst"]) {
      const found = join(dirname(path), name + ending);
      if (existsSync(found)) return found;
    }
  }
  return null;
}
