/** Advice for a larger pool, within what can work. */
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import { bytesInWords } from "../../words/quantity.js";
import type { MachineContext } from "../context.js";

/**
 * Beyond this a pool needs more contiguous low memory than most machines have left at boot: firmware, devices and
 * the kernel share the 4 GiB, so a request of 1 GiB is commonly refused and halved.
 */
export const lowMemoryDoubtful = 2 ** 30;

/** The next power of two; pools are rounded to one by kernels with areas. */
export function powerOfTwoAbove(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, n)));
}

/** The pool need not lie below 4 GiB where DMA bounces for encryption, and where the log shows it elsewhere. */
export function liesAnywhere(machine: MachineContext): boolean {
  return machine.encrypted || (machine.poolStart !== null && machine.poolStart >= 2 ** 32);
}

/** Where the pool must lie, to be put behind "in one piece". */
export function belowFour(machine: MachineContext): string {
  return liesAnywhere(machine) ? "" : " below 4 GiB";
}

/** @param slots the least that is wanted; the advice rounds it up to a power of two. */
export function largerPool(slots: number, machine: MachineContext): string {
  const wanted = powerOfTwoAbove(slots);
  const bytes = wanted * slotBytes,
    memory = machine.memoryBytes,
    forced = isForced(machine);
  // Dropping force is the cheaper cure where it is allowed: confidential guests are forced by other means.
  const unforced = forced ? " Without `force` only the devices that need it bounce." : "";
  if (memory !== null && bytes > memory / 2) {
    return (
      `A larger pool (${bytesInWords(bytes)}) would take more than half of this machine's ${bytesInWords(memory)}: ` +
      `reduce the load instead (queue depths, transfer sizes), or let fewer devices bounce.${unforced}`
    );
  }
  if (bytes > lowMemoryDoubtful && !liesAnywhere(machine)) {
    // Pools lie there unless the kernel was told that they need not; a line that says where this one does settles it.
    const lower =
      machine.poolStart === null
        ? ", below 4 GiB if it lies where pools usually do (no line here says where, nor that memory is encrypted, which lets " +
          "it lie higher)"
        : " below 4 GiB";
    return (
      `A larger pool would need ${bytesInWords(bytes)} in one piece${lower}, which few machines can give: reduce ` +
      `the load, let fewer devices bounce, or use a kernel with CONFIG_SWIOTLB_DYNAMIC.${unforced}`
    );
  }
  return (
    `Try swiotlb=${wanted}${forced ? ",force" : ""} on the kernel command line (slots of 2 KiB: ` +
    `${bytesInWords(bytes)}); a starting point, not a measurement.${unforced}`
  );
}

const isForced = (machine: MachineContext): boolean => machine.setting !== null && /(^|,)force$/.test(machine.setting);
