/**
 * A kernel of the test's own: CPUs that race for a pool, writing events as Linux does. What it chose is known, the
 * order in which its events stand is not the order in which it chose.
 */
import { Rng } from "../../src/base/rng.js";
import { Pool } from "../../src/sw/swiotlb/index.js";

interface Job {
  readonly cpu: number;
  readonly task: string;
  /** Moments of the searches or releases, and of the event that ends the call. */
  readonly moments: readonly number[];
  readonly begin: number;
  readonly end: number;
  readonly kind: "map" | "list" | "unmap" | "unmapList";
  readonly size: number;
  readonly orig: number;
}

interface Line {
  readonly time: number;
  readonly cpu: number;
  readonly task: string;
  readonly text: string;
}

interface Held {
  readonly orig: number;
  readonly sizes: number[];
  readonly offsets: number[];
  readonly list: boolean;
  readonly ready: number;
}

const device = "0000:00:03.0";
const hex = (n: number) => n.toString(16);

/** @returns the recording as ftrace text, and how many mappings were granted and refused. */
export function racingKernel(o: {
  seed: number;
  cpus: number;
  slots: number;
  areas: number;
  calls: number;
  lists: boolean;
}) {
  const rng = new Rng(o.seed);
  const base = 0x3e300000;
  const pool = new Pool({ start: base, slots: o.slots, areas: o.areas });
  const jobs: Job[] = [];
  for (let cpu = 0; cpu < o.cpus; cpu++) {
    let t = 1_000_000 + rng.below(50);
    for (let n = 0; n < o.calls; n++) {
      const kind = (["map", "unmap", "map", "unmap", o.lists ? "list" : "map", "unmap"] as const)[rng.below(6)]!;
      const entries = kind === "list" ? 1 + rng.below(6) : 1;
      const moments: number[] = [];
      const begin = t;
      for (let k = 0; k < entries; k++) {
        t += 1 + rng.below(12);
        moments.push(t);
        t += 1 + rng.below(6);
      }
      const size = 512 * (1 + rng.below(24));
      const orig = (0x100000 + rng.below(0x10000)) * 4096;
      jobs.push({ cpu, task: `dd-${100 + cpu}`, moments, begin, end: t, kind, size, orig });
      t += 1 + rng.below(20);
    }
  }
  return play(jobs, pool, base, rng);
}

function play(jobs: readonly Job[], pool: Pool, base: number, rng: Rng) {
  const lines: Line[] = [];
  const held: Held[] = [];
  const counts = { granted: 0, refused: 0, refusedLists: 0 };
  const steps = jobs.flatMap((job) => job.moments.map((at, k) => ({ job, at, k })));
  steps.sort((a, b) => a.at - b.at);
  const open = new Map<Job, Held>();
  const dead = new Set<Job>();
  const say = (job: Job, time: number, text: string) => lines.push({ time, cpu: job.cpu, task: job.task, text });
  for (const { job, k } of steps) {
    if (job.kind === "unmap") {
      const ready = held.findIndex((h) => !h.list && h.ready < job.begin);
      if (ready < 0) continue;
      const [h] = held.splice(ready, 1);
      pool.unmap(h!.offsets[0]!, 0);
      say(
        job,
        job.end,
        `dma_unmap_phys: ${device} dir=FROM_DEVICE dma_addr=${hex(base + h!.offsets[0]!)} size=${h!.sizes[0]} attrs=`,
      );
      continue;
    }
    if (dead.has(job)) continue;
    const orig = job.orig + k * 0x40000;
    const begin = k === 0 ? job.begin : job.moments[k - 1]! + 1;
    say(
      job,
      begin,
      `swiotlb_bounced: dev_name: ${device} dma_mask=ffffffffffffffff dev_addr=${hex(orig)} size=${job.size} FORCE`,
    );
    const offset = pool.map(job.cpu, 0, orig, job.size, 0, 0, 0);
    const h = open.get(job) ?? { orig: job.orig, sizes: [], offsets: [], list: job.kind === "list", ready: job.end };
    open.set(job, h);
    if (job.kind === "map") {
      const address = offset < 0 ? "ffffffffffffffff" : hex(base + offset);
      say(
        job,
        job.end,
        `dma_map_phys: ${device} dir=FROM_DEVICE dma_addr=${address} size=${job.size} phys_addr=${hex(orig)} attrs=`,
      );
      counts[offset < 0 ? "refused" : "granted"]++;
      if (offset >= 0) held.splice(rng.below(held.length + 1), 0, { ...h, sizes: [job.size], offsets: [offset] });
      continue;
    }
    if (offset < 0) {
      counts.refusedLists++;
      dead.add(job);
      for (const given of h.offsets) pool.unmap(given, 0);
      continue;
    }
    h.offsets.push(offset);
    h.sizes.push(job.size);
    if (k < job.moments.length - 1) continue;
    counts.granted += h.offsets.length;
    const list = (values: number[]) => `{${values.map((v) => `0x${hex(v)}`).join(",")}}`;
    const n = h.offsets.length;
    const phys = list(h.offsets.map((_, i) => job.orig + i * 0x40000));
    const addresses = list(h.offsets.map((x) => base + x));
    say(
      job,
      job.end,
      `dma_map_sg: ${device} dir=FROM_DEVICE nents=${n}/${n} ents=${n}/${n} dma_addrs=${addresses} sizes=${list(h.sizes)} phys_addrs=${phys} attrs=`,
    );
  }
  lines.sort((a, b) => a.time - b.time);
  const text = lines.map((l) => {
    const seconds = (l.time / 1e6).toFixed(6);
    return `${l.task.padStart(16)}  [00${l.cpu}] .....  ${seconds}: ${l.text}`;
  });
  return { text: `# tracer: nop\n#\n${text.join("\n")}\n`, ...counts, base };
}
