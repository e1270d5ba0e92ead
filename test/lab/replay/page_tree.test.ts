/** The tree of foreign pages of a directly mapped domain: what stands behind a page, and why it is not known. */
import { describe, expect, test } from "vitest";
import { Unknown } from "../../../src/lab/replay/xen/page_map.js";
import { PageTree } from "../../../src/lab/replay/xen/page_tree.js";
import { memorySource } from "../../../src/read/bytes.js";
import { FrameKind, readP2m } from "../../../src/read/xen/p2m_file.js";

const tree = (text: string) => readP2m(memorySource("dump", new TextEncoder().encode(`# direct_mapped=1\n${text}`)));
const before = tree("20 2 F 900 v\n");
const nothing = new Set<number>();
const one = (o: Partial<ConstructorParameters<typeof PageTree>[0]> = {}) =>
  new PageTree({ before, after: null, shown: true, endedFirst: nothing, shifted: false, ...o });
const after = (t: PageTree, what: (t: PageTree) => void) => {
  what(t);
  return t;
};
const { foreign, local, unknown, invalid } = FrameKind;
const lost = after(one(), (t) => t.lose());
const cut = after(one(), (t) => t.cut());
const blind = { before: null, shown: false };
const kept = { shown: false, after: tree("20 1 F 900 v\n21 1 F 555 v\n") };
const none = Number.NaN;

type Row = readonly [what: string, t: PageTree, pfn: number, seen: number, kind: FrameKind, mfn: number, why?: Unknown];
const rows: readonly Row[] = [
  ["a page that the dump holds", one(), 0x21, none, foreign, 0x901],
  ["one that it does not hold is the domain's own", one(), 0x22, none, local, 0x22],
  ["just below what it holds", one(), 0x1f, none, local, 0x1f],
  ["held by the dumps before and after, alike, without probes", one(kept), 0x20, none, foreign, 0x900],
  ["held by both, not alike", one(kept), 0x21, none, unknown, none, Unknown.grantsNotRecorded],
  [
    "held by the one before only, without probes",
    one({ shown: false }),
    0x20,
    0x900,
    foreign,
    none,
    Unknown.grantsNotRecorded,
  ],
  ["ended by its first change", one({ endedFirst: new Set([0x40]) }), 0x40, none, foreign, none, Unknown.grantNotSeen],
  ["no dump: a mapping shows the page's own frame", one(blind), 0x20, 0x20, local, 0x20],
  ["no dump: a mapping shows another", one(blind), 0x20, 0x900, foreign, none, Unknown.grantsNotRecorded],
  ["no dump, but probes", one({ before: null }), 0x20, 0x900, foreign, none, Unknown.grantNotSeen],
  [
    "no dump, and something else translates",
    one({ ...blind, shifted: true }),
    0x20,
    0x900,
    unknown,
    none,
    Unknown.translated,
  ],
  ["no dump, and nothing seen of it", one(blind), 0x20, none, unknown, none, Unknown.grantsNotRecorded],
  ["events were lost: what the dump held", lost, 0x20, 0x900, foreign, none, Unknown.lost],
  ["events were lost: what it did not hold", lost, 0x22, none, unknown, none, Unknown.lost],
  ["events were lost: a page that its mapping shows", lost, 0x22, 0x22, local, 0x22],
  ["a batch was cut: what the dump held", cut, 0x20, none, foreign, 0x900],
  ["a batch was cut: what it did not hold", cut, 0x22, none, unknown, none, Unknown.batchCut],
  ["a batch was cut: another frame", cut, 0x22, 0x77, foreign, none, Unknown.batchCut],
];

describe("what stands behind a page", () => {
  for (const [what, t, pfn, seen, kind, mfn, why] of rows) {
    test(what, () => {
      expect(t.look(pfn, seen)).toBe(mfn);
      expect([t.kind, t.mfn]).toEqual([kind, mfn]);
      if (why !== undefined) expect(t.why).toBe(why);
    });
  }

  test("changes", () => {
    const t = one();
    t.set(0x30, foreign, 0x777);
    t.set(0x31, foreign, none);
    t.set(0x20, invalid, none);
    expect([t.look(0x30), t.kind]).toEqual([0x777, foreign]);
    expect([t.look(0x31), t.kind, t.why]).toEqual([none, foreign, Unknown.batchCut]);
    expect([t.look(0x20), t.kind]).toEqual([0x20, local]);
  });
});

describe("the way back", () => {
  test("a frame's page is the last that it was put behind", () => {
    const t = one();
    expect([t.pageOf(0x901), t.pageOf(0x902)]).toEqual([0x21, none]);
    t.set(0x50, foreign, 0x901);
    expect(t.pageOf(0x901)).toBe(0x50);
    t.set(0x21, invalid, none);
    expect(t.pageOf(0x901)).toBe(0x50);
    t.set(0x50, foreign, 0x902);
    expect([t.pageOf(0x901), t.pageOf(0x902)]).toEqual([none, 0x50]);
    t.set(0x51, foreign, none);
    expect(t.pageOf(none)).toBeNaN();
    t.lose();
    expect([t.pageOf(0x902), t.pageOf(0x900)]).toEqual([none, none]);
  });

  test("whether a page is in the tree", () => {
    const t = one();
    expect([t.holds(0x20), t.holds(0x22)]).toEqual([true, false]);
    t.set(0x20, invalid, none);
    t.set(0x22, foreign, 5);
    expect([t.holds(0x20), t.holds(0x22)]).toEqual([false, true]);
    for (const unsure of [lost, cut, one(blind), one({ shown: false }), one({ before: null })])
      expect(unsure.holds(0x20)).toBeNull();
    expect(
      after(one(), (u) => {
        u.set(0x22, foreign, 5);
        u.cut();
      }).holds(0x22),
    ).toBe(true);
  });
});
