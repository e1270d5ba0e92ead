/** `--swiotlb SLOTS[,AREAS][,force]`, read as the kernel reads its own parameter. */
import { InvalidArgumentError } from "commander";
import { readParameter } from "../sw/swiotlb/parameter.js";

/** 8 GiB: more than any kernel gets below 4 GiB, so that a typing error does not fill this machine's memory. */
const slotsMax = 2 ** 22;
const areasMax = 1024;

/** A pool as asked for; what was not said (null) is as recorded. */
export interface AskedPool {
  readonly slots: number;
  readonly areas: number | null;
  readonly forced: boolean | null;
}

/**
 * @returns the pool that the kernel would make of it
 * @throws InvalidArgumentError for anything else.
 */
export function swiotlbFlag(text: string): AskedPool {
  const read = readParameter(text);
  if (read.asked.slots === null || read.asked.slots < 1 || read.ignored !== "" || read.mode === "noforce") {
    throw new InvalidArgumentError("It takes SLOTS[,AREAS][,force]: slots of 2 KiB, as the kernel's swiotlb= does.");
  }
  if (read.slots > slotsMax) throw new InvalidArgumentError(`At most ${slotsMax} slots.`);
  if (read.areas > areasMax) throw new InvalidArgumentError(`At most ${areasMax} areas.`);
  return {
    slots: read.slots,
    areas: read.areas === 0 ? null : read.areas,
    forced: read.mode === "force" ? true : null,
  };
}
