/** Xen recordings as the command takes them: dumps found, named, missing, damaged; cut recordings; the document. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { type ReplayFlags, replayFile } from "../../../src/cli/run/replay_file.js";
import { probeNames } from "../../../src/read/probes/probes.js";
import { runDocument, runLines, runSchema } from "../../../src/report/index.js";
import { pageData } from "../../../src/report/recording/page/page_data.js";
import { textToDat } from "../../read/xen/text_to_dat.js";
import { long } from "../../tier.js";
import { quiet } from "../called.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-xen-"));
afterAll(() => rmSync(folder, { recursive: true }));
let folders = 0;

/** A folder with files of a fixture under other names. */
function laid(recording: string, files: Readonly<Record<string, string>>): string {
  const into = join(folder, `${folders++}`);
  mkdirSync(into);
  for (const [name, from] of Object.entries(files)) copyFileSync(`fixtures/${recording}/${from}`, join(into, name));
  return into;
}

const textOf = (path: string) => gunzipSync(readFileSync(`fixtures/${path}`)).toString();

async function run(path: string, flags: ReplayFlags = {}) {
  const report = await replayFile(path, { sizes: [512], ...flags }, quiet());
  const document = runSchema.parse(JSON.parse(JSON.stringify(runDocument(report))));
  return { report, document, exact: document.exact, xen: document.xen! };
}

const stress = { "x.trace.txt.gz": "stress.trace.txt.gz" };

