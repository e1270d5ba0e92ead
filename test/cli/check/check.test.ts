/** `dmalab check` as it is called: documents, words, codes, and what it refuses. */
import { describe, expect, test } from "vitest";
import { protocols } from "../../../src/lab/check/protocols/all.js";
import { checkListSchema, checkSchema } from "../../../src/report/schema/check.js";
import { undescribed } from "../../report/described.js";
import { dmalab } from "../called.js";

const json = async (...args: readonly string[]) => {
  const { code, out, err } = await dmalab(["check", ...args, "--json"]);
  const document = JSON.parse(out) as Parameters<typeof undescribed>[0];
  expect(undescribed(document)).toEqual([]);
  return { code, err, document };
};

describe("--list", () => {
  test("is a document of all protocols and bugs", async () => {
    const { code, document } = await json("--list");
    const list = checkListSchema.parse(document);
    expect(code).toBe(0);
    expect(list.protocols.map((p) => p.id)).toEqual(protocols.map((p) => p.id));
    expect(list.bugs.length).toBe(protocols.flatMap((p) => p.bugs).length);
    expect(list.bugs.find((b) => b.id === "attach-window")).toMatchObject({
      status: "candidate",
      protocol: "attach-while-unmap",
    });
    expect(list.bugs.find((b) => b.id === "batch-freed-early")).toMatchObject({ status: "fixed", year: 2020 });
  });

  test("is read", async () => {
    const { code, out } = await dmalab(["check", "--list"]);
    expect([code, out]).toEqual([0, expect.stringContaining("replace-vtd-pasid: a PASID entry")]);
    expect(out).toContain("attach-window, 2026, a candidate:");
  });
});

test("what holds is a proof for its machines, with code 0", async () => {
  const { code, document } = await json("replace-amd");
  const found = checkSchema.parse(document);
  expect(code).toBe(0);
  expect(found).toMatchObject({ complete: true, bounded: null, violated: null, unseen: [], bug: null });
  expect(found.universe["from"]).toBe("v1");
  expect(found.machines.map((m) => m.name)).toEqual(["own", ...protocols.find((p) => p.id === "replace-amd")!.bugs]);
  expect(found.states).toBe(found.machines.reduce((sum, m) => sum + (m.states ?? 0), 0));
  const { out } = await dmalab(["check", "replace-amd"]);
  expect(out).toContain("✓ Nothing that must hold is broken");
});

test("a bug breaks its rule by a shortest run, with code 1; without it all holds", async () => {
  const { code, document } = await json("replace-amd", "--bug", "passthrough-precedence");
  const found = checkSchema.parse(document);
  expect(code).toBe(1);
  expect(found.violated).toMatchObject({
    invariant: expect.stringMatching(/^I4: /),
    steps: [{ actor: "processor" }, { actor: "unit" }],
  });
  expect(found.violated!.steps[0]!.changes.length).toBeGreaterThan(1);
  expect(found.machines.map((m) => [m.bug, m.complete])).toEqual([
    ["passthrough-precedence", false],
    [null, true],
  ]);
});

test("a bug whose programs are run in every order has orders, not states", async () => {
  const { document } = await json("foreign-page", "--bug", "foreign-by-phys");
  const { machines } = checkSchema.parse(document);
  expect(machines.map((m) => [m.states, m.violated === null])).toEqual([
    [null, false],
    [null, true],
  ]);
});

test("a policy that breaks something is told with what its device and its page did", async () => {
  const { code, out } = await dmalab(["check", "ats-timeout", "--universe", "policy=linux-amdvi,device=never"]);
  expect(code).toBe(1);
  expect(out).toMatch(/✗ I3: a page goes only when the unit has answered for its flush/);
  expect(out).not.toContain("✓");
});

test("a search that met a limit is no proof, with code 1", async () => {
  const { code, out } = await dmalab(["check", "superpage-split", "--states", "20"]);
  expect([code, out]).toEqual([
    1,
    expect.stringMatching(/\? Not shown: large-entry-flushed-in-part ended after 20 states/),
  ]);
  expect(out).not.toContain("✓");
});

describe("asked wrongly", () => {
  test.each([
    [[], "missing argument: a protocol"],
    [["unmap"], "no protocol unmap (did you mean unmap-flush-free or"],
    [
      ["replace-amd", "--bug", "lazy-window"],
      "lazy-window is a bug of unmap-flush-free: dmalab check unmap-flush-free",
    ],
    [["replace-amd", "--bug", "lazywindow"], "no bug lazywindow (did you mean lazy-window?)"],
    [["replace-amd", "--universe", "form=v1"], "no parameter form (did you mean from?)"],
    [["queue-reuse", "--universe", "a=b"], "queue-reuse takes no --universe"],
    [["--list", "replace-amd"], "--list lists all protocols; replace-amd is not used"],
    [["--list", "--states", "5"], "--states goes with"],
    [["replace-amd", "--bug", "id-shared", "--universe", "writes=1"], "--universe and --bug do not go together"],
    [["replace-amd", "--seconds", "0"], "It takes seconds"],
    [["replace-vtd-context", "--universe", "from=legacy,to=blocked,way=nothing"], "way is one of best, linux, xen"],
  ])("%j: %s", async (args, words) => {
    const { code, out, err } = await dmalab(["check", ...args]);
    expect({ code, out, err }).toEqual({ code: 2, out: "", err: expect.stringContaining(words) });
  });
});
