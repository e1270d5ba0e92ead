/** The table of replacements: what D4's people and the kernels' fixes said of each vendor, found by search. */
import { describe, expect, test } from "vitest";
import { entryOfStructure } from "../../../src/lab/replace/entries.js";
import { replacement } from "../../../src/lab/replace/replacement.js";
import { type StructureName, structureNames } from "../../../src/lab/replace/structures.js";
import { pairOf, replaceTable } from "../../../src/lab/replace/table.js";
import { cellOf } from "../../../src/report/replace/words.js";
import { long } from "../../tier.js";

const features = { overrides: true, stalls: true };
const entryOf = (name: StructureName) => entryOfStructure(name, features);
const found = (name: StructureName, from: string, to: string, sequence: string, more: object = {}) =>
  replacement(entryOf(name), { from, to, sequence, ...more });
const verdict = (...args: Parameters<typeof found>) => found(...args).verdict;
const rules = (...args: Parameters<typeof found>) => found(...args).broken.map((b) => b.rule);
/** Where the unit may be led, and under which tag, that neither entry says. */
const wrong = (...args: Parameters<typeof found>) =>
  found(...args)
    .views.filter((v) => v.is === "wrong")
    .map((v) => v.view.words);

describe("VT-d", () => {
  const kinds = ["pt", "ss", "fs", "sva", "nested"];

  test("Linux always leaves a gap, whatever it replaces", () => {
    for (const from of kinds) for (const to of kinds) expect(verdict("vtd", from, to, "linux")).toBe("breaking");
  });

  test.each([
    ["ss", "ss", "hitless"],
    ["ss", "pt", "hitless"],
    ["pt", "ss", "hitless"],
    ["pt", "pt", "hitless"],
    ["ss", "fs", "hitless"],
    ["pt", "fs", "hitless"],
    ["fs", "ss", "hitless"],
    ["fs", "pt", "hitless"],
    ["nested", "ss", "hitless"],
    ["ss", "nested", "hitless"],
    ["fs", "fs", "breaking"],
    ["nested", "nested", "breaking"],
    ["nested", "fs", "breaking"],
    ["fs", "nested", "breaking"],
  ])("%s to %s in pieces of 128 bits is %s", (from, to, is) => {
    expect(verdict("vtd", from, to, "written")).toBe(is);
  });

  test("two first stages that are copied: the new id with the old table, and the old id with the new one", () => {
    expect(wrong("vtd", "fs", "fs", "linux-in-place")).toEqual([
      "first stage at 0x8000, 4 levels, under domain 6, PASID 0",
      "first stage at 0xa000, 4 levels, under domain 5, PASID 0",
    ]);
    // The first of them stays: the flush is of the old id.
    expect(rules("vtd", "fs", "fs", "linux-in-place")).toEqual(["I4", "I6", "after"]);
  });

  test("the same id is hitless for two first stages, where nobody else has it", () => {
    const alone = found("vtd", "fs", "fs", "same-did");
    expect([alone.verdict, alone.onlyAlone]).toEqual(["hitless", true]);
    expect(alone.views.map((v) => v.is)).toEqual(["old", "new"]);
  });

  test("pass-through torn under the new domain's id is neither of the two, and is kept under it", () => {
    const asked = ["vtd", "pt", "ss", "exchange", { fetchBits: 64 }] as const;
    expect(wrong(...asked)).toEqual(["addresses pass as they are, under domain 6, PASID 0"]);
    expect([verdict(...asked), rules(...asked).includes("I4"), rules(...asked).includes("I6")]).toEqual([
      ...["unsafe", true, true],
    ]);
    expect(verdict("vtd", "pt", "ss", "exchange")).toBe("hitless");
    expect(verdict("amdvi", "identity", "v1", "update", { fetchBits: 64 })).toBe("unsafe");
  });

  test("from a second stage to a first one the id may not stay: it would name tables of both groups", () => {
    const reused = found("vtd", "ss", "fs", "same-did");
    expect([reused.verdict, reused.forbidden]).toEqual(["unsafe", expect.stringMatching(/^VT-d 6.2.3.1/)]);
    const i6 = reused.broken.find((b) => b.rule === "I6")!;
    expect(i6.steps.at(-1)!.facts).toMatchObject({ "kept under domain 5, PASID 0": "first stage at 0xa000, 4 levels" });
    for (const [from, to] of [
      ["pt", "ss"],
      ["nested", "sva"],
      ["fs", "nested"],
    ] as const)
      for (const way of ["same-did", "spare-did"]) expect(found("vtd", from, to, way).forbidden).not.toBe(null);
    for (const [from, to] of [
      ["fs", "fs"],
      ["ss", "nested"],
      ["blocked", "fs"],
    ] as const)
      expect(found("vtd", from, to, "same-did").forbidden).toBe(null);
  });

  test("identity and the tables of processes have one id, which stays", () => {
    const sva = found("vtd", "sva", "sva", "written");
    expect([sva.verdict, sva.onlyAlone, sva.views.map((v) => v.view.tag?.all)]).toEqual([
      ...["hitless", true, ["domain 1, PASID 0", "domain 1, PASID 0"]],
    ]);
    expect(found("vtd", "sva", "pt", "linux").steps.flatMap((s) => (s.kind === "store" ? [...s.words] : []))).toContain(
      // DID 1, and PWSNP.
      0x80_0001,
    );
    for (const way of ["same-did", "spare-did"]) {
      const tags = found("vtd", "sva", "sva", way).views.map((v) => v.view.tag?.domain);
      expect([way, new Set(tags)]).toEqual([way, new Set(["domain 1"])]);
    }
  });

  test("a spare id is hitless, and may be corrupted", () => {
    const spare = found("vtd", "fs", "fs", "spare-did");
    expect([spare.verdict, spare.onlyAlone, spare.broken]).toEqual(["hitless", false, []]);
    expect(verdict("vtd", "nested", "nested", "spare-did")).toBe("breaking");
  });

  test("an entry that is zeroed while it is present leads to page 0 (CVE-2026-45894)", () => {
    expect(wrong("vtd", "fs", "blocked", "linux-zeroed")).toContainEqual(
      expect.stringMatching(/^first stage at 0x0, .*under domain 5/),
    );
    expect(verdict("vtd", "fs", "blocked", "linux")).toBe("hitless");
  });

  test("units that read 64 bits at once make a gap of what was none", () => {
    expect(verdict("vtd", "ss", "ss", "written", { fetchBits: 64 })).toBe("breaking");
    expect(verdict("vtd", "fs", "fs", "written", { fetchBits: 512 })).toBe("breaking");
  });

  test("who reads the rest before it knows that the entry counts is torn when one is set up", () => {
    expect(verdict("vtd", "blocked", "fs", "linux", { fetchOrder: "any" })).toBe("unsafe");
    expect(verdict("vtd", "blocked", "fs", "linux")).toBe("hitless");
    expect(verdict("vtd", "blocked", "fs", "written", { fetchOrder: "any" })).toBe("hitless");
  });

  test("in legacy mode one exchange of 128 bits is hitless, as Xen has it since XSA-400", () => {
    for (const pair of ["pt", "legacy"].flatMap((a) => ["pt", "legacy"].map((b) => [a, b] as const))) {
      expect([pair, verdict("vtd-legacy", ...pair, "xen")]).toEqual([pair, "hitless"]);
      expect([pair, verdict("vtd-legacy", ...pair, "linux")]).toEqual([pair, "breaking"]);
    }
  });
});

