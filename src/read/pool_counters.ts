/**
 * The kernel's own counters of its bounce pool, as `grep . /sys/kernel/debug/swiotlb/*` or a list of names and numbers
 * has them. Source: Linux kernel/dma/swiotlb.c, swiotlb_create_debugfs_files.
 */

export interface PoolCounters {
  /** Slots of all pools; null where the text does not say. */
  readonly slots: number | null;
  /** Slots in use when it was read, and the most since boot or since the counter was reset. */
  readonly used: number | null;
  readonly hiwater: number | null;
}

const counter = /\bio_tlb_(nslabs|used_hiwater|used)\s*[:= ]\s*(\d{1,15})\b/g;

/** @returns null for a text without any of them. */
export function readPoolCounters(text: string): PoolCounters | null {
  const found = new Map([...text.matchAll(counter)].map((m) => [m[1], Number(m[2])]));
  if (found.size === 0) return null;
  const get = (name: string) => found.get(name) ?? null;
  return { slots: get("nslabs"), used: get("used"), hiwater: get("used_hiwater") };
}
