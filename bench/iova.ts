/**
 * Addresses of IOMMU domains: one is given back at random and another asked for, by how many live; and the magazines.
 *
 * The space runs beside its plain twin, which looks at range after range as the kernel does, on the same requests; their
 * answers are compared one by one. A figure is the least of many short rounds, in nanoseconds for one free with the request
 * after it; picking is included.
 */
import { DomainSpace, type FrameSpace, IovaSpace, PlainIovaSpace } from "../src/sw/iommu/iova/index.js";
import type { Row } from "./row.js";

const all = 2 ** 36 - 1;
const below32 = 2 ** 20 - 1;

interface Load {
  readonly what: string;
  readonly target: string;
  readonly live: number;
  readonly limit: number;
  readonly frames: (k: number) => number;
  readonly plainPairs: number;
}

const loads: readonly Load[] = [
  { what: "1,000 live, 64 pages", target: "", live: 1_000, limit: all, frames: () => 64, plainPairs: 20_000 },
  { what: "10,000 live, 64 pages", target: "", live: 10_000, limit: all, frames: () => 64, plainPairs: 4_000 },
  {
    ...{ what: "100,000 live, 64 pages", target: ">= 40 x plain", live: 100_000, limit: all },
    ...{ frames: () => 64, plainPairs: 400 },
  },
  {
    ...{ what: "below 4 GiB, 14,000 live, 33 and 64 pages", target: "", live: 14_000, limit: below32 },
    ...{ frames: (k: number) => (k & 1 ? 33 : 64), plainPairs: 2_000 },
  },
];

/** One space under one load; each round goes on where the last one stopped. */
class Bench {
  readonly #load: Load;
  readonly #space: FrameSpace;
  readonly #live: number[] = [];
  #random = 20;
  #k = 0;

  constructor(space: FrameSpace, load: Load) {
    this.#space = space;
    this.#load = load;
    while (this.#live.length < load.live) this.#alloc();
  }

  /** @param answers takes what was given first, -1 for a refusal */
  round(pairs: number, answers: Float64Array | null): void {
    for (let i = 0; i < pairs; i++) {
      let x = this.#random;
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      this.#random = x;
      const pick = (x >>> 1) % this.#live.length;
      this.#space.free(this.#live[pick]!);
      this.#live[pick] = this.#live.at(-1)!;
      this.#live.length--;
      const at = this.#alloc();
      if (answers !== null) answers[i] = at;
    }
  }

  #alloc(): number {
    const at = this.#space.alloc(this.#load.frames(this.#k++), this.#load.limit, true);
    if (at >= 0) this.#live.push(at);
    return at;
  }
}

export async function bench(o: { smoke: boolean }): Promise<Row[]> {
  const rows: Row[] = [];
  for (const load of loads) {
    const [pairs, plainPairs] = o.smoke ? [500, 20] : [100_000, load.plainPairs];
    const fast = new Bench(new IovaSpace(), load);
    const plain = new Bench(new PlainIovaSpace(), load);
    const [a, b] = [new Float64Array(plainPairs), new Float64Array(plainPairs)];
    fast.round(plainPairs, a);
    plain.round(plainPairs, b);
    if (a.some((at, i) => at !== b[i])) throw new Error(`${load.what}: the plain space answers otherwise`);
    const ns = least((n) => fast.round(n, null), pairs, 20);
    const plainNs = least((n) => plain.round(n, null), plainPairs, 4);
    rows.push({
      what: `IOVA: ${load.what}`,
      measured: `${ns.toFixed(0)} ns a pair, plain ${plainNs.toFixed(0)} ns, ${(plainNs / ns).toFixed(1)} x`,
      target: load.target,
      note: `${plainPairs} answers compared, all equal`,
    });
  }
  const domain = new DomainSpace();
  const hit = (n: number) => {
    for (let i = 0; i < n; i++) domain.free(0, domain.alloc(0, 1, 2 ** 48 - 1, true), 1);
  };
  const ns = least(hit, o.smoke ? 1_000 : 5_000_000, 20);
  return [
    ...rows,
    { what: "IOVA: from the CPU's magazine", measured: `${ns.toFixed(1)} ns a pair`, target: "<= 15 ns" },
  ];
}

/** Processor time, the least of rounds that share the pairs. @returns nanoseconds a pair */
function least(round: (pairs: number) => void, allPairs: number, rounds: number): number {
  const pairs = Math.ceil(allPairs / rounds);
  let best = Number.POSITIVE_INFINITY;
  for (let r = 0; r < rounds; r++) {
    const begin = process.cpuUsage();
    round(pairs);
    const { user, system } = process.cpuUsage(begin);
    best = Math.min(best, ((user + system) * 1000) / pairs);
  }
  return best;
}
