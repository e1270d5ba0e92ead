/**
 * The copies between a buffer and its bounce slots, on real bytes.
 *
 * Mapping copies in always, whatever the direction: what the device does not write must come back as it was, and what
 * lay in the slots before must reach nobody. A sync for the device does not copy for a buffer that the device writes,
 * so what the CPU writes between two syncs of such a buffer is lost at its unmap: the real thing does that too.
 * Source: Linux kernel/dma/swiotlb.c, swiotlb_bounce and its callers; commits ddbd89deb7d3, aa6f8dcbab47.
 */
import { Misuse } from "../../base/assert.js";
import { type KernelLog, unheard } from "../../base/kernel_log.js";
import type { ByteMemory } from "../../mem/byte_memory.js";
import { Direction } from "../../spec/dma/direction.js";
import { slotBytes } from "../../spec/swiotlb/sizes.js";
import type { Allocator, MapRequest } from "./allocator.js";
import { accessBeforeStart, addressOverflow, bufferOverflow } from "./message.js";
import type { Pool } from "./pool.js";

const inSlot = slotBytes - 1;
const scratchBytes = 4096;

/** A mapping, or a part of one, as unmap and sync are given it. */
export interface Range {
  /** Bus address: what map returned, or inside. */
  readonly address: number;
  readonly size: number;
  readonly direction: Direction;
  /** The device's mask, as it is now. */
  readonly minAlignMask: number;
  /** DMA_ATTR_SKIP_CPU_SYNC: no copy at unmap. Mapping copies all the same. */
  readonly skipCpuSync?: boolean;
}

export class Bounce {
  readonly #memory: ByteMemory;
  readonly #allocator: Allocator;
  readonly #scratch = new Uint8Array(scratchBytes);
  /** Physical address of each mapping's buffer, by the bus address of its first slot. */
  readonly #origs = new Map<number, number>();
  readonly #log: KernelLog;
  readonly #copied: (bytes: number, toSlots: boolean) => void;

  /**
   * @param memory holds buffers and slots, by the address that the pool's start counts in: the machine's memory where
   *   that is the bus, a guest kernel's where an engine translates
   * @param o.copied told of each copy to the slots, or back
   * @param o.log told what the kernel warns of, each kind once
   */
  constructor(
    memory: ByteMemory,
    allocator: Allocator,
    o: { readonly copied?: (bytes: number, toSlots: boolean) => void; readonly log?: KernelLog } = {},
  ) {
    this.#copied = o.copied ?? (() => {});
    this.#log = o.log ?? unheard;
    this.#memory = memory;
    this.#allocator = allocator;
  }

  /**
   * Map a buffer: find slots, copy it in, and see that the device reaches them.
   * @returns the bus address, or -1.
   */
  map(r: MapRequest & { readonly direction: Direction; readonly skipCpuSync?: boolean }): number {
    known(r.direction);
    const address = this.#allocator.map(r);
    if (address < 0) return -1;
    const pool = this.#allocator.poolAt(address)!;
    this.#origs.set(firstByte(pool, address), r.orig);
    if (pool.rules.mapAlwaysCopies || r.direction !== Direction.fromDevice)
      this.#copy(address, r.size, r.minAlignMask, true);
    if (address + r.size - 1 <= r.limit) return address;
    this.unmap({ ...r, address, skipCpuSync: true });
    this.#warnOnce(addressOverflow({ address, size: r.size, mask: r.limit, limit: 0 }));
    return -1;
  }

  /** Copy back what the device may have written, then release the slots. @returns whether anything was mapped there. */
  unmap(r: Range): boolean {
    known(r.direction);
    const pool = this.#allocator.poolAt(r.address);
    if (pool === null) return false;
    if (!r.skipCpuSync && writes(r.direction)) this.#copy(r.address, r.size, r.minAlignMask, false);
    const head = firstByte(pool, r.address);
    if (!this.#allocator.unmap(r.address, r.minAlignMask)) return false;
    this.#origs.delete(head);
    return true;
  }

  /** The CPU is done, the device may read: copies in, unless only the device writes. */
  syncForDevice(r: Range): void {
    known(r.direction);
    const always = this.#allocator.poolAt(r.address)?.rules.syncAlwaysCopies;
    if (always || r.direction !== Direction.fromDevice) this.#copy(r.address, r.size, r.minAlignMask, true);
  }

  /** The device is done, the CPU may read: copies out, unless only the CPU writes. */
  syncForCpu(r: Range): void {
    known(r.direction);
    if (writes(r.direction)) this.#copy(r.address, r.size, r.minAlignMask, false);
  }

  /** One copy. Nothing happens for an address in padding or in a free slot. */
  #copy(address: number, size: number, minAlignMask: number, toSlots: boolean): void {
    const pool = this.#allocator.poolAt(address);
    if (pool === null) return;
    const slot = Math.floor((address - pool.start) / slotBytes);
    const head = pool.ownerHead(slot);
    const before = slot - head - (head < 0 ? 0 : pool.padSlotsAt(head));
    const orig = this.#origs.get(pool.start + head * slotBytes);
    if (orig === undefined || before < 0) return;
    const low = orig % slotBytes;
    const kept = low & minAlignMask & inSlot;
    let offset = (address & inSlot) - kept;
    let from = orig + before * slotBytes;
    if (offset < 0 && !pool.rules.syncOffsetSigned) {
      this.#warnOnce(accessBeforeStart({ kept, asked: address & inSlot }));
      return;
    }
    if (!pool.rules.syncKeepsDistance) [from, offset] = [orig, 0];
    const room = Math.max(0, pool.bytesLeft(slot) - offset);
    if (size > room) this.#warnOnce(bufferOverflow({ allocated: room, size }));
    const count = Math.min(size, room);
    if (toSlots) this.#move(from + offset, address, count);
    else this.#move(address, from + offset, count);
    this.#copied(count, toSlots);
  }

  /** A buffer never overlaps its slots, so pieces may go one after the other; one scratch page serves all. */
  #move(from: number, to: number, count: number): void {
    for (let done = 0; done < count; ) {
      const bytes = Math.min(scratchBytes, count - done);
      const piece = bytes === scratchBytes ? this.#scratch : this.#scratch.subarray(0, bytes);
      this.#memory.read(from + done, piece);
      this.#memory.write(to + done, piece);
      done += bytes;
    }
  }

  #warnOnce(line: string): void {
    this.#log.once(line, line.slice(0, 16));
  }
}

const writes = (d: Direction): boolean => d === Direction.fromDevice || d === Direction.bidirectional;

/** A direction that says nothing stops the kernel (BUG_ON). */
function known(d: Direction): void {
  if (d !== Direction.toDevice && !writes(d)) throw new Misuse("dma-direction", `${d}; a mapping has a direction`);
}

/** Address of the first slot of the allocation that holds an address. */
function firstByte(pool: Pool, address: number): number {
  return pool.start + pool.ownerHead(Math.floor((address - pool.start) / slotBytes)) * slotBytes;
}
