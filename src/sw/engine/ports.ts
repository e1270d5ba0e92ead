/** What an engine is given of the kernel and the processor that it runs on. */
import type { Pfn } from "../../base/frame.js";
import type { Allow } from "../../table/index.js";

/** A cache as maintenance sees it; addresses are bus addresses of bytes. */
export interface CacheOps {
  /** Write changed lines back to memory. */
  clean(bus: number, length: number): void;
  /** Forget lines, changed or not. */
  invalidate(bus: number, length: number): void;
  /** From now on the CPU goes past the cache for these bytes, or through it again. */
  setUncached(bus: number, length: number, uncached: boolean): void;
}

/** This domain's own grants, as the engine uses them. */
export interface GrantRuns {
  /**
   * Grant consecutive pages by consecutive references.
   * @returns the first reference, or -1 when no such run of references is free.
   */
  grantRange(o: {
    readonly to: number;
    readonly first: Pfn;
    readonly count: number;
    readonly readonly: boolean;
  }): number;
  /** Take one grant back. @returns false when it is in use and stays. */
  endAccess(reference: number): boolean;
}

/** The domain through which a device's addresses are translated. */
export interface EngineDomain {
  /** @param limit the last byte that the device reaches @returns the address on the bus; -1 when there is none */
  map(
    cpu: number,
    o: { readonly phys: number; readonly size: number; readonly allow: Allow; readonly limit: number },
  ): number;
  /** Whole pages one after the other. @returns the address of the first; -1 when there is none */
  mapPieces(
    cpu: number,
    o: {
      readonly pieces: readonly { readonly at: number; readonly phys: number; readonly bytes: number }[];
      readonly bytes: number;
      readonly allow: Allow;
      readonly limit: number;
    },
  ): number;
  unmap(cpu: number, bus: number, size: number): void;
  /** Addresses that lead nowhere yet. @param bytes whole pages @returns the first; -1 when there are none */
  allocate(cpu: number, o: { readonly bytes: number; readonly limit: number }): number;
  /** Let whole pages of such addresses lead to memory. */
  link(bus: number, o: { readonly phys: number; readonly bytes: number; readonly allow: Allow }): void;
  /** They lead nowhere again, and nothing keeps where they led; they stay taken. */
  unlink(bus: number, bytes: number): void;
  /** Give back addresses that lead nowhere. */
  free(cpu: number, bus: number, bytes: number): void;
  /**
   * What is mapped now has memory's own addresses, as in an identity domain: no list becomes one range. Left out: the domain's.
   * Source: Linux kernel/dma/mapping.c, dma_map_direct.
   */
  readonly isDirect?: boolean;
  /** What is behind an address; -1 when nothing is. */
  physOf(bus: number): number;
}
/** @param bdf `0000:00:03.0` */
export type DomainOf = (bdf: string) => EngineDomain;
