/**
 * The DMA API of one device, as a driver calls it: argument rules, error codes and lists are here, how a buffer becomes
 * reachable is the engine's, and what a driver does wrong the checks see.
 *
 * Source: Linux kernel/dma/mapping.c; Documentation/core-api/dma-api.rst.
 */
import { Misuse } from "../../base/assert.js";
import { attrRequireCoherent, attrSkipCpuSync, Direction } from "../../spec/dma/direction.js";
import {
  type Coherent,
  type DmaDevice,
  type Engine,
  emptyList,
  type ListJoiner,
  type Mapped,
  type MappedRange,
  noMask,
  notCoherent,
  type RangeLinker,
  type Refusal,
  refused,
} from "../engine/index.js";
import type { DmaChecks } from "./checks.js";
import { einval, eio, eopnotsupp } from "./errors.js";
import { linkList } from "./linked_list.js";
import {
  contiguousPieces,
  type DmaSegment,
  type ListEntry,
  type ListPart,
  type MappedList,
  mergeNeighbours,
} from "./list.js";

export interface DmaApiOptions {
  readonly engine: Engine;
  readonly device: DmaDevice;
  /** null or none: nothing is checked, and a call costs what the engine costs. */
  readonly checks?: DmaChecks | null;
}

export class DmaApi {
  readonly engine: Engine;
  readonly #checks: DmaChecks | null;
  #device: DmaDevice;
  /** Something of this device has bounced, so syncs must be done from now on. */
  #hasBounced = false;

  constructor(o: DmaApiOptions) {
    this.engine = o.engine;
    this.#device = o.device;
    this.#checks = o.checks ?? null;
  }

  /** The device as its driver has set it up so far. */
  get device(): DmaDevice {
    return this.#device;
  }

  /**
   * dma_map_single, dma_map_page, dma_map_phys.
   * @param phys first byte, a physical address of this kernel
   * @returns what became of it; `mappingError(bus)` is what a driver asks.
   * @throws Misuse `dma-direction`, `dma-range`
   */
  map(phys: number, size: number, direction: Direction, attributes = 0): Mapped {
    this.#arguments(phys, size, direction);
    const early = this.#refusedEarly(attributes);
    const m = early ?? this.engine.map(this.#device, phys, size, direction, attributes);
    this.#hasBounced ||= m.bounced;
    this.#checks?.mapped(this.#device, this.engine, { phys, size, direction, attributes }, m);
    return m;
  }

  /** dma_unmap_single and its like: arguments as they were mapped. */
  unmap(bus: number, size: number, direction: Direction, attributes = 0): void {
    this.#known(direction);
    const range = { bus, size, direction, attributes };
    this.#checks?.unmapping(this.#device, "single", range, 0);
    if (!this.engine.isError(bus)) this.engine.unmap(this.#device, range);
    this.#checks?.unmapped(this.#device, "single", range);
  }

  /** dma_mapping_error: must be asked of every single mapping. */
  mappingError(bus: number): boolean {
    this.#checks?.errorChecked(this.#device, bus);
    return this.engine.isError(bus);
  }

  syncForCpu(bus: number, size: number, direction: Direction): void {
    this.#sync({ bus, size, direction, attributes: 0 }, "cpu");
  }

  syncForDevice(bus: number, size: number, direction: Direction): void {
    this.#sync({ bus, size, direction, attributes: 0 }, "device");
  }

  /**
   * dma_map_sg and dma_map_sgtable: entry by entry, and on failure all of them back again without copying.
   * @throws Misuse as `map`
   */
  mapList(entries: readonly ListEntry[], direction: Direction, attributes = 0): MappedList {
    return this.#mapAll(entries, direction, attributes, this.engine.joiner);
  }

  /**
   * A request of the block layer, as drivers map one since 6.17: in two steps where the device has an IOMMU, else entry by
   * entry. It is unmapped as a list is.
   * @throws Misuse as `map`
   */
  mapRequest(entries: readonly ListEntry[], direction: Direction, attributes = 0): MappedList {
    return this.#mapAll(entries, direction, attributes, this.engine.ranges);
  }

  #mapAll(
    entries: readonly ListEntry[],
    direction: Direction,
    attributes: number,
    how: ListJoiner | RangeLinker | undefined,
  ): MappedList {
    for (const e of entries) this.#arguments(e.phys, e.size, direction);
    this.#known(direction);
    this.#checks?.mappingList(this.#device, entries, direction, attributes);
    const list = this.#mapEntries(entries, direction, attributes, how);
    this.#checks?.mappedList(this.#device, this.engine, list, direction, attributes);
    return list;
  }

  /** @param entries the number that was given to be mapped, not the number of segments that came back */
  unmapList(list: MappedList, entries: number, direction: Direction, attributes = 0): void {
    this.#known(direction);
    if (list.range !== undefined) this.#unmapJoined(list, list.range, { entries, direction, attributes });
    else
      this.#eachPart(list, direction, attributes, (range) => {
        this.#checks?.unmapping(this.#device, "list", range, entries);
        this.engine.unmap(this.#device, range);
        this.#checks?.unmapped(this.#device, "list", range);
      });
    this.#checks?.unmappedList(list);
  }

