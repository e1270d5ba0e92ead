import type { Pool } from "../../sw/swiotlb/index.js";
import type { FailureReason } from "./outcome.js";

export function explainRefusal(
  pool: Pool,
  _cpu: number,
  _high: number,
  low: number,
  size: number,
  mam: number,
  _am: number,
  _b: number,
): { reason: FailureReason; slots: number } {
  const slots = Math.ceil((size + (low & mam & 0x7ff)) / 2048);
  const free = pool.slots - pool.used;
  if (slots > 128) return { reason: "too-large", slots };
  if (slots > free) return { reason: "exhausted", slots };
  let area = 0;
  for (let a = 0; a < pool.areas; a++) area = Math.max(area, pool.areaSlots - pool.usedOf(a));
  if (slots > area) return { reason: "area", slots };
  if (pool.longestRun() < slots) return { reason: "fragmented", slots };
  return { reason: "alignment", slots };
}
