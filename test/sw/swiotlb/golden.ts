/**
 * Golden runs of the slot pool: SHA-256 of the answers that Linux 7.2.13's allocator gave to a million random
 * operations (its code built for user space, one thread).
 *
 * The workload is a seeded xorshift; an answer is the byte offset, 0xffffffff for a refusal, 0xfffffffe for an unmap.
 */
import { createHash } from "node:crypto";

export interface Golden {
  readonly seed: number;
  readonly ops: number;
  readonly start: number;
  readonly slots: number;
  readonly areas: number;
  readonly results: string;
  /** Of the answers to the first `firstOps` operations, which are the beginning of all. */
  readonly first: string;
}

export const firstOps = 100_000;

export const golden: readonly Golden[] = [
  {
    ...{ seed: 1, ops: 1_000_000, start: 0x70000000, slots: 32768, areas: 1 },
    results: "192f622566830ef99b95b23bab5baad0b2935cb1d1fd0087a0346b2eeb5fde78",
    first: "bcf904812227a2735d08cb14d7e189ed807be61137f4cb77656dae6f4e26d007",
  },
  {
    ...{ seed: 7, ops: 1_000_000, start: 0x70001000, slots: 512, areas: 2 },
    results: "d5e9f4ae968d45491aeed57eb2fc4eba66ac12db120b4560e855308f160bbd96",
    first: "da56c14709c074a2794707a3eda9139ea09f9fc2d10fb0c70acd34a94e6d0b88",
  },
  {
    ...{ seed: 8, ops: 1_000_000, start: 0x7ffff000, slots: 8192, areas: 4 },
    results: "16824b508110ab4b3db4a064af91bfa3737f2ddfa44da423bbaea2666ef36a80",
    first: "9bf55b3288fd57c5f4e0f41929281cd71631b2146ae5bd29cecda4ae7f60f924",
  },
  {
    ...{ seed: 9, ops: 1_000_000, start: 0x1fff3000, slots: 4096, areas: 3 },
    results: "d8ec3da3fa0d2314380856ba7fa2fea109b6550d3113ef94119a5bb56aad343f",
    first: "0ec5170a70e5adb5870ca884763e355b371992098ab70575e822842da188e564",
  },
];

/** What a golden run asks of a pool. */
export interface Allocator {
  map(cpu: number, high: number, low: number, size: number, min: number, alloc: number, boundary: number): number;
  unmap(offset: number, min: number): boolean;
}

/** Eight kinds of device: min_align_mask, segment boundary in slots, alloc_align_mask. */
const kinds = [
  [0, 0, 0],
  [0xfff, 0, 0],
  [0, 32, 0],
  [0xfff, 0, 0xfff],
  [0x3fff, 0, 0],
  [0, 0, 0xfff],
  [0x1ff, 128, 0],
  [0x3fff, 0, 0xfff],
] as const;
const sizes = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];

/** @returns the answers of a pool to the first `ops` operations of the workload of a seed. */
export function answers(pool: Allocator, seed: number, ops: number): Uint32Array {
  let state = seed >>> 0;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
  const size = (r: number) => {
    switch (r % 10) {
      case 0:
        return 1 + (random() % 262144);
      case 1:
        return 1 + (random() % 65536);
      case 2:
      case 3:
        return sizes[random() & 7]!;
      case 4:
        return 262144 >> (random() % 6);
      default:
        return 1 + (random() % 8192);
    }
  };
  const results = new Uint32Array(ops);
  const live: number[] = [];
  const kindOf: number[] = [];
  let mapShare = 500;
  for (let i = 0; i < ops; i++) {
    if ((i & 4095) === 0) mapShare = 300 + (random() % 500);
    if (live.length === 0 || (random() % 1000 < mapShare && live.length < 100_000)) {
      const kind = random() % 8;
      const r = random();
      const bytes = size(r);
      let high = random() & 0xff;
      let low = random();
      if (r & 0x100000) low = (low & ~0xfff) >>> 0;
      if (r >>> 24 === 7) high = low = 0;
      const [min, boundary, alloc] = kinds[kind]!;
      const at = pool.map(random() & 3, high, low, bytes, min, alloc, boundary);
      results[i] = at < 0 ? 0xffffffff : at;
      if (at >= 0) kindOf[live.push(at) - 1] = kind;
    } else {
      const k = random() % live.length;
      const min = kinds[kindOf[k]!]![0];
      const at = live[k]!;
      const [lastAt, lastKind] = [live.pop()!, kindOf.pop()!];
      if (k < live.length) [live[k], kindOf[k]] = [lastAt, lastKind];
      pool.unmap(at, min);
      results[i] = 0xfffffffe;
    }
  }
  return results;
}

export const digest = (results: Uint32Array): string =>
  createHash("sha256").update(new Uint8Array(results.buffer)).digest("hex");
