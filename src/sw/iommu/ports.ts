/** What the driver of an IOMMU reaches: memory, pages, registers, and the processor that waits. */
import type { WideRegisters } from "../../bus/registers.js";
import type { TableMemory } from "../../table/index.js";

/** Memory in which structures for a unit stand. */
export interface StructureMemory extends TableMemory {
  load32(address: number): number;
  /** One store of 32 bits. @param address a multiple of 4 */
  store32(address: number, value: number): void;
  /** One store of 1, 2, 4 ... 16 words. @param address a multiple of their bytes */
  store(address: number, from: ArrayLike<number>): void;
}

export interface UnitPorts {
  readonly memory: StructureMemory;
  readonly registers: WideRegisters;
  /**
   * Neighbouring frames of zeros, aligned to their number.
   * @returns the first of them
   * @throws Misuse `no-memory`
   */
  readonly allocate: (frameCount: number) => number;
  /**
   * The processor looks again and again until something holds.
   * @returns false when it never will: nothing is left that could change it
   */
  readonly spin: (until: () => boolean) => boolean;
}

/** What a domain asks of the driver of its unit. */
export interface DomainFlushes {
  /**
   * Cached translations of these frames go. When this returns they are gone, or the driver has given up.
   * @param leavesOnly no table was unlinked
   */
  flush(first: number, last: number, leavesOnly: boolean): void;
  /** All of the domain. */
  flushAll(): void;
}
