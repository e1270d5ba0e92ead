/** Recordings of a real hypervisor's domain: every bus address, every bounce, and the dumps of after them. */
import { describe, expect, test } from "vitest";
import { replayFile } from "../../../src/cli/run/replay_file.js";
import type { ReplayOutcome } from "../../../src/lab/replay/told/outcome.js";
import type { XenOutcome } from "../../../src/lab/replay/xen/outcome.js";
import { quiet } from "../../cli/called.js";
import { whole } from "../../whole.js";

async function replayed(recording: string): Promise<ReplayOutcome & { xen: XenOutcome }> {
  const { outcome } = await replayFile(`fixtures/xen-${recording}.trace.txt.gz`, { sizes: [512] }, quiet());
  expect(whole(outcome)).toMatchSnapshot();
  return outcome as ReplayOutcome & { xen: XenOutcome };
}

interface Row {
  readonly recording: string;
  readonly maps: Partial<ReplayOutcome["maps"]>;
  /** Bounces compared, all of them where the kernel put them; and bus addresses of pages, likewise. */
  readonly bounces: number;
  readonly pages: number;
  readonly unknown?: Readonly<Record<string, number>>;
  readonly causes: Partial<XenOutcome["causes"]>;
  readonly refusals?: number;
  /** The dump that the replay begins with. */
  readonly begins: string;
  readonly p2m: string;
  /** High-water mark since boot and index, by the dump of after it. */
  readonly end: readonly [hiwater: number, index: number] | null;
}

const rows: readonly Row[] = [
  {
    ...{ recording: "dom0-force/drv", maps: { total: 90, bounced: 90 }, bounces: 90, pages: 0, causes: { forced: 90 } },
    ...{ begins: "boot.swiotlb.txt.gz", p2m: "boot.p2m.txt.gz", end: [5, 118] },
  },
  {
    ...{ recording: "dom0-force/plain", maps: { bounced: 2221 }, bounces: 2221, pages: 0, causes: { forced: 2221 } },
    ...{ begins: "drv.swiotlb.txt.gz", p2m: "drv.p2m.txt.gz", end: null },
  },
  {
    recording: "dom0-small-force/stress",
    ...{ maps: { total: 4676, bounced: 2520, failed: 2156 }, bounces: 2520, pages: 0, causes: { forced: 4820 } },
    ...{ refusals: 2156, begins: "full.swiotlb.txt.gz", p2m: "full.p2m.txt.gz", end: [512, 392] },
  },
  {
    recording: "dom0-small-force/edu",
    ...{ maps: { bounced: 26, failed: 1 }, bounces: 26, pages: 0, causes: { forced: 27 }, refusals: 1 },
    ...{ begins: "stress.swiotlb.txt.gz", p2m: "stress.p2m.txt.gz", end: [512, 375] },
  },
  {
    recording: "dom0-scatter/edu",
    ...{ maps: { bounced: 10, translated: 15, foreign: 0 }, bounces: 10, pages: 15, causes: { straddle: 10 } },
    ...{ begins: "full.swiotlb.txt.gz", p2m: "full.p2m.txt.gz", end: [80, 1161] },
  },
  {
    recording: "dom0-scatter/plain",
    ...{ maps: { bounced: 32, translated: 3729 }, bounces: 32, pages: 3727, unknown: { "changed-unseen": 2 } },
    ...{ causes: { straddle: 32 }, begins: "balloon.swiotlb.txt.gz", p2m: "full.p2m.txt.gz", end: null },
  },
  {
    recording: "domu-nvme-nopers/full",
    ...{ maps: { total: 500, translated: 153, foreign: 347, direct: 0 }, bounces: 0, pages: 500, causes: {} },
    ...{ begins: "ready.swiotlb.txt.gz", p2m: "ready.p2m.txt.gz", end: [0, 0] },
  },
  {
    recording: "domu-nvme-nopers/plain",
    ...{ maps: { translated: 143, foreign: 337 }, bounces: 0, pages: 143, unknown: { "grants-not-recorded": 337 } },
    ...{ causes: {}, begins: "full.swiotlb.txt.gz", p2m: "full.p2m.txt.gz", end: null },
  },
  {
    recording: "domu-overlap/full",
    ...{ maps: { translated: 8, foreign: 475 }, bounces: 0, pages: 483, causes: {} },
    ...{ begins: "ready.swiotlb.txt.gz", p2m: "ready.p2m.txt.gz", end: [0, 0] },
  },
];

