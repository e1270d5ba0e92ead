/**
 * All pools that serve a device: the default one, those that were added while running, and transient ones of a single
 * mapping; with the counters of debugfs.
 *
 * Addresses are bus bytes, numbers below 2 ** 53. Source: Linux kernel/dma/swiotlb.c, swiotlb_find_slots,
 * swiotlb_dyn_alloc, swiotlb_alloc_pool, swiotlb_del_transient.
 */
import { type KernelLog, unheard } from "../../base/kernel_log.js";
import { u64High, u64Low } from "../../base/u64.js";
import {
  mappingBytesMax,
  pageBytes,
  poolSlotsAddedMax,
  poolSlotsMin,
  setSlots,
  slotBytes,
} from "../../spec/swiotlb/sizes.js";
import { limitAreas } from "./boot.js";
import type { BugId } from "./bugs.js";
import { alignmentMayPrevent, bufferIsFull, encryptionBounces, logPrefix, newPoolFailed, noPool } from "./message.js";
import { allocateShared, type Pages, releaseShared } from "./pages.js";
import { Pool } from "./pool.js";
import { type Profile, today } from "./profile.js";

export interface MapRequest {
  readonly cpu: number;
  readonly device: number;
  /** Physical address of the buffer. */
  readonly orig: number;
  readonly size: number;
  readonly minAlignMask: number;
  readonly allocAlignMask: number;
  readonly boundarySlots: number;
  /** Highest bus address that the device reaches. */
  readonly limit: number;
  /** Say nothing in the log when it is full. */
  readonly noWarn?: boolean;
}

export interface AllocatorShape {
  /** The pool of boot; null when there is none. */
  readonly pool: Pool | null;
  /** A kernel that adds pools; null for one that does not, and for Xen PV, where pools are remapped and never grow. */
  readonly growth: { readonly pages: Pages; readonly limit: number; readonly areas: number } | null;
  readonly encrypted?: boolean;
  readonly profile?: Profile;
  readonly bugs?: readonly BugId[];
  /** Told what the kernel prints. */
  readonly log?: KernelLog;
}

export class Allocator {
  /** In the order in which they are searched: added pools, newest first, then the pool of boot. */
  readonly pools: Pool[];
  /** Slots of all pools but the transient ones. */
  get slots(): number {
    return this.pools.reduce((sum, p) => sum + p.slots, 0);
  }
  /** Slots in use, transient pools included; the most there were; slots of transient pools. */
  used = 0;
  hiwater = 0;
  transientSlots = 0;
  /** Whether a failed search may make pools. */
  canGrow: boolean;
  /** A pool is to be added: `grow` does it, as the kernel's work queue does later. */
  growthWaits = false;
  readonly #transient = new Map<number, { pool: Pool; device: number }>();
  readonly #shape: AllocatorShape;
  readonly #log: KernelLog;

  constructor(shape: AllocatorShape) {
    this.#shape = shape;
    this.#log = shape.log ?? unheard;
    this.pools = shape.pool === null ? [] : [shape.pool];
    this.canGrow = shape.growth !== null;
  }

