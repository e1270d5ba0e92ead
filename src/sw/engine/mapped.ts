/** What became of one mapping, and why. */
import type { Refusal } from "./refusal.js";

/** Why an engine did what it did with one mapping; the report says it of every DMA. */
export type Cause =
  | "direct"
  | "translated"
  | "forced"
  | "mask"
  | "straddle"
  | "unaligned"
  | "kmalloc"
  | "foreign-noncoherent"
  | "untrusted"
  | "granted"
  | "iommu"
  | "mmio";

/** What became of one mapping. `bus` is -1 when it was refused, unless an old kernel hands out its fallback buffer. */
export interface Mapped {
  readonly bus: number;
  readonly bounced: boolean;
  /** The buffer's page belongs to another domain. */
  readonly foreign: boolean;
  readonly cause: Cause;
  /** null when it was not refused. */
  readonly refused: Refusal | null;
}

/** @returns the mapping that there is not. */
export function refused(cause: Cause, foreign: boolean, why: Refusal): Mapped {
  return { bus: -1, bounced: false, foreign, cause, refused: why };
}
