/**
 * A first look at a recording: what the machine must have been like, and how long the recording is.
 *
 * Memory is bounded: a first stretch of operations is kept, of the rest only counts and bounds.
 */
import { type EventBatch, EventKind } from "../../../read/event.js";
import { Mappings } from "../contracts/mappings.js";
import { isEnd, mappingOf, Outcome } from "../contracts/operation.js";
import type { BounceByAddress } from "../contracts/sinks.js";
import type { PoolBounds } from "../events/bounces_in_bounds.js";
import type { Orphan } from "../events/early_ends.js";
import { Joiner } from "../events/joiner.js";
import { DeviceMasks } from "./masks.js";
import { granted, type Sample } from "./sample.js";
import type { Shows } from "./shows.js";
import { CpuEnds, type StoppedCpu } from "./stopped_cpus.js";

/** Operations kept to try machines on. */
const sampleMax = 60_000;
/** Unmappings of older mappings kept: no pool has more slots than this that are worth knowing one by one. */
const orphansMax = 1 << 19;

/** Interrupt controllers and firmware below 4 GiB on PCs. */
const noRamFrom = 0xfec0_0000;
const noRamTo = 0x1_0000_0000;

/** Fewer mappings may all be alive. */
const fewMaps = 50;

export interface DeviceEvents {
  bounced: number;
  maps: number;
}

export class FirstReading {
  /** First and last time, microseconds; NaN when there is no event. */
  from = Number.NaN;
  to = Number.NaN;
  events = 0;
  readonly kinds = new Float64Array(64);
  readonly devices: DeviceEvents[] = [];
  readonly masks = new DeviceMasks();
  forced = 0;
  readonly #maps = new Mappings();
  readonly #kept: number[] = [];
  /** Operations in the order in which they began, the first `sampleMax` that concern bounces. */
  readonly sample: Sample = { maps: this.#maps, ops: this.#kept };
  /** Lowest and highest bounce address seen. */
  lowest = Number.POSITIVE_INFINITY;
  highest = Number.NEGATIVE_INFINITY;
  /** Lists had fewer bus ranges than buffers: an IOMMU merged them. */
  merged = false;
  /** Buffers were given addresses where a PC has firmware and interrupt controllers, and no RAM. */
  inFirmware = false;
  /** Bounces of a kind are recorded, and never an end of that kind: how full the pool was is not known. */
  endsMissing = false;
  /** Buffers whose bus address is not their physical one, and in how many ways, up to two, it lies from it. */
  moved = 0;
  movedBy = 0;
  #movedFirst = Number.NaN;
  /** End of the highest buffer that was mapped, bytes. */
  physEnd = 0;
  /** Highest CPU number seen. */
  cpuMax = -1;
  readonly orphans: Orphan[] = [];
  readonly #joiner: Joiner;
  readonly #cpuEnds = new CpuEnds();
  /** Time of each CPU's first event. */
  readonly #firsts: number[] = [];

  /**
   * @param machineAddresses whether bus addresses are a hypervisor's
   * @param bounceByAddress tells a bounce by its bus address, where that can be told
   * @param bounds the pool's, where the log says them
   * @param ticks  whether the clock counts something else than time
   */
  constructor(
    idle: (task: number) => boolean,
    machineAddresses: boolean,
    bounceByAddress: BounceByAddress | null = null,
    bounds: PoolBounds | null = null,
    ticks: () => boolean = () => false,
  ) {
    const sink = { push: (op: number) => this.#keep(op) };
    const onOrphan = (o: Orphan) => {
      if (this.orphans.length < orphansMax) this.orphans.push(o);
    };
    this.#joiner = new Joiner({
      maps: this.#maps,
      sink,
      idle,
      showsOutcomes: true,
      machineAddresses,
      bounceByAddress,
      bounds,
      ticks,
      onOrphan,
    });
  }

  get shows(): Shows {
    const { map, unmap, mapList, unmapList, bounced } = EventKind;
    if ([map, unmap, mapList, unmapList].some((kind) => this.kinds[kind]! > 0) || this.hasXenProbes) return "mappings";
    return this.kinds[bounced]! > 0 ? "requests" : "nothing";
  }

  /** Whether the recording has probes of a Xen domain. */
  get hasXenProbes(): boolean {
    return this.kinds.subarray(EventKind.xenFrame, EventKind.xenFlushed + 1).some((n) => n > 0);
  }

