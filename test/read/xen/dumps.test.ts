/** Dumps of a Xen domain's memory: what they say, and one clear line for what is none. */
import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/read/bytes.js";
import { readGuestP2m } from "../../../src/read/xen/guest_p2m_file.js";
import { readM2p } from "../../../src/read/xen/m2p_file.js";
import { FrameKind, readP2m } from "../../../src/read/xen/p2m_file.js";
import { readPoolFile } from "../../../src/read/xen/pool_file.js";
import { fixture } from "../../lab/replayed.js";

const source = (text: string) => memorySource("dump", new TextEncoder().encode(text));
const p2m = (text: string) => readP2m(source(text));

describe("P2M", () => {
  const table = p2m("# remark\n0 80 L 68000 v\n80 80 I 80 v\n3fffe 2 F 79602 v\n40000 10 X 0 v\n");
  const rows: readonly [what: string, pfn: number, kind: FrameKind, mfn: number][] = [
    ["the first frame of a run", 0, FrameKind.local, 0x68000],
    ["its last one", 0x7f, FrameKind.local, 0x6807f],
    ["an identity frame stands for itself", 0x81, FrameKind.identity, 0x81],
    ["a foreign frame is another domain's", 0x3ffff, FrameKind.foreign, 0x79603],
    ["an invalid one stands for nothing", 0x40005, FrameKind.invalid, Number.NaN],
    ["one that no run holds is not known", 0x500, FrameKind.unknown, Number.NaN],
    ["nor one after the last run", 0x40010, FrameKind.unknown, Number.NaN],
  ];
  for (const [what, pfn, kind, mfn] of rows) {
    test(what, () => {
      expect(table.kind(pfn)).toBe(kind);
      expect(table.frame(pfn)).toBe(mfn);
    });
  }

  test("runs may come in any order", () => {
    expect(p2m("10 1 L 9\n0 2 L 5\n").frame(1)).toBe(6);
  });

  const bad: readonly [what: string, text: string, message: RegExp][] = [
    ["an empty dump", "# nothing\n", /expected a P2M dump, found not one run/],
    ["a kind that there is none of", "0 1 Q 5\n", /line 1: expected a P2M run .*, found "0 1 Q 5"/],
    ["a local run without its frame", "# x\n0 1 L\n", /line 2: expected a P2M run/],
    ["an empty run", "0 0 L 5\n", /line 1: expected a run of at least one frame/],
    ["two runs for one frame", "0 8 L 5\n4 1 L 9\n", /expected each frame once, found frame 0x4 in two runs/],
    ["an M2P", "0 100 C ffffffffffffffff\n", /line 1: expected a P2M run/],
    ["bytes that are no text", "0 1 L 5\n\0\0\0\n", /line 2: expected text/],
  ];
  for (const [what, text, message] of bad) {
    test(`${what} is refused with its line`, () => {
      expect(() => p2m(text)).toThrow(message);
      expect(() => p2m(text)).toThrow(expect.objectContaining({ name: "Unreadable" }));
    });
  }
});

describe("M2P", () => {
  const table = readM2p(source("0 100 C ffffffffffffffff\n100 40 P 2acc0\n140 4 C 55\n150 8 E\n"));
  const rows: readonly [what: string, mfn: number, owner: number][] = [
    ["frames count up in a run", 0x105, 0x2acc5],
    ["all ones is no frame", 0x20, Number.NaN],
    ["a constant is the same for all", 0x143, 0x55],
    ["a hole is not known", 0x151, Number.NaN],
    ["beyond the table nothing is known", 0x900, Number.NaN],
  ];
  for (const [what, mfn, owner] of rows) test(what, () => expect(table.owner(mfn)).toBe(owner));

  test("a line of another kind is refused", () => {
    expect(() => readM2p(source("100 40 L 5 v\n"))).toThrow(/line 1: expected an M2P run/);
  });
});

describe("a guest's P2M", () => {
  const text =
    " --- Dumping P2M for domain 7 ---\n  pfn=0x0 ==> mfn=0x7bc00 (type 0x0)\n  pfn=0x1 ==> mfn=0x7bc01 (type 0x0)\n  pfn=0x9 ==> mfn=0x500 (type 0x9) pinned L1\n";
  test("machine frames are found by their owner", () => {
    const guest = readGuestP2m(source(text));
    expect(guest.owner(0x7bc01)).toEqual({ domain: 7, pfn: 1 });
    expect(guest.owner(0x500)).toEqual({ domain: 7, pfn: 9 });
    expect(guest.owner(0x501)).toBeNull();
  });
  test("a whole one is read", () => {
    const guest = readGuestP2m(memorySource("dump", fixture("xen-domu-nvme-nopers/full.domu-p2m.txt.gz")));
    expect(guest.owner(0x7bc10)).toEqual({ domain: 1, pfn: 0x10 });
  });
  test("another text is refused", () => {
    expect(() => readGuestP2m(source("hello\n"))).toThrow(/expected a guest's P2M/);
  });
});

describe("the pool", () => {
  const text = [
    "# nslabs=512 force_bounce=1 for_alloc=0 total_used=3 used_hiwater=259",
    "# pool start=3e700000 end=3e800000 nslabs=512 late=0 nareas=2 area_nslabs=256",
    "area 0 used=3 index=363",
    "area 1 used=0 index=0",
    "frames pfn=3e700 n=40 mfn=1c0",
    "slot 7 orig=7943040 alloc_size=3000 list=0 pad=0",
    "slot 8 orig=7943840 alloc_size=952 list=0 pad=0",
    "slot 9 orig=ffffffffffffffff alloc_size=1522 list=0 pad=0",
  ].join("\n");
  test("bounds, areas, frames and slots", () => {
    expect(readPoolFile(source(text))).toMatchObject({
      ...{ start: 0x3e700000, end: 0x3e800000, slots: 512, areaCount: 2, forced: true, used: 3, hiwater: 259 },
      areas: [
        { used: 3, index: 363 },
        { used: 0, index: 0 },
      ],
      runs: [{ pfn: 0x3e700, count: 0x40, mfn: 0x1c0 }],
      slotsUsed: [
        { slot: 7, orig: 0x7943040, allocSize: 3000, pad: 0 },
        { slot: 8, orig: 0x7943840, allocSize: 952, pad: 0 },
        { slot: 9, orig: Number.NaN, allocSize: 1522, pad: 0 },
      ],
    });
  });
  test("a pool under load, every slot of it", () => {
    const pool = readPoolFile(memorySource("dump", fixture("xen-dom0-small-force/blocked.swiotlb.txt.gz")));
    expect(pool.slotsUsed.length).toBe(511);
    expect(pool.used).toBe(511);
  });
  const bad: readonly [what: string, text: string, message: RegExp][] = [
    ["no bounds", "area 0 used=0 index=0\n", /expected a line `# pool start/],
    ["counters of debugfs", "io_tlb_nslabs 512\n", /line 1: expected a line of a pool's dump/],
    ["an end before the start", "# pool start=2000 end=1000\n", /expected a line `# pool start/],
    ["a slot beyond the pool", `${text}\nslot 512 orig=0 alloc_size=1\n`, /expected slots below 512, found slot 512/],
    ["more areas than slot sets", text.replace("nareas=2", "nareas=9"), /expected at most 4 areas/],
    ["a frame that is no number", text.replace("mfn=1c0", "mfn=xyz"), /line 5: expected a line of a pool's dump/],
  ];
  for (const [what, wrong, message] of bad) {
    test(`${what}: refused`, () => expect(() => readPoolFile(source(wrong))).toThrow(message));
  }
});
