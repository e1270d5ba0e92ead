/**
 * A range of pages as the commands that an SMMUv3 with range invalidation takes: (num + 1) * 2^scale granules each.
 *
 * Source: IHI 0070 G, 4.4.1.1; Linux arm-smmu-v3.c, __arm_smmu_tlb_inv_range: the lowest bits of the count first, five at a
 * time; where the level of the leaves is not told a single granule would be no range (NUM, SCALE and TTL all zero), so one
 * page more is named.
 */
const granules4k = 1;
/** Our numbers of TTL for tables of 4 KiB: pages; any size. */
const pages = 3;
const anySize = 0;
/** Pages of the smallest block. */
const blockPages = 512;

export interface RangeCommand {
  readonly page: number;
  readonly num: number;
  readonly scale: number;
  readonly tg: number;
  readonly ttl: number;
}

/** @param first first and last page of 4 KiB, both included */
export function rangeCommands(first: number, last: number): RangeCommand[] {
  // A block needs an aligned range of its size: where none fits, all leaves are pages.
  const fits = Math.ceil(first / blockPages) * blockPages + blockPages - 1 <= last;
  const ttl = fits ? anySize : pages;
  let left = last - first + 1;
  if (ttl === anySize && left % 32 === 1) left++;
  const made: RangeCommand[] = [];
  for (let page = first; left > 0; ) {
    let scale = 0;
    while (Math.floor(left / 2 ** scale) % 2 === 0) scale++;
    const count = Math.floor(left / 2 ** scale) % 32;
    made.push({ page, num: count - 1, scale, tg: granules4k, ttl });
    page += count * 2 ** scale;
    left -= count * 2 ** scale;
  }
  return made;
}
