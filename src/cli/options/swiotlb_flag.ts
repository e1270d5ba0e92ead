/** `--swiotlb SLOTS[,AREAS][,force]`, read as the kernel reads its own parameter. */
import { InvalidArgumentError } from "commander";
import { poolAreasMax, poolSlotsMax } from "../../library/pool_limits.js";
import type { AskedPool } from "../../library/replay_report.js";
import { readParameter } from "../../sw/swiotlb/parameter.js";

/**
 * @returns the pool that the kernel would make of it
 * @throws InvalidArgumentError for anything else.
 */
export function swiotlbFlag(text: string): AskedPool {
  const read = readParameter(text);
  if (read.asked.slots === null || read.asked.slots < 1 || read.ignored !== "" || read.mode === "noforce") {
    throw new InvalidArgumentError("It takes SLOTS[,AREAS][,force]: slots of 2 KiB, as the kernel's swiotlb= does.");
  }
  if (read.slots > poolSlotsMax) throw new InvalidArgumentError(`At most ${poolSlotsMax} slots.`);
  if (read.areas > poolAreasMax) throw new InvalidArgumentError(`At most ${poolAreasMax} areas.`);
  return {
    slots: read.slots,
    areas: read.areas === 0 ? null : read.areas,
    forced: read.mode === "force" ? true : null,
  };
}
