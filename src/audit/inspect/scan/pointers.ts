/**
 * Which of two alike tables is in use: software keeps a pointer to the one it gave the unit.
 *
 * Linux keeps the address of a root, device or stream table twice: as a pointer into its linear map of memory (x86-64:
 * above 0xffff800000000000, shifted by a multiple of 1 GiB; arm64 likewise) and as the bus address. Both have the
 * physical address's low 30 bits. Xen maps memory the same way. A copy in freed memory has no pointers, or fewer.
 */
import type { Image } from "../../../read/image/image.js";

const lowBits = 30;

/** @returns for each address, how many 64-bit words of the image could be pointers to it. */
export function pointersTo(image: Pick<Image, "each">, addresses: readonly number[]): number[] {
  const counts = addresses.map(() => 0);
  const byLow = new Map<number, number[]>();
  for (const [n, address] of addresses.entries()) {
    const low = address % 2 ** lowBits;
    byLow.set(low, [...(byLow.get(low) ?? []), n]);
  }
  image.each((_, words) => {
    for (let w = 0; w < 1024; w += 2) {
      const low = words[w]!;
      if ((low & 0xfff) !== 0 || low === 0) continue;
      const at = byLow.get(low & (2 ** lowBits - 1));
      if (at === undefined) continue;
      const high = words[w + 1]!;
      for (const n of at) {
        const physical = low + high * 2 ** 32 === addresses[n];
        if (physical || high >= 0xffff_0000) counts[n]!++;
      }
    }
  });
  return counts;
}
