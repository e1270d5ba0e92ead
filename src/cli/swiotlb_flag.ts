/** `--swiotlb SLOTS[,AREAS][,force]`, read as the kernel reads its own parameter. */
import { InvalidArgumentError } from "commander";
import type { Setting } from "../lab/replay/what_if.js";
import { readParameter } from "../sw/swiotlb/index.js";

/** 8 GiB: more than any kernel gets below 4 GiB, so that a typing error does not fill this machine's memory. */
const slotsMax = 2 ** 22;
const areasMax = 1024;

/**
 * @returns the pool that the kernel would make of it; areas 0 = as recorded.
 * @throws InvalidArgumentError for anything else.
 */
export function swiotlbFlag(text: string): Setting {
  const read = readParameter(text);
  if (read.asked.slots === null || read.asked.slots < 1 || read.ignored !== "" || read.mode === "noforce") {
    throw new InvalidArgumentError("It takes SLOTS[,AREAS][,force]: slots of 2 KiB, as the kernel's swiotlb= does.");
  }
  if (read.slots > slotsMax) throw new InvalidArgumentError(`At most ${slotsMax} slots.`);
  if (read.areas > areasMax) throw new InvalidArgumentError(`At most ${areasMax} areas.`);
  return { slots: read.slots, areas: read.areas, forced: read.mode === "force" };
}
