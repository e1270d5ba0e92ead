/** Programs of replacements under DMA, on each vendor's unit: what is safe stays safe, and what is known to break breaks. */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { amdviFlight } from "../../../src/lab/replace/flight/amdvi.js";
import { smmuFlight } from "../../../src/lab/replace/flight/smmuv3.js";
import type { Flight } from "../../../src/lab/replace/flight/unit.js";
import { vtdFlight, vtdLegacyFlight } from "../../../src/lab/replace/flight/vtd.js";
import { long } from "../../tier.js";
import { Bench, type Drawn } from "./programs.js";

/** DMALAB_PROGRAMS asks for more. */
const count = Number(process.env["DMALAB_PROGRAMS"] ?? (long ? 150 : 8));
const seed = 20261201;

function drawn(flight: Flight, kinds: readonly string[], ways: readonly string[], programs = count): Drawn {
  const bench = new Bench(flight, kinds, ways);
  const all: Drawn = { accesses: 0, wrong: 0, gaps: 0 };
  const rng = new Rng(seed);
  for (let n = 0; n < programs; n++) bench.run(rng, 4, all);
  expect(all.accesses).toBeGreaterThan(programs * 4);
  return all;
}

const streams = ["abort", "bypass", "s1", "s1noats", "s1term", "s1dssbyp", "s2", "s2noats", "nested", "nestedbyp"];
/** Kinds between which a way leaves no gap. */
const one = { vtd: ["pt", "ss"], legacy: ["pt", "legacy"], amd: ["identity", "v1", "v2", "nested"] } as const;

test.each([
  ["VT-d, scalable mode", vtdFlight, ["blocked", "pt", "ss", "fs", "nested"], ["linux", "written", "spare-did"]],
  ["VT-d, legacy mode", vtdLegacyFlight, ["blocked", "pt", "legacy"], ["linux", "xen", "non-present"]],
  ["AMD-Vi", amdviFlight, ["blocked", "identity", "v1", "v2", "nested"], ["linux", "update", "written"]],
  ["SMMUv3", smmuFlight, [...streams, "s2other", "nestedother", "s2stall"], ["linux", "linux-2024", "blocked-first"]],
] as const)("%s: no write goes where neither domain leads it, and gaps are seen", (_, flight, kinds, ways) => {
  const { wrong, gaps } = drawn(flight, kinds, ways);
  expect([wrong, gaps > 0]).toEqual([0, true]);
});

test.each([
  ["VT-d, scalable mode", vtdFlight, one.vtd, ["written"]],
  ["VT-d, legacy mode", vtdLegacyFlight, one.legacy, ["xen"]],
  ["AMD-Vi", amdviFlight, one.amd, ["update"]],
  ["SMMUv3", smmuFlight, ["s1", "s1noats", "s1larger"], ["linux"]],
] as const)("%s: ways that are hitless leave no gap", (_, flight, kinds, ways) => {
  expect(drawn(flight, kinds, ways)).toMatchObject({ wrong: 0, gaps: 0 });
});

test.each([
  ["copied over one another (CVE-2026-45945)", vtdFlight, ["fs", "nested"], ["linux-in-place"]],
  ["from four to five levels of a guest's tables, as Linux does it", amdviFlight, ["nested", "nested5"], ["linux"]],
] as const)("%s: some go wrong", (_, flight, kinds, ways) => {
  expect(drawn(flight, kinds, ways, Math.max(count, 200)).wrong).toBeGreaterThan(0);
});