  syncListForCpu(list: MappedList, entries: number, direction: Direction): void {
    this.#eachPart(list, direction, 0, (range) => this.#sync(range, "cpu", "list", entries));
  }

  syncListForDevice(list: MappedList, entries: number, direction: Direction): void {
    this.#eachPart(list, direction, 0, (range) => this.#sync(range, "device", "list", entries));
  }

  /** May two neighbouring pages become one segment? What a block layer asks before it joins requests. */
  mergeable(first: number, second: number): boolean {
    return this.engine.mergeable(first, second);
  }

  /** dma_alloc_coherent: zeroed, at least `size` bytes. @returns null when it cannot be had. */
  alloc(size: number): Coherent | null {
    if (!(size > 0 && Number.isSafeInteger(size))) throw new Misuse("dma-range", `${size} bytes; at least one`);
    const at = this.#device.coherentMask === 0 ? null : this.engine.allocCoherent(this.#device, size);
    if (at === null) return null;
    this.#checks?.allocated(this.#device, this.engine, at, size);
    return at;
  }

  /** dma_free_coherent: address, handle and size as they were allocated. */
  free(at: Coherent, size: number): void {
    this.#checks?.freeing(this.#device, at, size);
    this.engine.freeCoherent(this.#device, { ...at, size });
  }

  /** dma_set_mask. @returns 0, or -5 (EIO) for a mask that no address of the engine would fit: the old one stays. */
  setMask(mask: number): 0 | -5 {
    if (!this.engine.supportsMask(mask)) return eio;
    this.#device = { ...this.#device, mask };
    return 0;
  }

  /** dma_set_coherent_mask; as `setMask`. */
  setCoherentMask(mask: number): 0 | -5 {
    if (!this.engine.supportsMask(mask)) return eio;
    this.#device = { ...this.#device, coherentMask: mask };
    return 0;
  }

  /** dma_max_mapping_size. */
  maxMappingBytes(): number {
    return this.engine.maxMappingBytes(this.#device);
  }

  /** The driver lets go of its device; mappings that are alive are leaked. */
  unbind(): void {
    this.#checks?.unbound(this.#device);
  }

  /** Source: iommu_dma_unmap_sg: buffers are synced one by one, then all of them go at once. */
  #unmapJoined(
    list: MappedList,
    whole: DmaSegment,
    o: { readonly entries: number; readonly direction: Direction; readonly attributes: number },
  ): void {
    const { direction, attributes } = o;
    let left = list.parts.length;
    this.#eachPart(list, direction, attributes, (range) => {
      this.#checks?.unmapping(this.#device, "list", range, o.entries);
      if ((attributes & attrSkipCpuSync) === 0) this.engine.syncForCpu(this.#device, range);
      if (--left === 0) this.#release(list, whole, direction, attributes);
      this.#checks?.unmapped(this.#device, "list", range);
    });
  }

