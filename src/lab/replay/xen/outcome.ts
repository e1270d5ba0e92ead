/** What a replay found out about a Xen domain's addresses. Reported as it is. */
import type { XenMemory } from "./memory.js";
import type { SlotSets } from "./pool_frames.js";

export interface XenMismatch {
  readonly time: number;
  /** Index into the report's devices. */
  readonly device: number;
  readonly phys: number;
  readonly size: number;
  /** Bus address as recorded, and by the page map. */
  readonly kernel: number;
  readonly predicted: number;
}

/** A bounce whose buffer lies in frames that do not follow each other. */
export interface Straddle {
  readonly time: number;
  readonly device: number;
  readonly phys: number;
  readonly size: number;
  /** Each page of the buffer: the domain's frame and the machine's, NaN where that is not known. */
  readonly frames: readonly { readonly pfn: number; readonly mfn: number }[];
}

/** A mapping of another domain's frame whose number there is one of this domain's pool. */
export interface Overlap {
  readonly time: number;
  readonly device: number;
  readonly dma: number;
  /** Frame number in this domain, machine frame, frame number in its owner. */
  readonly pfn: number;
  readonly mfn: number;
  readonly ownerPfn: number;
  /** The slot that a test of the owner's number alone would take it for. */
  readonly slot: number;
}

/** The CPU maintained its cache for another page than the one that a device used. */
export interface WrongPage {
  readonly time: number;
  /** Index into the report's devices, -1 when it is not known. */
  readonly device: number;
  readonly size: number;
  /** The page that was maintained, which has the number of the bus frame; and the page that stands for that frame. */
  readonly wrong: number;
  readonly right: number;
  /** Whether lines were dropped: the device may have written. */
  readonly invalidates: boolean;
  /** Whether the wrong page was itself a foreign one in use; null when that is not known. */
  readonly inUse: boolean | null;
}

/** Cache maintenance as the probes of its functions show it. Counts are of calls. */
export interface CacheOutcome {
  /** Before a device's access: by the CPU for own pages, for slots, for foreign pages at their own address; by Xen. */
  readonly before: {
    readonly own: number;
    readonly slots: number;
    readonly foreignByCpu: number;
    readonly foreignByXen: number;
  };
  /** After it, where something had to be done; `idle` = the device has only read, nothing to do. */
  readonly after: {
    readonly own: number;
    readonly slots: number;
    readonly foreignByXen: number;
    readonly idle: number;
  };
  /** Calls to the hypervisor, one for each frame of 4 KiB. */
  readonly calls: {
    readonly clean: number;
    readonly invalidate: number;
    readonly other: number;
    readonly failed: number;
  };
  readonly wrong: {
    readonly unmaps: number;
    readonly syncs: number;
    /** Of these, where lines were dropped: what the device wrote may be read old. */
    readonly invalidated: number;
    /** Of these, where the wrong page was in use. */
    readonly inUse: number;
    /** Different frames whose number was taken for an own page's. */
    readonly frames: number;
    readonly examples: readonly WrongPage[];
  };
}

export interface XenOutcome {
  readonly memory: XenMemory;
  /** Every file that was read, what it was taken for, and why. */
  readonly files: readonly { readonly name: string; readonly used: string }[];
  /** Which probes the recording has. */
  readonly probes: { readonly frames: boolean; readonly grants: boolean; readonly searches: boolean };
  /** Bus addresses of mappings that did not bounce, against the page map. */
  readonly addresses: {
    readonly compared: number;
    readonly equal: number;
    readonly unknown: number;
    /** By reason, in `unknownNames`. */
    readonly unknownBecause: Readonly<Record<string, number>>;
    readonly mismatches: readonly XenMismatch[];
  };
  /** The same for buffers that bounced: the address that swiotlb_bounced printed. */
  readonly originals: { readonly compared: number; readonly equal: number; readonly unknown: number };
  /** Mappings of the domain's own pages, those of device memory left out. */
  readonly own: { readonly maps: number; readonly bounced: number; readonly refused: number };
  readonly foreign: {
    readonly maps: number;
    readonly bounced: number;
    readonly refused: number;
    /** Of which neither the page map nor the machine's table could tell whose the page is. */
    readonly undecided: number;
    readonly domains: readonly { readonly domain: number | null; readonly maps: number }[];
  };
  readonly grants: {
    readonly mapped: number;
    readonly failed: number;
    readonly unmapped: number;
    /** Entries of batches larger than the probe shows. */
    readonly notShown: number;
    /** Unmapped, and not seen mapped. */
    readonly unmappedUnseen: number;
    readonly aliveBefore: number;
    readonly aliveAtEnd: number;
    readonly alive: readonly {
      readonly pfn: number;
      readonly mfn: number;
      readonly domain: number | null;
      readonly reference: number | null;
    }[];
  };
  /** Regions made machine-contiguous for coherent memory. */
  readonly regions: { readonly made: number; readonly failed: number; readonly ended: number };
  readonly causes: {
    readonly forced: number;
    readonly mask: number;
    readonly straddle: number;
    /** Small buffers of devices that are not coherent. */
    readonly small: number;
    readonly unknown: number;
  };
  /** null where the recording shows no cache maintenance. */
  readonly cache: CacheOutcome | null;
  readonly straddles: readonly Straddle[];
  /** Straddling buffers that did not bounce: none on a kernel that is right. */
  readonly straddledDirect: number;
  readonly overlap: {
    /** null when neither an M2P nor the owner's P2M was given. */
    readonly maps: number | null;
    readonly frames: number;
    /** Of which the number is the same in both domains, so that only the foreign mark tells them apart. */
    readonly sameNumber: number;
    readonly examples: readonly Overlap[];
  };
  readonly slotSets: SlotSets | null;
  /** Pages of the pool whose machine frame the P2M, and the M2P, give too. */
  readonly poolFrames: {
    readonly p2m: { readonly compared: number; readonly equal: number };
    readonly m2p: { readonly compared: number; readonly equal: number };
  } | null;
  /** Searches of the pool as the kernel's own probe counts them; null without it. */
  readonly searches: { readonly kernel: number; readonly kernelRefused: number } | null;
  readonly refusals: {
    /** Written as an event with an address of all ones. */
    readonly recorded: number;
    /** Lists that left no event. */
    readonly lists: number;
  };
  /** The dumps from after the recording against the model's state at its end; null without them. */
  readonly end: {
    readonly pool: {
      readonly used: readonly [kernel: number | null, model: number];
      readonly hiwater: readonly [kernel: number | null, model: number];
      readonly index: readonly [kernel: number, model: number][];
      readonly slots: { readonly kernel: number; readonly equal: number };
    } | null;
    readonly p2m: { readonly compared: number; readonly equal: number } | null;
  };
  readonly notes: readonly string[];
}
