/**
 * The slot pool as engines use it: physical addresses in and out, a device's limits put into a request's terms.
 *
 * Source: Linux kernel/dma/swiotlb.c, swiotlb_tbl_map_single to swiotlb_max_mapping_size.
 */

import { requesterOf } from "../../../bus/dma_port.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import { attrNoWarn, attrSkipCpuSync, type Direction } from "../../../spec/dma/direction.js";
import { Allocator, type AllocatorShape } from "../../swiotlb/allocator.js";
import { Bounce } from "../../swiotlb/bounce.js";
import type { BugId } from "../../swiotlb/bugs.js";
import { whyFull } from "../../swiotlb/explain.js";
import { Pool } from "../../swiotlb/pool.js";
import { type Profile, today } from "../../swiotlb/profile.js";
import { mappingBytesMaxFor } from "../../swiotlb/request.js";
import { boundarySlots } from "../device.js";
import type { DmaDevice } from "../engine.js";
import { type Refusal, slotsTooHigh } from "../refusal.js";

const noLimit = Number.POSITIVE_INFINITY;

export class BounceTable {
  readonly pool: Pool;
  readonly allocator: Allocator;
  readonly #bounce: Bounce;
  /** The CPU that maps: it chooses the area where a search begins. */
  cpu = 0;

  constructor(
    memory: ByteMemory,
    shape: { readonly start: number; readonly slots: number; readonly areas: number },
    o: {
      readonly profile?: Profile | undefined;
      readonly bugs?: readonly BugId[] | undefined;
      readonly growth: AllocatorShape["growth"];
    },
  ) {
    const profile = o.profile ?? today;
    const bugs = o.bugs ?? [];
    this.pool = new Pool({ ...shape, profile, bugs });
    this.allocator = new Allocator({ pool: this.pool, growth: o.growth, profile, bugs });
    this.#bounce = new Bounce(memory, this.allocator);
  }

  /** Is a physical address inside the pool, or one that was added? */
  holds(phys: number): boolean {
    return this.allocator.poolAt(phys) !== null;
  }

  /**
   * Take slots and copy the buffer in.
   * @param limit highest address for slots of a pool that is made for this mapping
   * @returns the physical address in the slots, or -1.
   */
  map(device: DmaDevice, o: MapCall, limit = noLimit): number {
    return this.#bounce.map({ ...this.#request(device, o), limit, direction: o.direction });
  }

  /** Copy back and release. @returns whether anything was mapped there. */
  unmap(device: DmaDevice, slot: number, o: UnmapCall): boolean {
    const skipCpuSync = (o.attributes & attrSkipCpuSync) !== 0;
    return this.#bounce.unmap({ ...range(device, slot, o), skipCpuSync });
  }

  syncForCpu(device: DmaDevice, slot: number, o: UnmapCall): void {
    this.#bounce.syncForCpu(range(device, slot, o));
  }

  syncForDevice(device: DmaDevice, slot: number, o: UnmapCall): void {
    this.#bounce.syncForDevice(range(device, slot, o));
  }

  /** The largest mapping that can ever be had for a device, padding for its alignment taken off. */
  maxMappingBytes(device: DmaDevice): number {
    return mappingBytesMaxFor(device.minAlignMask);
  }

  /** Why the pool does not serve a request now. */
  whyRefused(device: DmaDevice, o: MapCall): Refusal {
    const full = whyFull(this.pool, this.#request(device, o));
    if (full === null) return slotsTooHigh;
    const { reason, slots, free, longestRun } = full;
    if (reason === "too-large") {
      const kept = o.phys & device.minAlignMask;
      const place = kept === 0 ? "" : ` at an offset of ${kept} that the device's alignment keeps`;
      return { reason, words: `${o.size} bytes${place} are more than one mapping of the pool can hold` };
    }
    if (reason === "exhausted") return { reason, words: `the pool is exhausted: ${slots} slots asked, ${free} free` };
    const room = `${slots} slots asked, ${free} free, longest run ${longestRun}`;
    return { reason, words: `the pool has no place (${reason}): ${room}` };
  }

  #request(device: DmaDevice, o: MapCall) {
    return {
      cpu: this.cpu,
      device: requesterOf(device.bdf) ?? 0,
      orig: o.phys,
      size: o.size,
      minAlignMask: device.minAlignMask,
      allocAlignMask: o.allocAlignMask ?? 0,
      boundarySlots: boundarySlots(device),
      noWarn: (o.attributes & attrNoWarn) !== 0,
    };
  }
}

export interface MapCall {
  readonly phys: number;
  readonly size: number;
  readonly direction: Direction;
  readonly attributes: number;
  /** Low address bits that the slots' first byte must not have: an IOMMU's granule less one. */
  readonly allocAlignMask?: number;
}

type UnmapCall = Omit<MapCall, "phys" | "allocAlignMask">;

function range(device: DmaDevice, address: number, o: UnmapCall) {
  return { address, size: o.size, direction: o.direction, minAlignMask: device.minAlignMask };
}
