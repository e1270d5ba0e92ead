/** Pools that are worth trying: what `swiotlb=` can ask for. */
import { poolSlotsMin, setSlots } from "../../../spec/swiotlb/sizes.js";
import { parseSwiotlb } from "../../../sw/swiotlb/index.js";
import type { Setting } from "./setting.js";

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
 * 64 settings: every size that the kernel makes of `swiotlb=`, a power of two, from one slot set to 2 GiB, with every
 * number of areas up to 32 that leaves each a slot set. Source: Linux kernel/dma/swiotlb.c, setup_io_tlb_npages and
 * swiotlb_adjust_nareas.
 */
export function autoSettings(o: { forced: boolean }): Setting[] {
  const settings: Setting[] = [];
  for (let slots = setSlots; slots <= slotsMax; slots *= 2) {
    for (let areas = 1; areas <= 32 && areas * setSlots <= slots; areas *= 2) settings.push({ ...o, slots, areas });
  }
  return [...settings, { ...o, slots: 2 * slotsMax, areas: 1 }];
}

/** What the kernel makes of each size, on a machine of so many CPUs. */
export function askedSettings(sizes: readonly number[], o: { cpus: number; forced: boolean }): Setting[] {
  return sizes.map((n) => {
    const { slots, areas } = parseSwiotlb(`${n}`, { cpus: o.cpus });
    return { slots, areas: fitting(slots, areas), forced: o.forced };
  });
}

/** Areas as the kernel limits them: each has at least one slot set. */
function fitting(slots: number, areas: number): number {
  return slots / areas < setSlots ? Math.max(1, Math.floor(slots / setSlots)) : areas;
}