for (const row of rows) {
  test(`${row.recording}: every address is the kernel's own`, async () => {
    const { maps, exact, xen } = await replayed(row.recording);
    expect(maps).toMatchObject(row.maps);
    expect(maps.total).toBe(maps.direct + maps.bounced + maps.translated + maps.foreign + maps.failed);
    expect({ compared: exact.compared, equal: exact.equal }).toEqual({ compared: row.bounces, equal: row.bounces });
    expect(exact.decisions.equal).toBe(exact.decisions.compared);
    expect(exact.refusals).toEqual({ compared: row.refusals ?? 0, equal: row.refusals ?? 0 });
    expect(exact.corrections).toBe(0);
    expect(xen.addresses).toMatchObject({ compared: row.pages, equal: row.pages });
    expect(xen.addresses.unknownBecause).toEqual(row.unknown ?? {});
    expect(xen.originals.equal).toBe(xen.originals.compared);
    expect(xen.originals.compared).toBe(maps.bounced + maps.failed);
    expect(xen.causes).toEqual({ forced: 0, mask: 0, straddle: 0, small: 0, unknown: 0, ...row.causes });
    expect(xen.straddledDirect).toBe(0);
    const usedAs = (what: RegExp) => xen.files.filter((f) => what.test(f.used)).map((f) => f.name);
    expect(usedAs(/^state of the pool before/)).toEqual([row.begins]);
    expect(usedAs(/^P2M from before/)).toEqual([row.p2m]);
    if (row.end === null) expect(xen.end.pool).toBeNull();
    else {
      const [hiwater, index] = row.end;
      expect(xen.end.pool).toMatchObject({ used: [0, 0], hiwater: [hiwater, hiwater], index: [[index, index]] });
    }
    if (xen.end.p2m !== null) expect(xen.end.p2m.equal).toBe(xen.end.p2m.compared);
  });
}

describe("what is particular to each", () => {
  test("slot sets lie in one piece each, in no order, as the kernel had them exchanged", async () => {
    const { xen } = await replayed("dom0-scatter/edu");
    expect(xen.slotSets).toMatchObject({ total: 256, contiguous: 256, broken: 0, unknown: 0, inSequence: 0 });
    expect(xen.slotSets).toMatchObject({ lowest: 0x100, highest: 0x7fff });
    expect(xen.poolFrames).toEqual({ p2m: { compared: 16384, equal: 16384 }, m2p: { compared: 16384, equal: 16384 } });
  });

  test("a straddle is told with the frames that break", async () => {
    const { xen } = await replayed("dom0-scatter/edu");
    const last = xen.straddles.find((s) => s.size === 12)!;
    expect(last.phys).toBe(0x481d9ffa);
    expect(last.frames).toEqual([
      { pfn: 0x481d9, mfn: 0x5cd47 },
      { pfn: 0x481da, mfn: 0x7ae68 },
    ]);
    expect(xen.straddles.length).toBe(10);
    for (const { frames } of xen.straddles) {
      expect(frames.some((f, k) => k > 0 && f.mfn !== frames[k - 1]!.mfn + 1)).toBe(true);
    }
  });

  test("foreign frames with numbers of the pool: what the M2P alone would mistake", async () => {
    const { xen } = await replayed("domu-overlap/full");
    expect(xen.overlap).toMatchObject({ maps: 4, frames: 2, sameNumber: 0 });
    expect(xen.overlap.examples[0]).toMatchObject({ mfn: 0x4601d, ownerPfn: 0x1be1d, pfn: 0x2fffd, slot: 6202 });
    expect((await replayed("domu-nvme-nopers/full")).xen.overlap.maps).toBe(0);
  });

  test("grants mapped, unmapped and alive", async () => {
    const { xen } = await replayed("domu-nvme-nopers/full");
    expect(xen.grants).toMatchObject({ mapped: 410, failed: 0, unmapped: 410, notShown: 0, unmappedUnseen: 0 });
    expect(xen.grants).toMatchObject({ aliveBefore: 2, aliveAtEnd: 2 });
    expect(xen.foreign).toEqual({
      maps: 347,
      bounced: 0,
      refused: 0,
      undecided: 0,
      domains: [{ domain: 1, maps: 347 }],
    });
  });

  test("without probes the owner is known from the guest's own dump", async () => {
    const { xen } = await replayed("domu-nvme-nopers/plain");
    expect(xen.foreign.domains).toEqual([{ domain: 1, maps: 337 }]);
  });

  test("refusals without an event are as many as the kernel's probe counts", async () => {
    const { xen, pool } = await replayed("dom0-small-force/stress");
    expect(xen.refusals).toEqual({ recorded: 2156, lists: 144 });
    expect(xen.searches).toEqual({ kernel: 4820, kernelRefused: 2156 + 144 });
    expect(pool!.refusedLists.length).toBe(144);
  });

  test("a driver that changes its alignment is followed", async () => {
    const { machine } = await replayed("dom0-scatter/edu");
    expect(machine.evidence.filter((e) => e.includes("min_align_mask"))).toEqual([
      expect.stringContaining("0xfff from 74.535027 s on"),
      expect.stringContaining("0x0 from 74.763945 s on"),
    ]);
  });
});
