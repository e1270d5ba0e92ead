/**
 * The slot pool: pairs of map and unmap on a pool of 64 MiB, by how full it is.
 *
 * Each load runs on the index and on the plain search in one process, on the same stream of requests; the offsets of
 * both are compared one by one, so a ratio is never one between different answers. A figure is the least of many
 * short rounds, in nanoseconds for one map with the unmap that makes room for it; picking the requests is included.
 */
import { slotBytes } from "../src/spec/swiotlb/sizes.js";
import { PlainPool } from "../src/sw/swiotlb/plain_pool.js";
import { Pool } from "../src/sw/swiotlb/pool.js";
import type { Row } from "./row.js";

interface Allocator {
  readonly used: number;
  map(cpu: number, high: number, low: number, size: number, min: number, alloc: number, boundary: number): number;
  unmap(offset: number, min: number): boolean;
}

interface Load {
  readonly what: string;
  readonly target: string;
  /** Slots kept in use. */
  readonly full: number;
  /** Bytes of request k. */
  readonly size: (k: number) => number;
  /** Free every second slot of a pool full of single slots before measuring. */
  readonly holes?: boolean;
  /** Pairs of a round, on the index and on the plain search. */
  readonly pairs: number;
  readonly plainPairs: number;
}

const shape = { start: 0x7000_0000, slots: 32768, areas: 1 };
const choices = 1 << 16;
const mix = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];

const loads: readonly Load[] = [
  load("empty, 4 KiB", "", 0, { size: () => 4096, plainPairs: 300_000 }),
  load("ring of 256 live, 4 KiB", "", 512, { size: () => 4096, plainPairs: 300_000 }),
  load("50 % full, 512 B to 64 KiB", "<= 115 ns", 0.5, { plainPairs: 300_000 }),
  load("80 % full, 512 B to 64 KiB", "", 0.8, { plainPairs: 20_000 }),
  load("90 % full, 512 B to 64 KiB", "", 0.9, { plainPairs: 8_000 }),
  load("95 % full and fragmented, 512 B to 64 KiB", ">= 100 x plain", 0.95, { plainPairs: 8_000 }),
  load("every second slot free, 4 KiB: always refused", "", 0, { size: () => 4096, holes: true, plainPairs: 2_000 }),
];

function load(what: string, target: string, full: number, o: Partial<Load> & { readonly plainPairs: number }): Load {
  return {
    what,
    target,
    full: full < 1 ? Math.floor(full * shape.slots) : full,
    size: (k) => mix[k & 7]!,
    pairs: 300_000,
    ...o,
  };
}

/** One pool under one load; each round goes on where the last one stopped. */
class Bench<P extends Allocator> {
  readonly pool: P;
  readonly #load: Load;
  readonly #live = new Int32Array(shape.slots);
  readonly #sizes = new Int32Array(choices);
  readonly #lows = new Int32Array(choices);
  #count = 0;
  #k = 0;
  refused = 0;
  mapped = 0;

  constructor(pool: P, l: Load) {
    this.pool = pool;
    this.#load = l;
    let x = 20;
    for (let i = 0; i < choices; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      this.#sizes[i] = l.size(x >>> 9);
      this.#lows[i] = x;
    }
    if (l.holes) for (let i = 0; i < shape.slots; i++) pool.map(0, 1, 0, 2048, 0, 0, 0);
    if (l.holes) for (let i = 0; i < shape.slots; i += 2) pool.unmap(i * 2048, 0);
  }

  /** Stand where another one stands: its allocations at their places, its next request. */
  adopt(other: Bench<Pool>, place: (pool: P, offset: number, bytes: number) => void): void {
    for (const at of other.#live.subarray(0, other.#count)) place(this.pool, at, other.pool.sizeAt(at));
    this.#live.set(other.#live);
    this.#count = other.#count;
    this.#k = other.#k;
  }

  /** @param offsets takes the answers of the first pairs, -1 for a refusal */
  round(pairs: number, offsets: Int32Array | null): void {
    const { pool } = this;
    const { full } = this.#load;
    const live = this.#live;
    let count = this.#count;
    for (let i = 0; i < pairs; i++) {
      const k = this.#k++ & (choices - 1);
      const low = this.#lows[k]!;
      const at = pool.map(0, 1, low, this.#sizes[k]!, 0, 0, 0);
      if (offsets !== null) offsets[i] = at;
      if (at >= 0) {
        live[count++] = at;
        this.mapped++;
      } else this.refused++;
      while (count > 0 && pool.used > full) {
        const pick = (((low >>> 7) & 0xffff) * count) >>> 16;
        pool.unmap(live[pick]!, 0);
        live[pick] = live[--count]!;
      }
    }
    this.#count = count;
  }
}

export async function bench(o: { smoke: boolean }): Promise<Row[]> {
  const rows: Row[] = [];
  for (const l of loads) {
    const pairs = o.smoke ? 5_000 : l.pairs;
    const plainPairs = o.smoke ? Math.min(500, l.plainPairs) : l.plainPairs;
    const fast = new Bench(new Pool(shape), l);
    const plain = new Bench(new PlainPool(shape), l);
    // Fragments take their final shape only after many pairs, which the plain search would spend minutes on.
    fast.round(o.smoke ? 20_000 : 300_000, null);
    if (!l.holes) plain.adopt(fast, putAt);
    plain.pool.areaIndex[0] = fast.pool.areaIndex(0);
    const same = sameOffsets(fast, plain, plainPairs);
    fast.refused = fast.mapped = 0;
    const ns = least(fast, pairs, o.smoke ? 2 : 60);
    const plainNs = least(plain, plainPairs, o.smoke ? 1 : 5);
    const share = Math.round((100 * fast.refused) / (fast.refused + fast.mapped));
    rows.push({
      what: `pool: ${l.what}`,
      measured: `${ns.toFixed(0)} ns a pair, plain search ${plainNs.toFixed(0)} ns, ${(plainNs / ns).toFixed(1)} x`,
      target: l.target,
      note: `${share} % refused; ${same} offsets compared, all equal`,
    });
  }
  return rows;
}

/** Take the slots at an offset: a search that begins there finds them. */
function putAt(pool: PlainPool, offset: number, bytes: number): void {
  pool.areaIndex[0] = offset / slotBytes;
  if (pool.map(0, 1, 0, bytes, 0, 0, 0) !== offset) throw new Error(`nothing free at ${offset}`);
}

/** Ask both pools the same and compare what they answer. @returns how many answers. */
function sameOffsets(fast: Bench<Pool>, plain: Bench<PlainPool>, pairs: number): number {
  const [a, b] = [new Int32Array(pairs), new Int32Array(pairs)];
  fast.round(pairs, a);
  plain.round(pairs, b);
  for (let i = 0; i < pairs; i++)
    if (a[i] !== b[i]) throw new Error(`request ${i}: offset ${a[i]}, the plain search says ${b[i]}`);
  return pairs;
}

/**
 * Processor time and not time of day: a busy machine then costs little.
 * @returns nanoseconds a pair, the least of `rounds` that share the pairs.
 */
function least(b: Bench<Allocator>, allPairs: number, rounds: number): number {
  const pairs = Math.ceil(allPairs / rounds);
  let best = Number.POSITIVE_INFINITY;
  for (let r = 0; r < rounds; r++) {
    const begin = process.cpuUsage();
    b.round(pairs, null);
    const { user, system } = process.cpuUsage(begin);
    best = Math.min(best, ((user + system) * 1000) / pairs);
  }
  return best;
}
