/** Read a recording to see what machine it is of, as often as that takes, and once more to replay it. */
import { EventBatch, EventKind, type EventSource } from "../../read/event.js";
import type { PoolCounters } from "../../read/pool_counters.js";
import { Mappings } from "./contracts/mappings.js";
import { isEnd, mappingOf } from "./contracts/operation.js";
import type { BounceByAddress, CarriedSink } from "./contracts/sinks.js";
import { IovaReplay, iovaReplay } from "./iova/iova_replay.js";
import { FirstReading } from "./machine/first_reading.js";
import { inferMachine } from "./machine/infer_machine.js";
import { type LogFacts, unmapPolicyOf } from "./machine/log_facts.js";
import type { Machine } from "./machine/machine.js";
import { movedAre } from "./machine/moved.js";
import type { StoppedCpu } from "./machine/stopped_cpus.js";
import type { Replacement, Setting } from "./other_pools/setting.js";
import { Replay } from "./replay.js";
import { logAhead, type Request } from "./told/log_refusals.js";
import type { ReplayOutcome } from "./told/outcome.js";
import { bounceByFrames } from "./xen/bounce_by_frames.js";
import { FirstLook } from "./xen/first_look.js";
import { domainOf, firstBounceByFrames, noFiles, placedIn, xenPoolStep } from "./xen/xen_domain.js";
import type { XenFiles } from "./xen/xen_files.js";
import { chooseXen } from "./xen/xen_machine.js";
import { XenReplay } from "./xen/xen_replay.js";

export interface RecordingOptions {
  readonly name: string;
  /**
   * Opens the recording from its start. Called once for each reading: twice; once more where only the recording's own
   * probes tell that it is of a Xen domain, and once more where no dump, or no event, tells bounces from other mappings.
   */
  open(): Promise<EventSource>;
  readonly log: LogFacts | null;
  /** The kernel's own counters of its pool, read after the recording. */
  readonly counters?: PoolCounters | null;
  /** Dumps of the Xen domain that was recorded; null when there are none. */
  readonly xen?: XenFiles | null;
  /** Files beside the recording that could not be read, and why. */
  readonly passedOver?: readonly { readonly name: string; readonly used: string }[];
  /** Facts about devices that are known better than the recording shows them. */
  adjust?(machine: Machine, deviceNames: readonly string[], firstReading: FirstReading): Machine;
  /** Other pools to try, once the machine is known. @param replacement what is replayed on instead of its own pool */
  settings(machine: Machine, replacement: Setting | null): readonly Setting[];
  /** Whether somebody asked for these. */
  readonly sizesAsked?: boolean;
  /** A pool to report instead of the recorded one. */
  replacement(machine: Machine): Replacement | null;
  /** Told of each batch of the second reading, before it is replayed. */
  onBatch?(batch: EventBatch, about: Reading): void;
  /** Made once the machine is known; told of every operation in the order found, by numbers of a table of mappings. */
  watcher?(maps: Mappings, deviceNames: readonly string[]): CarriedSink;
  /** Called often with how much is done, 0 to 1; what it returns is waited for. */
  progress?(done: number): Promise<void> | undefined;
}

/** What is known when a recording is read for the second time. */
export interface Reading {
  readonly source: EventSource;
  /** Time from which the recording has the events of every CPU, microseconds. */
  readonly completeFrom: number;
  /** A CPU whose events stop while those of others go on. */
  readonly stopped: StoppedCpu | null;
  readonly machine: Machine;
  /** Whether bus addresses are a hypervisor's, so that nothing is mapped directly. */
  readonly foreignBus: boolean;
}

