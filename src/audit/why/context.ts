/** What is known of the machine besides the line that is explained; null is unknown. */
export interface MachineContext {
  readonly poolSlots: number | null;
  /** Parts of the pool, each with its own lock; a mapping lies inside one. */
  readonly areas: number | null;
  /** First byte of the pool and the byte after its last. */
  readonly poolStart: number | null;
  readonly poolEnd: number | null;
  readonly memoryBytes: number | null;
  /** Possible CPUs: the kernel makes an area for each, unless told otherwise. */
  readonly cpus: number | null;
  /** The value of `swiotlb=` on the kernel's command line; "" when there was a command line without it. */
  readonly setting: string | null;
  /** True on a paravirtualised Xen guest or dom0, where a buffer's pages need not be neighbours in machine memory. */
  readonly xen: boolean;
}

export const nothingKnown: MachineContext = {
  poolSlots: null,
  areas: null,
  poolStart: null,
  poolEnd: null,
  memoryBytes: null,
  cpus: null,
  setting: null,
  xen: false,
};
