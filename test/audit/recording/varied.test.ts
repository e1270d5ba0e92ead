/**
 * Whole results of small recordings of everything that a driver may do right and wrong, drawn by a seed: few addresses, so
 * that mappings meet, pauses of all lengths, so that some ends are waited for, and lists, syncs, faults and bounces among them.
 */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { readKernelLog } from "../../../src/read/index.js";
import { both, fromDevice, none, Trail, toDevice } from "./trail.js";

interface Varied {
  readonly kernel?: string | null;
  /** Calls, and how often in a hundred one is wrong. */
  readonly calls: number;
  readonly wrong: number;
  /** Pages that buffers lie in. */
  readonly pages: number;
  /** Bus addresses: the memory's own, moved by an IOMMU, or of a pool. */
  readonly bus: "direct" | "moved" | "bounced";
  /** Which calls are made, as often as they stand here. */
  readonly of: readonly Call[];
  /** Lines of the kernel's log. */
  readonly log?: readonly string[];
}

type Call = "map" | "list" | "alloc" | "end" | "sync" | "fault" | "lost" | "pause";

interface Made {
  readonly kind: "map" | "list" | "alloc";
  readonly device: string;
  readonly dma: readonly number[];
  readonly phys: readonly number[];
  readonly size: readonly number[];
  readonly direction: number;
  readonly task: string;
}

const devices = ["0000:00:03.0", "0000:00:04.0", "0000:01:00.0"];
const directions = [both, toDevice, fromDevice, toDevice, fromDevice];
const sizes = [32, 64, 512, 1522, 4096, 4096, 8192, 20000];
const pauses = [1, 3, 40, 900, 12_000, 30_000, 400_000];

/** @param most how many are alive before some end */
function play(o: Varied, seed: number, most: number): Trail {
  const rng = new Rng(seed);
  const one = <T>(of: readonly T[]): T => of[rng.below(of.length)]!;
  const isWrong = () => rng.below(100) < o.wrong;
  const faults = o.log === undefined ? [] : readKernelLog(o.log.join("\n")).faults;
  const trail = new Trail(o.kernel === undefined ? "6.12.0" : o.kernel, faults);
  const live: Made[] = [];
  const ended: Made[] = [];
  let time = 1_000_000;

  function place(size: number) {
    const offset = rng.below(2) === 0 ? 0 : rng.below(64) * 64;
    const phys = 0x7000_0000 + rng.below(o.pages) * 4096 + offset;
    if (o.bus === "direct") return { phys, dma: phys, size };
    const dma = (o.bus === "moved" ? 0xfff0_0000 : 0x3000_0000) + rng.below(o.pages) * 8192 + offset;
    return { phys, dma, size };
  }

  function begin(kind: Made["kind"]): void {
    const entries = Array.from({ length: kind === "list" ? 1 + rng.below(4) : 1 }, () => place(one(sizes)));
    const device = one(devices);
    const direction = isWrong() ? none : one(directions);
    const [phys, dma, size] = [entries.map((e) => e.phys), entries.map((e) => e.dma), entries.map((e) => e.size)];
    const made = { kind, device, dma, phys, size, direction, task: one(["dd-7", "kworker/0-12", "swapper-0"]) };
    if (o.bus === "bounced" && kind !== "alloc") {
      for (const e of entries) trail.bounced(time, { device, dma: e.phys, size: isWrong() ? 300_000 : e.size });
    }
    if (kind === "list") {
      const total = isWrong() ? { total: entries.length + 130 } : {};
      const joined = isWrong() ? { dma: dma.slice(0, 1), size: [size.reduce((a, b) => a + b)] } : { dma, size };
      trail.mapList(time, { device, phys, ...joined, ...total, direction });
    } else {
      const failed = isWrong() ? { dma: -1 } : {};
      const attrs = isWrong() ? { attrs: one([0x20, 0x100, 0x400]) } : {};
      const what = { device, dma: dma[0]!, phys: phys[0]!, size: size[0]!, direction, ...failed, ...attrs };
      if (kind === "map") trail.map(time, what);
      else trail.alloc(time, { ...what, phys: Number.NaN });
      if ("dma" in failed) return;
    }
    live.push(made);
  }

  function finish(): void {
    const again = isWrong() && ended.length > 0;
    const m = again ? one(ended) : live.splice(rng.below(live.length), 1)[0];
    if (m === undefined) return;
    if (!again) ended.push(m);
    const { device, direction, task } = m;
    if (m.kind === "list" && !isWrong()) {
      const phys = isWrong() ? m.phys.slice(0, 1) : m.phys;
      trail.unmapList(time, { device, phys, direction: isWrong() ? one(directions) : direction });
      return;
    }
    const what = {
      device: isWrong() ? one(devices) : device,
      dma: isWrong() ? -1 : m.dma[0]!,
      size: isWrong() ? one(sizes) : m.size[0]!,
      direction: isWrong() ? one(directions) : direction,
      task,
    };
    if (m.kind === "alloc" && !isWrong()) trail.free(time, what);
    else trail.unmap(time, what);
    if (o.bus === "moved" && isWrong())
      trail.iommuUnmap(time, { dma: Math.floor(m.dma[0]! / 4096) * 4096, size: 4096 });
  }

  function sync(): void {
    const m = one(isWrong() && ended.length > 0 ? ended : live);
    if (m === undefined) return;
    const { device, phys, dma, size } = m;
    const direction = isWrong() ? one(directions) : m.direction;
    if (m.kind === "list") trail.listForCpu(time, { device, dma, size, phys, direction });
    else {
      const at = { device, dma: dma[0]! + (isWrong() ? 64 : 0), size: isWrong() ? 2 * size[0]! : size[0]!, direction };
      if (rng.below(2) === 0) trail.forCpu(time, at);
      else trail.forDevice(time, at);
    }
  }

  function fault(): void {
    const m = one(rng.below(2) === 0 ? ended : live);
    const dma = (m?.dma[0] ?? 0x5000_0000) + rng.below(3) * 2048;
    trail.fault(time, { device: m?.device ?? devices[0]!, dma, attrs: rng.below(4) });
  }

  if (o.bus === "moved") trail.iommu(time);
  for (let n = 0; n < o.calls; n++) {
    time += one(pauses);
    const call = live.length >= most ? "end" : one(o.of);
    if (call === "end") finish();
    else if (call === "sync") sync();
    else if (call === "fault") fault();
    else if (call === "lost") trail.lost(time);
    else if (call === "pause") trail.wait((time += one([700_000, 6_000_000])));
    else begin(call);
  }
  return trail.wait(time + 3_000_000);
}