  feed(b: EventBatch): void {
    for (let i = 0; i < b.count; i++) {
      const time = b.time[i]!,
        kind = b.kind[i]!;
      if (!(this.from <= time)) this.from = time;
      if (!(this.to >= time)) this.to = time;
      if (b.cpu[i]! > this.cpuMax) this.cpuMax = b.cpu[i]!;
      this.kinds[kind]!++;
      const cpu = b.cpu[i]!;
      if (!(this.#firsts[cpu]! <= time)) this.#firsts[cpu] = time;
      this.#cpuEnds.add(cpu, time);
      if (kind === EventKind.lost) continue;
      this.events++;
      const device = b.device[i]!;
      if (device < 0) continue;
      const d = (this.devices[device] ??= { bounced: 0, maps: 0 });
      if (kind === EventKind.bounced) {
        d.bounced++;
        this.#buffer(b.dma[i]!, b.size[i]!);
        this.masks.printed(device, time, b.mask[i]!);
        this.forced += b.forced[i]!;
      } else if (kind === EventKind.map) {
        d.maps++;
        this.#buffer(b.phys[i]!, b.size[i]!);
        this.#lies(b.dma[i]!, b.phys[i]!);
        if (b.dma[i]! === b.phys[i]!) this.masks.reached(device, time, b.phys[i]! + b.size[i]! - 1);
      } else if (kind === EventKind.mapList) {
        d.maps++;
        this.#listReached(b, i);
      }
    }
    this.#joiner.feed(b);
  }

  #buffer(from: number, size: number): void {
    if (from + size > this.physEnd) this.physEnd = from + size;
  }

  #lies(dma: number, phys: number): void {
    if (dma === phys || !(dma >= 0) || Number.isNaN(phys)) return;
    this.moved++;
    if (Number.isNaN(this.#movedFirst)) {
      this.#movedFirst = dma - phys;
      this.movedBy = 1;
    } else if (dma - phys !== this.#movedFirst) this.movedBy = 2;
    if (dma >= noRamFrom && dma < noRamTo) this.inFirmware = true;
  }

  #listReached(b: EventBatch, i: number): void {
    if (b.dmaCount[i]! < b.physCount[i]!) this.merged = true;
    if (b.dmaCount[i] !== b.physCount[i]) return;
    for (let k = 0; k < b.dmaCount[i]!; k++) {
      const dma = b.listDma[b.dmaFirst[i]! + k]!;
      this.#lies(dma, b.listPhys[b.physFirst[i]! + k]!);
      if (dma !== b.listPhys[b.physFirst[i]! + k]!) continue;
      this.masks.reached(b.device[i]!, b.time[i]!, dma + b.listSize[b.dmaFirst[i]! + k]! - 1);
    }
  }

  /** A CPU whose events stop while those of others go on; null where none does. */
  get stopped(): StoppedCpu | null {
    return this.#cpuEnds.stopped(this.to);
  }

  /** Number of each CPU's last event, lost ones counted. */
  get lastEvents(): readonly number[] {
    return this.#joiner.lastEvents;
  }

  /** Share of the bounces kept whose buffers have bus addresses that are not their physical ones. */
  get movedShare(): number {
    const maps = this.#kept.filter((op) => !isEnd(op));
    return maps.filter((op) => this.#maps.onBus[mappingOf(op)] !== null).length / Math.max(1, maps.length);
  }

  /**
   * Time from which every CPU's events are there, microseconds. A ring that was overwritten keeps each CPU's newest
   * events, and those begin at different times.
   */
  completeFrom(lost: number): number {
    return lost === 0
      ? Number.NEGATIVE_INFINITY
      : this.#firsts.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  }

  /**
   * @param own gives the domain's own address of a bus address, where bus addresses are a hypervisor's; NaN for one that
   *   is not the domain's. What was kept is in the domain's addresses then.
   */
  finish(own: ((address: number) => number) | null = null): void {
    this.#joiner.finish();
    const { address, size, at, loEvent } = this.#maps;
    const hasEnds = [0, 1].map((list) => this.#hasEnds(list));
    if (own !== null) this.#translate(own);
    for (const m of granted(this.sample)) {
      this.lowest = Math.min(this.lowest, address[m]!);
      this.highest = Math.max(this.highest, address[m]! + size[m]!);
    }
    this.endsMissing = [0, 1].some((list) => !hasEnds[list]! && this.#grantedOf(list) >= fewMaps);
    this.#kept.sort((a, b) => at[a]! - at[b]! || loEvent[a]! - loEvent[b]!);
  }

  /** Whether an end of a bounce of a kind is recorded. */
  #hasEnds(list: number): boolean {
    const maps = this.#maps;
    return this.#kept.some((op) => isEnd(op) && maps.list[mappingOf(op)] === list && maps.address[mappingOf(op)]! >= 0);
  }

  #grantedOf(list: number): number {
    let count = 0;
    for (const m of granted(this.sample)) if (this.#maps.list[m] === list) count++;
    return count;
  }

  #translate(own: (address: number) => number): void {
    const { address, outcome } = this.#maps;
    for (const m of granted(this.sample)) {
      address[m] = own(address[m]!);
      if (Number.isNaN(address[m]!)) outcome[m] = Outcome.unknown;
    }
    const known = this.orphans.map((o) => ({ ...o, address: own(o.address) }));
    this.orphans.splice(0, this.orphans.length, ...known.filter((o) => !Number.isNaN(o.address)));
  }

  /** The machine is known: what it was inferred from is not needed any more. */
  forget(): void {
    this.#kept.length = 0;
    this.orphans.length = 0;
  }

  #keep(op: number): void {
    if (this.#kept.length < sampleMax && this.#maps.bounced[mappingOf(op)] === 1) this.#kept.push(op);
    else this.#maps.reported(op);
  }
}
