/** Read a recording to see what machine it is of, as often as that takes, and once more to replay it. */
import { EventBatch, type EventSource } from "../../read/event.js";
import type { PoolCounters } from "../../read/pool_counters.js";
import { inferMachine } from "./infer_machine.js";
import type { Landing } from "./joiner.js";
import { logAhead, type Request } from "./log_refusals.js";
import type { LogFacts, Machine } from "./machine.js";
import { movedAre } from "./moved.js";
import type { ReplayOutcome } from "./outcome.js";
import type { CarriedSink } from "./pool_model.js";
import { Replay } from "./replay.js";
import type { StoppedCpu } from "./stopped_cpus.js";
import { Survey } from "./survey.js";
import type { Instead, Setting } from "./what_if.js";
import { FirstLook } from "./xen/first_look.js";
import { landing } from "./xen/landing.js";
import { domainOf, firstLanding, noFiles, placedIn, xenPoolStep } from "./xen/xen_domain.js";
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
  adjust?(machine: Machine, deviceNames: readonly string[], survey: Survey): Machine;
  /** Other pools to try, once the machine is known. @param instead what is replayed on instead of its own pool */
  settings(machine: Machine, instead: Setting | null): readonly Setting[];
  /** Whether somebody asked for these. */
  readonly sizesAsked?: boolean;
  /** A pool to report instead of the recorded one. */
  instead(machine: Machine): Instead | null;
  /** Told of each batch of the second reading, before it is replayed. */
  onBatch?(batch: EventBatch, about: Reading): void;
  /** Made once the machine is known; told of every operation in the order found. */
  watcher?(machine: Machine, deviceNames: readonly string[]): CarriedSink;
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
  let look = await firstReading(o, batch, o.log?.xen === true || o.xen != null);
  // Only the recording's own probes tell that it is of a Xen domain.
  if (look.xen === null && look.survey.hasXenProbes) look = await firstReading(o, batch, true);
  // Without dumps, the answers of searches tell bounces from other mappings, once they have all been read.
  const noDumps = o.xen == null || (o.xen.pool.length === 0 && o.xen.p2m.length === 0);
  const answered = look.xen?.poolPages;
  if (noDumps && answered !== undefined && answered.size > 0) {
    look = await firstReading(o, batch, true, new Set(answered.values()));
  }
  const moved = movedAre(look.survey, o.log, look.source.kernel, look.xen !== null);
  if (moved === "bounced") look = await firstReading(o, batch, false, new Set(), movedLanding);
  const { survey, source: first } = look;
  const deviceNames = Array.from({ length: first.devices.count }, (_, i) => first.devices.name(i));
  const xen = look.xen === null ? null : chooseXen(o.xen ?? noFiles, look.xen, o.log);
  const { known, own } = domainOf(xen);
  survey.finish(own);
  const found = inferMachine({
    survey,
    log: o.log,
    kernel: first.kernel,
    cpus: first.cpus,
    excerpt: first.excerpt,
    deviceNames,
    known,
    ...xenPoolStep(xen),
  });
  const { machine: inferred, frames } = placedIn(xen, found, survey);
  const machine = o.adjust?.(inferred, deviceNames, survey) ?? inferred;
  const instead = o.instead(machine);

  const completeFrom = survey.completeFrom(first.lost);
  const ahead =
    survey.shows === "requests" && !first.ticks ? logAhead(o.log?.refusals ?? [], requestsOf(survey, deviceNames)) : 0;
  survey.forget();
  const second = await o.open();
  const watcher = o.watcher?.(machine, deviceNames);
  const replay = new Replay({
    survey,
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
    settings: o.settings(machine, instead),
    sizesAsked: o.sizesAsked ?? false,
    instead,
    xen: xen === null ? null : new XenReplay(xen, frames, !machine.inferred.includes("swiotlb.base")),
    landed:
      xen === null
        ? moved === "bounced"
          ? movedLanding
          : null
        : landing(
            frames === null ? [] : [frames],
            new Set(xen.look.poolPages.values()),
            xen.owners,
            xen.memory === "direct",
          ),
    ...(watcher === undefined ? {} : { watcher }),
  });
  const about: Reading = { source: second, completeFrom, stopped: survey.stopped, machine, foreignBus: xen !== null };
  while (second.next(batch)) {
    o.onBatch?.(batch, about);
    replay.feed(batch);
    const pause = o.progress?.(0.5 + second.progress / 2);
    if (pause !== undefined) await pause;
  }
  const { format, lost, excerpt } = second;
  const unread = [...(o.passedOver ?? []), ...(o.xen?.passedOver ?? [])].map((f) => ({ where: f.name, what: f.used }));
  const outcome = replay.finish({
    name: o.name,
    format,
    lost,
    excerpt,
    warnings: [...second.warnings.list, ...unread],
  });
  return { outcome, machine };
}

const requestsOf = ({ sample }: Survey, names: readonly string[]): Request[] =>
  sample.filter((op) => !op.unmap).map((op) => ({ device: names[op.device] ?? "", time: op.lo, size: op.size }));

/** Where nothing but a bounce moves a buffer. */
const movedLanding: Landing = (phys, address) => (Number.isNaN(phys) ? null : address !== phys);

async function firstReading(
  o: RecordingOptions,
  batch: EventBatch,
  isXen: boolean,
  learnt: ReadonlySet<number> = new Set(),
  landed: Landing | null = null,
) {
  const source = await o.open();
  const survey = new Survey(
    idleTasks(source),
    isXen,
    isXen ? firstLanding(o.xen ?? noFiles, learnt, o.log) : landed,
    o.log?.pool ?? null,
    () => source.ticks,
  );
  const xen = isXen ? new FirstLook() : null;
  // The probes show in the first events as a rule: the rest is then read once, as what it is.
  while ((isXen || !survey.hasXenProbes) && source.next(batch)) {
    survey.feed(batch);
    xen?.feed(batch);
    const pause = o.progress?.(source.progress / 2);
    if (pause !== undefined) await pause;
  }
  return { source, survey, xen };
}

/** Idle tasks are named alike on every CPU: process number 0. */
function idleTasks(source: EventSource): (task: number) => boolean {
  const known: boolean[] = [];
  return (task) => (known[task] ??= source.tasks.name(task).endsWith("-0"));
}
