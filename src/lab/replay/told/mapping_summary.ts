/** Sums up a replay while it runs: per device, over time, by slot, and what failed. */

import { type Operation, Outcome } from "../contracts/operation.js";
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
  readonly #machine: Machine;
  readonly #masks: DeviceMasks;
  readonly #movedUnknown: boolean;
  readonly use: PoolUse | null;
  readonly #devices = new DeviceCounts();
  readonly exactness: Exactness;
  readonly refusals: Refusals;
  readonly tries = new TryCounter();
  readonly unknown: UnknownOutcomes;
  readonly maps = { total: 0, direct: 0, bounced: 0, translated: 0, foreign: 0, failed: 0, unknown: 0 };

  constructor(o: {
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
    const { machine, masks, addresses, completeFrom, learnt } = o;
    const { pool } = machine;
    this.#machine = machine;
    this.#masks = masks;
    this.#movedUnknown = o.movedUnknown;
    this.use = pool === null ? null : new PoolUse(pool.slots, o.from, o.to);
    this.exactness = new Exactness({ addresses, masks, completeFrom, learnt, forced: pool?.forced ?? false });
    this.refusals = new Refusals(this.use?.occupancy ?? null);
    this.unknown = new UnknownOutcomes({ ...o.evidence, pool });
  }

  carried(c: Carried): void {
    if (c.op.unmap) this.#end(c.op.of!, c.op.at);
    else if (c.op.address === Outcome.refusedList) this.#refusedEntry(c);
    else this.#mapped(c);
  }

  /** A mapping from before the recording holds slots. */
  held(op: Operation, offset: number, time: number): void {
    this.use?.take(op, offset, -1, time);
  }

  released(op: Operation): void {
    this.#end(op, op.hi);
  }

  #mapped(c: Carried): void {
    const { op } = c;
    if (op.address === Outcome.unknown) {
      this.#notShown();
      this.unknown.underWay();
      return;
    }
    const d = this.#devices.of(op.device);
    this.maps.total++;
    d.maps++;
    if (op.address === Outcome.refused) {
      this.maps.failed++;
      d.failed++;
      if (op.bounced) this.exactness.refusal(c);
      this.#refused(c);
      return;
    }
    d.bytes += op.size;
    d.live++;
    this.exactness.decision(op);
    if (op.bounced) this.#bounced(c, d);
    else this.#direct(op, d);
  }

  #direct(op: Operation, d: DeviceRow): void {
    const translated = op.address !== op.orig;
    if (translated && this.#movedUnknown) {
      this.maps.unknown++;
      this.unknown.moved();
      return;
    }
    this.maps[op.onBus?.foreign === true ? "foreign" : translated ? "translated" : "direct"]++;
    d[translated ? "translated" : "direct"]++;
  }

  #bounced(c: Carried, d: DeviceRow): void {
    const { op } = c;
    this.maps.bounced++;
    d.bounced++;
    d.bouncedBytes += op.size;
    const words = whyBounced(op, this.#machine.pool?.forced ?? false);
    d.why.set(words, (d.why.get(words) ?? 0) + 1);
    this.exactness.address(c);
    this.#take(c, d);
  }

  #take(c: Carried, d: DeviceRow): void {
    const { op } = c;
    const offset = op.address >= 0 ? c.kernel : c.model;
    if (!(offset >= 0) || this.use === null) return;
    this.use.take(op, offset, op.device, op.at);
    d.slotsPeak = Math.max(d.slotsPeak, this.use.occupancy.heldBy(op.device));
  }

  #end(of: Operation, time: number): void {
    const d = this.#devices.of(of.device);
    if (of.address !== Outcome.refusedList && of.device >= 0) d.live--;
    this.use?.give(of, time);
  }

  /** Entries of a refused list are granted until one is not; the kernel writes no event for any of them. */
  #refusedEntry(c: Carried): void {
    const { op } = c;
    if (!op.listEnd && (op.retried || (c.model >= 0 && c.agrees))) {
      this.tries.entry(op);
      if (c.model >= 0 && c.agrees) this.#take(c, this.#devices.of(op.device));
      return;
    }
    if (this.unknown.mayBeServed(c)) {
      this.#notShown();
      return;
    }
    this.tries.refused(op);
    this.#refused(c);
  }

  #notShown(): void {
    this.maps.total++;
    this.maps.unknown++;
  }

  #refused(c: Carried): void {
    this.use?.refused(c.op.at);
    this.refusals.add(c);
  }

  devices(names: readonly string[]): DeviceOutcome[] {
    const slotsOf = (device: number) => this.use?.occupancy.heldBy(device) ?? 0;
    return this.#devices.outcomes({ names, alignments: this.#machine.devices, masks: this.#masks, slotsOf });
  }
}
