/**
 * Ranges of an IOMMU's addresses that are linked buffer by buffer.
 *
 * Source: Linux drivers/iommu/dma-iommu.c (dma_iova_try_alloc, __dma_iova_link, __iommu_dma_iova_unlink). A device that is not
 * trusted is mapped in one step here; Linux bounces the ends of its buffers that share a page with something else.
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes } from "../../../base/frame.js";
import { attrMmio, Direction } from "../../../spec/dma/direction.js";
import { Allow } from "../../../table/index.js";
import { highestAddress } from "../device.js";
import type { DmaDevice, IovaRange, LinkCall, RangeLinker } from "../engine.js";
import { cacheForCpu, cacheForDevice } from "../parts/cache_maintenance.js";
import type { EngineParts } from "../parts/parts.js";
import type { DomainOf } from "../ports.js";
import { type Refusal, unknownAddress } from "../refusal.js";

const pageBytes = frameBytes;

/** What an entry allows for a direction. */
export const rights: Readonly<Record<Direction, Allow>> = {
  [Direction.bidirectional]: Allow.readWrite,
  [Direction.toDevice]: Allow.read,
  [Direction.fromDevice]: Allow.write,
  [Direction.none]: Allow.none,
};

/** Whole pages around bytes. */
const around = (at: number, size: number) => {
  const inside = at % pageBytes;
  return { first: at - inside, bytes: Math.ceil((inside + size) / pageBytes) * pageBytes };
};

export class IommuRanges implements RangeLinker {
  readonly #parts: EngineParts;
  readonly #domainOf: DomainOf;

  constructor(parts: EngineParts, domainOf: DomainOf) {
    this.#parts = parts;
    this.#domainOf = domainOf;
  }

  tryAlloc(device: DmaDevice, phys: number, size: number): IovaRange | null {
    if (device.untrusted === true || !(size > 0)) return null;
    const { bytes } = around(phys, size);
    const first = this.#domainOf(device.bdf).allocate(0, { bytes, limit: highestAddress(device) });
    return first < 0 ? null : { bus: first + (phys % pageBytes), size };
  }

  link(device: DmaDevice, range: IovaRange, call: LinkCall): Refusal | null {
    const { phys, offset, size, direction, attributes } = call;
    inRange(range, offset, size);
    const machine = (attributes & attrMmio) !== 0 ? phys : this.#parts.guest.physToBus(phys);
    if (machine < 0) return unknownAddress;
    const bus = range.bus + offset;
    if (bus % pageBytes !== machine % pageBytes || (offset > 0 && machine % pageBytes !== 0))
      throw new Misuse("range-offset", `${phys} at ${offset} of a range: only its first buffer begins inside a page`);
    cacheForDevice(this.#parts, device, { bus: machine, size, direction, attributes });
    const { first, bytes } = around(machine, size);
    this.#domainOf(device.bdf).link(around(bus, size).first, { phys: first, bytes, allow: rights[direction] });
    return null;
  }

  unlink(device: DmaDevice, range: IovaRange, o: Omit<LinkCall, "phys">): void {
    inRange(range, o.offset, o.size);
    this.#forCpu(device, range, o);
    const { first, bytes } = around(range.bus + o.offset, o.size);
    this.#domainOf(device.bdf).unlink(first, bytes);
  }

  free(device: DmaDevice, { bus, size }: IovaRange): void {
    const { first, bytes } = around(bus, size);
    this.#domainOf(device.bdf).free(0, first, bytes);
  }

  /** What is linked goes as one mapping does: a lazy domain flushes later, and gives the addresses back then. */
  destroy(
    device: DmaDevice,
    range: IovaRange,
    o: Omit<LinkCall, "phys" | "offset" | "size"> & { readonly linked: number },
  ): void {
    inRange(range, 0, o.linked);
    if (o.linked === 0) {
      this.free(device, range);
      return;
    }
    this.#forCpu(device, range, { ...o, offset: 0, size: o.linked });
    this.#domainOf(device.bdf).unmap(0, range.bus, range.size);
  }

  /** Page by page: what is behind them need be no neighbours. */
  #forCpu(device: DmaDevice, { bus }: IovaRange, o: Omit<LinkCall, "phys">): void {
    if (device.coherent) return;
    const domain = this.#domainOf(device.bdf);
    const { direction, attributes } = o;
    const end = bus + o.offset + o.size;
    for (let at = bus + o.offset; at < end; ) {
      const size = Math.min(pageBytes - (at % pageBytes), end - at);
      const machine = domain.physOf(at);
      if (machine >= 0) cacheForCpu(this.#parts, device, { bus: machine, size, direction, attributes });
      at += size;
    }
  }
}

function inRange(range: IovaRange, offset: number, size: number): void {
  if (offset >= 0 && size >= 0 && offset + size <= range.size) return;
  throw new Misuse("range-offset", `${size} bytes at ${offset} of a range of ${range.size}`);
}
