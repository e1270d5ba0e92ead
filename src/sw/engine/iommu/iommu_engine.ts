/**
 * The DMA operations of a kernel whose devices stand behind an IOMMU: each mapping has an address of its domain.
 *
 * Source: Linux drivers/iommu/dma-iommu.c (iommu_dma_map_phys, iommu_dma_unmap_phys, iommu_dma_alloc).
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes, pfn } from "../../../base/frame.js";
import { attrMmio, attrRequireCoherent, attrSkipCpuSync, type Direction } from "../../../spec/dma/direction.js";
import { Allow } from "../../../table/index.js";
import { layOut, segmentsOf } from "../../iommu/domain/joined_list.js";
import { highestAddress } from "../device.js";
import type { Coherent, DmaDevice, Engine, JoinedList, ListJoiner, MappedRange, RangeLinker } from "../engine.js";
import { type Mapped, refused } from "../mapped.js";
import type { EngineOptions } from "../options.js";
import { boundsOf } from "../parts/buffer.js";
import { partsOf } from "../parts/build.js";
import { cacheForCpu, cacheForDevice } from "../parts/cache_maintenance.js";
import { orderOf } from "../parts/contiguity.js";
import { bouncesInactive } from "../parts/messages.js";
import type { EngineParts } from "../parts/parts.js";
import type { MapCall } from "../pool/bounce_table.js";
import { bounceUntrusted } from "../pool/untrusted.js";
import type { DomainOf } from "../ports.js";
import { mayNotBounce, noAddress, noPoolForUntrusted, type Refusal, unknownAddress } from "../refusal.js";
import { IommuRanges, rights } from "./iommu_ranges.js";

export const iommu = {
  name: "iommu",
  title: "IOMMU: each mapping has an address of the device's domain",
  build: (o: EngineOptions): Engine => {
    if (o.domainOf === undefined) throw new Misuse("engine-iommu", "no unit; this engine has domains");
    return new IommuEngine(partsOf(o), o.domainOf);
  },
} as const;

/** What no segment of a device crosses that says nothing else. Source: Linux drivers/pci/probe.c, pci_device_add. */
const usualBoundary = 2 ** 32;

class IommuEngine implements Engine {
  readonly name = "iommu";
  readonly pool: Engine["pool"];
  readonly overflow = "refuse";
  readonly lists = { splits: false, merges: false } as const;
  readonly joiner: ListJoiner = {
    joins: (device) => device.untrusted !== true && this.#domainOf(device.bdf).isDirect !== true,
    map: (device, entries, direction, attributes) => this.#mapList(device, entries, direction, attributes),
    unmap: (device, { bus, size }) => this.#domainOf(device.bdf).unmap(0, bus, size),
  };
  readonly ranges: RangeLinker;
  readonly #parts: EngineParts;
  readonly #domainOf: DomainOf;

  constructor(parts: EngineParts, domainOf: DomainOf) {
    this.#parts = parts;
    this.#domainOf = domainOf;
    this.ranges = new IommuRanges(parts, domainOf);
    this.pool = boundsOf(parts);
  }

  isError(bus: number): boolean {
    return bus < 0;
  }

  isBounceBuffer(device: DmaDevice, bus: number): boolean {
    return this.#slotAt(device, bus) >= 0;
  }

  /** Pages need be neighbours nowhere: the domain makes them so. */
  capable(device: DmaDevice, bus: number, _phys: number, size: number): boolean {
    return bus >= 0 && bus + size - 1 <= highestAddress(device);
  }

  map(device: DmaDevice, phys: number, size: number, direction: Direction, attributes: number): Mapped {
    const { guest } = this.#parts;
    const bounces = device.untrusted === true && (phys % frameBytes !== 0 || size % frameBytes !== 0);
    if (bounces) return this.#bounce(device, { phys, size, direction, attributes });
    const machine = (attributes & attrMmio) !== 0 ? phys : guest.physToBus(phys);
    if (machine < 0) return refused("iommu", false, unknownAddress);
    const cause = this.#domainOf(device.bdf).isDirect === true ? "direct" : "iommu";
    const bus = this.#mapAt(device, machine, size, direction);
    if (bus < 0) return refused(cause, false, noAddress);
    cacheForDevice(this.#parts, device, { bus: machine, size, direction, attributes });
    return { bus, bounced: false, foreign: false, cause, refused: null };
  }

  #mapAt(device: DmaDevice, phys: number, size: number, direction: Direction): number {
    const limit = highestAddress(device);
    return this.#domainOf(device.bdf).map(0, { phys, size, allow: rights[direction], limit });
  }