  /** As it was mapped; buffers are synced already. */
  #release(list: MappedList, whole: DmaSegment, direction: Direction, attributes: number): void {
    const { ranges, joiner } = this.engine;
    if (list.isLinked !== true) joiner!.unmap(this.#device, whole);
    else
      ranges!.destroy(this.#device, whole, {
        ...{ linked: whole.size, direction, attributes: attributes | attrSkipCpuSync },
      });
  }

  /** All in one range, or why not. */
  #join(entries: readonly ListEntry[], joiner: ListJoiner, direction: Direction, attributes: number): MappedList {
    const joined = joiner.map(this.#device, entries, direction, attributes);
    if ("reason" in joined)
      return { entries, parts: [], segments: [], count: 0, error: eio, refused: joined, refusedPart: null };
    const { mapped, segments, range } = joined;
    const parts = entries.map((e, entry) => ({ ...e, entry, mapped: mapped[entry]! }));
    return { entries, parts, segments, range, count: segments.length, error: 0, refused: null, refusedPart: null };
  }

  #mapEntries(
    entries: readonly ListEntry[],
    direction: Direction,
    attributes: number,
    how: ListJoiner | RangeLinker | undefined,
  ): MappedList {
    const parts: ListPart[] = [];
    const early = entries.length === 0 ? null : this.#refusedEarly(attributes);
    const failed = (error: number, why: Refusal, refusedPart: ListEntry | null): MappedList => {
      for (const p of parts) {
        const range = { bus: p.mapped.bus, size: p.size, direction, attributes: attributes | attrSkipCpuSync };
        this.engine.unmap(this.#device, range);
      }
      return { entries, parts: [], segments: [], count: 0, error, refused: why, refusedPart };
    };
    if (entries.length === 0) return failed(einval, emptyList, null);
    if (early !== null) return failed(early.refused === noMask ? eio : eopnotsupp, early.refused!, null);
    if (how !== undefined && "joins" in how) {
      if (how.joins(this.#device)) return this.#join(entries, how, direction, attributes);
    } else if (how !== undefined) {
      const linked = linkList(how, this.#device, { entries, direction, attributes });
      if (linked !== null) return "reason" in linked ? failed(eio, linked, null) : linked;
    }
    for (const [entry, e] of entries.entries()) {
      const pieces = this.engine.lists.splits ? contiguousPieces(this.engine, e) : [e];
      for (const piece of pieces) {
        const mapped = this.engine.map(this.#device, piece.phys, piece.size, direction, attributes);
        this.#hasBounced ||= mapped.bounced;
        if (mapped.refused !== null) return failed(eio, mapped.refused, piece);
        parts.push({ ...piece, entry, mapped });
      }
    }
    const segments = this.engine.lists.merges
      ? mergeNeighbours(this.#device, parts)
      : parts.map(({ mapped, size }) => ({ bus: mapped.bus, size }));
    return { entries, parts, segments, count: segments.length, error: 0, refused: null, refusedPart: null };
  }

  #sync(range: MappedRange, towards: "cpu" | "device", kind: "single" | "list" = "single", entries = 0): void {
    this.#known(range.direction);
    const device = this.#device;
    this.#checks?.syncing(device, kind, range, towards, entries);
    // A coherent device needs no sync as long as nothing of it ever bounced.
    if (!device.coherent || this.#hasBounced) {
      if (this.engine.isError(range.bus)) return;
      if (towards === "cpu") this.engine.syncForCpu(device, range);
      else this.engine.syncForDevice(device, range);
    }
    this.#checks?.synced(device, kind, range, towards);
  }

  #eachPart(list: MappedList, direction: Direction, attributes: number, visit: (range: MappedRange) => void): void {
    for (const p of list.parts) visit({ bus: p.mapped.bus, size: p.size, direction, attributes });
  }

  /** What is refused before any engine is asked. Source: dma_map_phys. */
  #refusedEarly(attributes: number): Mapped | null {
    const { mask, coherent } = this.#device;
    if (mask === 0) return refused("mask", false, noMask);
    return (attributes & attrRequireCoherent) !== 0 && !coherent ? refused("mask", false, notCoherent) : null;
  }

  #arguments(phys: number, size: number, direction: Direction): void {
    this.#known(direction);
    if (!(Number.isSafeInteger(phys) && phys >= 0 && Number.isSafeInteger(size) && size > 0))
      throw new Misuse("dma-range", `${size} bytes at ${phys}; whole numbers, at least one byte`);
  }

  /** The kernel stops at a direction that says nothing (BUG_ON). */
  #known(direction: Direction): void {
    if (direction === Direction.toDevice || direction === Direction.fromDevice || direction === Direction.bidirectional)
      return;
    this.#checks?.misdirected(this.#device, `${direction}`);
    throw new Misuse("dma-direction", `${direction}; a mapping has a direction`);
  }
}
