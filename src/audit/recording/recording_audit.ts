/**
 * The rules of the DMA API, leaks and exposure, from the events of a recording.
 *
 * Events are fed as they are read; what is kept is the mappings alive, tables of fixed size, and the first findings
 * of each rule. A recording that is wrong in itself gives wrong findings, never an error.
 */
import { type EventBatch, EventKind } from "../../read/event.js";
import type { Names } from "../../read/names.js";
import { aliveGroups } from "./alive.js";
import { judgeDue, judgeOldest } from "./judge.js";
import { mapList, unmapList } from "./lists.js";
import { notes } from "./notes.js";
import type { AuditResult } from "./result.js";
import { unknowable } from "./rules.js";
import { allocate, bounced, free, map, unmap } from "./singles.js";
import { AuditState } from "./state.js";
import { syncList, syncSingle } from "./syncs.js";

export class RecordingAudit {
  readonly #state: AuditState;
  readonly #source: { readonly lost?: number };
  #from = Number.NaN;
  #now = Number.NaN;

  /**
   * @param source names the numbers in the `device` column and counts losses; an EventSource does
   * @param o.completeFrom time (microseconds) from which the recording has the events of every CPU: what was mapped
   *                       before is not judged
   */
  constructor(source: { readonly devices: Names; readonly lost?: number }, o: { readonly completeFrom?: number } = {}) {
    this.#source = source;
    this.#state = new AuditState(source.devices);
    this.#state.lostAt = o.completeFrom ?? Number.NEGATIVE_INFINITY;
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
      if (batch.kind[i] !== EventKind.lost) state.events++;
      this.#event(batch, i);
    }
  }

  /** No more events: what still waits is judged, what is alive is listed. */
  finish(): AuditResult {
    const state = this.#state;
    while (state.waiting.count > 0) judgeOldest(state);
    state.lost = Math.max(state.lost, this.#source.lost ?? 0);
    const { leaks, alive } = aliveGroups(state, this.#now);
    const { events, maps, lists, allocations, unmaps, syncs, failed, before, lost } = state;
    return {
      from: !Number.isNaN(this.#from) ? this.#from / 1e6 : null,
      to: !Number.isNaN(this.#now) ? this.#now / 1e6 : null,
      counts: { events, maps, lists, allocations, unmaps, syncs, failed, before, lost },
      leaks,
      alive,
      violations: state.violations.list(),
      violationTotals: state.violations.totals(),
      exposure: state.exposure.list((device) => state.deviceName(device)),
      notes: notes(state),
      unknowable,
    };
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
      case EventKind.iommuMap:
      case EventKind.iommuUnmap:
      case EventKind.iommuDevice:
        state.iommu = true;
        break;
      case EventKind.lost:
        state.lost += Number.isNaN(batch.size[i]!) ? 1 : Math.max(1, batch.size[i]!);
        state.lostAt = Math.max(state.lostAt, batch.time[i]!);
        break;
    }
  }
}
