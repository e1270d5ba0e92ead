/** The IOMMU of a machine without a hypervisor: its kernel gives each device a domain with addresses of its own. */
import { Misuse } from "../../../base/assert.js";
import { frameBytes, pfn } from "../../../base/frame.js";
import { type DmaPort, requesterOf } from "../../../bus/dma_port.js";
import type { DmaRequest } from "../../../hw/iommu/core/request.js";
import type { Actor } from "../../../sim/actor.js";
import { firstStageSince } from "../../../spec/linux/iommu_drivers.js";
import { isBefore } from "../../../spec/linux/releases.js";
import type { EngineDomain, NativeGuest } from "../../../sw/engine/index.js";
import { DmaDomain } from "../../../sw/iommu/domain/dma_domain.js";
import { SwitchingDomain } from "../../../sw/iommu/domain/switching_domain.js";
import type { UnitPorts } from "../../../sw/iommu/ports.js";
import type { AttachedDevice } from "../../../sw/iommu/unit_driver.js";
import { Mapper, type TraceStep } from "../../../table/index.js";
import type { MachineDescription } from "../description/schema.js";
import {
  askedAddress,
  type DeviceTraits,
  DrivenUnit,
  type IommuDescription,
  type IommuWatch,
  type KernelUnit,
  type MachineIommu,
  type RegistersSeen,
} from "./driven_unit.js";
import type { IommuCounts } from "./iommu_tally.js";

/** Draws of the timer until it is due: what stands for 10 ms. */
const ticks = 64;

/** What a kernel gives to the unit that it drives. */
export interface KernelParts {
  readonly allocate: UnitPorts["allocate"];
  /** Entries of the kernel's tables that lead a request to its page now. */
  readonly entriesFor: (request: DmaRequest) => readonly TraceStep[];
  /** The kernel's physical address behind a device's; -1: none. */
  readonly physOf: (requester: number, address: number) => number;
}

export type MakeUnit = (
  m: MachineDescription,
  described: IommuDescription,
  kernel: NativeGuest,
  parts: KernelParts,
) => KernelUnit;

const ownUnit: MakeUnit = (machine, described, { memory }, parts) => {
  const isOld = machine.kernel !== undefined && isBefore(machine.kernel, firstStageSince);
  const { stage } = described;
  const stages = stage === "first" || stage === "second" ? stage : isOld ? "second" : "first";
  return new DrivenUnit({ ...parts, machine, described, memory, tlbEntries: 8, stage: stages });
};

export class KernelIommu implements MachineIommu {
  readonly actors: readonly Actor[];
  readonly #described: IommuDescription;
  readonly #kernel: NativeGuest;
  readonly #unit: KernelUnit;
  readonly #domains = new Map<number, DmaDomain>();
  /** Of devices that are switched between identity and their domain. */
  readonly #switching = new Map<number, SwitchingDomain>();
  /** Requesters of those, as the workload says. */
  readonly #switched: ReadonlySet<number>;
  readonly #memoryEnd: number;
  readonly #blocks: { readonly first: number; readonly order: number }[] = [];
  #ticks = 0;

