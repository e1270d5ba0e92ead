/** What a unit and the devices' TLBs behind it do while somebody waits for them. */
import type { DeviceTlb } from "../../../hw/iommu/ats/device_tlb.js";
import type { HardwareUnit } from "./machine_units.js";

export class UnitWork {
  readonly #unit: HardwareUnit;
  readonly #tlbs: () => Iterable<DeviceTlb>;

  constructor(unit: HardwareUnit, tlbs: () => Iterable<DeviceTlb>) {
    this.#unit = unit;
    this.#tlbs = tlbs;
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
    for (const tlb of this.#tlbs()) {
      if (tlb.choices() === 0) continue;
      tlb.step();
      return true;
    }
    return false;
  }

  /** Nothing is left to do but to wait for devices that do not answer. @returns whether the unit waits no longer */
  #timePasses(): boolean {
    const { queue, tags } = this.#unit;
    const owed = tags.busyCount;
    for (let tag = 0; tag < tags.count; tag++) if (tags.requesterOf(tag) !== null) queue.timedOut(tag);
    return tags.busyCount < owed;
  }
}
