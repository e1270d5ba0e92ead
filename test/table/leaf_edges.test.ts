/** Edges of leaves: runs over the middle of the input and into the interrupt range, and where an unmapping ends. */
import { describe, expect, test } from "vitest";
import { type Allow, formats, Mapper, type WalkPlan } from "../../src/table/index.js";
import { Placed } from "../../src/table/leaf_sink.js";
import { Arena, rootOf, topFrames, upperBase, widthName, widths } from "./machines.js";

const page = 4096;
const half = 2 ** 47;
const upperHalf = 2 ** 64 - half;

/** What is pushed for one run. */
function placed(plan: { upper: number; interruptRange?: boolean }, ...run: [number, number, number, number]) {
  const pushed: number[][] = [];
  const sink = {
    push: (iova: number, paddr: number, bytes: number, allow: Allow, leaves: number) =>
      void pushed.push([iova, paddr, bytes, leaves, allow]),
  };
  const [iova, paddr, bytes, leaves] = run;
  const whole = { inputBits: 48, interruptRange: false, ...plan } as WalkPlan;
  new Placed(whole, sink).push(iova, paddr, bytes, 3, leaves);
  return pushed.map((p) => p.slice(0, 4));
}

test.each([
  ["up to the middle", half - 3 * page, 3, [[half - 3 * page, 0x9000, 3 * page, 3]]],
  ["from the middle on", half, 2, [[upperHalf, 0x9000, 2 * page, 2]]],
  [
    "over the middle",
    half - 3 * page,
    5,
    [
      [half - 3 * page, 0x9000, 3 * page, 3],
      [upperHalf, 0xc000, 2 * page, 2],
    ],
  ],
  [
    "over the middle by one leaf",
    half - page,
    5,
    [
      [half - page, 0x9000, page, 1],
      [upperHalf, 0xa000, 4 * page, 4],
    ],
  ],
])("a run %s", (_what, iova, leaves, expected) => {
  expect(placed({ upper: 3 }, iova, 0x9000, leaves * page, leaves)).toEqual(expected);
});

describe("interrupts", () => {
  const [from, to] = [0xfee0_0000, 0xfef0_0000];
  test.each([
    ["ends where they begin", from - 2 * page, 2 * page, 2, [[0, from - 2 * page, 2 * page, 2]]],
    ["begins where they end", to, 2 * page, 2, [[0, to, 2 * page, 2]]],
    ["begins among them", to - page, 2 * page, 2, [[page, to, page, 1]]],
    ["ends among them", from - page, 2 * page, 2, [[0, from - page, page, 1]]],
    ["lies among them", from, to - from, 256, []],
    [
      "goes over them in small leaves",
      from - page,
      to - from + 2 * page,
      258,
      [
        [0, from - page, page, 1],
        [page + to - from, to, page, 1],
      ],
    ],
    [
      "goes over them in one leaf, which counts once",
      0xfe00_0000,
      2 ** 25,
      1,
      [
        [0, 0xfe00_0000, from - 0xfe00_0000, 1],
        [to - 0xfe00_0000, to, 0x1_0000_0000 - to, 0],
      ],
    ],
  ])("a run that %s", (_what, paddr, bytes, leaves, expected) => {
    expect(placed({ upper: 1, interruptRange: true }, 0, paddr, bytes, leaves)).toEqual(expected);
    expect(placed({ upper: 1 }, 0, paddr, bytes, leaves)).toEqual([[0, paddr, bytes, leaves]]);
  });
});

test.each(widths.map((w) => [widthName(w), w] as const))("%s: an unmapping ends before the next leaf", (_, width) => {
  const [format, level, inputBits, more] = width;
  const arena = new Arena(topFrames(format, level, inputBits) + 512);
  const root = rootOf(arena, format, level, inputBits, { ...more, outputBits: more?.outputBits ?? 48, allow: 3 });
  const base = root.upper === "ones" ? upperBase(root) : 0;
  const mapper = new Mapper(arena.tables, root, arena.allocate, { superpages: false });
  mapper.map(base, 0, 8 * 2 ** formats[format].granuleLg2, 3);
  const leaf = 2 ** formats[format].granuleLg2;
  const bytes = 4 * leaf;
  expect([mapper.unmap(base, leaf), mapper.unmap(base, leaf), mapper.unmap(base + leaf, leaf)]).toEqual([
    leaf,
    0,
    leaf,
  ]);
  expect([mapper.unmap(base, bytes), mapper.unmap(base, bytes)]).toEqual([2 * leaf, 0]);
});
