/** Every scenario: its rules hold, its contrasts break some, and each bug that it names breaks one. */
import { expect, test } from "vitest";
import { brokenRules, seedlessWords } from "../../../src/lab/scenario/scenario.js";
import { scenarios } from "../../../src/lab/scenario/tales/scenarios.js";
import { long } from "../../tier.js";

const asked = [
  ...["foreign-page", "alias", "missing-handle", "straddle", "merge"],
  ...["legacy-bypass", "arm-foreign-noncoherent", "who-bounces"],
  ...["atc-timeout", "page-freed-early", "pause-or-not", "completion-interrupt", "innocent-bystander"],
  ...["transfer-waits", "destroy-waits", "lazy-window"],
  ...["torn-entry", "same-did", "spare-did", "non-present", "amd-one-tag", "arm-one-store", "pasid-table-resize"],
  ...["viommu-switch", "direct-region", "failed-replace", "alias-group"],
];

test("the scenarios that were asked for are there, each with a name of its own", () => {
  const ids = scenarios.map((s) => s.id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(asked.filter((id) => !ids.includes(id))).toEqual([]);
});

for (const s of scenarios) {
  let plain: ReturnType<typeof s.run> | undefined;
  /** What most is said of: the run of the first seed, which nobody changes. */
  const first = () => (plain ??= s.run({ seed: 1, bugs: [] }));

  test(`${s.id}: every rule holds, with any seed`, () => {
    for (const seed of long ? [1, 2, 77] : s.isExplored === true ? [1] : [1, 77]) {
      const parts = seed === 1 ? first() : s.run({ seed, bugs: [] });
      expect(brokenRules(parts), `seed ${seed}`).toEqual([]);
      expect(parts[0]!.contrast).toBe(false);
      expect(parts[0]!.verdicts.length).toBeGreaterThan(0);
    }
  });

  test.runIf(s.isExplored !== true)(`${s.id}: a seed draws the run, or none is taken`, () => {
    const isDrawn = JSON.stringify(s.run({ seed: 77, bugs: [] })) !== JSON.stringify(first());
    expect(isDrawn).toBe(seedlessWords(s) === null);
  });

  test.runIf(s.isExplored === true)(`${s.id}: the steps that break a rule are told, or counted`, () => {
    const broken = first().flatMap((p) => p.verdicts.filter((v) => !v.holds).map((v) => ({ p, v })));
    for (const { p, v } of broken.filter(({ p }) => p.verdicts.filter((v) => !v.holds).length === 1)) {
      if (/another run/.test(v.seen)) continue;
      // The first one is of nobody: it shows where the run begins.
      const counted = p.steps
        .slice(1)
        .reduce((sum, { does }) => sum + Number(/^(\d+) steps? on its way/.exec(does)?.[1] ?? 1), 0);
      expect(v.seen, p.title).toBe(`broken in ${counted} ${counted === 1 ? "step" : "steps"}`);
    }
  });

  test(`${s.id}: a contrast breaks what the main part keeps`, () => {
    for (const part of first().filter((p) => p.contrast)) {
      expect(
        part.verdicts.some((v) => !v.holds),
        part.title,
      ).toBe(true);
    }
  });

  test.runIf(long || s.isExplored !== true)(`${s.id}: the same seed tells the same story`, () => {
    expect(JSON.stringify(s.run({ seed: 1, bugs: [] }))).toBe(JSON.stringify(first()));
  });

  for (const bug of s.bugs) {
    test(`${s.id}: with ${bug} a rule breaks`, () => {
      expect(brokenRules(s.run({ seed: 1, bugs: [bug] }))).not.toEqual([]);
    });
  }

  test(`${s.id}: quotes one sentence, with its author and date`, () => {
    const { text, author, date, where } = s.quotation;
    expect([author, date, where].every((x) => x !== "")).toBe(true);
    expect(text.length).toBeLessThan(320);
    expect(text.split(/[.?!] (?=[A-Z])/)).toHaveLength(1);
  });

  test(`${s.id}: its picture is drawn from the run`, () => {
    expect(s.picture(first())).toMatch(/^(flowchart|sequenceDiagram)/);
  });
}
