import type { Pool } from "../../sw/swiotlb/index.js";
import type { FailureReason } from "./outcome.js";
import { before2024, type Profile, today } from "../../sw/swiotlb/index.js";
export const nareasFor = (slots: number, wanted: number) => (slots / wanted < 128 ? Math.max(1, Math.floor(slots / 128)) : wanted);
export function parseSwiotlb(text: string, o: { cpus: number }): { slots: number | null; areas: number | null } {
  const m = /^(\d+)?(?:,(\d+))?/.exec(text);
  const n = m?.[1] ? Math.ceil(Number(m[1]) / 128) * 128 : null;
  void o;
  return { slots: n, areas: m?.[2] ? Number(m[2]) : null };
}
export function profileOf(kernel: string | null): Profile {
  const m = /^(\d+)\.(\d+)/.exec(kernel ?? "");
  return m && Number(m[1]) * 1000 + Number(m[2]) < 6009 ? before2024 : today;
}

export function explainRefusal(pool: Pool, _cpu: number, _high: number, low: number, size: number, mam: number, _am: number, _b: number): { reason: FailureReason; slots: number } {
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
