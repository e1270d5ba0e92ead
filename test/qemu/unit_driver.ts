/** A unit under test: how software points it at tables, and how it reports faults. */
import type { Rng } from "../../src/base/rng.js";
import type { UnitRoot } from "../../src/table/device/index.js";
import type { CodeSet } from "../../src/table/index.js";
import type { Qtest } from "./qtest.js";
import type { TestMemory } from "./test_memory.js";

/** A fault as the unit recorded it. */
export interface SeenFault {
  readonly code: number;
  readonly requester: number;
  /** Input address, of its page only where the unit records no more; null where the record has none. */
  readonly address: bigint | null;
  /** null where the record does not say. */
  readonly write: boolean | null;
}

/** How a unit's answers are to be compared. */
export interface UnitRules {
  readonly codes: CodeSet;
  /**
   * Whether its fault records can be relied on. Where they cannot, a refused read is compared by what it brings: no
   * bytes of memory.
   */
  readonly recordsFaults: boolean;
  /** Low bits of an address that its records leave out or that may differ. */
  readonly addressLg2: number;
}

export interface UnitDriver extends UnitRules {
  readonly name: string;
  /** How many faults it can record before one is lost. */
  readonly faultRoom: number;
  /** Input addresses beyond this many bits are asked for now and then. */
  readonly inputBits: number;
  /**
   * Random tables for these devices, in fresh frames.
   * @returns the unit as its registers will describe it, and, by device, addresses worth asking for
   */
  build(memory: TestMemory, rng: Rng, requesters: readonly number[]): { unit: UnitRoot; worth: Map<number, bigint[]> };
  /** Commands that make the unit use the tables and forget all others. */
  load(unit: UnitRoot): string[];
  /** Commands that make it forget translations. */
  forget(): string[];
  /** Take the faults recorded since the last time. */
  faults(qtest: Qtest): Promise<SeenFault[]>;
}
