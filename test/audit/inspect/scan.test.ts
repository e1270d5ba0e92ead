/** Device tables found by their form, in the recorded machines' memories. */
import { describe, expect, it } from "vitest";
import { type ScanCandidate, scanImage } from "../../../src/audit/inspect/scan/scan_image.js";
import { mfn, Rng } from "../../../src/base/index.js";
import { captures, imageOf, segmentsOf, unitOf } from "../../table/device/captured.js";

describe("a memory without registers", () => {
  it.each(captures)("%s: the unit is found", async (name) => {
    const found = await scanImage(imageOf(segmentsOf(name)));
    const { kind, root, size, split } = unitOf(name);
    // What is said of each candidate, chosen or not.
    expect(found).toMatchSnapshot();
    expect(found.filter((c) => c.chosen).map(({ unit: u }) => [u.kind, u.root, u.size, u.split])).toEqual([
      [kind, root, size, split],
    ]);
  });
});

/** A memory of 4 MiB around a recorded machine's tables, for what real memories hold beside them. */
class Around {
  readonly frames = new Map<number, Uint32Array>();

  constructor(name: string) {
    for (const { first, frameCount, words } of segmentsOf(name)) {
      for (let n = 0; n < frameCount; n++) this.frames.set(first + n, words.slice(n * 1024, n * 1024 + 1024));
    }
  }

  copy(from: number, to: number): void {
    this.frames.set(to, this.frames.get(from)!.slice());
  }

  at(frame: number): Uint32Array {
    let words = this.frames.get(frame);
    if (words === undefined) {
      words = new Uint32Array(1024);
      this.frames.set(frame, words);
    }
    return words;
  }

  scan(): Promise<ScanCandidate[]> {
    return scanImage(imageOf([...this.frames].map(([frame, words]) => ({ first: mfn(frame), frameCount: 1, words }))));
  }
}

const chosen = (found: readonly ScanCandidate[]) => found.filter((c) => c.chosen).map((c) => c.unit.root);
const scanned = async (around: Around) => chosen(await around.scan());

