/**
 * The DMA operations of a kernel whose devices stand behind an IOMMU: each mapping has an address of its domain.
 *
 * Source: Linux drivers/iommu/dma-iommu.c (iommu_dma_map_phys, iommu_dma_unmap_phys, iommu_dma_alloc).
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes, pfn } from "../../../base/frame.js";
import { attrMmio, Direction } from "../../../spec/dma/direction.js";
import { Allow } from "../../../table/index.js";
import { layOut, segmentsOf } from "../../iommu/domain/joined_list.js";
import { highestAddress } from "../device.js";
import type { Coherent, DmaDevice, Engine, JoinedList, ListJoiner, MappedRange } from "../engine.js";
import { type Mapped, refused } from "../mapped.js";
import type { EngineOptions } from "../options.js";
import { partsOf } from "../parts/build.js";
import { cacheForCpu, cacheForDevice } from "../parts/cache_maintenance.js";
import { orderOf } from "../parts/contiguity.js";
import type { EngineParts } from "../parts/parts.js";
import type { DomainOf } from "../ports.js";
import { noAddress, type Refusal, unknownAddress } from "../refusal.js";

export const iommu = {
  name: "iommu",
  title: "IOMMU: each mapping has an address of the device's domain",
  build: (o: EngineOptions): Engine => {
    if (o.domainOf === undefined) throw new Misuse("engine-iommu", "no unit; this engine has domains");
    return new IommuEngine(partsOf({ ...o, pool: null }), o.domainOf);
  },
} as const;

const rights: Readonly<Record<Direction, Allow>> = {
  [Direction.bidirectional]: Allow.readWrite,
  [Direction.toDevice]: Allow.read,
  [Direction.fromDevice]: Allow.write,
  [Direction.none]: Allow.none,
};

/** What no segment of a device crosses that says nothing else. Source: Linux drivers/pci/probe.c, pci_device_add. */
const usualBoundary = 2 ** 32;

class IommuEngine implements Engine {
  readonly name = "iommu";
  readonly pool = null;
  readonly overflow = "refuse";
  readonly lists = { splits: false, merges: false } as const;
  readonly joiner: ListJoiner = {
    map: (device, entries, direction, attributes) => this.#mapList(device, entries, direction, attributes),
    unmap: (device, { bus, size }) => this.#domainOf(device.bdf).unmap(0, bus, size),
  };
  readonly #parts: EngineParts;
  readonly #domainOf: DomainOf;

  constructor(parts: EngineParts, domainOf: DomainOf) {
    this.#parts = parts;
    this.#domainOf = domainOf;
  }

  isError(bus: number): boolean {
    return bus < 0;
  }

  isBounceBuffer(): boolean {
    return false;
  }

  /** Pages need be neighbours nowhere: the domain makes them so. */
  capable(device: DmaDevice, bus: number, _phys: number, size: number): boolean {
    return bus >= 0 && bus + size - 1 <= highestAddress(device);
  }

  map(device: DmaDevice, phys: number, size: number, direction: Direction, attributes: number): Mapped {
    const { guest } = this.#parts;
    const machine = (attributes & attrMmio) !== 0 ? phys : guest.physToBus(phys);
    if (machine < 0) return refused("iommu", false, unknownAddress);
    const bus = this.#domainOf(device.bdf).map(0, {
      ...{ phys: machine, size, allow: rights[direction] },
      limit: highestAddress(device),
    });
    if (bus < 0) return refused("iommu", false, noAddress);
    cacheForDevice(this.#parts, device, { bus: machine, size, direction, attributes });
    return { bus, bounced: false, foreign: false, cause: "iommu", refused: null };
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

  unmap(device: DmaDevice, r: MappedRange): void {
    this.syncForCpu(device, r);
    this.#domainOf(device.bdf).unmap(0, r.bus, r.size);
  }

  syncForCpu(device: DmaDevice, r: MappedRange): void {
    const bus = this.#domainOf(device.bdf).physOf(r.bus);
    if (bus >= 0) cacheForCpu(this.#parts, device, { ...r, bus });
  }

  syncForDevice(device: DmaDevice, r: MappedRange): void {
    const bus = this.#domainOf(device.bdf).physOf(r.bus);
    if (bus >= 0) cacheForDevice(this.#parts, device, { ...r, bus });
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

  maxMappingBytes(): number {
    return 2 ** 53 - 1;
  }

  supportsMask(mask: number): boolean {
    return mask >= frameBytes * 2 - 1;
  }

  mergeable(): boolean {
    return false;
  }
}
