/** A recording, and what is known beside it, made into one report. */

import { RecordingAudit } from "../audit/recording/recording_audit.js";
import type { Described } from "../lab/machine/description/description.js";
import type { Mappings } from "../lab/replay/contracts/mappings.js";
import {
  describedPool,
  describeMasks,
  refuseTooLittleMemory,
  refuseWhatNoReplayFollows,
  withDescribedDevices,
} from "../lab/replay/described.js";
import type { LogFacts } from "../lab/replay/machine/log_facts.js";
import type { Machine } from "../lab/replay/machine/machine.js";
import type { Setting } from "../lab/replay/other_pools/setting.js";
import { askedSettings, autoSettings, nearbySettings } from "../lab/replay/other_pools/settings.js";
import { replayRecording } from "../lab/replay/replay_recording.js";
import type { XenFiles } from "../lab/replay/xen/xen_files.js";
import type { Unpacked } from "../read/packed.js";
import type { PoolCounters } from "../read/pool_counters.js";
import { ReplayWatch } from "../report/recording/perfetto/replay_watch.js";
import type { RunReport } from "../report/recording/run_report.js";
import { limitAreas } from "../sw/swiotlb/index.js";
import { openRecording } from "./recording.js";

/** A pool as asked for; what was not said (null) is as recorded. */
export interface AskedPool {
  readonly slots: number;
  readonly areas: number | null;
  readonly forced: boolean | null;
}

export interface Replayed {
  readonly recording: Unpacked;
  readonly log: LogFacts | null;
  /** The kernel's own counters of its pool, read after the recording. */
  readonly counters: PoolCounters | null;
  /** Dumps of the Xen domain that was recorded; null: there are none. */
  readonly xen: XenFiles | null;
  /** A description that it is the workload of. */
  readonly described: Described | null;
  /** Files beside the recording that could not be read, and why. */
  readonly passedOver?: readonly { readonly name: string; readonly used: string }[];
  /** Another pool than the recorded one. */
  readonly swiotlb?: AskedPool;
  /** Sizes to try, in slots; undefined: a few around the pool. */
  readonly sizes?: "auto" | readonly number[];
  /** Takes a trace for ui.perfetto.dev, piece by piece. */
  readonly perfetto?: (piece: Uint8Array) => void;
  /** Told the share done; what it returns is waited for. */
  readonly progress?: (share: number) => Promise<void> | undefined;
}

/** @throws Unreadable for what is no recording, and for a description that it cannot be the workload of. */
export async function replayReport(what: Replayed): Promise<RunReport> {
  const { recording, log, described, sizes, perfetto, progress } = what;
  if (described !== null) refuseWhatNoReplayFollows(described);
  const watches: ReplayWatch[] = [];
  const audits: RecordingAudit[] = [];
  const { outcome } = await replayRecording({
    name: recording.name,
    open: () => openRecording(recording),
    log,
    counters: what.counters,
    xen: what.xen,
    passedOver: what.passedOver ?? [],
    settings: (machine, replacement) => settingsFor(machine, replacement, sizes),
    sizesAsked: sizes !== undefined,
    replacement: (machine) =>
      replacementOf(machine, what.swiotlb) ?? (described && describedPool(described.machine, machine)),
    ...(described === null
      ? {}
      : {
          adjust: (machine, names, firstReading) => {
            refuseTooLittleMemory(described, firstReading.physEnd);
            describeMasks(described.machine, firstReading.masks, names);
            return withDescribedDevices(described.machine, machine, names);
          },
        }),
    onBatch(batch, { source, completeFrom, stopped, machine, foreignBus }) {
      if (audits.length === 0) {
        const logFaults = log?.faults ?? [];
        const { kernel } = machine;
        audits.push(new RecordingAudit(source, { completeFrom, stopped, foreignBus, kernel, logFaults }));
      }
      audits[0]!.feed(batch);
    },
    ...(perfetto === undefined
      ? {}
      : { watcher: (maps: Mappings, names: readonly string[]) => watch(maps, names, perfetto) }),
    ...(progress === undefined ? {} : { progress }),
  });
  for (const w of watches) w.finish();
  return { outcome, audit: audits[0]?.finish() ?? { leaks: [], violations: [] } };

  function watch(maps: Mappings, names: readonly string[], take: (piece: Uint8Array) => void): ReplayWatch {
    const made = new ReplayWatch(maps, names, take);
    watches.push(made);
    return made;
  }
}

/** Sizes to try, in the mode of the pool that is reported. */
function settingsFor(machine: Machine, replacement: Setting | null, sizes: Replayed["sizes"]): readonly Setting[] {
  const pool = replacement ?? machine.pool;
  if (pool === null) return [];
  const { slots, areas, forced } = pool;
  if (sizes === undefined) return slots === 0 ? [] : nearbySettings({ slots, areas, forced });
  if (sizes === "auto") return autoSettings({ forced });
  return askedSettings(sizes, { cpus: machine.cpus, forced });
}

function replacementOf(machine: Machine, asked: AskedPool | undefined): Setting | null {
  if (asked === undefined) return null;
  const recorded = machine.pool;
  const areas = asked.areas ?? limitAreas(recorded?.areas ?? 1, asked.slots);
  return { slots: asked.slots, areas, forced: asked.forced ?? recorded?.forced ?? false };
}