describe("what lies beside the tables", () => {
  /** The frame of the root, and one far away. */
  const root = (name: string) => unitOf(name).root / 4096;
  const elsewhere = 0x20000;

  it.each(captures)("%s: noise, text, processor tables", async (name) => {
    const around = new Around(name);
    const rng = new Rng(3);
    for (let f = 0; f < 200; f++) {
      const words = around.at(elsewhere + f);
      for (let w = 0; w < 1024; w += 2) {
        // In turn: noise, sparse noise, a processor's page table, small numbers, pointers of a kernel.
        const kind = f % 5;
        if (kind === 0 || (kind === 1 && rng.below(50) === 0)) words[w] = rng.below(2 ** 32);
        if (kind === 2) words[w] = (((elsewhere + rng.below(200)) << 12) | 0x67) >>> 0;
        if (kind === 3) words[w] = rng.below(12);
        if (kind === 4 && rng.below(4) === 0) [words[w], words[w + 1]] = [rng.below(2 ** 32) & ~7, 0xffff8880];
      }
    }
    expect(await scanned(around)).toEqual([unitOf(name).root]);
  });

  it.each(["vtd-legacy-strict", "vtd-scalable", "smmuv3"] as const)(
    "%s: of two alike roots, the one with pointers to it",
    async (name) => {
      for (const stale of [elsewhere, 0x10]) {
        const around = new Around(name);
        around.copy(root(name), stale);
        // A driver's pointer into the kernel's map of memory, and the bus address.
        const words = around.at(0x30000);
        [words[10], words[11]] = [root(name) * 4096, 0xffff8880];
        [words[20], words[21]] = [root(name) * 4096, 0];
        const found = await around.scan();
        expect(chosen(found)).toEqual([unitOf(name).root]);
        expect(found.map((c) => c.unit.root)).toContain(stale * 4096);
        expect(found.at(-1)!.because).toContain("0 pointers to it");
      }
    },
  );

  it("a copy of root and context tables whose page tables were used for something else", async () => {
    const around = new Around("vtd-legacy-strict");
    const r = root("vtd-legacy-strict");
    const context = around.at(r)[0]! >>> 12;
    around.copy(r, elsewhere);
    around.copy(context, elsewhere + 1);
    around.at(elsewhere)[0] = ((elsewhere + 1) << 12) | 1;
    const old = around.at(elsewhere + 1);
    for (let w = 0, n = 0; w < 1024; w += 4) {
      if ((old[w]! & 1) === 0) continue;
      old[w] = ((elsewhere + 2 + n) << 12) | 1;
      around.at(elsewhere + 2 + n++).fill(0x6b6b6b6b);
    }
    expect(await scanned(around)).toEqual([r * 4096]);
  });

  /** Root, contexts and top page tables once more, from `to` on; returns the frames of the page tables. */
  function deepCopy(around: Around, to: number): number[] {
    const r = root("vtd-legacy-strict");
    around.copy(r, to);
    around.copy(around.at(r)[0]! >>> 12, to + 1);
    around.at(to)[0] = ((to + 1) << 12) | 1;
    const own = around.at(to + 1);
    const tables: number[] = [];
    for (let w = 0; w < 1024; w += 4) {
      if ((own[w]! & 1) === 0) continue;
      const table = to + 2 + tables.length;
      around.copy(own[w]! >>> 12, table);
      own[w] = ((table << 12) | 1) >>> 0;
      tables.push(table);
    }
    return tables;
  }

  it("an earlier kernel's tables for the same devices, some of them used for something else", async () => {
    const around = new Around("vtd-legacy-strict");
    // Below the true one, so that nothing but what they hold tells them apart.
    const tables = deepCopy(around, 0x100);
    const filled = tables.filter((f) => around.at(f).some((w) => w !== 0));
    around.at(filled[0]!).fill(0x6b6b6b6b);
    const found = await around.scan();
    expect(chosen(found)).toEqual([unitOf("vtd-legacy-strict").root]);
    // Nobody points to either: what cannot be believed is what lowers the score.
    expect(found.find((c) => c.unit.root === 0x100000)!.score).toBeLessThan(0.7 * found[0]!.score);
  });

  it("an earlier kernel's tables, whole: one of the two is chosen", async () => {
    const around = new Around("vtd-legacy-strict");
    deepCopy(around, 0x100);
    [around.at(0x30000)[10], around.at(0x30000)[11]] = [unitOf("vtd-legacy-strict").root, 0xffff8880];
    expect(await scanned(around)).toEqual([unitOf("vtd-legacy-strict").root]);
  });

  it("more pointers to the second level of a stream table than to the first", async () => {
    const around = new Around("smmuv3");
    const words = around.at(0x90000);
    for (let n = 0; n < 10; n += 2) [words[n], words[n + 1]] = [0x5be20000, 0];
    expect(await scanned(around)).toEqual([unitOf("smmuv3").root]);
  });

  it("two units, each with devices of its own", async () => {
    const around = new Around("vtd-legacy-strict");
    const r = root("vtd-legacy-strict");
    const context = around.at(r)[0]! >>> 12;
    around.copy(context, elsewhere + 1);
    around.at(elsewhere)[4 * 7] = ((elsewhere + 1) << 12) | 1;
    // Page tables of its own: the first level's copies lead to the same second ones, which are no device structures.
    const own = around.at(elsewhere + 1);
    for (let w = 0, n = 0; w < 1024; w += 4) {
      if ((own[w]! & 1) === 0) continue;
      around.copy(own[w]! >>> 12, elsewhere + 2 + n);
      own[w] = ((elsewhere + 2 + n++) << 12) | 1;
    }
    expect((await scanned(around)).toSorted()).toEqual([r * 4096, elsewhere * 4096].toSorted());
  });

  it("a device table of 2 MiB with few devices", async () => {
    const around = new Around("amdvi");
    const table = unitOf("amdvi").root / 4096;
    const base = 0x40000;
    // Entries of devices that are not there: zeros, V and TV, or V alone, as kernels leave them.
    for (let f = 0; f < 512; f++) {
      const words = around.at(base + f);
      for (let w = 0; w < 1024; w += 8) words[w] = [0, 3, 1][f % 3]!;
    }
    around.copy(table, base);
    around.copy(table + 1, base + 0x1a7);
    around.frames.delete(table);
    around.frames.delete(table + 1);
    const found = (await around.scan()).filter((c) => c.chosen);
    expect(found.map((c) => [c.unit.root, c.unit.size])).toEqual([[base * 4096, 512 * 4096]]);
  });

  it("a linear stream table", async () => {
    const around = new Around("smmuv3");
    around.frames.delete(root("smmuv3"));
    const found = (await around.scan()).filter((c) => c.chosen);
    expect(found.map(({ unit: u }) => [u.mode, u.root, u.size])).toEqual([["linear", 0x5be20000, 8]]);
  });

  it.each([9, 2])("%i devices that all pass untranslated", async (count) => {
    const around = new Around("vtd-legacy-strict");
    const context = around.at(around.at(root("vtd-legacy-strict"))[0]! >>> 12);
    let left: number = count;
    for (let w = 0; w < 1024; w += 4) if ((context[w]! & 1) !== 0) context[w] = left-- > 0 ? 9 : 0;
    expect(await scanned(around)).toEqual([root("vtd-legacy-strict") * 4096]);
  });

  it("nothing but processor tables", async () => {
    const around = new Around("vtd-scalable-fs");
    around.frames.delete(root("vtd-scalable-fs"));
    expect(await around.scan()).toEqual([]);
  });
});
