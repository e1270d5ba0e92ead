/** What each device mapped, and how: counts. */

import type { DeviceAlignment } from "../machine/machine.js";
import type { DeviceMasks } from "../machine/masks.js";
import type { DeviceOutcome } from "./outcome.js";
import { WhyCounts } from "./why_bounced.js";

export interface DeviceRow {
  maps: number;
  direct: number;
  bounced: number;
  translated: number;
  failed: number;
  bytes: number;
  bouncedBytes: number;
  slotsPeak: number;
  live: number;
  readonly why: WhyCounts;
}

export class DeviceCounts {
  readonly #rows: DeviceRow[] = [];

  of(device: number): DeviceRow {
    return (this.#rows[device] ??= {
      maps: 0,
      direct: 0,
      bounced: 0,
      translated: 0,
      failed: 0,
      bytes: 0,
      bouncedBytes: 0,
      slotsPeak: 0,
      live: 0,
      why: new WhyCounts(),
    });
  }

  /** @param o.slotsOf slots that a device holds at the end */
  outcomes(o: {
    readonly names: readonly string[];
    readonly alignments: readonly DeviceAlignment[];
    readonly masks: DeviceMasks;
    readonly slotsOf: (device: number) => number;
  }): DeviceOutcome[] {
    return o.names.map((name, i) => {
      const { why, ...counts } = this.of(i);
      const a = o.alignments[i]!;
      const mask = o.masks.smallest(i);
      return {
        name,
        driver: a.driver,
        maskBits: Number.isNaN(mask) ? null : Math.round(Math.log2(mask + 1)),
        minAlignMask: a.minAlignMask,
        alignmentFrom: a.from,
        boundary: a.boundary,
        ...counts,
        slotsNow: o.slotsOf(i),
        why: why.list(),
      };
    });
  }
}
