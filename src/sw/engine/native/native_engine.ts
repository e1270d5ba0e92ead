/**
 * The DMA operations of a kernel that owns its addresses: physical is bus, with or without a pool beside it.
 *
 * Order of the tests and of copies and cache maintenance: Linux kernel/dma/direct.h, dma_direct_map_phys,
 * dma_direct_sync_single_for_cpu and _for_device; kernel/dma/direct.c, dma_direct_max_mapping_size and
 * dma_direct_supported.
 */
import { frameBytes } from "../../../base/frame.js";
import { attrMmio, attrRequireCoherent, type Direction } from "../../../spec/dma/direction.js";
import { allAddresses, highestAddress, reaches } from "../device.js";
import type { Coherent, DmaDevice, Engine, MappedRange } from "../engine.js";
import { type Cause, type Mapped, refused } from "../mapped.js";
import { boundsOf, type DmaBuffer } from "../parts/buffer.js";
import { cacheForCpu, cacheForDevice } from "../parts/cache_maintenance.js";
import { allocReachable, freeReachable } from "../parts/coherent.js";
import { anyForeign, busOf, straddles } from "../parts/contiguity.js";
import { addressOverflow, overflowUnset, slotOverflow } from "../parts/messages.js";
import { Overflow } from "../parts/overflow.js";
import type { EngineParts } from "../parts/parts.js";
import { sharesCacheLine } from "../parts/small_buffer.js";
import { allBounce, mayNotBounce, noPool, slotsTooHigh, unknownAddress } from "../refusal.js";

const pageBytes = frameBytes;

/** x86 keeps pages below 16 MiB for the narrowest devices: a mask that covers them is served (ZONE_DMA). */
const narrowestMask = 2 ** 24 - 1;

export class NativeEngine implements Engine {
  readonly name: string;
  readonly pool: Engine["pool"];
  readonly overflow: "fallback" | "refuse";
  readonly lists = { splits: false, merges: false } as const;
  readonly #parts: EngineParts;
  readonly #overflow: Overflow;

  constructor(name: string, parts: EngineParts) {
    this.name = name;
    this.#parts = parts;
    this.pool = boundsOf(parts);
    this.overflow = parts.rules.overflow;
    this.#overflow = new Overflow(parts);
  }

  isError(bus: number): boolean {
    return bus < 0 || bus === this.#overflow.bus;
  }

  isBounceBuffer(_device: DmaDevice, bus: number): boolean {
    const phys = this.#parts.guest.busToLocalPhys(bus);
    return phys >= 0 && this.#parts.table !== null && this.#parts.table.holds(phys);
  }