describe("AMD-Vi", () => {
  test.each([
    ["v1", "v1", "breaking", "hitless"],
    ["identity", "v1", "breaking", "hitless"],
    ["blocked", "v1", "hitless", "hitless"],
    ["v1", "nested", "hitless", "hitless"],
    ["nested", "v1", "breaking", "hitless"],
    ["nested", "nested", "hitless", "hitless"],
    ["nested", "nested5", "unsafe", "unsafe"],
    ["nested5", "nested", "unsafe", "unsafe"],
  ])("%s to %s: Linux's attach is %s, its update of the entry %s", (from, to, attach, update) => {
    expect([verdict("amdvi", from, to, "linux"), verdict("amdvi", from, to, "update")]).toEqual([attach, update]);
  });

  test("between guests' tables of four and five levels addresses pass untranslated", () => {
    expect(new Set(wrong("amdvi", "nested", "nested5", "update"))).toEqual(new Set(["addresses pass as they are"]));
    expect(verdict("amdvi", "nested", "nested5", "written")).toBe("breaking");
  });

  test("a nested domain that replaces another leaves translations under the old id", () => {
    const nested = found("amdvi", "nested", "nested", "linux");
    expect([nested.owesFlush, found("amdvi", "nested", "nested", "update").owesFlush]).toEqual([true, false]);
  });

  test("word after word, a table is walked with the other's number of levels or id (XSA-347)", () => {
    expect(rules("amdvi", "v1", "v1", "word-by-word")).toContain("I4");
    expect(verdict("amdvi", "v1", "v1", "xen")).toBe("hitless");
  });
});

