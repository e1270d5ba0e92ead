/** The explorer against a naive search that copies all state, and what it must catch. */
import { describe, expect, test } from "vitest";
import { mfn } from "../../src/base/frame.js";
import { explore } from "../../src/check/explore.js";
import { coarseSteps } from "../../src/check/granularity.js";
import { Rows } from "../../src/check/rows.js";
import type { Universe } from "../../src/check/universe.js";
import { Memory } from "../../src/mem/memory.js";
import { MachineState } from "../../src/state/machine_state.js";
import { cell, cells, record } from "../../src/state/record.js";
import { naive } from "./naive.js";
import { toy } from "./toy.js";

const limits = { statesMax: 1e6, bytesMax: 2 ** 30 };

describe("a driver, a unit and a device", () => {
  test.each([
    [1, 163, 304],
    [2, 1119, 2180],
    [3, 3619, 7292],
  ])("%d rounds: every state once, as a search that copies everything finds them", (rounds, states, transitions) => {
    const found = explore(() => toy({ rounds }), limits);
    expect(found).toMatchObject({ complete: true, bounded: null, violated: null });
    expect([found.states, found.transitions]).toEqual([states, transitions]);
    expect(naive(toy({ rounds }))).toEqual({ states, transitions });
    expect(found.sometimes).toEqual({ "a translation outlives its entry": true, "both pages are in use": false });
  });

  test("the order of the actors changes no count", () => {
    const turned = (): Universe => {
      const u = toy({ rounds: 2 });
      return { ...u, actors: u.actors.toReversed() };
    };
    const [one, other] = [explore(() => toy({ rounds: 2 }), limits), explore(turned, limits)];
    expect([one.states, one.transitions, one.depth, one.atRest]).toEqual([
      ...[other.states, other.transitions, other.depth, other.atRest],
    ]);
  });

  test("a page that is freed before the flush is found by a shortest run, told step by step", () => {
    const { violated, complete } = explore(() => toy({ rounds: 2, freesEarly: true }), limits);
    expect(complete).toBe(false);
    expect(violated!.invariant).toBe("a free page is not used");
    expect(violated!.steps.map((s) => `${s.actor}: ${s.step}`)).toMatchInlineSnapshot(`
      [
        "driver: choose, way 1 of 2",
        "driver: map",
        "driver: ask",
        "device: walk, replace entry 0",
        "driver: clear",
        "driver: flush",
        "driver: ring, no wait",
        "driver: free",
        "device: access",
      ]
    `);
    expect(violated!.steps.at(-1)!.changes).toContainEqual({ part: "pages", cell: "broken", from: 0, to: 1 });
  });

  test("state that nobody declared is caught", () => {
    const hiding = () => explore(() => toy({ rounds: 3, hides: true }), limits, { auditEvery: 1 });
    expect(hiding).toThrow(/hidden-state: .* when the run is taken again/);
  });
});

test("a search that is cut says by what, and is no proof", () => {
  const cut = explore(() => toy({ rounds: 2 }), { ...limits, statesMax: 100 });
  expect(cut).toMatchObject({ complete: false, bounded: { by: "states", max: 100 } });
  expect(explore(() => toy({ rounds: 2 }), { ...limits, bytesMax: 30_000 }).bounded).toEqual({
    by: "bytes",
    max: 30_000,
  });
});

describe("small universes", () => {
  const S = record("numbers", { a: cell("one"), b: cell("other") });
  const counting =
    (o: {
      does: (s: { a: number; b: number }, n: number) => void;
      always?: (s: { a: number; b: number }) => boolean;
    }) =>
    () => {
      const state = new MachineState();
      const s = state.place(S);
      const actors = [0, 1].map((n) => ({
        name: `actor ${n}`,
        choices: () => ((n === 0 ? s.a : s.b) < 3 ? 1 : 0),
        step: () => o.does(s, n),
        label: () => "count",
      }));
      return { state, actors, always: { holds: () => o.always?.(s) ?? true }, sometimes: {} } satisfies Universe;
    };
  const count = (s: { a: number; b: number }, n: number) => {
    if (n === 0) s.a++;
    else s.b++;
  };

  test("two counters to three are sixteen states", () => {
    expect(explore(counting({ does: count }), limits)).toMatchObject({
      states: 16,
      transitions: 24,
      depth: 6,
      atRest: 1,
    });
  });

  test("the start may violate already; where nobody can step, what must hold at rest is asked", () => {
    const wrong = explore(counting({ does: count, always: (s) => s.a > 0 }), limits);
    expect(wrong.violated).toEqual({ invariant: "holds", steps: [] });
    const build = counting({ does: count });
    const resting = explore(() => ({ ...build(), atRest: { never: () => false } }), limits);
    expect(resting.violated).toMatchObject({ invariant: "never" });
    expect(resting.violated!.steps).toHaveLength(6);
  });

  test("what must hold only looks", () => {
    const writes = counting({ does: count, always: (s) => ++s.b > 0 });
    expect(() => explore(writes, limits)).toThrow(/invariant-writes/);
  });
});

