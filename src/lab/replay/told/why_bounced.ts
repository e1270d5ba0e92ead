/** Why the kernel bounced a mapping: a number while mappings are counted, words in the end. */
import type { Mappings } from "../contracts/mappings.js";

/** From here on the bits of a mask that the buffer lies above. */
const aboveMask = 8;

const words: readonly string[] = [
  "the pool is forced: every mapping bounces",
  "the buffer's pages do not follow each other on the machine",
  "a small buffer of a device that is not coherent: it shares a cache line",
  "why is not recorded: there is no swiotlb_bounced event",
  "the device could reach the buffer: an unaligned buffer of a device that is not coherent, or behind an IOMMU",
];

/** @param forced whether the pool is forced, whatever the event printed */
export function whyBounced(maps: Mappings, m: number, forced: boolean): number {
  if (forced || maps.forced[m] === 1) return 0;
  const onBus = maps.onBus[m]!,
    mask = maps.mask[m]!;
  const seen = onBus?.seen ?? Number.NaN;
  const end = (Number.isNaN(seen) ? maps.orig[m]! : seen) + maps.size[m]! - 1;
  if (end > mask) return aboveMask + Math.round(Math.log2(mask + 1));
  if (onBus?.straddles === true) return 1;
  if (onBus?.small === true) return 2;
  return Number.isNaN(mask) ? 3 : 4;
}

/** How often mappings bounced, by why. */
export class WhyCounts {
  readonly #counts = new Map<number, number>();

  /** @param why as `whyBounced` tells it */
  add(why: number): void {
    this.#counts.set(why, (this.#counts.get(why) ?? 0) + 1);
  }

  list(): { words: string; count: number }[] {
    return [...this.#counts].map(([why, count]) => ({ words: wordsOf(why), count }));
  }
}

const wordsOf = (why: number): string =>
  why >= aboveMask ? `the buffer lies above the device's ${why - aboveMask}-bit mask` : words[why]!;