const usual: readonly Call[] = ["map", "map", "map", "list", "alloc", "end", "end", "end", "end", "sync", "pause"];
const base: Varied = { calls: 90, wrong: 0, pages: 64, bus: "moved", of: usual };
const dmar = (time: number, did: string, device: string, at: number) =>
  `[${time.toFixed(6).padStart(12)}] DMAR: [DMA ${did} NO_PASID] Request device [${device}] fault addr 0x${at.toString(16)} ` +
  "[fault reason 0x06] PTE Read access is not set";

const rows: readonly (readonly [string, Varied])[] = [
  ["no call is wrong", base],
  ["no call is wrong, few pages", { ...base, pages: 4 }],
  ["no call is wrong, direct", { ...base, bus: "direct" }],
  ["no call is wrong, direct, few pages", { ...base, bus: "direct", pages: 3 }],
  ["no call is wrong, bounced", { ...base, bus: "bounced" }],
  ["little is wrong", { ...base, wrong: 4 }],
  ["much is wrong", { ...base, wrong: 15 }],
  ["much is wrong, few pages", { ...base, wrong: 15, pages: 4 }],
  ["much is wrong, direct", { ...base, wrong: 15, bus: "direct", pages: 6 }],
  ["much is wrong, bounced", { ...base, wrong: 15, bus: "bounced" }],
  ["faults", { ...base, of: [...usual, "fault", "fault"] }],
  ["faults, and much is wrong", { ...base, wrong: 10, pages: 8, of: [...usual, "fault"] }],
  ["events were lost", { ...base, of: [...usual, "lost"], wrong: 5 }],
  ["events were lost, few pages", { ...base, of: [...usual, "lost"], wrong: 8, pages: 4, calls: 150 }],
  ["nothing ends", { ...base, of: ["map", "list", "alloc", "pause"] }],
  ["lists only", { ...base, of: ["list", "list", "end"], wrong: 8, pages: 12 }],
  ["allocations only", { ...base, of: ["alloc", "alloc", "end"], wrong: 8, pages: 12 }],
  ["lists of a few pages", { ...base, of: ["list", "list", "list", "end", "end"], wrong: 3, pages: 2, bus: "direct" }],
  ["syncs", { ...base, of: ["map", "list", "end", "sync", "sync", "sync"], wrong: 12 }],
  ["some leak", { ...base, of: ["map", "map", "map", "list", "end", "end", "pause"], calls: 400 }],
  ["an older kernel", { ...base, kernel: "4.19.0", wrong: 8 }],
  ["no kernel is known", { ...base, kernel: null, wrong: 8, bus: "direct" }],
  [
    "a log tells of faults",
    {
      ...base,
      log: [
        dmar(1.4, "Read", "00:03.0", 0xfff02000),
        dmar(1.9, "Write", "00:04.0", 0xfff04000),
        dmar(2.4, "Read", "00:04.0", 0xfff08000),
        dmar(3.9, "Read", "01:00.0", 0xfff0a000),
        dmar(4.9, "Read", "05:00.0", 0xfff0a000),
      ],
      calls: 200,
      pages: 8,
    },
  ],
];

test.each(rows)("%s", (_name, varied) => {
  const [few, many] = [play(varied, 5, 12).result(), play(varied, 6, 60).result()];
  // Longer ones: what is alive meets more often, and more is wrong with it.
  play({ ...varied, calls: 250, pages: 3 }, 7, 25).result();
  play({ ...varied, calls: 250, pages: 24, wrong: varied.wrong + 10 }, 8, 40).result();
  expect(few.counts.maps + many.counts.maps + many.counts.lists + many.counts.allocations).toBeGreaterThan(10);
});

test("mappings that the kernel refused are counted, of lists as well", () => {
  const at = { phys: [0x70000], dma: [0x10000] };
  const trail = new Trail().failedList(1, at).mapList(2, at).failedList(3, at).map(4, { dma: -1 });
  expect(trail.result().counts.failed).toBe(3);
});
