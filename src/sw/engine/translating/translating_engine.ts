/**
 * The DMA operations of a kernel whose physical addresses are not the bus's: translate, and bounce what cannot be used
 * as it lies. x86 and Arm differ in single answers (Arch), not in the order of steps.
 *
 * Source: Linux drivers/xen/swiotlb-xen.c, xen_swiotlb_map_phys to xen_swiotlb_dma_supported.
 */
import { frameBytes } from "../../../base/frame.js";
import { attrMmio, attrRequireCoherent, type Direction } from "../../../spec/dma/direction.js";
import { reaches } from "../device.js";
import type { Coherent, DmaDevice, Engine, ListPolicy, MappedRange } from "../engine.js";
import { type Cause, type Mapped, refused } from "../mapped.js";
import { boundsOf, type DmaBuffer, withoutCopy } from "../parts/buffer.js";
import { cacheForCpu, cacheForDevice } from "../parts/cache_maintenance.js";
import { anyForeign, busOf, losesAlignment, straddles } from "../parts/contiguity.js";
import { addressOverflow } from "../parts/messages.js";
import { Overflow } from "../parts/overflow.js";
import type { EngineParts } from "../parts/parts.js";
import { sharesCacheLine } from "../parts/small_buffer.js";
import { bounceTooHigh, mayNotBounce, registersTooHigh, unknownAddress } from "../refusal.js";

const pageBytes = frameBytes;

/** What differs between the kernels that translate. */
export interface Arch {
  readonly name: string;
  readonly lists: ListPolicy;
  /** Must this mapping bounce for a reason of the architecture's own? */
  needsBounce(parts: EngineParts, device: DmaDevice, o: DmaBuffer): boolean;
  /** Guest physical address of a slot by its bus address; -1 for what is not the pool's. */
  slotAt(parts: EngineParts, bus: number): number;
  allocCoherent(parts: EngineParts, device: DmaDevice, size: number): Coherent | null;
  freeCoherent(parts: EngineParts, device: DmaDevice, at: Coherent & { readonly size: number }): void;
}

export class TranslatingEngine implements Engine {
  readonly name: string;
  readonly pool: Engine["pool"];
  readonly overflow: "fallback" | "refuse";
  readonly lists: ListPolicy;
  readonly #parts: EngineParts & { readonly table: NonNullable<EngineParts["table"]> };
  readonly #arch: Arch;
  readonly #overflow: Overflow;

  constructor(arch: Arch, parts: TranslatingEngine["parts"]) {
    this.name = arch.name;
    this.lists = arch.lists;
    this.#arch = arch;
    this.#parts = parts;
    this.pool = boundsOf(parts);
    this.overflow = parts.rules.overflow;
    this.#overflow = new Overflow(parts);
  }

  get parts(): EngineParts & { readonly table: NonNullable<EngineParts["table"]> } {
    return this.#parts;
  }

  isError(bus: number): boolean {
    return bus < 0 || bus === this.#overflow.bus;
  }

  isBounceBuffer(_device: DmaDevice, bus: number): boolean {
    return this.#arch.slotAt(this.#parts, bus) >= 0;
  }

