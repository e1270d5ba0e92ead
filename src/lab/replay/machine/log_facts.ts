/** What a kernel log says of the machine that a recording was made on. */
import type { LogFault } from "../../../read/kernel_log/faults/fault.js";

/** A line "swiotlb buffer is full". */
export interface LogRefusal {
  /** Microseconds since boot. */
  readonly time: number;
  /** Name of the device; null where the line has none. */
  readonly device: string | null;
  /** Bytes; slots of the pool, and those in use. null where the kernel of that time does not print them. */
  readonly size: number | null;
  readonly total: number | null;
  readonly used: number | null;
}

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
  /** "strict" or "lazy", and the line that says so. */
  readonly iommuPolicy?: string | null;
  readonly iommuPolicyLine?: string | null;
  /** Memory that host bridges pass to PCI devices, bytes, [from, to); and the number of each device's group. */
  readonly hostWindows?: readonly { readonly from: number; readonly to: number }[];
  readonly iommuGroups?: ReadonlyMap<string, number>;
  /** Driver of a device by its name ("0000:00:03.0"). */
  readonly drivers: ReadonlyMap<string, string>;
}

/** Whether the kernel is one of arm64, as far as its log or its release say it. */
export function isArm64(log: LogFacts | null, kernel: string | null): boolean {
  return log?.architecture === "aarch64" || /arm64|aarch64/.test(kernel ?? "");
}

/** What the log says of the moment at which an unmapped address is flushed; null where it says nothing. */
export function unmapPolicyOf(log: LogFacts | null): { mode: "strict" | "lazy"; line: string } | null {
  const { iommuPolicy: mode, iommuPolicyLine: line } = log ?? {};
  return (mode === "strict" || mode === "lazy") && line != null ? { mode, line } : null;
}
