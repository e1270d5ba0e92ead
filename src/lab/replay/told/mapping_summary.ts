/** Sums up a replay while it runs: per device, over time, by slot, and what failed. */

import type { Mappings } from "../contracts/mappings.js";
import { Outcome } from "../contracts/operation.js";
import type { PoolAddresses } from "../contracts/pool_addresses.js";
import type { Carried, CarriedSink } from "../contracts/sinks.js";
import type { Machine } from "../machine/machine.js";
import type { DeviceMasks } from "../machine/masks.js";
import { DeviceCounts, type DeviceRow } from "./device_counts.js";
import { Exactness } from "./exactness.js";
import type { DeviceOutcome } from "./outcome.js";
import { PoolUse } from "./pool_use.js";
import { Refusals } from "./refusals.js";
import { TryCounter } from "./refused_tries.js";
import { type RefusalEvidence, UnknownOutcomes } from "./unknown_outcomes.js";
import { whyBounced } from "./why_bounced.js";

export class MappingSummary implements CarriedSink {
  readonly #maps: Mappings;
  readonly #machine: Machine;
  readonly #masks: DeviceMasks;
  readonly #movedUnknown: boolean;
  readonly use: PoolUse | null;
  readonly #devices = new DeviceCounts();
  readonly exactness: Exactness;
  readonly refusals: Refusals;
  readonly tries: TryCounter;
  readonly unknown: UnknownOutcomes;
  readonly maps = { total: 0, direct: 0, bounced: 0, translated: 0, foreign: 0, failed: 0, unknown: 0 };

  constructor(o: {
    readonly maps: Mappings;
    readonly machine: Machine;
    readonly masks: DeviceMasks;
    readonly from: number;
    readonly to: number;
    /** Time from which the recording has the events of every CPU. */
    readonly completeFrom: number;
    /** Where the pool is on the bus; null without a pool. */
    readonly addresses: PoolAddresses | null;
    /** Bounces that the pool's first state was learnt from: nothing to compare. */
    readonly learnt: readonly { readonly time: number; readonly offset: number }[];
    /** Whether nothing tells a bounce from a translation. */
    readonly movedUnknown: boolean;
    readonly evidence: Omit<RefusalEvidence, "pool">;
  }) {
    const { maps, machine, masks, addresses, completeFrom, learnt } = o;
    const { pool } = machine;
    this.#maps = maps;
    this.#machine = machine;
    this.#masks = masks;
    this.#movedUnknown = o.movedUnknown;
    this.use = pool === null ? null : new PoolUse(maps, pool.slots, o.from, o.to);
    this.exactness = new Exactness({ maps, addresses, masks, completeFrom, learnt, forced: pool?.forced ?? false });
    this.refusals = new Refusals(maps, this.use?.occupancy ?? null);
    this.tries = new TryCounter(maps);
    this.unknown = new UnknownOutcomes(maps, { ...o.evidence, pool });
  }

  mapped(m: number, c: Carried): void {
    switch (this.#maps.outcome[m]) {
      case Outcome.refusedList:
        this.#refusedEntry(m, c);
        break;
      case Outcome.unknown:
        this.#notShown();
        this.unknown.underWay();
        break;
      case Outcome.refused:
        this.#refusedMapping(m, c);
        break;
      default:
        this.#granted(m, c);
    }
  }

  unmapped(m: number, time: number): void {
    const { outcome, device } = this.#maps;
    if (outcome[m] !== Outcome.refusedList && device[m]! >= 0) this.#devices.of(device[m]!).live--;
    this.use?.give(m, time);
  }

  /** A mapping from before the recording holds slots. */
  held(m: number, offset: number, time: number): void {
    this.use?.take(m, offset, -1, time);
  }

  released(m: number, time: number): void {
    this.use?.give(m, time);
  }

  #granted(m: number, c: Carried): void {
    const { device, size, bounced } = this.#maps;
    const d = this.#devices.of(device[m]!);
    this.maps.total++;
    d.maps++;
    d.bytes += size[m]!;
    d.live++;
    this.exactness.decision(m);
    if (bounced[m] === 1) this.#bounced(m, c, d);
    else this.#direct(m, d);
  }

  #refusedMapping(m: number, c: Carried): void {
    const { device, bounced } = this.#maps;
    const d = this.#devices.of(device[m]!);
    this.maps.total++;
    this.maps.failed++;
    d.maps++;
    d.failed++;
    if (bounced[m] === 1) this.exactness.refusal(c);
    this.#refused(m, c);
  }

  #direct(m: number, d: DeviceRow): void {
    const { address, orig, onBus } = this.#maps;
    const translated = address[m] !== orig[m];
    if (translated && this.#movedUnknown) {
      this.maps.unknown++;
      this.unknown.moved();
      return;
    }
    const how = translated ? "translated" : "direct";
    d[how]++;
    this.maps[onBus[m]?.foreign === true ? "foreign" : how]++;
  }

  #bounced(m: number, c: Carried, d: DeviceRow): void {
    this.maps.bounced++;
    d.bounced++;
    d.bouncedBytes += this.#maps.size[m]!;
    d.why.add(whyBounced(this.#maps, m, this.#machine.pool?.forced ?? false));
    this.exactness.address(m, c);
    this.#take(m, c, d);
  }

  #take(m: number, c: Carried, d: DeviceRow): void {
    const { device, time } = this.#maps;
    const offset = this.#maps.address[m]! >= 0 ? c.kernel : c.model;
    if (offset < 0 || this.use === null) return;
    this.use.take(m, offset, device[m]!, time[m]!);
    d.slotsPeak = Math.max(d.slotsPeak, this.use.occupancy.heldBy(device[m]!));
  }

  /** Entries of a refused list are granted until one is not; the kernel writes no event for any of them. */
  #refusedEntry(m: number, c: Carried): void {
    const { listEnd, retried, device } = this.#maps;
    const isGranted = c.model >= 0 && c.agrees;
    if (listEnd[m] === 0 && (retried[m] === 1 || isGranted)) {
      this.tries.entry(m);
      if (isGranted) this.#take(m, c, this.#devices.of(device[m]!));
      return;
    }
    if (this.unknown.mayBeServed(m, c)) {
      this.#notShown();
      return;
    }
    this.tries.refused(m);
    this.#refused(m, c);
  }

  #notShown(): void {
    this.maps.total++;
    this.maps.unknown++;
  }

  #refused(m: number, c: Carried): void {
    this.use?.refused(this.#maps.time[m]!);
    this.refusals.add(m, c);
  }

  devices(names: readonly string[]): DeviceOutcome[] {
    const slotsOf = (device: number) => this.use?.occupancy.heldBy(device) ?? 0;
    return this.#devices.outcomes({ names, alignments: this.#machine.devices, masks: this.#masks, slotsOf });
  }
}
