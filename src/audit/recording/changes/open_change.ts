/** What one task does to change a domain, event by event, until it has done it. */
import type { Asked } from "./asked.js";

/** A domain's number in a cache: of the unit's, or a device's. */
export interface Tag {
  readonly domain: number;
  readonly pasid: number;
  readonly of: "unit" | "device";
}

export interface Step {
  /** Microseconds. */
  readonly time: number;
  readonly asked: Asked;
}

/** Of so many mappings and unmappings of others is kept when they were. */
const besideMax = 4096;

export class OpenChange {
  readonly began: number;
  last: number;
  /** Number of the device that leaves its group; -1: none does. */
  leaving = -1;
  readonly unassigned: (Tag & { readonly time: number })[] = [];
  readonly assigned: Tag[] = [];
  readonly steps: Step[] = [];
  /** Mappings (1) and unmappings (0) of any device meanwhile. */
  readonly beside: { readonly device: number; readonly time: number; readonly isMap: boolean }[] = [];

  constructor(time: number) {
    this.began = time;
    this.last = time;
  }

  /** Of another PASID than requests without one: no event of attaching follows. */
  get pasid(): number {
    return this.unassigned[0]?.pasid ?? this.assigned[0]?.pasid ?? 0;
  }

  see(device: number, time: number, isMap: boolean): void {
    if (this.beside.length < besideMax) this.beside.push({ device, time, isMap });
  }

  /** @returns how many of a device were mapped, or unmapped, until it was done */
  count(device: number, isMap: boolean): number {
    return this.beside.filter((b) => b.device === device && b.isMap === isMap && b.time <= this.last).length;
  }
}
