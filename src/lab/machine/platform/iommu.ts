/** The IOMMU of a described machine: a unit between the devices and memory, and the kernel's driver of it. */
import { Misuse } from "../../../base/assert.js";
import { frameBytes, pfn } from "../../../base/frame.js";
import { drawn } from "../../../base/rng.js";
import { type DmaOutcome, type DmaPort, requesterOf } from "../../../bus/dma_port.js";
import { AtsPort } from "../../../hw/iommu/ats/ats_port.js";
import { DeviceTlb } from "../../../hw/iommu/ats/device_tlb.js";
import type { DmaRequest, Resolution } from "../../../hw/iommu/core/request.js";
import { TranslatingPort } from "../../../hw/iommu/core/translating_port.js";
import { VtdUnit } from "../../../hw/iommu/vtd/vtd_unit.js";
import type { Actor } from "../../../sim/actor.js";
import { MachineState } from "../../../state/machine_state.js";
import type { EngineDomain, NativeGuest } from "../../../sw/engine/index.js";
import { DmaDomain } from "../../../sw/iommu/domain/dma_domain.js";
import type { UnitPorts } from "../../../sw/iommu/ports.js";
import { VtdFaultHandler } from "../../../sw/iommu/vtd/fault_handler.js";
import { type AttachedDevice, VtdDriver } from "../../../sw/iommu/vtd/vtd_driver.js";
import { Mapper } from "../../../table/index.js";
import type { MachineDescription } from "../description/schema.js";
import { type IommuCounts, IommuTally } from "./iommu_tally.js";

type IommuDescription = NonNullable<MachineDescription["iommu"]>;

/** CAP and ECAP: 48 bits, superpages, page-selective invalidation of up to 2^18 pages, draining; queue, device TLBs. */
const capability = [0x222f_0606, 0x00d2_008c] as const;
const extendedCapability = [0x0000_0f46, 0] as const;

/** Caches of a unit that only runs: larger than those in which a search finds what it looks for. */
const caches = { devices: 8, spaces: 8, tables: 16, translations: 64 };

/** Draws of the timer until it is due: what stands for 10 ms. */
const ticks = 64;

export class MachineIommu {
  readonly unit: VtdUnit;
  readonly port: DmaPort;
  /** What happens by itself: the timer of lazy domains, the handler of faults. */
  readonly actors: readonly Actor[];
  readonly #described: IommuDescription;
  readonly #kernel: NativeGuest;
  readonly #driver: VtdDriver;
  readonly #domains = new Map<number, DmaDomain>();
  readonly #tlbs = new Map<number, DeviceTlb>();
  readonly #ports = new Map<number, DmaPort>();
  readonly #frames: number[] = [];
  readonly #tally = new IommuTally();
  readonly #state = new MachineState();
  #ticks = 0;

