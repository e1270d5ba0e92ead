/** The machine that a recording was made on, as replays know it. */

import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { Profile } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import type { InitialPool } from "../contracts/initial_pool.js";
import type { PoolAddresses } from "../contracts/pool_addresses.js";
import type { Shape } from "./trials.js";

export interface DeviceAlignment {
  readonly driver: string | null;
  readonly minAlignMask: number;
  readonly boundary: number;
  readonly from: "driver" | "addresses" | "assumed" | "described";
  /** What held from some time on (microseconds) instead, in order of time; absent when nothing changed. */
  readonly changes?: readonly { readonly time: number; readonly minAlignMask: number; readonly boundary: number }[];
}

export interface PoolMachine extends Shape {
  readonly forced: boolean;
  /** The recording begins with a pool that is already in use. */
  readonly late: boolean;
  /** Where its bytes are on the bus, when that is not where they are in memory. */
  readonly addresses?: PoolAddresses;
  /** Its state at the recording's beginning, when a dump says it. */
  readonly initial?: InitialPool;
}

/** Bounds and areas of a pool as a dump of the kernel's memory says them. */
export interface KnownPool {
  readonly base: number;
  readonly slots: number;
  readonly areas: number;
  readonly forced: boolean | null;
  readonly name: string;
}

export interface Machine {
  readonly kernel: string | null;
  readonly cpus: number;
  readonly pool: PoolMachine | null;
  /** Search rules of this kernel, whether there is a pool or not. */
  readonly profile: Profile;
  /** By the source's device numbers. */
  readonly devices: readonly DeviceAlignment[];
  readonly inferred: readonly string[];
  readonly evidence: readonly string[];
}

export function alignmentsBy(mam: (d: number) => number, boundary: (d: number) => number): Alignments {
  return {
    minAlignMask: mam,
    allocAlignMask: () => 0,
    boundarySlots: (d) => boundary(d) / slotBytes,
  };
}

/** The alignments of a machine's devices at any time. */
export function alignmentsOf(devices: readonly DeviceAlignment[]): Alignments {
  if (devices.every((d) => d.changes === undefined)) {
    return alignmentsBy(
      (d) => devices[d]?.minAlignMask ?? 0,
      (d) => devices[d]?.boundary ?? 0,
    );
  }
  const at = (d: number, time: number | undefined) => {
    const device = devices[d];
    if (device?.changes === undefined || time === undefined) return device;
    return device.changes.findLast((c) => c.time <= time) ?? device;
  };
  return {
    minAlignMask: (d, time) => at(d, time)?.minAlignMask ?? 0,
    allocAlignMask: () => 0,
    boundarySlots: (d, time) => (at(d, time)?.boundary ?? 0) / slotBytes,
  };
}