  /** @returns the bus address of the mapping, or -1. */
  map(r: MapRequest): number {
    if (this.pools.length === 0) return this.#say(noPool);
    if (this.#shape.encrypted) this.#log.once(encryptionBounces);
    if (r.allocAlignMask > pageBytes - 1) this.#log.once(alignmentMayPrevent);
    const found = this.#search(r);
    if (found < 0) {
      if (r.noWarn) return -1;
      return this.#say(bufferIsFull({ size: this.#sizes(r).logged, total: this.slots, used: this.used }));
    }
    const pool = this.poolAt(found)!;
    this.used += pool.slotsAt(pool.headAt(found - pool.start));
    if (this.used > this.hiwater) this.hiwater = this.used;
    return found;
  }

  /** @returns false when nothing was mapped at the address. */
  unmap(address: number, minAlignMask: number): boolean {
    const pool = this.poolAt(address);
    if (pool === null) return false;
    const before = pool.used;
    if (this.#transient.has(pool.start)) {
      if (pool.headAt(address - pool.start) < 0) return false;
      this.#transient.delete(pool.start);
      releaseShared(this.#shape.growth!.pages, { address: pool.start, bytes: pool.slots * slotBytes });
      this.transientSlots -= pool.slots;
      this.used -= pool.slots;
      return true;
    }
    if (!pool.unmap(address - pool.start, minAlignMask)) return false;
    this.used -= before - pool.used;
    return true;
  }

  /** The pool that holds an address; null for one outside all of them. */
  poolAt(address: number): Pool | null {
    for (const pool of this.pools) if (holds(pool, address)) return pool;
    for (const { pool } of this.#transient.values()) if (holds(pool, address)) return pool;
    return null;
  }

  /** Add the pool that a failed search has asked for. @returns it, or null when memory has no room or none waits. */
  grow(): Pool | null {
    const { growth, pool } = this.#shape;
    if (!this.growthWaits || growth === null || pool === null) return null;
    this.growthWaits = false;
    const added = this.#allocatePool(pool.slots, poolSlotsMin, growth.areas, growth.limit, true);
    if (added === null) this.#say(logPrefix + newPoolFailed);
    else this.pools.unshift(added);
    return added;
  }

  /** Lowest address of the pool of boot. Who asks relies on the answer, so there is no growth from then on. */
  lowestAddress(): number {
    this.canGrow = false;
    return this.#shape.pool?.start ?? 0;
  }

  /** Highest address that any pool has, or may get where pools are added. */
  highestAddress(): number {
    const { pool, growth } = this.#shape;
    if (growth !== null) return growth.limit;
    return pool === null ? -1 : pool.start + pool.slots * slotBytes - 1;
  }

  /** debugfs appears, late in boot: some mappings are older. */
  createCounters(): void {
    if (this.#shape.bugs?.includes("used-cleared")) this.used = 0;
    this.hiwater = 0;
  }

  /** Write io_tlb_used_hiwater. @returns 0, or -22 (EINVAL) for anything but 0. */
  writeHiwater(value: number): 0 | -22 {
    if (value !== 0) return -22;
    this.hiwater = 0;
    return 0;
  }

  #search(r: MapRequest): number {
    const { growth, profile } = this.#shape;
    const { rules } = profile ?? today;
    if (rules.refusesTooLarge && this.#sizes(r).searched > mappingBytesMax) return -1;
    const found = growth === null || !rules.areasFirst ? this.#searchPools(r) : this.#searchAreas(r, growth.areas);
    if (found >= 0 || growth === null || !this.canGrow) return found;
    this.growthWaits = true;
    return this.#mapTransient(r);
  }

  #searchPools(r: MapRequest): number {
    const { high, low } = halves(r.orig);
    for (const pool of this.pools) {
      const at = pool.map(r.cpu, high, low, r.size, r.minAlignMask, r.allocAlignMask, r.boundarySlots);
      if (at >= 0) return pool.start + at;
    }
    return -1;
  }

  #searchAreas(r: MapRequest, areas: number): number {
    const { high, low } = halves(r.orig);
    for (let i = 0; i < areas; i++) {
      for (const pool of this.pools) {
        if (pool.areas <= i) continue;
        const area = (r.cpu + i) & (pool.areas - 1);
        const at = pool.mapInArea(area, high, low, r.size, r.minAlignMask, r.allocAlignMask, r.boundarySlots);
        if (at >= 0) return pool.start + at;
      }
    }
    return -1;
  }

  /** A pool of exactly the slots that the mapping needs, for it alone. */
  #mapTransient(r: MapRequest): number {
    const slots = Math.ceil(this.#sizes(r).searched / slotBytes);
    const pool = this.#allocatePool(slots, slots, 1, r.limit, false);
    if (pool === null) return -1;
    const { high, low } = halves(r.orig);
    const at = pool.map(r.cpu, high, low, r.size, r.minAlignMask, r.allocAlignMask, r.boundarySlots);
    if (at < 0) {
      releaseShared(this.#shape.growth!.pages, { address: pool.start, bytes: pool.slots * slotBytes });
      return -1;
    }
    this.#transient.set(pool.start, { pool, device: r.device });
    this.transientSlots += slots;
    return pool.start + at;
  }

  #allocatePool(wanted: number, least: number, areas: number, limit: number, sleeps: boolean): Pool | null {
    const { growth, profile, bugs = [], encrypted = false } = this.#shape;
    let slots = Math.min(wanted, poolSlotsAddedMax);
    for (;;) {
      const bytes = slots * slotBytes;
      const leaks = !bugs.includes("decrypted-pages-freed");
      const start = allocateShared(growth!.pages, { bytes, limit, sleeps, encrypted, leaks });
      const count = limitAreas(areas, slots);
      if (start !== null) return new Pool({ start, slots, areas: count, profile: profile ?? today, bugs });
      if (slots <= least) return null;
      slots = Math.ceil(Math.floor(slots / 2) / setSlots) * setSlots;
    }
  }

  /**
   * Bytes as the search is asked for them, with what is kept in front of the buffer's first, and as the message has
   * them: before 2024 without that.
   */
  #sizes(r: MapRequest): { readonly searched: number; readonly logged: number } {
    const { rules } = this.#shape.profile ?? today;
    const unit = r.allocAlignMask + 1;
    const kept = r.orig & r.minAlignMask & (rules.padSlots ? r.allocAlignMask | (slotBytes - 1) : slotBytes - 1);
    const rounded = (bytes: number): number => Math.ceil(bytes / unit) * unit;
    const searched = rules.allocMaskApart ? rounded(r.size + kept) : rounded(r.size) + kept;
    return { searched, logged: rules.padSlots ? searched : rounded(r.size) };
  }

  #say(line: string): -1 {
    this.#log.say(line);
    return -1;
  }
}

const holds = (pool: Pool, address: number): boolean =>
  address >= pool.start && address < pool.start + pool.slots * slotBytes;

/** Upper and lower 32 bits of an address. */
function halves(address: number): { high: number; low: number } {
  return { high: u64High(address), low: u64Low(address) };
}