/** @throws Unreadable when the recording makes no sense. */
export async function replayRecording(o: RecordingOptions): Promise<{ outcome: ReplayOutcome; machine: Machine }> {
  const batch = new EventBatch();
  let look = await readFirst(o, batch, o.log?.xen === true || o.xen != null);
  // Only the recording's own probes tell that it is of a Xen domain.
  if (look.xen === null && look.firstReading.hasXenProbes) look = await readFirst(o, batch, true);
  // Without dumps, the answers of searches tell bounces from other mappings, once they have all been read.
  const noDumps = o.xen == null || (o.xen.pool.length === 0 && o.xen.p2m.length === 0);
  const answered = look.xen?.poolPages;
  if (noDumps && answered !== undefined && answered.size > 0) {
    look = await readFirst(o, batch, true, new Set(answered.values()));
  }
  const moved = movedAre(look.firstReading, o.log, look.source.kernel, look.xen !== null);
  if (moved === "bounced") look = await readFirst(o, batch, false, new Set(), bounceWhereMoved);
  const { firstReading, source: first } = look;
  const deviceNames = Array.from({ length: first.devices.count }, (_, i) => first.devices.name(i));
  const xen = look.xen === null ? null : chooseXen(o.xen ?? noFiles, look.xen, o.log);
  const { known, own } = domainOf(xen);
  firstReading.finish(own);
  const found = inferMachine({
    firstReading,
    log: o.log,
    kernel: first.kernel,
    cpus: first.cpus,
    excerpt: first.excerpt,
    deviceNames,
    known,
    ...xenPoolStep(xen),
  });
  const { machine: inferred, frames } = placedIn(xen, found, firstReading);
  const machine = o.adjust?.(inferred, deviceNames, firstReading) ?? inferred;
  const replacement = o.replacement(machine);

  const completeFrom = firstReading.completeFrom(first.lost);
  const ahead =
    firstReading.shows === "requests" && !first.ticks
      ? logAhead(o.log?.refusals ?? [], requestsOf(firstReading, deviceNames))
      : 0;
  firstReading.forget();
  const second = await o.open();
  const maps = new Mappings();
  const watcher = o.watcher?.(maps, deviceNames);
  const replay = new Replay({
    maps,
    firstReading,
    machine,
    completeFrom,
    machineAddresses: xen !== null,
    deviceNames,
    idle: idleTasks(second),
    ticks: () => second.ticks,
    moved,
    logAhead: ahead,
    log: o.log,
    counters: o.counters ?? null,
    settings: o.settings(machine, replacement),
    sizesAsked: o.sizesAsked ?? false,
    replacement,
    xen: xen === null ? null : new XenReplay(maps, xen, frames, !machine.inferred.includes("swiotlb.base")),
    bounceByAddress:
      xen === null
        ? moved === "bounced"
          ? bounceWhereMoved
          : null
        : bounceByFrames(
            frames === null ? [] : [frames],
            new Set(xen.look.poolPages.values()),
            xen.owners,
            xen.memory === "direct",
          ),
    ...(watcher === undefined ? {} : { watcher }),
  });
  const iova = iovaReplay(firstReading, o.log, machine.kernel, xen !== null, (d) => deviceNames[d] ?? "");
  const about: Reading = {
    source: second,
    completeFrom,
    stopped: firstReading.stopped,
    machine,
    foreignBus: xen !== null,
  };
  while (second.next(batch)) {
    o.onBatch?.(batch, about);
    replay.feed(batch);
    if (iova instanceof IovaReplay) iova.feed(batch);
    const pause = o.progress?.(0.5 + second.progress / 2);
    if (pause !== undefined) await pause;
  }
  const { format, lost, excerpt, absent, holes } = second;
  const unread = [...(o.passedOver ?? []), ...(o.xen?.passedOver ?? [])].map((f) => ({ where: f.name, what: f.used }));
  const warnings = [...second.warnings.list, ...unread];
  const outcome = replay.finish({
    name: o.name,
    format,
    lost,
    excerpt,
    ...(absent > 0 ? { absent } : {}),
    ...(holes === null ? {} : { holes }),
    warnings,
  });
  const policy = firstReading.kinds[EventKind.iommuUnmap]! > 0 ? unmapPolicyOf(o.log) : null;
  const ofIommu = {
    iova: iova instanceof IovaReplay ? iova.finish() : iova,
    ...(policy === null ? {} : { unmapPolicy: policy }),
  };
  return { outcome: { ...outcome, ...ofIommu }, machine };
}

function requestsOf({ sample: { maps, ops } }: FirstReading, names: readonly string[]): Request[] {
  return ops
    .filter((op) => !isEnd(op))
    .map(mappingOf)
    .map((m) => ({ device: names[maps.device[m]!] ?? "", time: maps.time[m]!, size: maps.size[m]! }));
}

/** Where nothing but a bounce moves a buffer. */
const bounceWhereMoved: BounceByAddress = (phys, address) => (Number.isNaN(phys) ? null : address !== phys);

async function readFirst(
  o: RecordingOptions,
  batch: EventBatch,
  isXen: boolean,
  learnt: ReadonlySet<number> = new Set(),
  bounceByAddress: BounceByAddress | null = null,
) {
  const source = await o.open();
  const firstReading = new FirstReading(
    idleTasks(source),
    isXen,
    isXen ? firstBounceByFrames(o.xen ?? noFiles, learnt, o.log) : bounceByAddress,
    o.log?.pool ?? null,
    () => source.ticks,
  );
  const xen = isXen ? new FirstLook() : null;
  // The probes show in the first events as a rule: the rest is then read once, as what it is.
  while ((isXen || !firstReading.hasXenProbes) && source.next(batch)) {
    firstReading.feed(batch);
    xen?.feed(batch);
    const pause = o.progress?.(source.progress / 2);
    if (pause !== undefined) await pause;
  }
  return { source, firstReading, xen };
}

/** Idle tasks are named alike on every CPU: process number 0. */
function idleTasks(source: EventSource): (task: number) => boolean {
  const known: boolean[] = [];
  return (task) => (known[task] ??= source.tasks.name(task).endsWith("-0"));
}
