/** A unit that programs are run on: QEMU's and ours side by side, and how its software speaks to both. */
import type { UnitCaches } from "../../../src/hw/iommu/core/caches.js";
import type { Transaction } from "../../../src/hw/iommu/core/transaction.js";
import type { MachineState } from "../../../src/state/machine_state.js";
import type { Mapper } from "../../../src/table/index.js";
import type { Qtest } from "../qtest.js";

/** A table that devices are pointed at. */
export interface Domain {
  readonly mapper: Mapper;
  /** DID, ASID or DomainID. */
  readonly tag: number;
}

/** How QEMU's records since the last time are taken: by commands, whose answers lead to a text of each and to more commands. */
export interface FaultReader {
  readonly ask: readonly string[];
  taken(answers: readonly string[]): { readonly texts: readonly string[]; readonly tell: readonly string[] };
}

export async function takenFaults({ ask, taken }: FaultReader, qtest: Qtest): Promise<readonly string[]> {
  const { texts, tell } = taken(await qtest.send(ask));
  if (tell.length > 0) await qtest.send(tell);
  return texts;
}

export interface ProgramUnit {
  readonly name: string;
  readonly state: MachineState;
  readonly caches: UnitCaches;
  readonly transaction: Transaction;
  /** false: QEMU's records cannot be relied on; a refused access is compared by what it brings or leaves. */
  readonly recordsFaults: boolean;
  /** Rights that a page can be given alone. */
  readonly rights: readonly number[];
  domain(): Domain;
  /** Store what points a device at a table; null: at nothing. */
  attach(requester: number, domain: Domain | null): void;
  /** Post what makes the unit forget translations. @param frame of the input @param lg2 of how many pages */
  forgetPages(domain: Domain, frame: number, lg2: number): void;
  forgetDomain(domain: Domain): void;
  forgetDevice(requester: number, domain: Domain): void;
  forgetAll(): void;
  /** Post what tells of completion, write the tail, let our unit work until it has nothing to do. */
  ring(): void;
  /** Where the queues stand, and what the last wait stored: ours, then QEMU's. */
  progress(): Promise<readonly [string, string]>;
  /** Take the records since the last time: a text of each. */
  ourFaults(): string[];
  readonly qemuFaults: FaultReader;
}
