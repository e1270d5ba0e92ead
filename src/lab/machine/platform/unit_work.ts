/** What a unit and the devices' TLBs behind it do while somebody waits for them. */
import type { DeviceTlb as Contract, InvalidateRequest } from "../../../bus/ats.js";
import type { DeviceTlb } from "../../../hw/iommu/ats/device_tlb.js";
import type { HardwareUnit } from "./machine_units.js";

/** A device that answers invalidations. */
export interface Answering {
  choices(): number;
  step(): void;
  /** So much time went by that the unit has given it up. */
  longWaited?(): void;
}

/** When a device begins with what it was asked: at once, after the unit has given it up, or never. */
export type Begins = "at once" | "late" | "never";

/** A device's TLB at work. */
export class TlbWork implements Answering, Contract {
  /** Invalidations that it was asked for. */
  asked = 0;
  readonly #tlb: DeviceTlb;
  readonly #begins: Begins;
  readonly #answers: () => void;
  #mayBegin: boolean;

  /** @param answers told of each answer */
  constructor(tlb: DeviceTlb, begins: Begins, answers: () => void = () => undefined) {
    this.#answers = answers;
    this.#tlb = tlb;
    this.#begins = begins;
    this.#mayBegin = begins === "at once";
  }

  invalidate(request: InvalidateRequest): void {
    this.asked++;
    this.#tlb.invalidate(request);
  }

  choices(): number {
    return this.#mayBegin ? this.#tlb.choices() : 0;
  }

  /** It was asked, and will begin when its time has come. */
  get isHeld(): boolean {
    return this.#begins === "late" && !this.#mayBegin && this.#tlb.choices() > 0;
  }

  step(): void {
    if (this.#tlb.label() === "answer") this.#answers();
    this.#tlb.step();
    if (this.#tlb.choices() === 0) this.#mayBegin = this.#begins === "at once";
  }

  longWaited(): void {
    if (this.#begins !== "never" && this.#tlb.choices() > 0) this.#mayBegin = true;
  }
}

export class UnitWork {
  readonly #unit: HardwareUnit;
  readonly #devices: () => Iterable<Answering>;

  constructor(unit: HardwareUnit, devices: () => Iterable<Answering>) {
    this.#unit = unit;
    this.#devices = devices;
  }

  /** While the processor looks, the unit and the devices work. @returns false: it may look for ever */
  spin(until: () => boolean): boolean {
    while (!until()) if (!this.#step() && !this.#timePasses()) return false;
    return true;
  }

  #step(): boolean {
    const { queue } = this.#unit;
    if (queue.choices() > 0) {
      queue.step(0);
      return true;
    }
    for (const device of this.#devices()) {
      if (device.choices() === 0) continue;
      device.step();
      return true;
    }
    return false;
  }

  /** Nothing is left to do but to wait for devices that do not answer. @returns whether the unit waits no longer */
  #timePasses(): boolean {
    const { queue, tags } = this.#unit;
    const owed = tags.busyCount;
    for (let tag = 0; tag < tags.count; tag++) if (tags.requesterOf(tag) !== null) queue.timedOut(tag);
    for (const device of this.#devices()) device.longWaited?.();
    return tags.busyCount < owed;
  }
}
