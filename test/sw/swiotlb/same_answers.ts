/** The index against the plain search: random operations on both, every answer and every counter compared. */
import { expect } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { PlainPool } from "../../../src/sw/swiotlb/plain_pool.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import type { PoolShape } from "../../../src/sw/swiotlb/pool_shape.js";

/** Masks of real devices, and of none: with holes, wider than a slot set, smaller than a slot. */
export const minMasks = [
  0, 0, 0xfff, 0xfff, 0x1ff, 0x7ff, 0x1fff, 0x3fff, 0xffff, 0x1ffff, 0x3ffff, 0xfffff, 0x3000, 0x9fff,
];
export const allocMasks = [0, 0, 0, 0xfff, 0xfff, 0x1fff, 0xffff, 0x3ff, 0x3ffff];
export const boundaries = [0, 0, 0, 1, 2, 16, 32, 128, 512, 2 ** 21, 2 ** 34];

export interface Mix {
  readonly shape: PoolShape;
  readonly seed: number;
  readonly ops: number;
  readonly cpus: number;
  /** Unmap some mappings under a mask that has changed since. */
  readonly leaves?: boolean;
}

/** @returns how many maps succeeded, how many failed. */
export function sameAnswers({ shape, seed, ops, cpus, leaves = false }: Mix): { mapped: number; refused: number } {
  const rng = new Rng(seed);
  const pick = <T>(from: readonly T[]): T => from[rng.below(from.length)]!;
  const fast = new Pool(shape);
  const plain = new PlainPool(shape);
  const live: { at: number; min: number }[] = [];
  let mapped = 0;
  let refused = 0;
  let mapShare = 50;
  for (let i = 0; i < ops; i++) {
    if (i % 1024 === 0) mapShare = 25 + rng.below(60);
    const where = `seed ${seed}, operation ${i}`;
    if (live.length > 0 && rng.below(100) >= mapShare) {
      const k = rng.below(live.length);
      const { at, min } = live[k]!;
      live[k] = live[live.length - 1]!;
      live.pop();
      // Now and then under another mask than the mapping's: both then leave a slot behind.
      const mask = leaves && rng.below(500) === 0 ? 0 : min;
      if (!fast.unmap(at, mask)) expect.fail(`${where}: nothing at ${at}`);
      plain.unmap(at, mask);
    } else {
      const min = pick(minMasks);
      const alloc = pick(allocMasks);
      const boundary = pick(boundaries);
      const high = rng.below(4) === 0 ? 0 : rng.below(256);
      let low = rng.below(8) === 0 ? 0 : rng.below(2 ** 32);
      if (rng.below(3) === 0) low = (low & ~0xfff) >>> 0;
      const size = 1 + rng.below(pick([512, 2048, 4096, 8192, 65536, 262144, 270000]));
      const cpu = rng.below(cpus);
      const found = fast.find(cpu, high, low, size, min, alloc, boundary);
      const at = fast.map(cpu, high, low, size, min, alloc, boundary);
      const asked = `${where}: ${size} bytes of ${high}:${low} masks ${min} ${alloc} boundary ${boundary}`;
      const truth = plain.map(cpu, high, low, size, min, alloc, boundary);
      if (at !== truth) expect.fail(`${asked}: ${at}, the plain search says ${truth}`);
      if (found !== at) expect.fail(`${asked}: find says ${found}, map ${at}`);
      if (at < 0) refused++;
      else {
        live.push({ at, min });
        mapped++;
      }
    }
    for (let a = 0; a < shape.areas; a++) {
      if (fast.areaIndex(a) !== plain.areaIndex[a]) expect.fail(`${where}: index of area ${a}`);
      if (fast.usedOf(a) !== plain.areaUsed[a]) expect.fail(`${where}: used of area ${a}`);
    }
  }
  for (let slot = 0; slot < shape.slots; slot++)
    if (fast.freeRun(slot) !== plain.list[slot]) expect.fail(`seed ${seed}: free run of slot ${slot}`);
  return { mapped, refused };
}
