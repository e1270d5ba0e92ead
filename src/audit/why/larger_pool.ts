/** Advice for a larger pool, within what can work. */
import { slotBytes } from "../../spec/swiotlb/sizes.js";
import type { MachineContext } from "./context.js";
import { bytesInWords } from "./words.js";

/**
 * Beyond this a pool needs more contiguous low memory than most machines have left at boot: firmware, devices and
 * the kernel share the 4 GiB, so a request of 1 GiB is commonly refused and halved.
 */
export const lowMemoryDoubtful = 2 ** 30;

/** The next power of two; pools are rounded to one by kernels with areas. */
export function powerOfTwoAbove(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, n)));
}

/** @param slots the least that is wanted; the advice rounds it up to a power of two. */
export function largerPool(slots: number, machine: MachineContext): string {
  const wanted = powerOfTwoAbove(slots),
    bytes = wanted * slotBytes;
  const setting = `swiotlb=${wanted}${forceSuffix(machine)}`;
  const memory = machine.memoryBytes;
  if (memory !== null && bytes > memory / 2) {
    return (
      `A pool of twice the size (${bytesInWords(bytes)}) would take more than half of this machine's ` +
      `${bytesInWords(memory)}: ` +
      "reduce the load instead (queue depths, transfer sizes), or let fewer devices bounce."
    );
  }
  if (bytes > lowMemoryDoubtful) {
    return (
      `Doubling it would need ${bytesInWords(bytes)} in one piece below 4 GiB, which few machines can give: ` +
      `reduce the load, ` +
      "let fewer devices bounce, or use a kernel with CONFIG_SWIOTLB_DYNAMIC."
    );
  }
  return (
    `Try ${setting} on the kernel command line (slots of 2 KiB: ${bytesInWords(bytes)}); a starting point, ` +
    `not a measurement.`
  );
}

/** A forced pool stays forced. */
function forceSuffix(machine: MachineContext): string {
  return machine.setting !== null && /(^|,)force$/.test(machine.setting) ? ",force" : "";
}