  capable(device: DmaDevice, bus: number, phys: number, size: number): boolean {
    return reaches(device, bus, size) && !straddles(this.#parts.guest, phys, size);
  }

  map(device: DmaDevice, phys: number, size: number, direction: Direction, attributes: number): Mapped {
    const parts = this.#parts;
    if ((attributes & attrMmio) !== 0) return this.#mapMmio(device, phys, size);
    const foreign = anyForeign(parts.guest, phys, size);
    const bus = busOf(parts, phys);
    if (bus < 0) return refused("translated", foreign, unknownAddress);
    const cause = this.#whyBounce(device, bus, { phys, size, direction, attributes, foreign });
    if (cause !== null) return this.#bounce(device, { phys, size, direction, attributes, foreign }, cause);
    cacheForDevice(parts, device, { bus, size, direction, attributes });
    return { bus, bounced: false, foreign, cause: bus === phys ? "direct" : "translated", refused: null };
  }

  /** The cache first: what the device wrote must be in memory's and not in old lines when it is copied back. */
  unmap(device: DmaDevice, r: MappedRange): void {
    cacheForCpu(this.#parts, device, r);
    const slot = this.#arch.slotAt(this.#parts, r.bus);
    if (slot >= 0) this.#parts.table.unmap(device, slot, r);
  }

  syncForCpu(device: DmaDevice, r: MappedRange): void {
    cacheForCpu(this.#parts, device, r);
    const slot = this.#arch.slotAt(this.#parts, r.bus);
    if (slot >= 0) this.#parts.table.syncForCpu(device, slot, r);
  }

  syncForDevice(device: DmaDevice, r: MappedRange): void {
    const slot = this.#arch.slotAt(this.#parts, r.bus);
    if (slot >= 0) this.#parts.table.syncForDevice(device, slot, r);
    if (this.#parts.rules.syncForDevice === "cpu") cacheForCpu(this.#parts, device, r);
    else cacheForDevice(this.#parts, device, r);
  }

  allocCoherent(device: DmaDevice, size: number): Coherent | null {
    return this.#arch.allocCoherent(this.#parts, device, size);
  }

  freeCoherent(device: DmaDevice, at: Coherent & { readonly size: number }): void {
    this.#arch.freeCoherent(this.#parts, device, at);
  }

  /** Always that of the pool: any buffer may turn out to straddle. */
  maxMappingBytes(device: DmaDevice): number {
    return this.#parts.table.maxMappingBytes(device);
  }

  /** Only the last byte of the pool is looked at, as the kernel does; slots before it may lie higher. */
  supportsMask(mask: number): boolean {
    const bus = busOf(this.#parts, this.pool!.end - 1);
    return bus >= 0 && bus <= mask;
  }

  mergeable(first: number, second: number): boolean {
    const bus = this.#parts.guest.physToBus(first * pageBytes);
    return bus >= 0 && this.#parts.guest.physToBus(second * pageBytes) === bus + pageBytes;
  }

  /** The tests of the fast path, in their order. @returns null when the buffer is used where it is. */
  #whyBounce(device: DmaDevice, bus: number, o: DmaBuffer): Cause | null {
    const parts = this.#parts;
    if (!reaches(device, bus, o.size)) return "mask";
    if (parts.rules.smallBuffersBounce && sharesCacheLine(device, o.size, o.direction)) return "kmalloc";
    if (straddles(parts.guest, o.phys, o.size)) return "straddle";
    if (parts.rules.streamingAligned && losesAlignment(parts.guest, o.phys, o.size)) return "unaligned";
    if (this.#arch.needsBounce(parts, device, o)) return "foreign-noncoherent";
    return parts.force ? "forced" : null;
  }

  /** Slots, then the same translation and the same test again: the pool may lie where the device does not reach. */
  #bounce(device: DmaDevice, o: DmaBuffer, cause: Cause): Mapped {
    const { table, rules } = this.#parts;
    if ((o.attributes & attrRequireCoherent) !== 0) return refused(cause, o.foreign, mayNotBounce);
    const slot = table.map(device, o);
    if (slot < 0) {
      const because = table.whyRefused(device, o);
      const bus = this.#overflow.full(device, o.size, o.direction);
      return { bus, bounced: false, foreign: o.foreign, cause, refused: because };
    }
    const bus = busOf(this.#parts, slot);
    if (!reaches(device, bus, o.size)) {
      table.unmap(device, slot, { ...o, attributes: withoutCopy(o.attributes) });
      if (rules.secondRefusal === "zero") return { bus: 0, bounced: false, foreign: o.foreign, cause, refused: null };
      return refused(cause, o.foreign, bounceTooHigh);
    }
    cacheForDevice(this.#parts, device, { bus, size: o.size, direction: o.direction, attributes: o.attributes });
    return { bus, bounced: true, foreign: o.foreign, cause, refused: null };
  }

  /** Registers of another device are no memory: they are used as they are, untranslated, or not at all. */
  #mapMmio(device: DmaDevice, phys: number, size: number): Mapped {
    if (reaches(device, phys, size)) return { bus: phys, bounced: false, foreign: false, cause: "mmio", refused: null };
    this.#parts.log.say(addressOverflow(phys, size, device));
    return refused("mmio", false, registersTooHigh);
  }
}
