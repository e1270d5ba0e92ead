/** Memory that must not be mapped for a device, as ranges. Source: Linux kernel/dma/debug.c, checks 10 to 13. */
import type { DmaRuleName } from "./rules.js";

export interface Region {
  /** Physical byte addresses, half open. */
  readonly start: number;
  readonly end: number;
  readonly kind: "stack" | "kernel-image" | "invalid" | "vmalloc";
}

/** @returns the rule that mapping this range breaks, or null. */
export function regionRule(regions: readonly Region[], phys: number, size: number): DmaRuleName | null {
  const hit = regions.find((r) => phys < r.end && phys + size > r.start);
  return hit === undefined ? null : `map-${hit.kind}`;
}
