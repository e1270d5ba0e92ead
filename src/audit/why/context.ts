/** What is known of the machine besides the line that is explained; null is unknown. */
import { type MachineFacts, settingOf } from "../../read/kernel_log/machine_facts.js";

export interface MachineContext {
  /** Release ("6.8.0-31-generic") and architecture ("x86_64", "aarch64"). */
  readonly kernel: string | null;
  readonly architecture: string | null;
  readonly poolSlots: number | null;
  /** Parts of the pool, each with its own lock; a mapping lies inside one. */
  readonly areas: number | null;
  /** First byte of the pool and the byte after its last. */
  readonly poolStart: number | null;
  readonly poolEnd: number | null;
  /** True when the log tells that an IOMMU's driver gave the pool back. */
  readonly poolGivenBack: boolean;
  readonly memoryBytes: number | null;
  /** True when the log tells that memory is encrypted, and that DMA bounces for it. */
  readonly encrypted: boolean;
  /** Possible CPUs: the kernel makes an area for each, unless told otherwise. */
  readonly cpus: number | null;
  /** The value of `swiotlb=` on the kernel's command line; "" when there was a command line without it. */
  readonly setting: string | null;
  /** True on a paravirtualised Xen guest or dom0, where a buffer's pages need not be neighbours in machine memory. */
  readonly xen: boolean;
  /** IOMMUs that the kernel found: "vtd", "amdvi", "smmuv3", "smmu", "virtio_iommu" and others. */
  readonly iommus: readonly string[];
  /** Ranges in bytes, [from, to), that firmware keeps: of its memory map, and RMRRs. */
  readonly reserved: readonly {
    readonly from: number;
    readonly to: number;
    readonly by: "memory map" | "RMRR" | "IVMD";
  }[];
  /** Devices that VFIO holds, by name. */
  readonly vfio: ReadonlySet<string>;
}

export const nothingKnown: MachineContext = {
  kernel: null,
  architecture: null,
  poolSlots: null,
  areas: null,
  poolStart: null,
  poolEnd: null,
  poolGivenBack: false,
  memoryBytes: null,
  encrypted: false,
  cpus: null,
  setting: null,
  xen: false,
  iommus: [],
  reserved: [],
  vfio: new Set(),
};

/** What a log has told so far; what was given beside it counts more. */
export function machineOf(facts: MachineFacts, given: Partial<MachineContext>): MachineContext {
  const { pool, commandLine } = facts;
  const told: MachineContext = {
    kernel: facts.kernel,
    architecture: facts.architecture,
    poolSlots: pool === null ? null : (pool.to - pool.from) / 2048,
    areas: facts.areas,
    poolStart: pool?.from ?? null,
    poolEnd: pool?.to ?? null,
    poolGivenBack: facts.poolGivenBack,
    memoryBytes: facts.memoryBytes,
    encrypted: facts.encrypted,
    cpus: facts.cpus,
    setting: commandLine === null ? null : settingOf(commandLine),
    xen: facts.xenMode !== null && facts.xenMode !== "Arm",
    iommus: [...facts.iommus],
    reserved: facts.reserved,
    vfio: facts.vfio,
  };
  const known = Object.entries(given).filter(
    ([, value]) => value !== null && value !== false && !(Array.isArray(value) && value.length === 0),
  );
  return { ...told, ...Object.fromEntries(known) };
}
