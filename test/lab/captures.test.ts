/** Real recordings: the model must choose the kernel's own addresses, and count what the kernel counted. */
import { describe, expect, test } from "vitest";
import type { ReplayOutcome } from "../../src/lab/replay/told/outcome.js";
import { runDocument } from "../../src/report/index.js";
import { createRandom } from "../random.js";
import { long } from "../tier.js";
import { fixture, logOf, replayed, replayOf } from "./replayed.js";

interface Facts {
  readonly maps_that_failed: number;
  readonly kernel_pool_counters: { readonly io_tlb_nslabs: number; readonly io_tlb_used_hiwater: number };
}

const facts = (recording: string) => JSON.parse(new TextDecoder().decode(fixture(`${recording}/facts.json`))) as Facts;

const rows = [
  // [recording, pool base, bounced mappings, least equal, free-running]
  ["swiotlb-force", 0xb000000, 1642, 1642, true],
  ["swiotlb-full", 0xbe72000, 13462, 13462, true],
  ["swiotlb-32bit", 0x7ba12000, 1375, 1375, true],
] as const;

describe.each(rows)("%s", (recording, base, bounced, equalMin, freeRunning) => {
  for (const log of [true, false]) {
    // What a log tells is inferred all the same: where time is short, one recording is not asked both ways.
    const isShort = log && recording === "swiotlb-32bit" && !long;
    test.skipIf(isShort)(`the kernel's addresses, ${log ? "with its log" : "everything inferred"}`, async () => {
      const o = await replayOf(recording, { log });
      const truth = facts(recording);
      expect(o.machine.swiotlb).toMatchObject({ base, slots: truth.kernel_pool_counters.io_tlb_nslabs, areas: 2 });
      expect(o.exact.compared).toBe(bounced);
      expect(o.exact.equal).toBeGreaterThanOrEqual(equalMin);
      expect(o.pool!.hiwater).toBe(truth.kernel_pool_counters.io_tlb_used_hiwater);
      expect(o.pool!.failures).toHaveLength(truth.maps_that_failed);
      expect(o.exact.refusals).toEqual({ compared: truth.maps_that_failed, equal: truth.maps_that_failed });
      expect(o.exact.decisions.equal).toBe(o.exact.decisions.compared);
      if (freeRunning) expect(o.exact.corrections).toBe(0);
    });
  }
});

test.for([
  ["swiotlb-force", 1, false],
  ["swiotlb-full", 0.3, true],
  ["swiotlb-32bit", 1, false],
] as const)(
  "%s where %d of the pages have bus addresses of their own",
  async ([recording, share, hasLog], { skip }) => {
    skip(recording === "swiotlb-32bit" && !long, "in the long tier");
    const text = new TextDecoder().decode(fixture(`${recording}/trace.txt.gz`));
    const [, base, bounced] = rows.find(([name]) => name === recording)!;
    const o = await replayed(withForeignFrames(text, share), { log: hasLog ? logOf(recording) : null });
    expect(o.machine.swiotlb).toMatchObject({ base, areas: 2 });
    expect(o.exact).toMatchObject({ compared: bounced, equal: bounced });
    expect(o.maps).toMatchObject({ bounced, failed: facts(recording).maps_that_failed });
    expect(o.pool!.refusedLists).toHaveLength(recording === "swiotlb-full" ? 59 : 0);
  },
);

/** The recording with pages in machine frames of their own, above 8 GiB, in what is printed before a search. */
function withForeignFrames(text: string, share: number): string {
  const random = createRandom(7);
  const frames = new Map<number, number>();
  return text.replace(/(swiotlb_bounced: .* dev_addr=)([0-9a-f]+)/g, (_, before: string, digits: string) => {
    const address = Number.parseInt(digits, 16);
    const page = Math.floor(address / 4096);
    const frame = frames.get(page) ?? (random() < share ? 0x200000 + Math.floor(random() * 0x40000) : page);
    frames.set(page, frame);
    return before + (frame * 4096 + (address % 4096)).toString(16);
  });
}