test("two states of one sum are two: rows and contents are compared, not their hashes", () => {
  const rows = new Rows(3);
  const [a, b] = [Int32Array.of(1, 2, 3), Int32Array.of(3, 2, 1)];
  expect([rows.indexOf(a, 3, 7), rows.indexOf(b, 3, 7), rows.indexOf(a, 3, 7), rows.count]).toEqual([0, 1, 0, 2]);
});

test("what a hidden field writes into declared state is caught, though the choices stay the same", () => {
  const S = record("shown", { steps: cell("taken"), odd: cell("of a counter that nobody declared") });
  const build = (): Universe => {
    const state = new MachineState();
    const s = state.place(S);
    let hidden = 0;
    const step = (): void => {
      s.steps++;
      s.odd = ++hidden % 2;
    };
    const actor = { name: "one", choices: () => (s.steps < 6 ? 2 : 0), step, label: () => "count" };
    return { state, actors: [actor], always: {}, sometimes: {} };
  };
  expect(() => explore(build, limits, { auditEvery: 1 })).toThrow(/hidden-state: .*shown, word 1, differs/);
});

describe("the rule of steps", () => {
  const Shared = record("shared", { flag: cell("raised by one"), data: cell("read by the other") });
  const two = (atOnce: boolean, why: string | null) =>
    coarseSteps((onAccess) => {
      const state = new MachineState({ onAccess });
      const s = state.place(Shared);
      const own = state.place(record("own", { step: cell("of the writer"), got: cell("by the reader") }));
      const writer = {
        name: "writer",
        choices: () => (own.step < 2 ? 1 : 0),
        step: () => {
          if (atOnce || own.step === 0) s.data = 7;
          if (atOnce || own.step === 1) s.flag = 1;
          own.step += atOnce ? 2 : 1;
        },
        label: () => "write",
        atomic: () => why,
      };
      const reader = {
        name: "reader",
        choices: () => (own.got < 2 ? 1 : 0),
        step: () => {
          if (own.got === 0) own.got = s.flag;
          else {
            own.got = 2 + s.data;
          }
        },
        label: () => "read",
      };
      return { state, actors: [writer, reader], always: {}, sometimes: {} };
    }, limits).coarse;

  test("two stores that another can tell apart are two steps", () => {
    expect(two(false, null)).toEqual([]);
    expect(two(true, null)).toEqual([
      { actor: "writer", step: "write", accesses: ["writes shared, word 1", "writes shared, word 0"] },
    ]);
    expect(two(true, "stored as one 64-bit word")).toEqual([]);
  });

  test("bytes that are read count by lines, and what is read of a frame where it stands by words", () => {
    const steps = (read: (memory: Memory) => void) =>
      coarseSteps((onAccess) => {
        const state = new MachineState({ onAccess });
        const memory = new Memory(2);
        memory.noteIn(state);
        const s = state.place(record("done", { of: cells(2, "each") }));
        const writer = {
          name: "writer",
          choices: () => (s.of.get(0) === 0 ? 1 : 0),
          step: () => {
            memory.write(0, new Uint8Array(200).fill(1));
            s.of.set(0, 1);
          },
          label: () => "write",
          atomic: () => "all at once",
        };
        const reader = {
          name: "reader",
          choices: () => (s.of.get(1) === 0 ? 1 : 0),
          step: () => {
            read(memory);
            s.of.set(1, 1);
          },
          label: () => "read",
        };
        return { state, actors: [writer, reader], always: {}, sometimes: {} };
      }, limits).coarse.flatMap((c) => c.accesses);
    const lines = (...at: number[]) => at.map((a) => `reads memory 0x${(a * 64).toString(16)}`);
    expect(steps((m) => m.read(8, new Uint8Array(40)))).toEqual([]);
    expect(steps((m) => m.read(60, new Uint8Array(70)))).toEqual(lines(0, 1, 2));
    expect(steps((m) => m.frame(mfn(0))![3])).toEqual([]);
    expect(steps((m) => [m.frame(mfn(0))![3], m.frame(mfn(0))![17]])).toEqual(lines(0, 1));
    expect(steps((m) => m.frame(mfn(5)))).toEqual([]);
  });

  test("the toy's driver keeps it; its unit and its device say why they do not", () => {
    expect(coarseSteps((onAccess) => toy({ rounds: 2, onAccess }), limits).coarse).toEqual([]);
  });
});
