/**
 * The rules of the DMA API, leaks and exposure, from the events of a recording.
 *
 * Events are fed as they are read; what is kept is the mappings alive, tables of fixed size, and the first findings
 * of each rule. A recording that is wrong in itself gives wrong findings, never an error.
 */
import { type EventBatch, EventKind, type SourceFormat } from "../../read/event.js";
import type { LogFault } from "../../read/kernel_log/faults/fault.js";
import type { Names } from "../../read/names.js";
import { aliveGroups } from "./alive.js";
import type { DomainChanges } from "./changes/change.js";
import { ChangeAudit } from "./changes/change_audit.js";
import { noDevice } from "./faults.js";
import { InvalidationAudit, type Invalidations, type RecordingFacts } from "./invalidation/invalidations.js";
import { judgeDue, judgeOldest } from "./judge.js";
import { mapList, unmapList } from "./lists.js";
import { LogFaults } from "./log_faults.js";
import { MappingKind } from "./mappings.js";
import { notes } from "./notes.js";
import { Recorded } from "./recorded.js";
import type { AuditResult, DeviceFaults } from "./result.js";
import { unknowable } from "./rules.js";
import { allocate, bounced, free, map, unmap } from "./singles.js";
import { AuditState } from "./state.js";
import { syncList, syncSingle } from "./syncs.js";

export interface AuditSource {
  /** Names the numbers in the `device` column; an EventSource does. */
  readonly devices: Names;
  /** Those in the `task` column. */
  readonly tasks?: Names;
  readonly lost?: number;
  /** CPUs that the machine has. */
  readonly cpus?: number;
  /** Whether this is a part of a recording, which states neither how many CPUs there are nor what was lost. */
  readonly excerpt?: boolean;
  /** Why events may be missing anywhere; see `EventSource`. */
  readonly holes?: string | null;
  readonly absent?: number;
  /** Only the text of perf script says nothing of losses: ftrace marks them where they are. */
  readonly format?: SourceFormat;
}

export interface AuditOptions {
  /** Time (microseconds) from which the recording has the events of every CPU: what was mapped before is not judged. */
  readonly completeFrom?: number;
  /** A CPU whose events stop at a time (microseconds) while those of others go on: what relies on them is not judged. */
  readonly stopped?: { readonly cpu: number; readonly time: number } | null;
  /** Release of the kernel that was recorded; null when nothing says it. */
  readonly kernel?: string | null;
  /** Whether bus addresses are a hypervisor's, so that nothing is mapped directly. */
  readonly foreignBus?: boolean;
  /** Accesses that an IOMMU refused, as the kernel's log tells them. */
  readonly logFaults?: readonly LogFault[];
}

export class RecordingAudit {
  readonly #state: AuditState;
  readonly #source: AuditSource;
  readonly #isIdle: (task: number) => boolean;
  readonly #logFaults: LogFaults;
  readonly #invalidations: InvalidationAudit;
  readonly #changes: ChangeAudit;
  readonly #completeFrom: number;
  #from = Number.NaN;
  #now = Number.NaN;

