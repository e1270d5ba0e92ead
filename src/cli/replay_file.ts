/** A recording's file, its log and the flags, made into one report. */
import { closeSync, existsSync, openSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { RecordingAudit } from "../audit/index.js";
import { describeMachine } from "../lab/machine/description.js";
import {
  describedPool,
  describeMasks,
  refuseTooLittleMemory,
  refuseWhatNoReplayFollows,
  withDescribedDevices,
} from "../lab/replay/described.js";
import type { Machine } from "../lab/replay/machine.js";
import { replayRecording } from "../lab/replay/replay_recording.js";
import { askedSettings, autoSettings, nearbySettings } from "../lab/replay/settings.js";
import type { Setting } from "../lab/replay/what_if.js";
import { readPoolCounters } from "../read/pool_counters.js";
import { ReplayWatch, type RunReport } from "../report/index.js";
import { limitAreas } from "../sw/swiotlb/index.js";
import { openInput } from "./input.js";
import { logFacts, readLog } from "./log.js";
import { openRecording } from "./recording.js";
import type { AskedPool } from "./swiotlb_flag.js";
import { Progress } from "./terminal.js";
import { textOf } from "./text_of.js";
import { xenFiles } from "./xen_files.js";

export interface ReplayFlags {
  readonly swiotlb?: AskedPool;
  readonly sizes?: "auto" | readonly number[];
  readonly machine?: string;
  readonly dmesg?: string;
  readonly perfetto?: string;
  /** Dumps of the Xen domain that was recorded. */
  readonly p2m?: string;
  readonly m2p?: string;
  readonly pool?: string;
}

/** @throws Unreadable for a file that is no recording. */
export async function replayFile(path: string, flags: ReplayFlags): Promise<RunReport> {
  const input = await openInput(path);
  const progress = new Progress(basename(path));
  const perfetto = flags.perfetto === undefined ? null : openSync(flags.perfetto, "w");
  try {
    const xen = await xenFiles(path, input, flags);
    const ownLog = flags.dmesg ?? besideRecording(path);
    const logPath = ownLog ?? xen?.log ?? null;
    const borrowed = ownLog === null && logPath !== null;
    const alsoRead = borrowed
      ? [{ name: basename(logPath), used: "kernel log of another phase, of the same boot" }]
      : [];
    const log = logPath === null ? null : logFacts(await readLog(logPath));
    const described = flags.machine === undefined ? null : describeMachine(flags.machine, await textOf(flags.machine));
    if (described !== null) refuseWhatNoReplayFollows(described);
    const countersPath = beside(path, ["swiotlb.txt"]);
    const counters = countersPath === null ? null : readPoolCounters(await textOf(countersPath));
    const watches: ReplayWatch[] = [];
    const audits: RecordingAudit[] = [];
    const { outcome } = await replayRecording({
      name: input.name,
      open: () => openRecording(input),
      log,
      counters,
      xen: xen === null ? null : { ...xen.files, alsoRead },
      settings: (machine, instead) => settingsFor(machine, instead, flags.sizes),
      sizesAsked: flags.sizes !== undefined,
      instead: (machine) =>
        insteadOf(machine, flags.swiotlb) ?? (described && describedPool(described.machine, machine)),
      ...(described === null
        ? {}
        : {
            adjust: (machine, names, survey) => {
              refuseTooLittleMemory(described, survey.physEnd);
              describeMasks(described.machine, survey.masks, names);
              return withDescribedDevices(described.machine, machine, names);
            },
          }),
      onBatch(batch, { source, completeFrom, machine, foreignBus }) {
        if (audits.length === 0) {
          audits.push(new RecordingAudit(source, { completeFrom, foreignBus, kernel: machine.kernel }));
        }
        audits[0]!.feed(batch);
      },
      ...(perfetto === null
        ? {}
        : { watcher: (_: Machine, names: readonly string[]) => watch(watches, names, perfetto) }),
      progress: (done) => progress.at(done),
    });
    for (const w of watches) w.finish();
    return { outcome, audit: audits[0]?.finish() ?? { leaks: [], violations: [] } };
  } finally {
    progress.done();
    if (perfetto !== null) closeSync(perfetto);
    input.close();
  }
}

function watch(watches: ReplayWatch[], names: readonly string[], file: number): ReplayWatch {
  const made = new ReplayWatch(names, (chunk) => void writeSync(file, chunk));
  watches.push(made);
  return made;
}

/** Sizes to try, in the mode of the pool that is reported. */
function settingsFor(machine: Machine, instead: Setting | null, sizes: ReplayFlags["sizes"]): readonly Setting[] {
  const pool = instead ?? machine.pool;
  if (pool === null) return [];
  const { slots, areas, forced } = pool;
  if (sizes === undefined) return slots === 0 ? [] : nearbySettings({ slots, areas, forced });
  if (sizes === "auto") return autoSettings({ forced });
  return askedSettings(sizes, { cpus: machine.cpus, forced });
}

function insteadOf(machine: Machine, asked: ReplayFlags["swiotlb"]): Setting | null {
  if (asked === undefined) return null;
  const recorded = machine.pool;
  const areas = asked.areas ?? limitAreas(recorded?.areas ?? 1, asked.slots);
  return { slots: asked.slots, areas, forced: asked.forced ?? recorded?.forced ?? false };
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
