/** What is advised: mode and areas are kept, nothing is changed where nothing failed, and nothing is said from nothing. */
import { expect, test } from "vitest";
import { type AdviceQuestion, advise } from "../../../src/lab/replay/told/advice.js";
import type { Failure } from "../../../src/lab/replay/told/failure.js";
import { today } from "../../../src/sw/swiotlb/index.js";

const machine = { base: 0x70000000, slots: 512, areas: 2, profile: today, forced: true, late: false };
const failure = { time: 0, device: 0, cpu: 0, size: 4096, slots: 2, free: 0, longestRun: 0, used: 512, list: false };
const exhausted: Failure = { ...failure, reason: "exhausted", words: "", picture: null };
const pool = {
  ...{ slots: 512, areas: 2, base: 0x70000000, used: 10, hiwater: 400, hiwaterTime: 0, atLeast: false, counters: null },
  ...{ failures: [exhausted], refusedLists: [] },
};
const maps = { total: 5000, direct: 0, bounced: 4800, translated: 0, foreign: 0, failed: 200, unknown: 0 };
const setting = (slots: number, areas: number, failed: number, hiwater = 300) => {
  return { slots, areas, forced: true, bounced: 5000 - failed, failed, hiwater };
};

const failing: AdviceQuestion = {
  ...{ shows: "mappings", kernel: "7.2", arm64: false, cpus: 2, setting: null, machine, pool, maps, span: 5e6 },
  refused: { mappings: 200, lists: 0, requests: 200, never: 0 },
  whatIf: [setting(512, 2, 200), setting(1024, 2, 0, 700), setting(2048, 2, 0, 700)],
  ...{ sizesAsked: false, lost: 0, excerpt: false },
};
const calm: AdviceQuestion = {
  ...failing,
  maps: { ...maps, total: 90, bounced: 90, failed: 0 },
  refused: { mappings: 0, lists: 0, requests: 0, never: 0 },
};

test.each([
  ["forced by the command line", { setting: "512,force" }, "swiotlb=1024,force"],
  ["not forced by it: something else forces, such as encryption", { setting: "512" }, "swiotlb=1024"],
  ["the command line not known: what was seen", {}, "swiotlb=1024,force"],
  ["areas that were asked for", { setting: "512,2,force" }, "swiotlb=1024,2,force"],
  ["areas that the kernel would not make by itself", { cpus: 8 }, "swiotlb=1024,2,force"],
  ["bounces that are natural", { machine: { ...machine, forced: false }, setting: "" }, "swiotlb=1024"],
])("%s", (_what, more, expected) => {
  expect(advise({ ...failing, ...more }).swiotlb).toBe(expected);
});

