/**
 * The IOMMU of a machine under Xen: the hypervisor keeps the map of the domain that drives the devices in tables of it, from
 * the domain's own numbers to machine frames. What the domain's processors reach, its devices reach: D3's "VP with hardware
 * IOMMU", and a device that is passed through.
 *
 * Source: Xen xen/drivers/passthrough/iommu.c (iommu_legacy_map, iommu_legacy_unmap: an entry that goes is flushed before the
 * call returns), xen/arch/x86/mm/p2m.c (the IOMMU's map follows the P2M).
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes, mfn } from "../../../base/frame.js";
import type { DmaPort } from "../../../bus/dma_port.js";
import type { Actor } from "../../../sim/actor.js";
import type { DomainFlushes } from "../../../sw/iommu/ports.js";
import type { AttachedDevice, UnitDomain } from "../../../sw/iommu/unit_driver.js";
import { type Domain, type Hypervisor, Reach } from "../../../sw/xen/index.js";
import { Allow, FrameSource, Mapper, Need, planOf, trace, walk } from "../../../table/index.js";
import type { MachineDescription } from "../description/schema.js";
import {
  askedAddress,
  type DeviceTraits,
  DrivenUnit,
  type IommuDescription,
  type IommuWatch,
  type MachineIommu,
  type RegistersSeen,
} from "./driven_unit.js";
import type { IommuCounts } from "./iommu_tally.js";

export class XenIommu implements MachineIommu {
  readonly actors: readonly Actor[];
  readonly #h: Hypervisor;
  readonly #d: Domain;
  readonly #unit: DrivenUnit;
  readonly #made: UnitDomain;
  readonly #mapper: Mapper;
  readonly #flushes: DomainFlushes;
  readonly #devices: AttachedDevice[] = [];
  readonly #tables: FrameSource;
  readonly #blocks: { readonly first: number; readonly order: number }[] = [];

  /** @param d who drives the devices; its pages as they are now are mapped, and each change from now on */
  constructor(m: MachineDescription, described: IommuDescription, h: Hypervisor, d: Domain) {
    this.#h = h;
    this.#d = d;
    const { memory } = h;
    const allocate = (count: number) => this.#allocate(count);
    this.#unit = new DrivenUnit({
      ...{ machine: m, described, memory, allocate },
      // What a guest has for a first stage would be its own.
      stage: described.stage ?? "second",
      entriesFor: (r) => {
        const address = askedAddress(r);
        return address === null ? [] : trace(memory, this.#made.root, BigInt(address), Need.none).steps;
      },
      reached: (requester, frame, write) => h.watch.device({ domain: d.id, requester }, frame, write),
    });
    const { driver, faultHandler } = this.#unit;
    this.#made = driver.createDomain();
    this.#mapper = new Mapper(memory, this.#made.root, allocate);
    this.#flushes = driver.flushesOf(this.#made, this.#devices);
    this.#tables = FrameSource.of(memory);
    for (let page = 0; page < d.map.length; page++) this.#put(page);
    d.map.changed = (page) => this.#follow(page);
    this.actors = [faultHandler];
  }

  get watch(): IommuWatch | null {
    return this.#unit.watch;
  }

  set watch(to: IommuWatch | null) {
    this.#unit.watch = to;
  }

  get port(): DmaPort {
    return this.#unit.port;
  }

  get registers(): RegistersSeen {
    return this.#unit.registers;
  }

  get counts(): IommuCounts {
    return this.#unit.tally.counts();
  }

  /** A device works for the domain from now on. */
  attach(requester: number, { ats }: DeviceTraits): void {
    const device: AttachedDevice = { requester, ats };
    if (ats) this.#unit.addTlb(requester);
    this.#devices.push(device);
    this.#unit.driver.attach(device, this.#made);
  }

  behind(_bdf: string, bus: number): number {
    const { root } = this.#mapper;
    const frame = walk(planOf(root), this.#tables, root.address, Math.floor(bus / frameBytes), Need.none);
    return frame < 0 ? -1 : frame * frameBytes + (bus % frameBytes);
  }

  close(): void {
    this.#d.map.changed = null;
    for (const { first, order } of this.#blocks) this.#h.freeOwn(mfn(first), order);
    this.#blocks.length = 0;
  }

  /** The domain's map has changed at a page: what was there goes, and is flushed; what is there now is mapped. */
  #follow(page: number): void {
    if (this.#mapper.unmap(page * frameBytes, frameBytes) > 0) this.#flushes.flush(page, page, true);
    this.#put(page);
  }

  #put(page: number): void {
    const { map } = this.#d;
    const reach = map.reachOf(page);
    // Pages of the hypervisor's heap that a domain may see are not its devices'.
    if ((reach & Reach.present) === 0 || (reach & Reach.status) !== 0) return;
    const allow = (reach & Reach.writable) === 0 ? Allow.read : Allow.readWrite;
    this.#mapper.map(page * frameBytes, map.frameOf(page) * frameBytes, frameBytes, allow);
  }

  #allocate(count: number): number {
    const order = Math.log2(count);
    const first = this.#h.allocateOwn(order);
    if (first === null) throw new Misuse("no-memory", `the IOMMU's tables take ${count * frameBytes} bytes in one piece`);
    this.#h.memory.fill(first * frameBytes, count * frameBytes, 0);
    this.#blocks.push({ first, order });
    return first;
  }
}