test("a full pool: each refusal has a reason, and the pool's state at that instant", async () => {
  const o = await replayOf("swiotlb-full", { log: true });
  for (const f of o.pool!.failures) {
    expect(f.free + f.used).toBe(512);
    if (f.reason === "exhausted") expect(f.slots).toBeGreaterThan(f.free);
    else expect(f.reason).toBe("fragmented");
    if (f.reason === "fragmented") expect(f.longestRun).toBeLessThan(f.slots);
    if (f.picture !== null) expect(f.picture.reduce((sum, run) => sum + run.count, 0)).toBe(f.used);
  }
  // The kernel's own lines: `swiotlb buffer is full (sz: 69632 bytes), total 512 (slots), used 473 (slots)`, ...
  const printed = logOf("swiotlb-full") as unknown as { findings: { kind: string; size: number; used: number }[] };
  const full = printed.findings.filter((f) => f.kind === "pool-full");
  expect(full.length).toBe(10);
  for (const line of full) {
    expect(o.pool!.failures.some((f) => f.used === line.used && f.slots === line.size / 2048)).toBe(true);
  }
});

for (const recording of ["swiotlb-force", "swiotlb-full"]) {
  test(`${recording}: trace.dat and text give the same document`, async () => {
    const told = (outcome: ReplayOutcome) => {
      const document = runDocument({ outcome, audit: emptyAudit });
      return JSON.stringify({ ...document, source: { ...document.source, format: "aside" } });
    };
    const text = told(await replayOf(recording, { log: true }));
    expect(told(await replayed(fixture(`${recording}/trace.dat`), { log: logOf(recording) }))).toBe(text);
  });
}

const emptyAudit = {
  from: null,
  to: null,
  counts: { events: 0, maps: 0, lists: 0, allocations: 0, unmaps: 0, syncs: 0, failed: 0, before: 0, lost: 0 },
  leaks: [],
  alive: [],
  violations: [],
  violationTotals: [],
  exposure: [],
  notes: [],
  unknowable: [],
};

test("an address that the kernel would not have chosen is told, whatever the order", async () => {
  const text = new TextDecoder().decode(fixture("swiotlb-force/trace.txt.gz"));
  const first = /dma_addr=([0-9a-f]+) size=4096 phys_addr/.exec(text)![1]!;
  const moved = (Number.parseInt(first, 16) + 0x40000).toString(16);
  const wrong = text.replace(`dma_addr=${first} size=4096 phys`, `dma_addr=${moved} size=4096 phys`);
  const o = await replayed(wrong.replace(`dma_addr=${first} size=4096 attrs`, `dma_addr=${moved} size=4096 attrs`));
  expect(o.exact.compared).toBe(1642);
  expect(o.exact.equal).toBeLessThan(1642);
  expect(o.exact.corrections).toBeGreaterThan(0);
  expect(o.exact.mismatches[0]!.kernel).toBe(Number.parseInt(moved, 16));
});

test.skipIf(!long)(
  "a recording that begins late: the pool is found, and what was mapped before is learnt",
  async () => {
    const lines = new TextDecoder().decode(fixture("swiotlb-force/trace.txt.gz")).split("\n");
    const head = lines.filter((l) => l.startsWith("#"));
    const body = lines.filter((l) => !l.startsWith("#"));
    const o = await replayed([...head, ...body.slice(1500)].join("\n"), { log: logOf("swiotlb-force") });
    expect(o.machine.swiotlb).toMatchObject({ base: 0xb000000, slots: 32768, areas: 2 });
    expect(o.exact.equal / o.exact.compared).toBeGreaterThan(0.95);
  },
);

test("translated mappings are told from direct and bounced ones", async () => {
  const o = await replayed(fixture("vtd-scalable/trace.txt.gz"));
  expect(o.maps).toMatchObject({ direct: 0, bounced: 0, failed: 0 });
  expect(o.maps.translated).toBe(o.maps.total);
  expect(o.pool).toBeNull();
});
