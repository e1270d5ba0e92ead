/** What a recording shows of the addresses of IOMMU domains: who took which, and who gave it back. */

export const IovaKind = {
  /** Asked for by a mapping or an allocation of a device. */
  alloc: 0,
  /** Given back by one. */
  free: 1,
  /** Mapped by nobody that the recording names: `iommu:map` alone, as the two-step interface and doorbells of interrupts leave it. */
  mapped: 2,
  /** Unmapped in the same way. */
  unmapped: 3,
  /** A device was given a domain; no address. */
  attached: 4,
  /** All caches that may hold the device's domain were flushed; no address. */
  flushed: 5,
} as const;
export type IovaKind = (typeof IovaKind)[keyof typeof IovaKind];

/** What is given an address: one buffer, the entries of a list side by side, coherent memory; null where no event names it. */
export type IovaOf = "single" | "list" | "coherent" | null;

/** One operation, at its moment in the recording. */
export interface IovaOperation {
  readonly kind: IovaKind;
  readonly cpu: number;
  /** Number of the device in the recording's names; -1 where no event names it. */
  readonly device: number;
  /** First byte of the first page, and bytes in whole pages. */
  readonly iova: number;
  readonly bytes: number;
  readonly of: IovaOf;
  /** Microseconds. */
  readonly time: number;
}

export interface IovaSink {
  operation(op: IovaOperation): void;
}
