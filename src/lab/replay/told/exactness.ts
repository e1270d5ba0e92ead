/** How well the model did what the kernel did: addresses, refusals, and whether a mapping bounces at all. */

import type { Mappings } from "../contracts/mappings.js";
import { ContiguousAddresses, type PoolAddresses } from "../contracts/pool_addresses.js";
import type { Carried } from "../contracts/sinks.js";
import type { DeviceMasks } from "../machine/masks.js";
import type { Exact } from "./outcome.js";

/** Mismatches told one by one. */
const mismatchesMax = 50;

export class Exactness {
  readonly #maps: Mappings;
  readonly #addresses: PoolAddresses | null;
  readonly #masks: DeviceMasks;
  readonly #forced: boolean;
  readonly #completeFrom: number;
  readonly #learnt: readonly { readonly time: number; readonly offset: number }[];
  readonly #mismatches: Exact["mismatches"][number][] = [];
  #compared = 0;
  #equal = 0;
  /** Bounces that are not compared: outside the pool, of a time whose events are not all there, learnt from. */
  #outside = 0;
  #early = 0;
  #learntFrom = 0;
  #refusals = 0;
  #refusalsEqual = 0;
  #decisions = 0;
  #decisionsEqual = 0;

  /**
   * @param o.addresses    where the pool is on the bus; null without a pool
   * @param o.forced       whether the pool is forced
   * @param o.completeFrom time from which the recording has the events of every CPU
   * @param o.learnt       bounces that the pool's first state was learnt from: nothing to compare
   */
  constructor(o: {
    readonly maps: Mappings;
    readonly addresses: PoolAddresses | null;
    readonly masks: DeviceMasks;
    readonly forced: boolean;
    readonly completeFrom: number;
    readonly learnt: readonly { readonly time: number; readonly offset: number }[];
  }) {
    this.#maps = o.maps;
    this.#addresses = o.addresses;
    this.#masks = o.masks;
    this.#forced = o.forced;
    this.#completeFrom = o.completeFrom;
    this.#learnt = o.learnt;
  }

  /** A mapping bounced: did the model choose its address? */
  address(m: number, c: Carried): void {
    const { address, time, device, size } = this.#maps;
    if (!(address[m]! >= 0)) return;
    if (c.kernel < 0) {
      this.#outside++;
      return;
    }
    if (time[m]! < this.#completeFrom) {
      this.#early++;
      return;
    }
    if (this.#learnt.length > 0 && this.#learnt.some((l) => l.time === time[m] && l.offset === c.kernel)) {
      this.#learntFrom++;
      return;
    }
    this.#compared++;
    if (c.agrees) {
      this.#equal++;
      return;
    }
    if (this.#mismatches.length >= mismatchesMax) return;
    const model = c.model < 0 ? null : this.#addresses!.addressOf(c.model);
    this.#mismatches.push({ time: time[m]!, device: device[m]!, size: size[m]!, kernel: address[m]!, model });
  }

  /** A bounce was refused: did the model refuse it too? */
  refusal(c: Carried): void {
    this.#refusals++;
    if (c.agrees) this.#refusalsEqual++;
  }

  /** Would this mapping bounce, by the device's mask and the force flag? */
  decision(m: number): void {
    const maps = this.#maps;
    const bounced = maps.bounced[m] === 1;
    const mask = bounced ? maps.mask[m]! : this.#masks.at(maps.device[m]!, maps.time[m]!).mask;
    if (Number.isNaN(mask) && !this.#forced) return;
    if (!bounced && this.#isUndecided(m)) return;
    const bounces = this.#forced || mustBounce(maps, m, mask);
    if (bounces === null) return;
    this.#decisions++;
    if (bounces === bounced) this.#decisionsEqual++;
  }

  /** Whether nothing can be held against a mapping that did not bounce. */
  #isUndecided(m: number): boolean {
    const { device, time, onBus, address, orig } = this.#maps;
    // What a mask was learnt from agrees with it.
    if (this.#masks.learntAt(device[m]!, time[m]!)) return true;
    // What the device reaches is not the buffer's physical address.
    return onBus[m] === null && address[m]! >= 0 && address[m] !== orig[m];
  }

  finish(corrections: number, reordered: number): Exact {
    return {
      compared: this.#compared,
      equal: this.#equal,
      corrections,
      reordered,
      decisions: { compared: this.#decisions, equal: this.#decisionsEqual },
      refusals: { compared: this.#refusals, equal: this.#refusalsEqual },
      mismatches: this.#mismatches,
      note: this.#note(corrections, reordered),
    };
  }

  #note(corrections: number, reordered: number): string | null {
    const notes: string[] = [];
    const isOwn = this.#addresses instanceof ContiguousAddresses || this.#addresses === null;
    const outside = isOwn ? "outside the default pool" : "in machine frames that are not known to be the pool's";
    if (this.#outside > 0) notes.push(`${this.#outside} bounces lie ${outside} and are not compared`);
    if (this.#early > 0) {
      const they = this.#early === 1 ? "1 bounce is" : `${this.#early} bounces are`;
      notes.push(`${they} not compared: the events of some CPU begin after them, the ring was overwritten`);
    }
    if (this.#learntFrom > 0) {
      const they = this.#learntFrom === 1 ? "1 bounce is" : `${this.#learntFrom} bounces are`;
      notes.push(`${they} not compared: where searches began was learnt from it`);
    }
    if (reordered > 0) {
      const they =
        reordered === 1 ? "1 operation of racing CPUs stands" : `${reordered} operations of racing CPUs stand`;
      notes.push(`${they} in an order found from the addresses, within their times`);
    }
    if (corrections > 0)
      notes.push(`the model was set to the kernel's state ${corrections} ${corrections === 1 ? "time" : "times"}`);
    return notes.length === 0 ? null : notes.join("; ");
  }
}

/** For a pool that was not the recorded one. */
export function notCompared(): Exact {
  const none = { compared: 0, equal: 0 };
  const note = "these are the recorded requests on another pool, and no kernel gave answers to compare with";
  return { ...none, corrections: 0, reordered: 0, decisions: none, refusals: none, mismatches: [], note };
}

/** By mask and, under Xen, by the frames of the page map; null when a frame is not known. */
function mustBounce({ onBus: buffers, orig, size }: Mappings, m: number, mask: number): boolean | null {
  const onBus = buffers[m]!;
  if (onBus === null) return orig[m]! + size[m]! - 1 > mask;
  if (onBus.straddles === true) return true;
  if (onBus.predicted + size[m]! - 1 > mask) return true;
  // A small buffer bounces where its device is not coherent, which no event says.
  if (onBus.small) return null;
  return Number.isNaN(onBus.predicted) || onBus.straddles === null ? null : false;
}
