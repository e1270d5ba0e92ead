/** The bounce pool of Linux for programs: it takes the slots that the kernel takes, bit for bit. */

import { type Address, address } from "../../base/frame.js";
import { u64High } from "../../base/u64.js";
import { slotBytes } from "../../spec/swiotlb/sizes.js";
import { type Full, whyFull } from "../../sw/swiotlb/explain.js";
import { Pool } from "../../sw/swiotlb/pool.js";
import { profileOf } from "../../sw/swiotlb/profile.js";
import { checkNames, wholeNumber } from "../work_options.js";

/** What a pool is made of. */
export interface BouncePoolOptions {
  /** Address of its first slot, a multiple of 2048. */
  readonly start: Address;
  /** Slots of 2 KiB, 1 to 2^23. */
  readonly slots: number;
  /** Parts with a lock each; the CPU that maps chooses where the search begins. Default: 1. */
  readonly areas?: number;
  /** Release of the kernel whose rules it follows, such as `"5.15"`. Default: today's. */
  readonly kernel?: string;
}

/** A buffer that is to bounce. */
export interface BounceRequest {
  /** Physical address of the buffer. */
  readonly phys: Address;
  /** Bytes. */
  readonly size: number;
  /** The CPU that maps. Default: 0. */
  readonly cpu?: number;
  /** The device's min_align_mask: low address bits that the bounce keeps. Default: 0. */
  readonly minAlignMask?: number;
  /** The caller's alloc_align_mask. Default: 0. */
  readonly allocAlignMask?: number;
  /** The device's segment boundary in bytes, a power of two of slots; 0: none. Default: 0. */
  readonly boundary?: number;
}

/** A pool of bounce slots. */
export interface BouncePool {
  readonly start: Address;
  readonly slots: number;
  readonly areas: number;
  /** Slots in use, and the most there were. */
  readonly used: number;
  readonly hiwater: number;
  /** Take the slots that the kernel would take. @returns where the bounce begins; null when the pool is full for it */
  map(request: BounceRequest): Address | null;
  /**
   * Release a mapping.
   * @param o.bounce what `map` returned
   * @returns false, and nothing changes, when no mapping begins there
   */
  unmap(o: { readonly bounce: Address; readonly minAlignMask?: number }): boolean;
  /** Why it cannot serve a request now; null when it would. */
  whyFull(request: BounceRequest): Full | null;
}

/** Make an empty pool. @throws BadOption; Misuse `pool-shape` for a pool that no kernel could have. */
export function createBouncePool(options: BouncePoolOptions): BouncePool {
  const { start, slots, areas = 1, kernel } = checkNames(options, ["start", "slots", "areas", "kernel"]);
  const pool = new Pool({ start: address(start), slots, areas, profile: profileOf(kernel ?? null) });
  return {
    start,
    slots,
    areas,
    get used() {
      return pool.used;
    },
    get hiwater() {
      return pool.hiwater;
    },
    map(request) {
      const { cpu, orig, size, minAlignMask, allocAlignMask, boundarySlots } = asked(request);
      const high = u64High(orig);
      const offset = pool.map(cpu, high, orig >>> 0, size, minAlignMask, allocAlignMask, boundarySlots);
      return offset < 0 ? null : address(start + offset);
    },
    unmap({ bounce, minAlignMask = 0 }) {
      return pool.unmap(address(bounce) - start, wholeNumber("minAlignMask", minAlignMask, 0, maskMax));
    },
    whyFull: (request) => whyFull(pool, asked(request)),
  };
}

const maskMax = 2 ** 32 - 1;

function asked(request: BounceRequest) {
  const names = ["phys", "size", "cpu", "minAlignMask", "allocAlignMask", "boundary"] as const;
  const { phys, size, cpu = 0, minAlignMask = 0, allocAlignMask = 0, boundary = 0 } = checkNames(request, names);
  return {
    orig: address(phys),
    size: wholeNumber("size", size, 1, 2 ** 32),
    cpu: wholeNumber("cpu", cpu, 0, 2 ** 16),
    minAlignMask: wholeNumber("minAlignMask", minAlignMask, 0, maskMax),
    allocAlignMask: wholeNumber("allocAlignMask", allocAlignMask, 0, maskMax),
    boundarySlots: wholeNumber("boundary", boundary, 0, 2 ** 52, slotBytes) / slotBytes,
  };
}
