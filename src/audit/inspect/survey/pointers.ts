/**
 * Which of two alike tables is in use: software keeps a pointer to the one it gave the unit.
 *
 * Linux keeps the address of a root, device or stream table twice: as a pointer into its linear map of memory (x86-64:
 * above 0xffff800000000000, shifted by a multiple of 1 GiB; arm64 likewise) and as the bus address. Both have the
 * physical address's low 30 bits. Xen maps memory the same way. A copy in freed memory has no pointers, or fewer.
 */
import { u64 } from "../../../base/u64.js";
import type { Task } from "./blocks_job.js";
import { wantedFrames } from "./wanted.js";

const lowBits = 30;

/** For each address, how many 64-bit words of the image could be pointers to it. */
export const pointersTask: Task<readonly number[], number[]> = {
  name: "pointers",

  begin(addresses) {
    const found = addresses.map(() => 0);
    const wanted = wantedFrames(addresses);
    const byLow = new Map<number, number[]>();
    for (const [n, address] of addresses.entries()) {
      const low = address % 2 ** lowBits;
      byLow.set(low, [...(byLow.get(low) ?? []), n]);
    }
    return {
      found,
      take(tester) {
        const words = tester.pointers(wanted);
        for (let w = 0; w < words.length; w += 2) {
          const low = words[w]!;
          const high = words[w + 1]!;
          for (const n of byLow.get(low & (2 ** lowBits - 1)) ?? []) {
            const physical = u64(low, high) === addresses[n];
            if (physical || high >= 0xffff_0000) found[n]!++;
          }
        }
      },
    };
  },

  merge: (parts) => parts[0]!.map((_, n) => parts.reduce((sum, counts) => sum + counts[n]!, 0)),
};
