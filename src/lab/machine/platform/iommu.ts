/** The IOMMU of a described machine: a unit between the devices and memory, and the kernel's driver of it. */
import { Misuse } from "../../../base/assert.js";
import { frameBytes, pfn } from "../../../base/frame.js";
import { drawn } from "../../../base/rng.js";
import { type DmaOutcome, type DmaPort, requesterOf } from "../../../bus/dma_port.js";
import { AtsPort } from "../../../hw/iommu/ats/ats_port.js";
import { DeviceTlb } from "../../../hw/iommu/ats/device_tlb.js";
import { AddressType, type DmaRequest, type Resolution } from "../../../hw/iommu/core/request.js";
import { TranslatingPort } from "../../../hw/iommu/core/translating_port.js";
import type { Actor } from "../../../sim/actor.js";
import { firstStageSince } from "../../../spec/linux/iommu_drivers.js";
import { isBefore } from "../../../spec/linux/releases.js";
import { MachineState } from "../../../state/machine_state.js";
import type { EngineDomain, NativeGuest } from "../../../sw/engine/index.js";
import { DmaDomain } from "../../../sw/iommu/domain/dma_domain.js";
import type { UnitPorts } from "../../../sw/iommu/ports.js";
import type { AttachedDevice, UnitDriver } from "../../../sw/iommu/unit_driver.js";
import { Mapper, type TraceStep } from "../../../table/index.js";
import type { MachineDescription } from "../description/schema.js";
import { type IommuCounts, IommuTally } from "./iommu_tally.js";
import { type HardwareUnit, type MachineUnit, machineUnits } from "./machine_units.js";
import { UnitWork } from "./unit_work.js";

type IommuDescription = NonNullable<MachineDescription["iommu"]>;

/** Caches of a unit that only runs: larger than those in which a search finds what it looks for. */
const caches = { devices: 8, spaces: 8, tables: 16, translations: 64 };

/** Draws of the timer until it is due: what stands for 10 ms. */
const ticks = 64;

/** Registers of a unit from outside. */
export interface RegistersSeen {
  readonly kind: MachineUnit["registersAt"]["kind"];
  readonly base: number;
  readonly words: readonly (readonly [offset: number, word: number])[];
}

/** Who wants to know of every command and every request. */
export interface IommuWatch {
  /** @param title what the command is, in the vendor's words */
  posted(command: Uint32Array, title: string): void;
  /** @param steps entries of page tables that lead there now, whether or not the unit had to read them */
  resolved(request: DmaRequest, result: Resolution, steps: readonly TraceStep[]): void;
}

/** What of a device decides how it is attached. */
export interface DeviceTraits {
  /** It has a TLB of its own. */
  readonly ats: boolean;
  readonly untrusted: boolean;
}

export class MachineIommu {
  watch: IommuWatch | null = null;
  readonly unit: HardwareUnit;
  readonly port: DmaPort;
  /** What happens by itself: the timer of lazy domains, the handler of faults. */
  readonly actors: readonly Actor[];
  readonly #described: IommuDescription;
  readonly #kind: MachineUnit;
  readonly #kernel: NativeGuest;
  readonly #driver: UnitDriver;
  readonly #domains = new Map<number, DmaDomain>();
  readonly #tlbs = new Map<number, DeviceTlb>();
  readonly #ports = new Map<number, DmaPort>();
  readonly #blocks: { readonly first: number; readonly order: number }[] = [];
  readonly #tally: IommuTally;
  readonly #state = new MachineState();
  #ticks = 0;

