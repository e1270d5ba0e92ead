/** Random page tables by the mapper, some of their entries spoiled. */
import { Misuse } from "../../src/base/assert.js";
import type { Rng } from "../../src/base/rng.js";
import { Mapper, type MapperOptions, type TableRoot } from "../../src/table/index.js";
import { trace } from "../../src/table/trace.js";
import { dataAt, dataBytes, resultsAt, type TestMemory } from "./test_memory.js";

/** Addresses of the entries by which devices reach the page of results: the ones that stay whole. */
export type Kept = Set<number>;

export interface Mapped {
  /** Input addresses in and around what was mapped, multiples of 8. */
  readonly worth: bigint[];
}

const rights = [3, 3, 3, 1, 2] as const;

/**
 * Fill a table: the page of results at its own address, and runs of random length, place and right that lead to data.
 * @param expressible rights that the format can give
 */
export function mapRandomly(
  memory: TestMemory,
  rng: Rng,
  root: TableRoot,
  kept: Kept,
  options: MapperOptions,
  expressible: readonly number[] = [1, 2, 3],
): Mapped {
  const mapper = new Mapper(memory, root, (n) => memory.allocate(rng, n), options);
  const granule = root.format.endsWith("64k") ? 0x10000 : root.format.endsWith("16k") ? 0x4000 : 0x1000;
  const base = root.upper === "ones" ? 2 ** 64 - 2 ** root.inputBits : 0;
  const results = memory.base + resultsAt;
  // The upper half of a space has no room for it: devices reach it through the lower one.
  if (base === 0) {
    mapper.map(results, results, granule, 3);
    for (const step of trace(memory, root, results, 3).steps) kept.add(step.at);
  }
  const worth: bigint[] = [];
  const span = 2 ** root.inputBits;
  const clusters = Array.from({ length: 3 }, () => base + anywhere(rng, span));
  for (let n = 0; n < 12; n++) {
    const big = rng.below(4) === 0;
    const unit = big ? 2 ** 21 : granule;
    const from = clusters[rng.below(3)]! + rng.below(big ? 8 : 64) * unit;
    const iova = Math.floor(from / unit) * unit;
    const bytes = (1 + rng.below(big ? 3 : 16)) * unit;
    const paddr = memory.base + dataAt + Math.floor((rng.below(2 ** 20) / 2 ** 20) * (dataBytes / unit)) * unit;
    const allow = rights[rng.below(rights.length)]!;
    try {
      mapper.map(iova, paddr, bytes, (expressible.includes(allow) ? allow : 3) as 3);
    } catch (error) {
      if (!(error instanceof Misuse)) throw error;
    }
    for (let k = 0; k < 6; k++) worth.push(BigInt(iova) + BigInt(rng.below(bytes / 8 + 1024) * 8));
    if (iova > 0) worth.push(BigInt(iova) - BigInt(8 + rng.below(512) * 8));
  }
  return { worth };
}

/** Flip bits of entries that are in use, and of a few that are not. */
export function spoil(memory: TestMemory, rng: Rng, tables: readonly number[], kept: Kept, count: number): void {
  for (let n = 0; n < count; n++) {
    const table = tables[rng.below(tables.length)]!;
    for (let k = 0; k < 400; k++) {
      const at = table + rng.below(512) * 8;
      const index = memory.index(at);
      if (kept.has(at) || (memory.words[index] === 0 && k < 399 && rng.below(50) > 0)) continue;
      for (let bits = 1 + rng.below(2); bits > 0; bits--) {
        const bit = rng.below(64);
        memory.words[index + (bit >> 5)]! ^= 1 << (bit & 31);
      }
      break;
    }
  }
}

function anywhere(rng: Rng, span: number): number {
  const low = rng.below(2) === 0 ? 2 ** 32 : span;
  return Math.floor((rng.below(2 ** 20) / 2 ** 20) * (Math.min(low, span) / 2 ** 21 - 64)) * 2 ** 21 + 2 ** 25;
}
