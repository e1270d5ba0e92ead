/** Recordings of a real Xen on Arm: own pages where they are numbered, foreign ones by the tree, and the cache. */
import { describe, expect, test } from "vitest";
import { replayFile } from "../../../src/cli/run/replay_file.js";
import type { ReplayOutcome } from "../../../src/lab/replay/told/outcome.js";
import type { XenOutcome } from "../../../src/lab/replay/xen/outcome.js";
import { verdictOf } from "../../../src/report/recording/words/verdict.js";
import { quiet } from "../../cli/called.js";
import { whole } from "../../whole.js";

async function replayed(recording: string) {
  const report = await replayFile(`fixtures/xen-arm-${recording}.trace.txt.gz`, { sizes: [512] }, quiet());
  expect(whole(report.outcome)).toMatchSnapshot();
  return { ...(report.outcome as ReplayOutcome & { xen: XenOutcome }), verdict: verdictOf(report) };
}

interface Row {
  readonly recording: string;
  readonly maps: Partial<ReplayOutcome["maps"]>;
  readonly own: XenOutcome["own"];
  readonly foreign: Partial<XenOutcome["foreign"]>;
  readonly causes?: Partial<XenOutcome["causes"]>;
  /** Bus addresses that the tree tells, and those that it cannot. */
  readonly pages: number;
  readonly unknown?: Readonly<Record<string, number>>;
  readonly refusals?: number;
  readonly tree: string;
  readonly pool: string;
}

const rows: readonly Row[] = [
  {
    ...{
      recording: "domu-nvme-nopers/full",
      maps: { total: 424, direct: 86, foreign: 338, translated: 0 },
      pages: 424,
    },
    ...{ own: { maps: 86, bounced: 0, refused: 0 }, foreign: { maps: 338, bounced: 0, undecided: 0 } },
    ...{ tree: "ready.p2m.txt.gz", pool: "ready.swiotlb.txt.gz" },
  },
  {
    ...{
      recording: "domu-nvme-nopers/plain",
      maps: { total: 427, direct: 75, foreign: 352, translated: 0 },
      pages: 75,
    },
    ...{ own: { maps: 75, bounced: 0, refused: 0 }, foreign: { maps: 352, bounced: 0, undecided: 0 } },
    ...{ unknown: { "grants-not-recorded": 352 }, tree: "full.p2m.txt.gz", pool: "full.swiotlb.txt.gz" },
  },
  {
    ...{ recording: "domu-overlap/full", maps: { total: 569, direct: 9, foreign: 560, translated: 0 }, pages: 569 },
    ...{ own: { maps: 9, bounced: 0, refused: 0 }, foreign: { maps: 560, bounced: 0, undecided: 0 } },
    ...{ tree: "ready.p2m.txt.gz", pool: "ready.swiotlb.txt.gz" },
  },
  {
    ...{ recording: "dom0-noncoherent/drv", maps: { total: 48, direct: 16, bounced: 32 }, pages: 16 },
    ...{ own: { maps: 16, bounced: 32, refused: 0 }, foreign: { maps: 0, bounced: 0 }, causes: { mask: 32 } },
    ...{ tree: "boot.p2m.txt.gz", pool: "boot.swiotlb.txt.gz" },
  },
  {
    ...{ recording: "dom0-noncoherent/edu", maps: { total: 23, direct: 4, bounced: 18, failed: 1 }, pages: 4 },
    ...{
      own: { maps: 4, bounced: 18, refused: 1 },
      foreign: { maps: 0, bounced: 0 },
      causes: { mask: 19 },
      refusals: 1,
    },
    ...{ tree: "drv.p2m.txt.gz", pool: "stress.swiotlb.txt.gz" },
  },
];