  capable(device: DmaDevice, bus: number, phys: number, size: number): boolean {
    return reaches(device, bus, size) && !straddles(this.#parts.guest, phys, size);
  }

  map(device: DmaDevice, phys: number, size: number, direction: Direction, attributes: number): Mapped {
    const parts = this.#parts;
    const foreign = anyForeign(parts.guest, phys, size);
    if (parts.force) return this.#forced(device, { phys, size, direction, attributes, foreign });
    const isMmio = (attributes & attrMmio) !== 0;
    const bus = isMmio ? phys : busOf(parts, phys);
    const plain: Cause = isMmio ? "mmio" : parts.guest.model === "vp+iommu" ? "iommu" : "direct";
    if (bus < 0) return refused(plain, foreign, unknownAddress);
    const cause: Cause | null = !reaches(device, bus, size)
      ? "mask"
      : !isMmio && parts.rules.smallBuffersBounce && sharesCacheLine(device, size, direction)
        ? "kmalloc"
        : null;
    if (cause === null) {
      if (!isMmio) cacheForDevice(parts, device, { bus, size, direction, attributes });
      return { bus, bounced: false, foreign, cause: plain, refused: null };
    }
    if (isMmio || parts.table === null) {
      // A small buffer that cannot bounce is used where it is: the kernel tests for a pool only here.
      if (cause === "kmalloc") return this.#inPlace(device, { bus, size, direction, attributes }, foreign, plain);
      parts.log.say(addressOverflow(bus, size, device));
      return refused(cause, foreign, noPool);
    }
    return this.#bounce(device, { phys, size, direction, attributes, foreign }, cause);
  }

  unmap(device: DmaDevice, r: MappedRange): void {
    cacheForCpu(this.#parts, device, r);
    this.#slot(device, r, (table, slot) => table.unmap(device, slot, r));
  }

  syncForCpu(device: DmaDevice, r: MappedRange): void {
    cacheForCpu(this.#parts, device, r);
    this.#slot(device, r, (table, slot) => table.syncForCpu(device, slot, r));
  }

  syncForDevice(device: DmaDevice, r: MappedRange): void {
    this.#slot(device, r, (table, slot) => table.syncForDevice(device, slot, r));
    cacheForDevice(this.#parts, device, r);
  }

  allocCoherent(device: DmaDevice, size: number): Coherent | null {
    return allocReachable(this.#parts, device, size);
  }

  freeCoherent(device: DmaDevice, at: Coherent & { readonly size: number }): void {
    freeReachable(this.#parts, device, at);
  }

  maxMappingBytes(device: DmaDevice): number {
    const { table, rules, memoryEnd, force } = this.#parts;
    const limited = highestAddress(device) < memoryEnd - 1 || (force && rules.limitHeedsForce);
    return table !== null && limited ? table.maxMappingBytes(device) : allAddresses;
  }

  supportsMask(mask: number): boolean {
    const { memoryEnd } = this.#parts;
    return mask >= Math.min(narrowestMask, memoryEnd === 0 ? narrowestMask : memoryEnd - 1);
  }

  mergeable(first: number, second: number): boolean {
    const bus = this.#parts.guest.physToBus(first * pageBytes);
    return bus >= 0 && this.#parts.guest.physToBus(second * pageBytes) === bus + pageBytes;
  }

  #inPlace(_device: DmaDevice, r: MappedRange, foreign: boolean, cause: Cause): Mapped {
    cacheForDevice(this.#parts, _device, r);
    return { bus: r.bus, bounced: false, foreign, cause, refused: null };
  }

  #forced(device: DmaDevice, o: DmaBuffer): Mapped {
    const { log, rules } = this.#parts;
    if ((o.attributes & (attrMmio | attrRequireCoherent)) === 0) return this.#bounce(device, o, "forced");
    log.say(rules.mmioMessageSet ? addressOverflow(o.phys, o.size, device) : overflowUnset(o.size, device));
    return refused("forced", o.foreign, allBounce);
  }

  /** Source: swiotlb_map. */
  #bounce(device: DmaDevice, o: DmaBuffer, cause: Cause): Mapped {
    const { table, log } = this.#parts;
    if ((o.attributes & attrRequireCoherent) !== 0) return refused(cause, o.foreign, mayNotBounce);
    const limit = highestAddress(device);
    const slot = table!.map(device, o, limit >= 2 ** 53 ? Number.POSITIVE_INFINITY : limit);
    if (slot < 0) {
      const because = table!.whyRefused(device, o);
      if (because === slotsTooHigh) log.say(slotOverflow(table!.pool.start, o.size, device));
      const bus = this.#overflow.full(device, o.size, o.direction);
      return { bus, bounced: false, foreign: o.foreign, cause, refused: because };
    }
    const bus = busOf(this.#parts, slot);
    cacheForDevice(this.#parts, device, { bus, size: o.size, direction: o.direction, attributes: o.attributes });
    return { bus, bounced: true, foreign: o.foreign, cause, refused: null };
  }

  #slot(
    device: DmaDevice,
    r: MappedRange,
    use: (table: NonNullable<EngineParts["table"]>, slot: number) => void,
  ): void {
    const { table, guest } = this.#parts;
    if (table !== null && this.isBounceBuffer(device, r.bus)) use(table, guest.busToLocalPhys(r.bus));
  }
}
