/**
 * What engines did in which kernels, as data: every difference is a field here, the code reads nothing else.
 *
 * Source: Linux drivers/xen/swiotlb-xen.c and kernel/dma/direct.c of the releases named, and the commits named in
 * bugs.ts. Where a change came within a release or two of what is said here, long-term kernels may have it earlier.
 */

export interface EngineRules {
  /** When the pool is full: the fallback buffer, or an error. */
  readonly overflow: "fallback" | "refuse";
  /**
   * What says that a bus address is the pool's. `local`: the reverse lookup of own frames, foreign flag included.
   * `round-trip`: D0's formula on addresses alone. `phys`: the plain reverse lookup.
   */
  readonly membership: "local" | "round-trip" | "phys";
  /** Bits that a bus address keeps. */
  readonly busBits: number;
  /** What map returns when the bounce buffer itself is out of the device's reach. */
  readonly secondRefusal: "error" | "zero";
  /** A streaming buffer aligned to its size must be so on the bus too. */
  readonly streamingAligned: boolean;
  /** Coherent memory aligned to its size must be so on the bus too. */
  readonly coherentAligned: boolean;
  /** Coherent memory is as large as asked, in pages, or as its order. */
  readonly coherentSize: "pages" | "order";
  /** Making memory contiguous exchanges frames, or a stub says that it had and leaves the handle alone. */
  readonly contiguous: "exchange" | "stub";
  /**
   * Which coherent memory gives its contiguous frames back when it is freed. `created`: what was exchanged.
   * `unreachable`: what is out of reach at that moment, so nothing. `reachable`: whatever is within reach.
   */
  readonly destroys: "created" | "unreachable" | "reachable";
  /** The cache operation of a sync for the device. */
  readonly syncForDevice: "device" | "cpu";
  /** Pages that a mapping by grant covers: counted from its first byte, or from the size alone. */
  readonly grantPages: "covered" | "size";
  /** The reported largest mapping heeds a pool that is always used. */
  readonly limitHeedsForce: boolean;
  /** The message of a refused MMIO mapping names the address that was asked for. */
  readonly mmioMessageSet: boolean;
  /** What of an untrusted device's slots is zeroed: all around the buffer, or what follows it alone. */
  readonly paddingZeroed: "around" | "after";
  /** A buffer without a whole granule has no middle part; false: one of no bytes. */
  readonly linkSkipsEmpty: boolean;
  /** Small buffers of a non-coherent device that share cache lines with others bounce. */
  readonly smallBuffersBounce: boolean;
}

export interface EngineProfile {
  readonly id: string;
  readonly kernels: string;
  readonly source: string;
  readonly rules: EngineRules;
}

const todaysRules: Readonly<EngineRules> = {
  overflow: "refuse",
  membership: "local",
  busBits: 64,
  secondRefusal: "error",
  streamingAligned: false,
  coherentAligned: true,
  coherentSize: "pages",
  contiguous: "exchange",
  destroys: "created",
  syncForDevice: "device",
  grantPages: "covered",
  limitHeedsForce: true,
  mmioMessageSet: true,
  paddingZeroed: "around",
  linkSkipsEmpty: true,
  smallBuffersBounce: true,
};

export const engineProfiles: readonly EngineProfile[] = [
  { id: "today", kernels: "6.14 and later", source: "drivers/xen/swiotlb-xen.c of 7.x", rules: todaysRules },
  {
    id: "6.12",
    kernels: "6.12 and 6.13",
    source: "commit 9f40ec84a797",
    rules: { ...todaysRules, streamingAligned: true, coherentSize: "order" },
  },
  {
    id: "6.5",
    kernels: "6.5 to 6.11",
    source: "drivers/xen/swiotlb-xen.c of 6.1 to 6.5; kmalloc minimum alignment series of 6.5",
    rules: { ...todaysRules, coherentAligned: false, coherentSize: "order" },
  },
  {
    id: "5.8",
    kernels: "5.8 to 6.4",
    source: "drivers/xen/swiotlb-xen.c of 6.1; the page flag XenRemapped of 2020",
    rules: { ...todaysRules, coherentAligned: false, coherentSize: "order", smallBuffersBounce: false },
  },
  {
    id: "4.20",
    kernels: "4.20 to 5.7",
    source: "commits 4855c92dbb7b of 2018 and the patch of April 2020 for what is destroyed",
    rules: {
      ...todaysRules,
      coherentAligned: false,
      coherentSize: "order",
      destroys: "reachable",
      smallBuffersBounce: false,
    },
  },
  {
    id: "2010",
    kernels: "2.6.37 to 4.19",
    source: "drivers/xen/swiotlb-xen.c of 4.4; D0's overflow buffer",
    rules: {
      ...todaysRules,
      overflow: "fallback",
      coherentAligned: false,
      coherentSize: "order",
      destroys: "unreachable",
      smallBuffersBounce: false,
    },
  },
];

export const todaysEngines: EngineProfile = engineProfiles[0]!;

/** The profile of a kernel by its release ("6.12.41-1"); today's for one that cannot be read. */
export function engineProfileOf(kernel: string | null): EngineProfile {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernel ?? "") ?? [];
  if (major === undefined || minor === undefined) return todaysEngines;
  const release = Number(major) * 1000 + Number(minor);
  const firsts = [6014, 6012, 6005, 5008, 4020, 0];
  return engineProfiles[firsts.findIndex((first) => release >= first)]!;
}