  constructor(m: MachineDescription, described: IommuDescription, kernel: NativeGuest) {
    this.#described = described;
    this.#kind = machineUnits[described.kind];
    this.#tally = new IommuTally(this.#kind);
    this.#kernel = kernel;
    const { memory } = kernel;
    const { fetchBits } = described;
    const isOld = m.kernel !== undefined && isBefore(m.kernel, firstStageSince);
    let faultPending = false;
    this.unit = this.#kind.build({
      ...{ state: this.#state, memory, caches, ...(fetchBits === undefined ? {} : { fetchBits }) },
      messages: { send: () => (faultPending = true) },
      deviceTlb: (requester) => this.#tlbs.get(requester) ?? null,
    });
    const work = new UnitWork(this.unit, () => this.#tlbs.values());
    const ports: UnitPorts = {
      ...{ memory, registers: this.unit.registers },
      allocate: (count) => this.#allocate(count),
      spin: (until) => work.spin(until),
    };
    this.#driver = this.#kind.drive({
      ports,
      stage: described.stage ?? (isOld ? "second" : "first"),
      lastRequester: Math.max(0, ...m.devices.map((d) => requesterOf(d.bdf) ?? 0)),
      posted: (command) => {
        this.#tally.posted(command);
        this.watch?.posted(command, this.#tally.titleOf(command));
      },
    });
    const pick = drawn(m.seed);
    const [transaction] = this.unit.transactions;
    const resolved = (r: DmaRequest, result: Resolution) => {
      this.#tally.resolved(r, result);
      this.watch?.resolved(r, result, this.#entriesFor(r));
    };
    const plain = new TranslatingPort({ memory, transaction: transaction!, pick, resolved });
    this.port = new EachItsOwn((requester) => this.#ports.get(requester) ?? plain);
    this.#ats = (tlb) => new AtsPort({ memory, transaction: transaction!, tlb, pick, resolved });
    const take = () => {
      faultPending = false;
      this.#tally.recorded(this.#driver.takeFaults().length);
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

  /** The entries of page tables that lead to a page asked for; none for what is no address of a domain. */
  #entriesFor({ requester, frame, type }: DmaRequest): readonly TraceStep[] {
    const domain = type === AddressType.translated ? undefined : this.#domains.get(requester);
    return domain?.trace(frame * frameBytes) ?? [];
  }

  /** How the kernel uses it for a device: one that is not trusted never passes, and is strict. Source: iommu_get_default_domain_type. */
  policyFor({ untrusted }: Pick<DeviceTraits, "untrusted">): IommuDescription["policy"] {
    return untrusted ? "strict" : this.#described.policy;
  }

  /** A device works for this kernel from now on. */
  attach(requester: number, { ats, untrusted }: DeviceTraits): void {
    const policy = this.policyFor({ untrusted });
    // What an untrusted device says of its TLB is not believed. Source: Linux drivers/pci/ats.c, pci_ats_supported.
    const device: AttachedDevice = {
      requester,
      ats: ats && !untrusted && (policy !== "pass-through" || this.#kind.passesWithTlb),
    };
    if (device.ats) {
      const tlb = new DeviceTlb({ state: this.#state, requester, sink: this.unit, entries: 8 });
      this.#tlbs.set(requester, tlb);
      this.#ports.set(requester, this.#ats(tlb));
    }
    if (policy === "pass-through") {
      this.#driver.attach(device, policy);
      return;
    }
    const made = this.#driver.createDomain();
    const { memory } = this.#kernel;
    const mapper = new Mapper(memory, made.root, (count) => this.#allocate(count));
    const flushes = this.#driver.flushesOf(made, [device]);
    const domain: DmaDomain = new DmaDomain({
      ...{ mapper, memory, policy, reserved: this.#kind.reserved },
      flushes: {
        ...flushes,
        flushAll: () => {
          this.#tally.flushesAll(domain.counts.waiting);
          flushes.flushAll();
        },
      },
    });
    this.#domains.set(requester, domain);
    this.#driver.attach(device, made);
  }

  /** @throws Misuse `no-domain` for a device that was not attached */
  domainOf(bdf: string): EngineDomain {
    const domain = this.#domains.get(requesterOf(bdf) ?? -1);
    if (domain === undefined) throw new Misuse("no-domain", `${bdf} is in no domain`);
    return domain;
  }

  /** The machine address that a device's bus address leads to; -1: none. */
  behind(bdf: string, bus: number): number {
    return this.#domains.has(requesterOf(bdf) ?? -1) ? this.domainOf(bdf).physOf(bus) : bus;
  }

  /** Its registers as they stand, and where in physical memory. */
  get registers(): RegistersSeen {
    return { ...this.#kind.registersAt, words: this.unit.registers.words };
  }

  /** What it was asked and told so far. */
  get counts(): IommuCounts {
    return this.#tally.counts();
  }

  /** Pages that its structures hold. */
  get framesHeld(): number {
    return this.#blocks.reduce((sum, { order }) => sum + 2 ** order, 0);
  }

  /** Give back what its structures took. Lazy domains are flushed first. */
  close(): void {
    for (const domain of this.#domains.values()) domain.timedOut(0);
    for (const { first, order } of this.#blocks) this.#kernel.freePages(pfn(first), order);
    this.#blocks.length = 0;
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
    this.#blocks.push({ first, order });
    return first;
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
