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
import { type ReleasePolicyName, releasePolicies } from "../../../sw/iommu/lifetime/policies.js";
import type { DomainFlushes } from "../../../sw/iommu/ports.js";
import type { AttachedDevice, UnitDomain } from "../../../sw/iommu/unit_driver.js";
import { VtdDriver } from "../../../sw/iommu/vtd/vtd_driver.js";
import { type AccessGate, type Domain, type Hypervisor, Reach } from "../../../sw/xen/index.js";
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
import { GiveBackCalls } from "./give_back_calls.js";
import type { IommuCounts } from "./iommu_tally.js";
import { ReachLog } from "./reach_log.js";

/** What Xen does today. */
const shipped: ReleasePolicyName = "xen-2021";

/** Addresses of a guest mean the same for long, and a device keeps as many as it can. */
const tlbEntries = 32;

export interface XenIommuOptions {
  readonly machine: MachineDescription;
  readonly described: IommuDescription;
  readonly hypervisor: Hypervisor;
  readonly gate: AccessGate;
  /** Who drives the devices; its pages as they are now are mapped, and each change from now on. */
  readonly domain: Domain;
  /** Steps of the run so far. */
  readonly clock: { readonly steps: number };
}

export class XenIommu implements MachineIommu {
  readonly #faultHandler: Actor;
  readonly #h: Hypervisor;
  readonly #d: Domain;
  readonly #unit: DrivenUnit;
  readonly #made: UnitDomain;
  readonly #mapper: Mapper;
  readonly #flushes: DomainFlushes;
  readonly #devices: AttachedDevice[] = [];
  readonly #tables: FrameSource;
  /** What devices reached that is their domain's no more. */
  readonly log: ReachLog;
  /** The calls by which the domain gives pages back under a policy; null: units of this kind have none here. */
  readonly calls: GiveBackCalls | null;
  readonly policy: ReleasePolicyName;
  #isApart = false;
  readonly #blocks: { readonly first: number; readonly order: number }[] = [];

  constructor({ machine: m, described, hypervisor: h, gate, domain: d, clock }: XenIommuOptions) {
    this.#h = h;
    this.#d = d;
    this.policy = m.xen?.pageLifetime ?? shipped;
    this.log = new ReachLog(d.id, h.frames, () => clock.steps);
    const { memory } = h;
    const allocate = (count: number) => this.#allocate(count);
    this.#unit = new DrivenUnit({
      ...{ machine: m, described, memory, allocate, tlbEntries },
      // What a guest has for a first stage would be its own.
      stage: described.stage === "first" ? "first" : "second",
      entriesFor: (r) => {
        const address = askedAddress(r);
        return address === null ? [] : trace(memory, this.#made.root, BigInt(address), Need.none).steps;
      },
      reached: (page) => {
        const before = gate.violationCount;
        gate.device({ domain: d.id, requester: page.requester }, page.frame, page.write);
        this.log.reached({ ...page, isAllowed: gate.violationCount === before });
      },
    });
    const { driver, faultHandler } = this.#unit;
    this.#made = driver.createDomain();
    this.#mapper = new Mapper(memory, this.#made.root, allocate);
    this.#flushes = driver.flushesOf(this.#made, this.#devices);
    this.#tables = FrameSource.of(memory);
    for (let page = 0; page < d.map.length; page++) this.#put(page);
    d.map.changed = (page) => this.#follow(page);
    this.#faultHandler = faultHandler;
    this.calls =
      driver instanceof VtdDriver
        ? new GiveBackCalls({
            ...{ h, d, driver, unit: this.#unit, did: this.#made.id, log: this.log },
            policy: releasePolicies[this.policy],
            leafAt: (page) => this.#leafAt(page),
            tlbs: () => this.#devices.filter((device) => device.ats).map(({ requester }) => requester),
            apart: (does) => {
              this.#isApart = true;
              does();
              this.#isApart = false;
            },
          })
        : null;
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

  get actors(): readonly Actor[] {
    return [this.#faultHandler, ...(this.calls === null ? [] : [...this.#unit.workers, ...this.calls.actors])];
  }

  get registers(): RegistersSeen {
    return this.#unit.registers;
  }

  isTakenAway(requester: number): boolean {
    return this.#unit.tally.isTakenAway(requester);
  }

  get counts(): IommuCounts {
    return this.#unit.tally.counts();
  }

  /** A device works for the domain from now on. */
  attach(requester: number, { ats, answers }: DeviceTraits): void {
    const device: AttachedDevice = { requester, ats };
    if (ats) this.#unit.addTlb(requester, answers);
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
    if (this.#isApart) return;
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

  #leafAt(page: number): number {
    const { steps } = trace(this.#h.memory, this.#mapper.root, BigInt(page * frameBytes), Need.none);
    return steps.at(-1)!.at;
  }

  #allocate(count: number): number {
    const order = Math.log2(count);
    const first = this.#h.allocateOwn(order);
    if (first === null)
      throw new Misuse("no-memory", `the IOMMU's tables take ${count * frameBytes} bytes in one piece`);
    this.#h.memory.fill(first * frameBytes, count * frameBytes, 0);
    this.#blocks.push({ first, order });
    return first;
  }
}
