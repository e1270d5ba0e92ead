/** The description of a machine as one writes it, in YAML or as an object: each part has a default where it can do without. */
/** A machine: its memory and kernel, its devices, and what they are to do. */
export interface MachineDescription {
  /** Release of Linux whose behaviour it has, such as `"6.12"`. Default: the newest that is known. */
  readonly kernel?: string;
  /** Default: 1. */
  readonly cpus?: number;
  /** Default: `x86`. */
  readonly arch?: "x86" | "arm" | "ia64";
  /** Default: `1GiB`. */
  readonly memory?: Size;
  /** The guest's memory is encrypted (SEV, TDX): all DMA goes through the shared pool. */
  readonly encrypted?: boolean;
  /** The bounce pool. */
  readonly swiotlb?: PoolDescription;
  /** The unit between devices and memory; without it bus addresses are memory's own. */
  readonly iommu?: IommuDescription;
  /** The hypervisor; without it the kernel has the machine to itself. */
  readonly xen?: XenDescription;
  readonly devices?: readonly DeviceDescription[];
  /** Programs that use the devices. */
  readonly workload?: readonly ProgramDescription[];
  /** Decides the order of the work. Default: 1. */
  readonly seed?: number;
}

/** What a domain's kernel knows of the frames under its pages; see docs/scenarios/memory-models.md. */
export type XenModel = "p2m" | "p==m" | "vp" | "vp+hypercall" | "vp+iommu";

/** Ways to make a buffer reachable for a device. */
export type EngineName =
  | "direct"
  | "swiotlb"
  | "swiotlb-xen-x86"
  | "swiotlb-xen-arm"
  | "grant"
  | "software-iommu"
  | "iommu";

/** Bytes, as a number or as `512MiB`. */
export type Size = number | string;

/** A bounce pool. */
export interface PoolDescription {
  /** Slots of 2 KiB. */
  readonly slots?: number;
  /** Parts with a lock each. */
  readonly areas?: number;
  /** Default: `auto`, for what devices do not reach. */
  readonly mode?: "auto" | "force" | "off";
}

/** A unit that translates what devices ask, and how the kernel uses it. */
export interface IommuDescription {
  /** Whose unit: Intel's, in either of its modes, AMD's, Arm's. */
  readonly kind: "vtd" | "vtd-scalable" | "amdvi" | "smmuv3";
  /** Flushed before an address is used again, flushed later, or not at all (`iommu=pt`). Default: `strict`. */
  readonly policy?: "strict" | "lazy" | "pass-through";
  /**
   * Whose tables the kernel builds, of a unit that has both (`vtd-scalable`). Default: the first, from 5.6 on. `nested`: the
   * kernel is a guest's, whose unit the host gives it; below the guest's first stage lies the host's second. `shadow`: the
   * host's tables (of `vtd`) are the shadow of the guest's.
   */
  readonly stage?: "first" | "second" | "nested" | "shadow";
  /** How the host of a shadowed unit switches a device: by its entry, or by all of its mappings. Default: `replace`. */
  readonly hostSwitch?: "replace" | "remap";
  /** What the host of a nested unit does wrong. Default: nothing. */
  readonly hostBug?: "lost-invalidation" | "nested-id-recycled";
  /** Bits of an entry of a device table that the unit fetches at once. Default: 128 of VT-d, 256 of `amdvi`, 64 of `smmuv3`. */
  readonly fetchBits?: 64 | 128 | 256 | 512;
}

/** Policies for a page that a device may still reach. */
export type PageLifetime =
  | "no-wait"
  | "batch-without-references"
  | "batch-with-references"
  | "xen-2016"
  | "xen-2021"
  | "linux-vtd"
  | "linux-amdvi"
  | "linux-smmuv3"
  | "fence-then-free"
  | "async-paused"
  | "async-running"
  | "export-barrier";

/** A hypervisor and its domains. */
export interface XenDescription {
  /** What the driver domain's kernel knows of its frames. */
  readonly model: XenModel;
  /** The guests' model. Default: the driver domain's where guests have one, else `vp+hypercall`. */
  readonly guests?: XenModel;
  /** The domain to which the devices are passed through, and whose kernel drives them. Default: 0, which drives them itself. */
  readonly passthrough?: number;
  /**
   * What the hypervisor does with a page that is given back and that a device may still reach; see docs/page-lifetime.md.
   * Default: `xen-2021`, as Xen does today.
   */
  readonly pageLifetime?: PageLifetime;
  readonly domains: readonly { readonly id: number; readonly memory: Size }[];
}

/** A device that masters the bus. */
export interface DeviceDescription {
  /** `0000:00:03.0`. */
  readonly bdf: string;
  /** The driver of Linux that it has, such as `nvme` or `e1000e`. */
  readonly driver?: string;
  /** Address bits that the driver sets as its mask; what the hardware has unless `lines` says less. */
  readonly mask?: number;
  /** Address lines of the hardware: what is above is cut off. */
  readonly lines?: number;
  /** The low address bits that a bounce keeps, such as 0xfff. */
  readonly minAlignMask?: number;
  /** Segment boundary in bytes, a power of two. */
  readonly boundary?: number;
  /** Its accesses see the CPU's cache. Default: yes. */
  readonly coherent?: boolean;
  /** It has a TLB of its own (ATS), which the kernel turns on behind an IOMMU. Default: no. */
  readonly ats?: boolean;
  /**
   * How it answers when its TLB is told to forget: as it must; after it was given up; twice; without having forgotten; or not
   * at all. Default: `in time`.
   */
  readonly answers?: "in time" | "late" | "twice" | "wrong" | "never";
  /**
   * It may be anybody's, such as one behind an external port. Behind an IOMMU it sees no byte beside its buffers, and its
   * addresses are flushed at each unmapping.
   */
  readonly untrusted?: boolean;
  /** How buffers are made reachable. Default: `auto`, as the kernel decides. */
  readonly engine?: "auto" | EngineName;
}

/** A program that uses a device. */
export interface ProgramDescription {
  readonly program:
    | "disk"
    | "blkback"
    | "net"
    | "netback"
    | "hostile-blk"
    | "hostile-net"
    | "legacy-dma"
    | "legacy-pio"
    | "balloon"
    | "switch";
  /** Domain whose requests these are; none for the driver domain's own. */
  readonly from?: number;
  /** `0000:00:03.0`; none of a balloon. */
  readonly device?: string;
  /** Of a balloon: pages that are given back. Default: 1000. */
  readonly requests?: number;
  /** Bytes of a request: a number, or from and to as `4096..131072`. */
  readonly size?: Size;
  /** Grants are kept from one request to the next. Default: no. */
  readonly persistent?: boolean;
  /** Segments of a block request; above 11 it is indirect. Default: 11. */
  readonly segments?: number;
}
