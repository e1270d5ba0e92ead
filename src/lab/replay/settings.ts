/** Pools that are worth trying: what `swiotlb=` can ask for. */
import { poolSlotsMin, setSlots } from "../../spec/swiotlb/sizes.js";
import type { Setting } from "./what_if.js";

/** 1 GiB: more must lie in one piece below 4 GiB and is hardly ever to be had. */
const slotsMax = 524288;

/** Powers of two around a pool, with its number of areas: enough to say which would have sufficed. */
export function nearbySettings(o: { slots: number; areas: number; forced: boolean }): Setting[] {
  const largest = Math.min(slotsMax, Math.max(32768, 2 ** Math.ceil(Math.log2(o.slots)) * 16));
  const settings: Setting[] = [];
  for (let slots = poolSlotsMin; slots <= largest; slots *= 2)
    settings.push({ ...o, slots, areas: fitting(slots, o.areas) });
  return settings;
}

/**
 * 64 settings: sizes times area counts. With areas given the kernel raises the size to a power of two, so sizes in
 * between exist with the default number of areas only. Source: Linux kernel/dma/swiotlb.c, setup_io_tlb_npages.
 */
export function autoSettings(o: { areas: number; forced: boolean }): Setting[] {
  const settings: Setting[] = [];
  const areaCounts = [...new Set([o.areas, 1, 2, 4, 8, 16])].slice(0, 5);
  for (let slots = poolSlotsMin; slots <= slotsMax; slots *= 2) {
    for (const areas of areaCounts) {
      if (areas * setSlots <= slots) settings.push({ slots, areas, forced: o.forced });
    }
  }
  for (let slots = 768; settings.length < 64; slots += slots < 4096 ? 256 : slots / 4) {
    const whole = Math.ceil(slots / setSlots) * setSlots;
    if (Math.log2(whole) % 1 !== 0) settings.push({ slots: whole, areas: fitting(whole, o.areas), forced: o.forced });
  }
  return settings.slice(0, 64);
}

/** Areas as the kernel limits them: each has at least one slot set. */
function fitting(slots: number, areas: number): number {
  return slots / areas < setSlots ? Math.max(1, Math.floor(slots / setSlots)) : areas;
}