describe("dumps", () => {
  test.skipIf(!long)("named ones are used, whatever they are called", async () => {
    const at = laid("xen-dom0-small-force", {
      ...stress,
      "one.gz": "full.p2m.txt.gz",
      "two.gz": "full.swiotlb.txt.gz",
    });
    const { exact, xen } = await run(join(at, "x.trace.txt.gz"), { p2m: join(at, "one.gz"), pool: join(at, "two.gz") });
    expect(exact).toMatchObject({ compared: 2520, equal: 2520 });
    expect(xen.originals).toMatchObject({ compared: 4676, equal: 4676 });
    expect(xen.files.map((f) => f.name)).toEqual(["one.gz", "two.gz"]);
  });

  test("a pool named that is of the end is not taken for the beginning", async () => {
    const at = laid("xen-dom0-small-force", { ...stress, "end.gz": "stress.swiotlb.txt.gz" });
    const { exact, xen } = await run(join(at, "x.trace.txt.gz"), { pool: join(at, "end.gz") });
    expect(exact).toMatchObject({ compared: 2519, equal: 2519 });
    expect(exact.note).toMatch(/1 bounce is not compared: where searches began was learnt from it/);
    expect(xen.end.pool).toMatchObject({ hiwater: { kernel: 512, model: 512 }, index: [{ kernel: 392, model: 392 }] });
  });

  test.skipIf(!long)("phases of other names: which dump is of before shows in the addresses", async () => {
    const names = { "rec.txt.gz": "stress.trace.txt.gz", "a.swiotlb.txt.gz": "stress.swiotlb.txt.gz" };
    const at = laid("xen-dom0-small-force", {
      ...names,
      "b.swiotlb.txt.gz": "full.swiotlb.txt.gz",
      "c.swiotlb.txt.gz": "blocked.swiotlb.txt.gz",
    });
    const { exact, xen } = await run(join(at, "rec.txt.gz"));
    expect(exact).toMatchObject({ compared: 2520, equal: 2520 });
    expect(xen.files.find((f) => f.used.startsWith("state of the pool before"))?.name).toBe("b.swiotlb.txt.gz");
  });

  const bad: readonly [flag: "p2m" | "m2p" | "pool", message: RegExp][] = [
    ["p2m", /bad: line 1: expected a P2M run/],
    ["m2p", /bad: line 1: expected an M2P run/],
    ["pool", /bad: line 1: expected a line of a pool's dump/],
  ];
  for (const [flag, message] of bad) {
    test(`--${flag} that is none is one clear line`, async () => {
      const at = laid("xen-dom0-small-force", { "x.trace.txt.gz": "edu.trace.txt.gz" });
      writeFileSync(join(at, "bad"), "hello there\n");
      const done = run(join(at, "x.trace.txt.gz"), { [flag]: join(at, "bad") });
      await expect(done).rejects.toThrow(expect.objectContaining({ name: "Unreadable" }));
      await expect(done).rejects.toThrow(message);
    });
  }

  test("found ones that are damaged are passed over, and it is said", async () => {
    const at = laid("xen-dom0-small-force", { "edu.trace.txt.gz": "edu.trace.txt.gz" });
    writeFileSync(join(at, "boot.p2m.txt"), "garbage\n");
    const cut = readFileSync("fixtures/xen-dom0-small-force/stress.swiotlb.txt.gz").subarray(0, 60);
    writeFileSync(join(at, "stress.swiotlb.txt.gz"), cut);
    const { document, xen } = await run(join(at, "edu.trace.txt.gz"));
    expect(document.source.warnings.map((w) => w.where)).toEqual(["boot.p2m.txt", "stress.swiotlb.txt.gz"]);
    expect(xen.files.every((f) => f.used.startsWith("passed over"))).toBe(true);
  });

  test("a P2M of another boot predicts nothing", async () => {
    const at = laid("xen-dom0-scatter", { "plain.trace.txt.gz": "plain.trace.txt.gz" });
    copyFileSync("fixtures/xen-domu-overlap/boot.p2m.txt.gz", join(at, "boot.p2m.txt.gz"));
    const { xen } = await run(join(at, "plain.trace.txt.gz"));
    expect(xen.addresses).toMatchObject({ compared: 0, unknown: 3729 });
    expect(xen.notes.join()).toMatch(/boot.p2m.txt.gz is not used: it agrees with \d+ of \d+ pages/);
  });
});

describe("recordings", () => {
  test("nothing but the recording: the pool is learnt from the probes, pages are unknown", async () => {
    const { exact, xen } = await run(join(laid("xen-dom0-small-force", stress), "x.trace.txt.gz"));
    expect(exact).toMatchObject({ compared: 2519, equal: 2519, refusals: { compared: 2156, equal: 2156 } });
    expect(xen.originals).toMatchObject({ compared: 0, unknown: 4676 });
    expect(xen.slotSets).toBeNull();
    expect(xen.overlap.maps).toBeNull();
  });

  test.skipIf(!long)("one that begins in the midst of its phase", async () => {
    const at = laid("xen-dom0-small-force", {
      "full.swiotlb.txt.gz": "full.swiotlb.txt.gz",
      "full.p2m.txt.gz": "full.p2m.txt.gz",
    });
    const lines = textOf("xen-dom0-small-force/stress.trace.txt.gz").split("\n");
    writeFileSync(join(at, "stress.trace.txt"), [...lines.slice(0, 11), ...lines.slice(9000)].join("\n"));
    const { exact, xen } = await run(join(at, "stress.trace.txt"));
    expect(xen.notes.join()).toMatch(/no dump of the pool predicts the first bounces/);
    expect(exact.compared).toBeGreaterThan(1700);
    expect(exact.equal / exact.compared).toBeGreaterThan(0.99);
    expect(exact.refusals.equal / exact.refusals.compared).toBeGreaterThan(0.99);
  });

  test("lost events: what they may have changed is unknown, the rest is still right", async () => {
    const names = readdirSync("fixtures/xen-domu-nvme-nopers").filter((n) => !n.startsWith("full.trace"));
    const at = laid("xen-domu-nvme-nopers", Object.fromEntries(names.map((n) => [n, n])));
    const lines = textOf("xen-domu-nvme-nopers/full.trace.txt.gz").split("\n");
    lines.splice(1500, 500, "CPU:0 [LOST 500 EVENTS]");
    writeFileSync(join(at, "full.trace.txt"), lines.join("\n"));
    const { xen } = await run(join(at, "full.trace.txt"));
    expect(xen.addresses.equal).toBe(xen.addresses.compared);
    expect(xen.frames.unknownBecause).toEqual({ "events-lost": xen.addresses.unknown });
    expect(xen.addresses.unknown).toBeGreaterThan(0);
  });

  test("without probes and without swiotlb events, bounces are told by their addresses", async () => {
    const names = ["full.swiotlb.txt.gz", "edu.p2m.txt.gz", "full.p2m.txt.gz", "edu.dmesg.txt.gz"];
    const at = laid("xen-dom0-scatter", Object.fromEntries(names.map((n) => [n, n])));
    const lines = textOf("xen-dom0-scatter/edu.trace.txt.gz").split("\n");
    writeFileSync(join(at, "edu.trace.txt"), lines.filter((l) => /^#|: dma_/.test(l)).join("\n"));
    const { document, exact, xen } = await run(join(at, "edu.trace.txt"));
    expect(document.maps).toMatchObject({ bounced: 10, translated: 15 });
    expect(exact).toMatchObject({ compared: 10, equal: 10 });
    expect(xen.causes.straddle).toBe(10);
  });

  test.skipIf(!long)("trace.dat gives what its text gives", async () => {
    const files = {
      "ready.p2m.txt.gz": "ready.p2m.txt.gz",
      "full.m2p.txt.gz": "full.m2p.txt.gz",
      "ready.swiotlb.txt.gz": "ready.swiotlb.txt.gz",
    };
    const at = laid("xen-domu-overlap", files);
    const text = textOf("xen-domu-overlap/full.trace.txt.gz");
    const names = new Set([...probeNames, "dma_map_phys", "dma_unmap_phys"]);
    writeFileSync(join(at, "full.trace.dat"), textToDat(text, names));
    writeFileSync(join(at, "full.trace.txt"), text);
    const [binary, plain] = [await run(join(at, "full.trace.dat")), await run(join(at, "full.trace.txt"))];
    expect(binary.document.source.format).toBe("trace.dat");
    expect(binary.xen.addresses).toMatchObject({ compared: 483, equal: 483 });
    expect(binary.document.maps).toEqual(plain.document.maps);
    expect({ ...binary.xen, files: [] }).toEqual({ ...plain.xen, files: [] });
  });

  test.skipIf(!long)("the same of Arm, with its probes of the cache", async () => {
    const at = laid("xen-arm-domu-overlap", {
      "ready.p2m.txt.gz": "ready.p2m.txt.gz",
      "ready.swiotlb.txt.gz": "ready.swiotlb.txt.gz",
    });
    const text = textOf("xen-arm-domu-overlap/full.trace.txt.gz");
    const names = new Set([...probeNames, "dma_map_phys", "dma_unmap_phys"]);
    writeFileSync(join(at, "full.trace.dat"), textToDat(text, names));
    const binary = await run(join(at, "full.trace.dat"));
    expect(binary.xen.addresses).toMatchObject({ compared: 569, equal: 569 });
    expect(binary.xen.grants).toMatchObject({ mapped: 560, unmapped: 560, aliveAtEnd: 2 });
    expect(binary.xen.cache).toMatchObject({ calls: { clean: 260, invalidate: 520, failed: 0 } });
    expect(binary.xen.cache!.wrong).toMatchObject({ unmaps: 40, invalidated: 20 });
  });

  test("Arm, with nothing but the log: foreign pages are told by their addresses, an own page is its number", async () => {
    const at = laid("xen-arm-domu-nvme-nopers", {
      "plain.trace.txt.gz": "plain.trace.txt.gz",
      "plain.dmesg.txt.gz": "plain.dmesg.txt.gz",
    });
    const { document, xen } = await run(join(at, "plain.trace.txt.gz"));
    expect(document.maps).toMatchObject({ total: 427, direct: 75, foreign: 352, translated: 0 });
    expect(xen).toMatchObject({ memory: "direct", own: { maps: 75 }, foreign: { maps: 352, undecided: 0 } });
    expect(xen.frames.unknownBecause).toEqual({ "grants-not-recorded": 352 });
  });
});

test("the reports tell it: lines, and the page's data", async () => {
  const { report } = await run("fixtures/xen-domu-overlap/full.trace.txt.gz");
  const lines = runLines(report, { color: false, width: 200 }).join(" ").replace(/ +/g, " ");
  expect(lines).toMatch(/Exact: 483 of 483 bus addresses of pages are the kernel's own/);
  expect(lines).toMatch(/4 mappings of 2 foreign frames whose number in their owner is one of this domain's pool/);
  expect(lines).toMatch(/page 0x2fffd here, 0x1be1d in its owner, where this domain has slot 6,202/);
  expect(pageData(report).xen?.facts.map((f) => f.name)).toEqual([
    "addresses",
    "foreign",
    "grants",
    "pool",
    "hazard",
    "at the end",
  ]);
  expect(pageData((await run("fixtures/swiotlb-force/trace.txt.gz")).report).xen).toBeNull();
});