test("arm64 takes the default's own number for none: twice of it is named, and why", () => {
  const whatIf = [setting(512, 2, 200), setting(32768, 2, 0, 700)];
  expect(advise({ ...failing, arm64: true, whatIf }).swiotlb).toBe("swiotlb=65536,force");
  expect(advise({ ...failing, arm64: true, whatIf }).because).toMatch(/arm64 takes the default's own number for none/);
  expect(advise({ ...failing, whatIf }).swiotlb).toBe("swiotlb=32768,force");
  expect(advise({ ...failing, arm64: true }).swiotlb).toBe("swiotlb=1024,force");
});

test("where nothing failed nothing is to change, with peak, span and bounces", () => {
  const { what, swiotlb, because } = advise(calm);
  expect([what, swiotlb]).toEqual(["nothing to change", null]);
  expect(because).toBe(
    "in 5.0 s 90 mappings bounced and none was refused; at most 400 of 512 slots (78.1 %) were in use at once",
  );
});

test("a pool that was in use before: at least", () => {
  expect(advise({ ...calm, machine: { ...machine, late: true }, pool: { ...pool, atLeast: true } }).because).toMatch(
    /at least 400 of 512 slots.*before the recording began/,
  );
});

test("an excerpt, or mappings of which it is not known what became: at least, and no more is said", () => {
  const least = { ...calm, pool: { ...pool, atLeast: true } };
  const part = advise({ ...least, excerpt: true });
  expect(part.what).toBe("nothing can be said of a pool");
  expect(part.because).toMatch(/at least 400 of 512 slots.*; what an excerpt leaves out is not known$/);
  const unknown = advise({ ...least, maps: { ...calm.maps, unknown: 612 } });
  expect(unknown.because).toMatch(/at least 400 of 512.*; what became of 612 mappings is not recorded$/);
});

test("a smaller pool only when asked for, only from enough, and with room", () => {
  const asked = { ...calm, pool: { ...pool, slots: 32768 }, sizesAsked: true };
  const sizes = [setting(512, 2, 0, 300), setting(1024, 2, 0, 300), setting(32768, 2, 0, 300)];
  expect(advise({ ...asked, whatIf: sizes }).because).toMatch(/too little was seen to advise a smaller pool/);
  const enough = { ...asked, maps: { ...maps, bounced: 50_000, failed: 0 }, span: 600e6, whatIf: sizes };
  expect(advise(enough).because).toMatch(/swiotlb=1024,force would have served the same, with room for 2 times/);
  expect(advise({ ...enough, sizesAsked: false }).because).not.toMatch(/smaller|1024/);
});

test("from nothing comes nothing", () => {
  const none = { ...calm, pool: null, machine: null };
  expect(advise({ ...none, shows: "nothing" })).toMatchObject({
    ...{ what: "nothing can be said of a pool", because: "no event that could show a bounce was recorded" },
    ...{ swiotlb: null, confidence: "unknown" },
  });
  const direct = { ...maps, total: 90, bounced: 0, direct: 90, failed: 0 };
  expect(advise({ ...none, maps: direct })).toMatchObject({ what: "nothing to change", confidence: "measured" });
  const translated = { ...direct, direct: 0, translated: 90 };
  expect(advise({ ...none, maps: translated })).toMatchObject({ what: "nothing to change", confidence: "unknown" });
  for (const maps of [direct, translated]) {
    expect(advise({ ...none, maps, excerpt: true })).toMatchObject({ what: "nothing can be said of a pool" });
  }
});

test.each([
  ["6.6.36", /this kernel \(6\.6\.36\) has no dma:\* events, which came with 6\.12/],
  ["6.18.3", /dma:\* events were not switched on.*trace-cmd record -e dma -e swiotlb/],
  [null, /kernels before 6\.12 write none, later ones do when asked/],
])("requests alone, kernel %s", (kernel, says) => {
  expect(advise({ ...calm, shows: "requests", kernel, pool: null }).because).toMatch(says);
});

test("what no pool can serve asks for smaller requests", () => {
  const refused = { mappings: 200, lists: 0, requests: 200, never: 200 };
  const { what, because } = advise({ ...failing, refused, whatIf: [setting(512, 2, 200)] });
  expect(what).toBe("no size can help");
  expect(because).toMatch(/200 requests of them are larger than any pool can serve; a larger pool does not help/);
});

test.each([
  [
    "the recorded pool serves all where it is replayed",
    [setting(512, 2, 0), setting(1024, 2, 0)],
    "swiotlb=1024,force",
  ],
  ["so does a smaller one", [setting(256, 2, 0), setting(512, 2, 0), setting(2048, 2, 0)], "swiotlb=2048,force"],
  ["more areas help", [setting(512, 2, 9), setting(512, 1, 0), setting(1024, 2, 0)], "swiotlb=512,1,force"],
  ["nothing larger was tried", [setting(512, 2, 0)], null],
])("a pool that refused is not advised: %s", (_what, whatIf, expected) => {
  expect(advise({ ...failing, whatIf }).swiotlb).toBe(expected);
});

test("where the pool had room as far as the recording shows, no size is advised", () => {
  const refusals = { failures: [{ ...exhausted, reason: "unknown" as const }] };
  const { what, because } = advise({ ...failing, pool: { ...pool, ...refusals } });
  expect(what).toBe("no size can be advised");
  expect(because).toMatch(/had room: what was lacking is not in the recording/);
});

/** Answers to questions that differ in one thing or two, word for word. */
test("whole answers", () => {
  const large = { ...pool, slots: 32768, areas: 2, hiwater: 300 };
  const much = { ...calm, pool: large, maps: { ...maps, bounced: 50_000, failed: 0 }, span: 600e6, sizesAsked: true };
  const sizes = [setting(512, 2, 0), setting(1024, 2, 0, 512), setting(600, 2, 0), setting(32768, 2, 0)];
  const refused = (mappings: number, lists: number, requests: number, never: number) => {
    return { refused: { mappings, lists, requests, never } };
  };
  const nothing = { ...maps, total: 0, bounced: 0, failed: 0 };
  const rows: readonly (readonly [string, AdviceQuestion])[] = [
    ["failing", failing],
    ["calm", calm],
    ["ends are missing", { ...failing, pool: { ...pool, endsRecorded: false } }],
    ["ends are there", { ...failing, pool: { ...pool, endsRecorded: true } }],
    ["no pool, no mapping", { ...failing, pool: null, maps: nothing }],
    ["no machine, one mapping", { ...failing, machine: null, maps: { ...nothing, total: 1, direct: 1 } }],
    ["no pool, foreign ones", { ...failing, pool: null, maps: { ...nothing, total: 2, foreign: 2 } }],
    [
      "no pool, an excerpt of one",
      { ...failing, pool: null, excerpt: true, maps: { ...nothing, total: 1, translated: 1 } },
    ],
    ["calm, one bounce", { ...calm, maps: { ...calm.maps, bounced: 1 } }],
    ["calm, an excerpt of few", { ...calm, excerpt: true }],
    ["calm, an excerpt of just enough", { ...calm, excerpt: true, maps: { ...calm.maps, bounced: 10_000 } }],
    ["calm, an excerpt of one less", { ...calm, excerpt: true, maps: { ...calm.maps, bounced: 9_999 } }],
    ["calm, one event lost", { ...calm, lost: 1 }],
    ["calm, events lost", { ...calm, lost: 1234 }],
    ["calm, one unknown", { ...calm, maps: { ...calm.maps, unknown: 1 } }],
    ["calm, late", { ...calm, machine: { ...machine, late: true } }],
    [
      "calm, all doubts",
      { ...calm, machine: { ...machine, late: true }, excerpt: true, lost: 2, maps: { ...calm.maps, unknown: 2 } },
    ],
    ["smaller, asked", { ...much, whatIf: sizes }],
    ["smaller, asked, just enough bounces", { ...much, whatIf: sizes, maps: { ...much.maps, bounced: 10_000 } }],
    ["smaller, asked, one bounce less", { ...much, whatIf: sizes, maps: { ...much.maps, bounced: 9_999 } }],
    ["smaller, asked, just long enough", { ...much, whatIf: sizes, span: 60e6 }],
    ["smaller, asked, a little shorter", { ...much, whatIf: sizes, span: 60e6 - 1 }],
    ["smaller, asked, at least", { ...much, whatIf: sizes, pool: { ...large, atLeast: true } }],
    ["smaller, asked, none has room", { ...much, whatIf: [setting(512, 2, 0), setting(32768, 2, 0)] }],
    ["smaller, asked, twice the peak to the slot", { ...much, whatIf: [setting(600, 2, 0)] }],
    ["smaller, asked, one slot less", { ...much, whatIf: [setting(599, 2, 0)] }],
    ["smaller, asked, it failed", { ...much, whatIf: [setting(1024, 2, 1)] }],
    ["smaller, asked, the same size", { ...much, pool: { ...large, slots: 1024 }, whatIf: [setting(1024, 2, 0)] }],
    ["one mapping", { ...failing, ...refused(1, 0, 1, 0) }],
    ["one list", { ...failing, ...refused(0, 1, 3, 0) }],
    ["as many mappings as lists", { ...failing, ...refused(2, 2, 6, 0) }],
    [
      "the kernel's own areas first, whatever the order",
      { ...failing, whatIf: [setting(1024, 4, 0), setting(1024, 2, 0), setting(1024, 1, 0)] },
    ],
    ["mappings and a list", { ...failing, ...refused(4, 1, 7, 0) }],
    [
      "some can never be served",
      { ...failing, ...refused(4, 1, 7, 2), whatIf: [setting(512, 2, 9), setting(1024, 2, 2)] },
    ],
    [
      "some can never be served, no size serves the others",
      { ...failing, ...refused(4, 1, 7, 2), whatIf: [setting(1024, 2, 3)] },
    ],
    ["none can be served", { ...failing, ...refused(0, 2, 2, 2) }],
    ["no requests are known", { ...failing, ...refused(0, 2, 0, 0) }],
    ["nothing was tried", { ...failing, whatIf: [] }],
    ["no size serves all", { ...failing, whatIf: [setting(1024, 2, 30), setting(4096, 2, 3), setting(2048, 2, 9)] }],
    [
      "the kernel's own areas first",
      { ...failing, whatIf: [setting(1024, 1, 0), setting(1024, 2, 0), setting(1024, 4, 0)] },
    ],
    ["the fewest areas of others", { ...failing, whatIf: [setting(1024, 8, 0), setting(1024, 4, 0)] }],
    [
      "the same size with other areas, which fail as often",
      { ...failing, whatIf: [setting(512, 2, 0), setting(512, 1, 0)] },
    ],
    ["the same size, of which the recorded one was not tried", { ...failing, whatIf: [setting(512, 1, 0)] }],
    [
      "reasons that are known and not",
      { ...failing, pool: { ...pool, failures: [exhausted, { ...exhausted, reason: "unknown" }] } },
    ],
    [
      "a list's reason is not known",
      { ...failing, pool: { ...pool, failures: [], refusedLists: [{ ...exhausted, reason: "unknown" }] } },
    ],
    ["with doubts", { ...failing, lost: 3, excerpt: true }],
    ["noforce", { ...failing, setting: "512,noforce" }],
    ["arm64, at the default's number", { ...failing, arm64: true, whatIf: [setting(32768, 2, 0)] }],
    [
      "arm64, with a pool of the default's size",
      {
        ...failing,
        arm64: true,
        machine: { ...machine, slots: 32768 },
        pool: { ...pool, slots: 16384 },
        whatIf: [setting(32768, 2, 0)],
      },
    ],
  ];
  const told = rows.map(([name, q]) => {
    const { what, swiotlb, because, confidence } = advise(q);
    return `${name}: ${what} | ${swiotlb} | ${confidence} | ${because}`;
  });
  expect(told.join("\n")).toMatchSnapshot();
});
