/** All that a timeline hears of one machine: its drivers' calls, its bus, its IOMMU, its steps. */
import { requesterOf } from "../../../bus/dma_port.js";
import { type Actor, told } from "../../../sim/actor.js";
import type { MachineDescription } from "../description/schema.js";
import { ApiWatch } from "./api_watch.js";
import { BusWatch } from "./bus_watch.js";
import type { Timeline } from "./timeline.js";

export class MachineWatch {
  readonly api: ApiWatch;
  readonly bus: BusWatch;
  readonly #timeline: Timeline;

  constructor(timeline: Timeline, { devices }: MachineDescription) {
    this.#timeline = timeline;
    this.api = new ApiWatch(timeline);
    const names = new Map(devices.map((d) => [requesterOf(d.bdf), d.bdf]));
    const nameOf = (requester: number) => names.get(requester) ?? requester.toString(16);
    this.bus = new BusWatch({ timeline, api: this.api, nameOf });
  }

  /** An actor each step of which is counted. */
  counted(a: Actor): Actor {
    return told(a, () => this.#timeline.step++);
  }
}
