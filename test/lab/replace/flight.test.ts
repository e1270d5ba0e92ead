/** DMA in flight through whole units, against what the search of the entry alone says of the same replacement. */
import { describe, expect, test } from "vitest";
import { explore } from "../../../src/check/explore.js";
import { amdviFlight } from "../../../src/lab/replace/flight/amdvi.js";
import { flightRuled, type InFlight, inFlight } from "../../../src/lab/replace/flight/in_flight.js";
import { remapped } from "../../../src/lab/replace/flight/one_domain.js";
import { costOfRemapping } from "../../../src/lab/replace/flight/remapping_cost.js";
import { smmuContextFlight, smmuFlight } from "../../../src/lab/replace/flight/smmuv3.js";
import { type Flight, written } from "../../../src/lab/replace/flight/unit.js";
import { vtdFlight, vtdLegacyFlight } from "../../../src/lab/replace/flight/vtd.js";
import { replacement } from "../../../src/lab/replace/replacement.js";
import { long } from "../../tier.js";

const limits = { statesMax: 400_000, bytesMax: 2 ** 29 };
const search = (o: InFlight, auditEvery = 0) => explore(() => inFlight(o), limits, { auditEvery, goesOn: true });
const broken = (o: InFlight) => search(o).violations.map((v) => v.invariant);

type Pairs = readonly (readonly [from: string, to: string])[];
const some: readonly (readonly [string, Flight, Pairs])[] = [
  [
    "VT-d, legacy mode",
    vtdLegacyFlight,
    [
      ["legacy", "legacy"],
      ["pt", "legacy"],
    ],
  ],
  [
    "VT-d, scalable mode",
    vtdFlight,
    [
      ["ss", "fs"],
      ["fs", "fs"],
      ["fs", "ss"],
      ["nested", "nested"],
      ["fs", "blocked"],
      ["blocked", "fs"],
    ],
  ],
  [
    "AMD-Vi",
    amdviFlight,
    [
      ["v1", "v1"],
      ["v1", "identity"],
      ["v2", "v2"],
      ["v1", "nested"],
      ["nested", "nested"],
    ],
  ],
  [
    "SMMUv3",
    smmuFlight,
    [
      ["s1", "s2"],
      ["s2", "s2other"],
      ["bypass", "s1"],
      ["s1", "nested"],
      ["nestedbyp", "s2noats"],
    ],
  ],
  [
    "SMMUv3, context descriptor",
    smmuContextFlight,
    [
      ["s1", "s1"],
      ["sva", "released"],
    ],
  ],
];

describe.each(some.filter(([, flight]) => long || flight === amdviFlight))("%s", (_, flight, pairs) => {
  // Searches through whole units take up to a second each.
  const shown = long || flight === amdviFlight ? pairs : [];
  const sequences = Object.entries(flight.of.sequences);
  const cases = shown.flatMap(([from, to]) =>
    sequences
      .filter(([, s]) => s.kinds === undefined || (s.kinds.includes(from) && s.kinds.includes(to)))
      .map(([sequence]) => [from, to, sequence] as const),
  );

  test.each(cases)("%s to %s, %s: a device sees what the entry alone says", (from, to, sequence) => {
    const found = search({ flight, from, to, sequence });
    expect(found.bounded).toBe(null);
    const breaks = (rule: "I4" | "I5" | "after") => found.violations.some((v) => v.invariant === flightRuled(rule));
    const table = replacement(flight.of, { from, to, sequence });
    const isGap = table.broken.some((b) => b.rule === "I5");
    // A table that is not there refuses, too.
    if (table.verdict !== "unsafe" || table.forbidden !== null)
      expect([breaks("I4"), breaks("I5"), breaks("after")]).toEqual([false, isGap, false]);
  });
});

test("a device goes on through the old table when an entry was copied over another", () => {
  expect(broken({ flight: vtdFlight, from: "fs", to: "fs", sequence: "linux-in-place" })).toContain(
    flightRuled("after"),
  );
});

test("from four to five levels of a guest's tables a device reaches memory past all tables", () => {
  const found = search({ flight: amdviFlight, from: "nested", to: "nested5", sequence: "linux" });
  const i4 = found.violations.find((v) => v.invariant === flightRuled("I4"))!;
  const landed = i4.steps.at(-1)!.changes.find((c) => c.cell === "strayed")!;
  expect(landed.to).toBe(written.apart);
});

test("who waits for the entry alone, and not for requests under way, has a gap where there was none", () => {
  const o: InFlight = { flight: vtdFlight, from: "fs", to: "ss", sequence: "written" };
  expect([broken(o), broken({ ...o, drains: false })]).toEqual([[], [flightRuled("I5")]]);
});

test.runIf(long)(
  "under one id a device that stays meets the other's tables, and under an id of its own it does not",
  () => {
    const o: InFlight = { flight: vtdFlight, from: "fs", to: "fs", sequence: "same-did", writes: 1 };
    expect(broken({ ...o, neighbour: "the old tag" })).toContain(flightRuled("neighbour"));
    expect(broken({ ...o, neighbour: "its own tag" })).toEqual([]);
  },
);

test("units that read 64 bits at once: two second stages are a gap", () => {
  const o: InFlight = { flight: vtdFlight, from: "ss", to: "ss", sequence: "written", fetchBits: 64 };
  expect(broken(o)).toEqual([flightRuled("I5")]);
});

test("nothing that decides is hidden", () => {
  const o: InFlight = { flight: amdviFlight, from: "v1", to: "v1", sequence: "linux", writes: 1 };
  expect(search(o, 20).states).toBeGreaterThan(100);
});

test("mappings that are taken out and put in are missing in between, and cost as many stores as there are pieces", () => {
  const { violations, bounded } = explore(remapped, limits, { auditEvery: 20, goesOn: true });
  expect([violations.map((v) => v.invariant), bounded]).toEqual([[flightRuled("I5")], null]);
  const [small, large] = [costOfRemapping(2 ** 26, 2 ** 12), costOfRemapping(2 ** 26, 2 ** 21)];
  expect([small.pieces, large.pieces]).toEqual([2 ** 14, 2 ** 5]);
  // A leaf comes and goes for each piece; tables come once.
  expect([small.stores, large.stores]).toEqual([2 * 2 ** 14 + 34, 2 * 2 ** 5 + 2]);
});

test.each([
  [vtdLegacyFlight, "legacy", "legacy"],
  [vtdFlight, "ss", "fs"],
  [amdviFlight, "v2", "nested"],
  [smmuFlight, "s1", "s2"],
  [smmuContextFlight, "s1", "s1"],
] as const)("what a unit did in other runs leaves no trace in this one", (flight, from, to) => {
  const bounds = { ...limits, statesMax: long ? 6_000 : 800 };
  const build = () => inFlight({ flight, from, to, sequence: "linux" });
  expect(explore(build, bounds, { goesOn: true, auditEvery: 5 }).states).toBeGreaterThan(500);
});