  /** @param makeUnit the unit that the kernel finds; left out: the machine's own */
  constructor(m: MachineDescription, described: IommuDescription, kernel: NativeGuest, makeUnit: MakeUnit = ownUnit) {
    this.#described = described;
    this.#kernel = kernel;
    this.#switched = new Set(m.workload.flatMap((w) => (w.program === "switch" ? [requesterOf(w.device!) ?? -1] : [])));
    this.#memoryEnd = kernel.memory.frameCount * frameBytes;
    this.#unit = makeUnit(m, described, kernel, {
      allocate: (count) => this.#allocate(count),
      physOf: (requester, address) => this.#spaceOf(requester)?.physOf(address) ?? address,
      entriesFor: (r) => {
        const address = askedAddress(r);
        return address === null ? [] : (this.#domains.get(r.requester)?.trace(address) ?? []);
      },
    });
    this.actors = [
      this.#unit.faultHandler,
      {
        name: "flush timer",
        choices: () => (this.#timersSet ? 1 : 0),
        step: () => this.#tick(),
        label: () => "time passes",
      },
    ];
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

  isTakenAway(requester: number): boolean {
    return this.#unit.tally.isTakenAway(requester);
  }

  get counts(): IommuCounts {
    return this.#unit.tally.counts();
  }

  /** How the kernel uses it for a device: one that is not trusted never passes, and is strict. Source: iommu_get_default_domain_type. */
  policyFor({ untrusted }: Pick<DeviceTraits, "untrusted">): IommuDescription["policy"] {
    return untrusted ? "strict" : this.#described.policy;
  }

  /** Whether a device is switched between identity and a domain of its own while it works. */
  isSwitched(bdf: string): boolean {
    return this.#switched.has(requesterOf(bdf) ?? -1);
  }

  /** @throws Misuse `no-domain` for a device that is not switched */
  switchable(bdf: string): SwitchingDomain {
    const domain = this.#switching.get(requesterOf(bdf) ?? -1);
    if (domain === undefined) throw new Misuse("no-domain", `${bdf} is not switched`);
    return domain;
  }

  /** A device works for this kernel from now on. */
  attach(requester: number, { ats, untrusted }: DeviceTraits): void {
    const policy = this.policyFor({ untrusted });
    const isSwitched = this.#switched.has(requester);
    const { driver, kind, tally } = this.#unit;
    // What an untrusted device says of its TLB is not believed. Source: Linux drivers/pci/ats.c, pci_ats_supported.
    const device: AttachedDevice = {
      requester,
      ats: ats && !untrusted && ((policy !== "pass-through" && !isSwitched) || kind.passesWithTlb),
    };
    this.#unit.add(device);
    if (policy === "pass-through") {
      driver.attach(device, policy);
      return;
    }
    const made = driver.createDomain();
    const { memory } = this.#kernel;
    const mapper = new Mapper(memory, made.root, (count) => this.#allocate(count));
    const flushes = driver.flushesOf(made, [device]);
    const domain: DmaDomain = new DmaDomain({
      ...{ mapper, memory, policy, tellsOfMaps: this.#unit.tellsOfMaps },
      reserved: [...kind.reserved, ...(isSwitched ? [{ first: 0, last: this.#memoryEnd - 1 }] : [])],
      flushes: {
        ...flushes,
        flushAll: () => {
          tally.flushesAll(domain.counts.waiting);
          flushes.flushAll();
        },
      },
    });
    this.#domains.set(requester, domain);
    driver.attach(device, isSwitched ? "pass-through" : made);
    if (!isSwitched) return;
    const attach = (to: "identity" | "domain") => driver.attach(device, to === "domain" ? made : "pass-through");
    this.#switching.set(requester, new SwitchingDomain({ domain, memoryEnd: this.#memoryEnd, attach }));
  }

  /** @throws Misuse `no-domain` for a device that was not attached */
  domainOf(bdf: string): EngineDomain {
    const domain = this.#spaceOf(requesterOf(bdf) ?? -1);
    if (domain === undefined) throw new Misuse("no-domain", `${bdf} is in no domain`);
    return domain;
  }

  behind(bdf: string, bus: number): number {
    const phys = this.physOf(bdf, bus);
    return phys < 0 ? phys : this.#unit.behind(phys);
  }

  /** The physical address that a device's bus address leads to, as the kernel counts; -1: none. */
  physOf(bdf: string, bus: number): number {
    return this.#spaceOf(requesterOf(bdf) ?? -1)?.physOf(bus) ?? bus;
  }

  /** Pages that its structures hold. */
  get framesHeld(): number {
    return this.#blocks.reduce((sum, { order }) => sum + 2 ** order, 0);
  }

  /** Lazy domains are flushed first. */
  close(): void {
    for (const domain of this.#domains.values()) domain.timedOut(0);
    for (const { first, order } of this.#blocks) this.#kernel.freePages(pfn(first), order);
    this.#blocks.length = 0;
  }

  /** The addresses that a device's drivers use; undefined: memory's own. */
  #spaceOf(requester: number): EngineDomain | undefined {
    return this.#switching.get(requester) ?? this.#domains.get(requester);
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