  constructor(source: AuditSource, o: AuditOptions = {}) {
    this.#source = source;
    const tasks = source.tasks ?? null;
    const { kernel = null, foreignBus = false } = o;
    const recorded = new Recorded({
      kernel,
      foreignBus,
      lossesStated: source.format !== "perf-script",
      holes: () => source.holes ?? null,
      absent: () => source.absent ?? 0,
    });
    this.#state = new AuditState(source.devices, tasks, recorded);
    this.#state.stopped = o.stopped ?? null;
    this.#state.lostAt = o.completeFrom ?? Number.NEGATIVE_INFINITY;
    this.#completeFrom = this.#state.lostAt;
    this.#invalidations = new InvalidationAudit({
      device: (device) => this.#state.deviceName(device),
      task: (task) => tasks?.name(task) ?? "?",
    });
    this.#changes = new ChangeAudit({
      name: (device) => this.#state.deviceName(device),
      mapped: (device, since) => this.#state.mapped(device, since),
    });
    this.#logFaults = new LogFaults(o.logFaults ?? []);
    if (this.#logFaults.any) this.#watchEnds();
    const idle: boolean[] = [];
    this.#isIdle = (task) => (idle[task] ??= tasks?.name(task).endsWith("-0") ?? false);
  }

  /** Look at the next events, in order of time. */
  feed(batch: EventBatch): void {
    const state = this.#state;
    for (let i = 0; i < batch.count; i++) {
      const time = batch.time[i]!;
      if (!Number.isFinite(time)) continue;
      if (Number.isNaN(this.#from)) this.#from = time;
      if (!(time <= this.#now)) this.#now = time;
      if (state.waiting.count > 0) judgeDue(state, time);
      if (batch.kind[i] !== EventKind.lost) {
        state.events++;
        state.recorded.written(batch, i, this.#isIdle);
      }
      this.#event(batch, i);
      this.#invalidations.event(batch, i);
      this.#changes.event(batch, i);
    }
  }

  /** No more events: what still waits is judged, what is alive is listed. */
  finish(): AuditResult {
    const state = this.#state;
    while (state.waiting.count > 0) judgeOldest(state);
    state.lost = Math.max(state.lost, this.#source.lost ?? 0);
    state.overAtTheEnd();
    const { leaks, alive, aliveUnknown, unjudged } = aliveGroups(state, this.#now);
    const nameOf = (device: number) => state.deviceName(device);
    const facts = this.#facts();
    const invalidations = this.#judgeInvalidations(facts);
    const domainChanges = this.#judgeChanges(facts);
    const broken = state.violations.judged(nameOf, (device) => state.recorded.mapsMissing(device));
    const { events, maps, lists, allocations, unmaps, syncs, failed, before, lost } = state;
    return {
      from: !Number.isNaN(this.#from) ? this.#from / 1e6 : null,
      to: !Number.isNaN(this.#now) ? this.#now / 1e6 : null,
      counts: { events, maps, lists, allocations, unmaps, syncs, failed, before, lost },
      leaks,
      alive,
      violations: broken.violations,
      violationTotals: broken.totals,
      exposure: state.exposure.list(nameOf, state.recorded.foreignBus),
      faults: [...state.faults.list(nameOf), ...this.#faultsOfLog()],
      ...(invalidations === null ? {} : { invalidations }),
      ...(domainChanges === null ? {} : { domainChanges }),
      unjudged: [...unjudged, ...broken.unjudged, ...state.unfoundedWords()],
      aliveUnknown,
      notes: notes(state),
      unknowable,
    };
  }

  #facts(): RecordingFacts {
    const { stopped, recorded } = this.#state;
    const { excerpt = false, cpus = 0 } = this.#source;
    return { completeFrom: this.#completeFrom, stopped, excerpt, cpus, missing: recorded.othersMissing() };
  }

  #judgeChanges(facts: RecordingFacts): DomainChanges | null {
    const state = this.#state;
    return this.#changes.finish(this.#invalidations.evidence(facts), ({ rule, device, time, words }) =>
      state.broken(rule, device, time, () => words),
    );
  }

  #judgeInvalidations(facts: RecordingFacts): Invalidations | null {
    const state = this.#state;
    return this.#invalidations.finish(facts, (accused) => {
      const { unmapping, words } = accused;
      state.broken("reuse-before-flush", unmapping.device, accused.reuse.time, () => words);
    });
  }

  /** What held an address before it was unmapped is kept for the faults of the log. */
  #watchEnds(): void {
    const state = this.#state;
    const { gone } = state;
    gone.told = (i, device, address) => {
      if (device === noDevice) return;
      const task = gone.task[i]! < 0 ? "" : (state.tasks?.name(gone.task[i]!) ?? "");
      const { size, direction, mappedAt, unmappedAt } = gone;
      const coherent = gone.coherent[i] === 1;
      const when = { from: mappedAt[i]!, to: unmappedAt[i]!, task };
      const held = { address, size: size[i]!, direction: direction[i]!, coherent, ...when };
      this.#logFaults.held(state.deviceName(device), held);
    };
  }

  #faultsOfLog(): DeviceFaults[] {
    const state = this.#state;
    if (!this.#logFaults.any) return [];
    const { live } = state;
    for (const m of live) {
      const when = { from: live.time[m]!, to: Number.POSITIVE_INFINITY, task: "" };
      const coherent = live.kind[m] === MappingKind.coherent;
      const held = { address: live.dma[m]!, size: live.size[m]!, direction: live.direction[m]!, coherent, ...when };
      if (!Number.isNaN(held.address)) this.#logFaults.held(state.deviceName(live.device[m]!), held);
    }
    const numbers = new Map<string, number>();
    for (let d = 0; d < this.#source.devices.count; d++) numbers.set(this.#source.devices.name(d), d);
    return this.#logFaults.list((name, page) => state.faults.knows(numbers.get(name) ?? noDevice, page));
  }

  #event(batch: EventBatch, i: number): void {
    const state = this.#state,
      kind = batch.kind[i]!;
    switch (kind) {
      case EventKind.bounced:
        bounced(state, batch, i);
        break;
      case EventKind.map:
        map(state, batch, i);
        break;
      case EventKind.unmap:
        unmap(state, batch, i);
        break;
      case EventKind.mapList:
        mapList(state, batch, i);
        break;
      case EventKind.unmapList:
        unmapList(state, batch, i);
        break;
      case EventKind.mapListError:
        state.failed++;
        break;
      case EventKind.alloc:
        allocate(state, batch, i);
        break;
      case EventKind.free:
        free(state, batch, i);
        break;
      case EventKind.syncForCpu:
      case EventKind.syncForDevice:
        syncSingle(state, batch, i, kind === EventKind.syncForCpu);
        break;
      case EventKind.syncListForCpu:
      case EventKind.syncListForDevice:
        syncList(state, batch, i, kind === EventKind.syncListForCpu);
        break;
      case EventKind.iommuUnmap:
        state.iommu = true;
        if (batch.dma[i]! >= 0) {
          const { dma, size, time, task } = batch;
          state.gone.add(noDevice, dma[i]!, size[i]!, batch.direction[i]!, Number.NaN, time[i]!, task[i]!, false);
        }
        break;
      case EventKind.iommuMap:
      case EventKind.iommuDevice:
      case EventKind.iommuDetached:
      case EventKind.iommuJoined:
      case EventKind.iommuLeft:
        state.iommu = true;
        break;
      case EventKind.iommuFault:
        state.iommu = true;
        state.faults.fault(state, batch.device[i]!, batch.dma[i]!, (batch.attrs[i]! & 1) === 1, batch.time[i]!);
        break;
      case EventKind.lost:
        state.lost += Number.isNaN(batch.size[i]!) ? 1 : Math.max(1, batch.size[i]!);
        state.lostAt = Math.max(state.lostAt, batch.time[i]!);
        break;
    }
  }
}