  constructor(m: MachineDescription, described: IommuDescription, kernel: NativeGuest) {
    this.#described = described;
    this.#kernel = kernel;
    const { memory } = kernel;
    let faultPending = false;
    this.unit = new VtdUnit({
      ...{ state: this.#state, memory, capability, extendedCapability, caches, fetchBits: described.fetchBits },
      messages: { send: () => (faultPending = true) },
      deviceTlb: (requester) => this.#tlbs.get(requester) ?? null,
    });
    const ports: UnitPorts = {
      ...{ memory, registers: this.unit.registers },
      allocate: (count) => this.#allocate(count),
      spin: (until) => this.#spin(until),
    };
    this.#driver = new VtdDriver(ports, (descriptor) => this.#tally.posted(descriptor));
    const handler = new VtdFaultHandler(this.unit.registers);
    handler.enable();
    const pick = drawn(m.seed);
    const [transaction] = this.unit.transactions;
    const resolved = (r: DmaRequest, result: Resolution) => this.#tally.resolved(r, result);
    const plain = new TranslatingPort({ memory, transaction: transaction!, pick, resolved });
    this.port = new EachItsOwn((requester) => this.#ports.get(requester) ?? plain);
    this.#ats = (tlb) => new AtsPort({ memory, transaction: transaction!, tlb, pick, resolved });
    const take = () => {
      faultPending = false;
      this.#tally.recorded(handler.take().length);
    };
    this.actors = [
      { name: "IOMMU fault handler", choices: () => (faultPending ? 1 : 0), step: take, label: () => "take faults" },
      {
        name: "flush timer",
        choices: () => (this.#timersSet ? 1 : 0),
        step: () => this.#tick(),
        label: () => "time passes",
      },
    ];
  }

  readonly #ats: (tlb: DeviceTlb) => DmaPort;

  /** How the kernel uses it. */
  get use(): "translating" | "pass-through" {
    return this.#described.policy === "pass-through" ? "pass-through" : "translating";
  }

  /** A device works for this kernel from now on. @param ats it has a TLB of its own */
  attach(requester: number, ats: boolean): void {
    // A context entry that lets a device pass refuses its translation requests (VT-d 4.1, 9.3, TT = 10b): no TLB is turned on.
    const device: AttachedDevice = { requester, ats: ats && this.#described.policy !== "pass-through" };
    if (device.ats) {
      const tlb = new DeviceTlb({ state: this.#state, requester, sink: this.unit, entries: 8 });
      this.#tlbs.set(requester, tlb);
      this.#ports.set(requester, this.#ats(tlb));
    }
    const { policy } = this.#described;
    if (policy === "pass-through") {
      this.#driver.attach(device, policy);
      return;
    }
    const { did, root } = this.#driver.createDomain();
    const { memory } = this.#kernel;
    const mapper = new Mapper(memory, root, (count) => this.#allocate(count));
    const flushes = this.#driver.flushesOf(did, [device]);
    const domain: DmaDomain = new DmaDomain({
      ...{ mapper, memory, policy },
      flushes: {
        ...flushes,
        flushAll: () => {
          this.#tally.flushesAll(domain.counts.waiting);
          flushes.flushAll();
        },
      },
    });
    this.#domains.set(requester, domain);
    this.#driver.attach(device, { did, root });
  }

  /** @throws Misuse `no-domain` for a device that was not attached */
  domainOf(bdf: string): EngineDomain {
    const domain = this.#domains.get(requesterOf(bdf) ?? -1);
    if (domain === undefined) throw new Misuse("no-domain", `${bdf} is in no domain`);
    return domain;
  }

  /** The machine address that a device's bus address leads to; -1: none. */
  behind(bdf: string, bus: number): number {
    return this.use === "pass-through" ? bus : this.domainOf(bdf).physOf(bus);
  }

  /** What it was asked and told so far. */
  get counts(): IommuCounts {
    return this.#tally.counts();
  }

  /** Pages that its structures hold. */
  get framesHeld(): number {
    return this.#frames.length;
  }

  /** Give back what its structures took. Lazy domains are flushed first. */
  close(): void {
    for (const domain of this.#domains.values()) domain.timedOut(0);
    for (const frame of this.#frames) this.#kernel.freePages(pfn(frame), 0);
    this.#frames.length = 0;
  }

  get #timersSet(): boolean {
    for (const d of this.#domains.values()) if (d.isTimerSet) return true;
    return false;
  }

  #tick(): void {
    if (++this.#ticks < ticks) return;
    this.#ticks = 0;
    for (const domain of this.#domains.values()) domain.timedOut(0);
  }

  #allocate(count: number): number {
    const order = Math.log2(count);
    const first = this.#kernel.allocPages(order);
    if (first === null) throw new Misuse("no-memory", "no page is left for the IOMMU's tables");
    this.#kernel.memory.write(first * frameBytes, new Uint8Array(count * frameBytes));
    for (let n = 0; n < count; n++) this.#frames.push(first + n);
    return first;
  }

  /** While the processor looks, the unit and the devices work. */
  #spin(until: () => boolean): boolean {
    while (!until()) if (!this.#work()) return false;
    return true;
  }

  #work(): boolean {
    const { queue } = this.unit;
    if (queue.choices() > 0) {
      queue.step();
      return true;
    }
    for (const tlb of this.#tlbs.values()) {
      if (tlb.choices() === 0) continue;
      tlb.step();
      return true;
    }
    return false;
  }
}

/** Devices with a TLB have a way of their own to the bus. */
class EachItsOwn implements DmaPort {
  readonly #of: (requester: number) => DmaPort;

  constructor(of: (requester: number) => DmaPort) {
    this.#of = of;
  }

  read(requester: number, address: number, into: Uint8Array): DmaOutcome {
    return this.#of(requester).read(requester, address, into);
  }

  write(requester: number, address: number, from: Uint8Array): DmaOutcome {
    return this.#of(requester).write(requester, address, from);
  }
}
