/** The machine that a recording was made on, as replays know it. */

import type { LogFault } from "../../read/kernel_log/faults/fault.js";
import { slotBytes } from "../../spec/swiotlb/sizes.js";
import type { Profile } from "../../sw/swiotlb/index.js";
import type { Shape } from "./in_step.js";
import type { LogRefusal } from "./log_refusals.js";
import type { Places } from "./places.js";
import type { Alignments } from "./refusal.js";
import type { PoolBegin } from "./xen/pool_begin.js";

/** What a kernel log says of the machine; null where it is silent. */
export interface LogFacts {
  readonly kernel: string | null;
  /** Bytes of the kernel's page. */
  readonly pageBytes?: number | null;
  /** "aarch64", "x86_64" ... */
  readonly architecture?: string | null;
  readonly memoryBytes?: number | null;
  /** Value of `swiotlb=` on the command line; "" when there is a command line without it. */
  readonly swiotlb: string | null;
  /** Possible CPUs. */
  readonly cpus: number | null;
  readonly areas: number | null;
  /** Bounds of the pool, bytes: [first, end). */
  readonly pool: { readonly from: number; readonly to: number } | null;
  /** A Xen domain; and which, "PV", "PVH", "HVM" or "Arm": the bus addresses of a PV and an Arm one are the machine's. */
  readonly xen?: boolean;
  readonly xenMode?: string | null;
  /** Lines "swiotlb buffer is full", and how many more the kernel says it left out. */
  readonly refusals?: readonly LogRefusal[];
  readonly refusalsSuppressed?: number;
  /** Accesses that an IOMMU refused. */
  readonly faults?: readonly LogFault[];
  /** IOMMUs that the kernel found, and the domain that devices get by default. */
  readonly iommus?: readonly string[];
  readonly iommuDefault?: string | null;
  /** Driver of a device by its name ("0000:00:03.0"). */
  readonly drivers: ReadonlyMap<string, string>;
}

/** Whether the kernel is one of arm64, as far as its log or its release say it. */
export function isArm64(log: LogFacts | null, kernel: string | null): boolean {
  return log?.architecture === "aarch64" || /arm64|aarch64/.test(kernel ?? "");
}

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
  readonly places?: Places;
  /** Its state at the recording's beginning, when a dump says it. */
  readonly begin?: PoolBegin;
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
