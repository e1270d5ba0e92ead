/**
 * The domains of a recorded machine: the kernel's allocator for each group of devices, set up as the kernel sets it up.
 *
 * Source: Linux drivers/iommu/dma-iommu.c, iommu_dma_init_domain, iova_reserve_iommu_regions, iova_reserve_pci_windows.
 */
import { DomainSpace, FlushQueue } from "../../../sw/iommu/iova/index.js";

export interface IovaMachine {
  /** Bytes that no device of the machine is given: windows of host bridges, doorbells of interrupts; last ones included. */
  readonly reserved: readonly (readonly [first: number, last: number])[];
  /** Devices of one group share a domain. @returns a name of the group; the device's own when it is in none */
  groupOf(device: string): string;
  /** Whether an address is given again only after a flush of the whole domain. */
  readonly isLazy: boolean;
}

/** What devices of one group share. */
export class IovaDomain {
  readonly space = new DomainSpace();
  readonly queue: FlushQueue;
  /** By which CPU an address was last given back after a flush, by its first frame: as it seems. */
  readonly #givenBackBy = new Map<number, number>();

  constructor(machine: IovaMachine) {
    for (const [first, last] of machine.reserved) this.space.reserve(first, last);
    this.queue = new FlushQueue({
      flushAll: () => {},
      release: (cpu, first, frames) => {
        this.#givenBackBy.set(first, cpu);
        this.space.free(cpu, first, frames);
      },
    });
  }

  /** @returns the CPU that is taken to have given an address back late; -1 for one that was not */
  givenBackBy(first: number): number {
    return this.#givenBackBy.get(first) ?? -1;
  }
}

export class IovaDomains {
  readonly #machine: IovaMachine;
  readonly #byGroup = new Map<string, IovaDomain>();
  readonly #byDevice: IovaDomain[] = [];
  readonly #name: (device: number) => string;

  constructor(machine: IovaMachine, name: (device: number) => string) {
    this.#machine = machine;
    this.#name = name;
  }

  get all(): Iterable<IovaDomain> {
    return this.#byGroup.values();
  }

  /** The device's group is given an empty domain: another type was chosen for it. */
  renew(device: number): void {
    const old = this.of(device);
    for (const [group, domain] of this.#byGroup) if (domain === old) this.#byGroup.delete(group);
    this.#byDevice.forEach((domain, d) => {
      if (domain === old) delete this.#byDevice[d];
    });
  }

  of(device: number): IovaDomain {
    const known = this.#byDevice[device];
    if (known !== undefined) return known;
    const group = this.#machine.groupOf(this.#name(device));
    const domain = this.#byGroup.get(group) ?? new IovaDomain(this.#machine);
    this.#byGroup.set(group, domain);
    this.#byDevice[device] = domain;
    return domain;
  }
}