describe("SMMUv3", () => {
  test("Xen goes through an entry that blocks, word after word", () => {
    expect(verdict("smmuv3", "abort", "s2", "xen")).toBe("hitless");
    expect(rules("smmuv3", "s2", "s2other", "xen")).toContain("I5");
  });

  test("another VM's second stage under a first one: the VMID is the tag of the first stage too", () => {
    expect(verdict("smmuv3", "s1", "nested", "linux")).toBe("hitless");
    expect(verdict("smmuv3", "s1", "nestedother", "linux")).toBe("breaking");
  });

  test("a plain copy may lead anywhere", () => {
    expect(rules("smmuv3", "s1", "s2", "copied")).toEqual(expect.arrayContaining(["I4", "I5", "after"]));
  });

  test("one store changes the table of descriptors under one ASID, and not under another", () => {
    expect(verdict("smmuv3-cd", "sva", "released", "linux")).toBe("hitless");
    expect(verdict("smmuv3-cd", "s1", "s1", "linux")).toBe("breaking");
  });
});

test("one PASID of AMD-Vi is one store, under a tag that stays", () => {
  const one = found("amdvi-pasid", "first", "first", "linux");
  expect([one.verdict, one.steps.map((s) => s.kind), one.views.map((v) => v.view.tag?.all)]).toEqual([
    "hitless",
    ["store", "sync", "flush"],
    ["domain 5, PASID 1", "domain 5, PASID 1"],
  ]);
});

test("a larger table of descriptors is put in place by one store", () => {
  const larger = found("smmuv3", "s1", "s1larger", "linux");
  expect([larger.verdict, larger.steps.filter((s) => s.kind === "store").length, larger.broken]).toEqual([
    "hitless",
    1,
    [],
  ]);
  expect(verdict("smmuv3", "s1", "s1larger", "blocked-first")).toBe("breaking");
  expect([verdict("smmuv3-cd", "s1", "s1", "same-asid"), verdict("smmuv3-cd", "s1", "s1", "linux")]).toEqual([
    "hitless",
    "breaking",
  ]);
});

test("every search reaches every state", () => {
  for (const name of structureNames.filter((n) => long || n !== "smmuv3")) {
    const { pairs } = replaceTable(name, entryOf(name));
    expect(pairs.flatMap((p) => p.ways).filter((w) => !w.complete)).toEqual([]);
  }
});

test("what the unit takes an entry for agrees with the bits that it uses", () => {
  for (const name of ["vtd", "amdvi"] as const) {
    for (const { ways } of replaceTable(name, entryOf(name)).pairs) {
      for (const { views } of ways) {
        const leads = [views[0]!.view.leads, (views[1] ?? views[0])!.view.leads];
        for (const { is, view } of views) {
          if (is === "old" || is === "new") expect(leads).toContain(view.leads);
          if (is === "blocked") expect(view.isBlocked).toBe(true);
        }
      }
    }
  }
});

test("a cell says what a kernel does, and whether another way does better", () => {
  const cell = (from: string, to: string) => cellOf(pairOf(entryOf("vtd"), from, to));
  expect([cell("ss", "fs"), cell("nested", "nested"), cell("fs", "blocked"), cell("blocked", "blocked")]).toEqual([
    ...["1B+", "1B", "1H", "-"],
  ]);
});
