/** `--swiotlb SLOTS[,AREAS][,force]`, by the rules of the kernel's own parameter. */
import { InvalidArgumentError } from "commander";
import type { Setting } from "../lab/replay/what_if.js";

/**
 * @returns the pool that the kernel would make of it; areas 0 = as recorded.
 * @throws InvalidArgumentError for anything else.
 */
export function swiotlbFlag(text: string): Setting {
  const [, slotText, areaText, force] = /^(\d+)(?:,(\d+))?(,force)?$/.exec(text) ?? [];
  const slots = Number(slotText);
  if (slotText === undefined || slots < 1 || slots > 2 ** 22) {
    throw new InvalidArgumentError("It takes SLOTS[,AREAS][,force]: slots of 2 KiB, 1 to 4194304, as the kernel's swiotlb= does.");
  }
  const forced = force !== undefined;
  const whole = Math.ceil(slots / 128) * 128;
  if (areaText === undefined) return { slots: whole, areas: 0, forced };
  const areas = 2 ** Math.ceil(Math.log2(Math.max(1, Number(areaText))));
  if (areas > 1024) throw new InvalidArgumentError("A pool has 1 to 1024 areas.");
  return { slots: 2 ** Math.ceil(Math.log2(Math.max(whole, areas * 128))), areas, forced };
}