describe("every address is the kernel's own", () => {
  for (const row of rows) {
    test(row.recording, async () => {
      const { maps, exact, xen } = await replayed(row.recording);
      expect(xen.memory).toBe("direct");
      expect(maps).toMatchObject(row.maps);
      expect(xen.own).toEqual(row.own);
      expect(xen.foreign).toMatchObject({ refused: 0, ...row.foreign });
      expect(xen.addresses).toMatchObject({ compared: row.pages, equal: row.pages });
      expect(xen.addresses.unknownBecause).toEqual(row.unknown ?? {});
      const bounces = maps.bounced;
      expect(exact).toMatchObject({ compared: bounces, equal: bounces, corrections: 0 });
      expect(exact.refusals).toEqual({ compared: row.refusals ?? 0, equal: row.refusals ?? 0 });
      expect(exact.decisions.equal).toBe(exact.decisions.compared);
      expect(xen.originals).toEqual({ compared: bounces + maps.failed, equal: bounces + maps.failed, unknown: 0 });
      expect(xen.causes).toEqual({ forced: 0, mask: 0, straddle: 0, small: 0, unknown: 0, ...row.causes });
      expect(xen.overlap.maps).toBe(0);
      const usedAs = (what: RegExp) => xen.files.filter((f) => what.test(f.used)).map((f) => f.name);
      expect(usedAs(/^tree of foreign pages from before/)).toEqual([row.tree]);
      expect(usedAs(/^state of the pool before/)).toEqual([row.pool]);
      if (xen.end.p2m !== null) expect(xen.end.p2m.equal).toBe(xen.end.p2m.compared);
      if (xen.end.pool !== null) {
        expect(xen.end.pool.hiwater[1]).toBe(xen.end.pool.hiwater[0]);
        for (const [kernel, model] of xen.end.pool.index) expect(model).toBe(kernel);
      }
    });
  }
});

describe("grants and the cache", () => {
  test("each grant is one change of the tree, with the domain and reference of its operation", async () => {
    const { xen } = await replayed("domu-nvme-nopers/full");
    expect(xen.grants).toMatchObject({ mapped: 410, failed: 0, unmapped: 410, notShown: 0, unmappedUnseen: 0 });
    expect(xen.grants).toMatchObject({ aliveBefore: 2, aliveAtEnd: 2 });
    expect(xen.grants.alive.map((g) => [g.pfn, g.mfn])).toEqual([
      [0xc51f7, 0xffa53],
      [0xc51f8, 0xffa54],
    ]);
    expect(xen.foreign.domains).toEqual([{ domain: 1, maps: 338 }]);
    expect(xen.end.p2m).toEqual({ compared: 86, equal: 86 });
    expect(xen.cache).toBeNull();
  });

  test("maintained by the CPU for slots and own pages, by the hypervisor for foreign ones", async () => {
    const { cache } = (await replayed("dom0-noncoherent/drv")).xen;
    expect(cache).toMatchObject({ before: { own: 16, slots: 32, foreignByXen: 0 }, after: { slots: 32, idle: 2 } });
    const overlap = (await replayed("domu-overlap/full")).xen.cache;
    expect(overlap).toMatchObject({ before: { own: 9, slots: 0, foreignByCpu: 40, foreignByXen: 520 } });
    expect(overlap).toMatchObject({ calls: { clean: 260, invalidate: 520, failed: 0 }, after: { foreignByXen: 260 } });
  });

  test("a foreign frame whose number is a page here: the wrong page is invalidated, and it is told as that", async () => {
    const { xen, verdict } = await replayed("domu-overlap/full");
    expect(xen.cache!.wrong).toMatchObject({ unmaps: 40, syncs: 0, invalidated: 20, inUse: 0, frames: 20 });
    const one = xen.cache!.wrong.examples.find((w) => w.invalidates)!;
    expect(one).toMatchObject({ size: 4096, inUse: false });
    expect(one.right).not.toBe(one.wrong);
    expect(verdict.tone).toBe("trouble");
    expect(verdict.headline).toMatch(/cache of a wrong page was invalidated 20 times/);
    for (const other of ["domu-nvme-nopers/full", "dom0-noncoherent/drv", "dom0-noncoherent/edu"]) {
      expect((await replayed(other)).xen.cache?.wrong.unmaps ?? 0).toBe(0);
    }
  });
});
