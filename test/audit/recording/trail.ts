/** A recording written by hand, event by event, and what the audit says of it. */
import { expect } from "vitest";
import { type AuditResult, RecordingAudit } from "../../../src/audit/index.js";
import { EventBatch, EventKind } from "../../../src/read/event.js";
import type { LogFault } from "../../../src/read/kernel_log/faults/fault.js";
import { Names } from "../../../src/read/names.js";
import { whole } from "../../whole.js";

export const both = 0,
  toDevice = 1,
  fromDevice = 2,
  none = 3;

export interface One {
  device?: string;
  /** "comm-pid" of who wrote it. */
  task?: string;
  dma?: number;
  phys?: number;
  size?: number;
  direction?: number;
  attrs?: number;
}

export interface List {
  device?: string;
  dma?: readonly number[];
  size?: readonly number[];
  phys?: readonly number[];
  total?: number;
  direction?: number;
}

/** Times are microseconds; what is left out is a mapping of 4096 bytes at 0x10000 from physical 0x70000. */
export class Trail {
  readonly #devices = new Names();
  readonly #tasks = new Names();
  readonly #audit: RecordingAudit;
  readonly #batch = new EventBatch(64);

  /** @param kernel its release; drivers of 6.12 unmap all that they map. @param logFaults what the log tells */
  constructor(kernel: string | null = "6.12.0", logFaults: readonly LogFault[] = []) {
    this.#audit = new RecordingAudit({ devices: this.#devices, tasks: this.#tasks }, { kernel, logFaults });
  }

  map = (time: number, o: One = {}): this => this.#one(EventKind.map, time, { phys: 0x70000, ...o });
  unmap = (time: number, o: One = {}): this => this.#one(EventKind.unmap, time, o);
  alloc = (time: number, o: One = {}): this => this.#one(EventKind.alloc, time, o);
  free = (time: number, o: One = {}): this => this.#one(EventKind.free, time, o);
  forCpu = (time: number, o: One = {}): this => this.#one(EventKind.syncForCpu, time, o);
  forDevice = (time: number, o: One = {}): this => this.#one(EventKind.syncForDevice, time, o);
  /** swiotlb_bounced: `dma` is the original address. */
  bounced = (time: number, o: One = {}): this => this.#one(EventKind.bounced, time, o);
  iommuUnmap = (time: number, o: One): this => this.#one(EventKind.iommuUnmap, time, o);
  /** `attrs` is the fault's flags. */
  fault = (time: number, o: One): this => this.#one(EventKind.iommuFault, time, o);
  iommu = (time: number): this => this.#one(EventKind.iommuMap, time, {});
  lost = (time: number): this => this.#one(EventKind.lost, time, { size: 1 });

  mapList = (time: number, o: List): this => this.#list(EventKind.mapList, time, o);
  unmapList = (time: number, o: List): this => this.#list(EventKind.unmapList, time, o);
  failedList = (time: number, o: List): this => this.#list(EventKind.mapListError, time, o);
  listForCpu = (time: number, o: List): this => this.#list(EventKind.syncListForCpu, time, o);

  /** An event of no interest, so that time goes on. */
  wait = (time: number, o: One = {}): this => this.#one(EventKind.other, time, o);

  /** What is said is also compared whole with what was written down. */
  result(): AuditResult {
    const result = this.finish();
    expect(whole(result)).toMatchSnapshot();
    return result;
  }

  finish(): AuditResult {
    this.#feed();
    return this.#audit.finish();
  }

  /** The broken rules, with how often. */
  rules(): Record<string, number> {
    return Object.fromEntries(this.result().violationTotals.map((v) => [v.rule, v.count]));
  }

  #one(kind: number, time: number, o: One): this {
    const i = this.#begin(kind, time, o.device);
    const b = this.#batch;
    if (o.task !== undefined) b.task[i] = this.#tasks.id(o.task);
    b.dma[i] = o.dma ?? 0x10000;
    if (o.phys !== undefined) b.phys[i] = o.phys;
    b.size[i] = o.size ?? 4096;
    b.direction[i] = o.direction ?? fromDevice;
    b.attrs[i] = o.attrs ?? 0;
    return this;
  }

  #list(kind: number, time: number, o: List): this {
    const i = this.#begin(kind, time, o.device);
    const b = this.#batch;
    b.direction[i] = o.direction ?? fromDevice;
    for (const [k, dma] of (o.dma ?? []).entries()) b.pushDma(i, dma, o.size?.[k] ?? 4096);
    for (const phys of o.phys ?? []) b.pushPhys(i, phys);
    b.physTotal[i] = o.total ?? 0;
    return this;
  }

  #begin(kind: number, time: number, device = "0000:00:03.0"): number {
    if (this.#batch.count === this.#batch.capacity) this.#feed();
    const i = this.#batch.blank();
    this.#batch.count++;
    this.#batch.kind[i] = kind;
    this.#batch.time[i] = time;
    this.#batch.device[i] = this.#devices.id(device);
    return i;
  }

  #feed(): void {
    this.#audit.feed(this.#batch);
    this.#batch.clear();
  }
}