  /** What is beside the buffer in its pages is not the device's. Source: iommu_dma_map_phys, iommu_dma_map_swiotlb. */
  #bounce(device: DmaDevice, call: MapCall): Mapped {
    const { table, guest, rules, log } = this.#parts;
    if ((call.attributes & (attrMmio | attrRequireCoherent)) !== 0) return refused("untrusted", false, mayNotBounce);
    if (table === null) {
      log.say(bouncesInactive(device));
      return refused("untrusted", false, noPoolForUntrusted);
    }
    const slot = bounceUntrusted({ memory: guest.memory, table, rules }, device, call, frameBytes);
    if (slot < 0) return refused("untrusted", false, table.whyRefused(device, call));
    const bus = this.#mapAt(device, slot, call.size, call.direction);
    if (bus < 0) {
      table.unmap(device, slot, { ...call, attributes: call.attributes | attrSkipCpuSync });
      return refused("untrusted", false, noAddress);
    }
    cacheForDevice(this.#parts, device, { ...call, bus: slot });
    return { bus, bounced: true, foreign: false, cause: "untrusted", refused: null };
  }

  /** Where in the pool a bus address leads; -1: elsewhere. */
  #slotAt(device: DmaDevice, bus: number): number {
    const { table } = this.#parts;
    const phys = table === null || device.untrusted !== true ? -1 : this.#domainOf(device.bdf).physOf(bus);
    return phys >= 0 && table!.holds(phys) ? phys : -1;
  }

  #mapList(
    device: DmaDevice,
    entries: readonly { readonly phys: number; readonly size: number }[],
    direction: Direction,
    attributes: number,
  ): JoinedList | Refusal {
    const { guest } = this.#parts;
    const machine = entries.map(({ phys }) => ((attributes & attrMmio) !== 0 ? phys : guest.physToBus(phys)));
    if (machine.some((at) => at < 0)) return unknownAddress;
    const limits = { boundary: Math.min(device.boundary, usualBoundary), maxSegmentBytes: device.maxSegmentBytes };
    const { pieces, bytes } = layOut(
      entries.map(({ size }, n) => ({ phys: machine[n]!, size })),
      limits,
    );
    const first = this.#domainOf(device.bdf).mapPieces(0, {
      ...{ pieces, bytes, allow: rights[direction] },
      limit: highestAddress(device),
    });
    if (first < 0) return noAddress;
    for (const [n, { size }] of entries.entries())
      cacheForDevice(this.#parts, device, { bus: machine[n]!, size, direction, attributes });
    const mapped = pieces.map(({ at, inside }): Mapped => {
      return { bus: first + at + inside, bounced: false, foreign: false, cause: "iommu", refused: null };
    });
    return { mapped, segments: segmentsOf(first, pieces, limits), range: { bus: first, size: bytes } };
  }

  /** The device reaches nothing any more before a slot is copied back and given on. Source: iommu_dma_unmap_phys. */
  unmap(device: DmaDevice, r: MappedRange): void {
    const domain = this.#domainOf(device.bdf);
    const slot = this.#slotAt(device, r.bus);
    const phys = domain.physOf(r.bus);
    if (phys >= 0) cacheForCpu(this.#parts, device, { ...r, bus: phys });
    domain.unmap(0, r.bus, r.size);
    if (slot >= 0) this.#parts.table!.unmap(device, slot, r);
  }

  syncForCpu(device: DmaDevice, r: MappedRange): void {
    const bus = this.#domainOf(device.bdf).physOf(r.bus);
    if (bus < 0) return;
    cacheForCpu(this.#parts, device, { ...r, bus });
    const slot = this.#slotAt(device, r.bus);
    if (slot >= 0) this.#parts.table!.syncForCpu(device, slot, r);
  }

  syncForDevice(device: DmaDevice, r: MappedRange): void {
    const bus = this.#domainOf(device.bdf).physOf(r.bus);
    if (bus < 0) return;
    const slot = this.#slotAt(device, r.bus);
    if (slot >= 0) this.#parts.table!.syncForDevice(device, slot, r);
    cacheForDevice(this.#parts, device, { ...r, bus });
  }

  allocCoherent(device: DmaDevice, size: number): Coherent | null {
    const { guest } = this.#parts;
    const order = orderOf(size);
    const first = guest.allocPages(order);
    if (first === null) return null;
    const phys = first * frameBytes;
    const bytes = frameBytes * 2 ** order;
    const bus = this.#domainOf(device.bdf).map(0, {
      ...{ phys, size: bytes, allow: Allow.readWrite },
      limit: device.coherentMask,
    });
    if (bus < 0) {
      guest.freePages(first, order);
      return null;
    }
    guest.memory.write(phys, new Uint8Array(bytes));
    return { phys, bus };
  }

  freeCoherent(device: DmaDevice, at: Coherent & { readonly size: number }): void {
    const order = orderOf(at.size);
    this.#domainOf(device.bdf).unmap(0, at.bus, frameBytes * 2 ** order);
    this.#parts.guest.freePages(pfn(at.phys / frameBytes), order);
  }

  /** Source: iommu_dma_max_mapping_size. */
  maxMappingBytes(device: DmaDevice): number {
    const { table } = this.#parts;
    return device.untrusted === true && table !== null ? table.maxMappingBytes(device) : 2 ** 53 - 1;
  }

  supportsMask(mask: number): boolean {
    return mask >= frameBytes * 2 - 1;
  }

  mergeable(): boolean {
    return false;
  }
}
