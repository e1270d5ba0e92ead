/**
 * What one request asks of the search: how many slots, which candidates, what lies before its first byte.
 *
 * A request is resolved once and then tried in one area after the other. The fields are 32-bit integers, so that
 * resolving allocates nothing. Source: Linux kernel/dma/swiotlb.c, swiotlb_tbl_map_single and the head of
 * swiotlb_search_pool_area.
 */
import { mappingBytesMax, slotBytes, slotLg2 } from "../../spec/swiotlb/sizes.js";
import type { PoolRules } from "./profile.js";

const inSlot = slotBytes - 1;
/** Masks from here on ask for more than a slot set holds. */
const maskMax = 2 ** 30;

export class Request {
  /** Slots to take; 0 when no pool can ever serve the request. */
  slots = 0;
  /** Bytes from the first slot's start of counting to the end, as the kernel keeps them (alloc_size + offset). */
  bytes = 0;
  /** Whole slots before the first byte of the mapping, and bytes inside the slot where it starts. */
  padSlots = 0;
  offset = 0;
  /** Bits of a candidate's bus address that must be zero. */
  zeroMask = 0;
  /** Bits of it that must equal the buffer's; `compares` is false for a buffer at address 0. */
  sameMask = 0;
  same = 0;
  compares = false;
  /** Slots from an aligned candidate that did not fit to the next one tried. */
  stride = 1;
  /** Segment boundary in slots, a power of two; 0 = none. */
  boundarySlots = 0;
  /**
   * Slots from one aligned candidate to the next, and from one that is tried to the next that is tried; both powers of
   * two. `period` is 0 for masks where candidates do not come at equal distances.
   */
  period = 1;
  step = 1;

  /**
   * @param origHigh,origLow upper and lower 32 bits of the buffer's physical address
   * @param size bytes, at least 1
   * @param minAlignMask the device's min_align_mask
   * @param allocAlignMask the caller's alloc_align_mask
   * @param boundarySlots segment boundary in slots, a power of two; 0 = none
   */
  resolve(
    rules: PoolRules,
    origHigh: number,
    origLow: number,
    size: number,
    minAlignMask: number,
    allocAlignMask: number,
    boundarySlots: number,
  ): void {
    this.slots = 0;
    if (!(size > 0) || size > mappingBytesMax || allocAlignMask >>> 0 >= maskMax) return;
    const low = origLow | 0;
    const min = minAlignMask | 0;
    let alloc = allocAlignMask | 0;
    const offset = low & min & (rules.padSlots ? alloc | inSlot : inSlot);
    const bytes = rules.allocMaskApart ? (size + offset + alloc) & ~alloc : ((size + alloc) & ~alloc) + offset;
    const slots = (bytes + inSlot) >> slotLg2;
    if (bytes <= 0 || bytes > mappingBytesMax) return;
    this.slots = slots;
    this.bytes = bytes;
    this.padSlots = offset >> slotLg2;
    this.offset = offset & inSlot;
    this.compares = low !== 0 || origHigh !== 0;
    this.boundarySlots = boundarySlots;
    const wantsPage = rules.pageRule === "always" || (rules.pageRule === "unmasked" && alloc === 0 && min === 0);
    if (wantsPage && bytes >= rules.pageBytes) alloc |= rules.pageBytes - 1;
    alloc |= inSlot;
    let same: number;
    if (rules.allocMaskApart) {
      this.zeroMask = alloc;
      same = min & (rules.masksDisjoint ? ~alloc : ~inSlot);
      this.stride = Math.max(alloc >>> slotLg2, same >>> slotLg2) + 1;
    } else if (rules.startAligned) {
      this.zeroMask = 0;
      same = min & ~inSlot;
      const byMask = (same >>> slotLg2) + 1;
      const byPage = bytes >= rules.pageBytes ? byMask * (rules.pageBytes / slotBytes) : byMask;
      this.stride = Math.max(byPage, (alloc >>> slotLg2) + 1);
    } else {
      this.zeroMask = 0;
      same = (min | alloc) & ~inSlot;
      this.stride = (same >>> slotLg2) + 1;
    }
    this.sameMask = same;
    this.same = low & same;
    this.#spacing();
  }

  /** Take no more than `size` bytes: pages of a restricted pool are aligned to their order, not rounded up to it. */
  unround(size: number): void {
    if (this.slots === 0) return;
    this.slots = (size + inSlot) >> slotLg2;
    this.bytes = size;
  }

  /**
   * A buffer at address 0 is filtered by the allocation mask alone but stepped by both, so the slots that are tried
   * lie further apart than the aligned ones.
   */
  #spacing(): void {
    const bits = (this.compares ? this.zeroMask | this.sameMask : this.zeroMask) >>> slotLg2;
    const period = bits + 1;
    const step = (this.stride + bits) & ~bits;
    this.step = step;
    const even = (bits & period) === 0 && (step & (step - 1)) === 0;
    const apart = !this.compares || (this.zeroMask & this.same) === 0;
    const boundary = this.boundarySlots;
    // What is no power of two (no kernel has it) goes to the plain search, which takes any distance.
    const meets = boundary === 0 || (period <= boundary && (boundary > maskMax || (boundary & (boundary - 1)) === 0));
    this.period = even && apart && meets ? period : 0;
  }
}

/**
 * The largest mapping that a device is told of. Padding for its mask may come before the first byte.
 * Source: swiotlb_max_mapping_size.
 */
export function mappingBytesMaxFor(minAlignMask: number): number {
  return mappingBytesMax - Math.ceil(minAlignMask / slotBytes) * slotBytes;
}
