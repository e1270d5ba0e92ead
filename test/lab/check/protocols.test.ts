/** Protocols by name: each bug has one, each machine is explored to its end, and nothing that must hold is broken in it. */
import { describe, expect, test } from "vitest";
import { checkBug, checkUniverse } from "../../../src/lab/check/check_machine.js";
import { planOf } from "../../../src/lab/check/check_protocol.js";
import { isShown } from "../../../src/lab/check/checked.js";
import { usualValues } from "../../../src/lab/check/parameter.js";
import { protocols } from "../../../src/lab/check/protocols/all.js";
import { historicBugs } from "../../../src/lab/scenario/bugs/registry.js";
import { long } from "../../tier.js";

const search = { limits: { statesMax: 1_000_000, bytesMax: 2 ** 30 } };

test("each bug belongs to one protocol, and none is named that is not there", () => {
  const named = protocols.flatMap((p) => p.bugs);
  expect([...named].sort()).toEqual(historicBugs.map((b) => b.id).sort());
  expect(new Set(protocols.map((p) => p.id)).size).toBe(protocols.length);
});

/** States that the usual machine has: another number is another machine, or another search. */
const states: Readonly<Record<string, number>> = {
  "unmap-flush-free": 321,
  "ats-timeout": 6981,
  "completion-interrupt": 801,
  "replace-vtd-context": 3664,
  "replace-vtd-pasid": 13393,
  "replace-amd": 1579,
  "replace-smmu-ste": 17059,
  "replace-smmu-cd": 11368,
};

describe.each(protocols.filter((p) => p.machine !== null).map((p) => [p.id, p.machine!] as const))(
  "%s",
  (id, machine) => {
    const usual = usualValues(machine.parameters);

    test("its usual machine holds, and what must happen does", () => {
      const build = machine.build(usual);
      if (typeof build === "string") throw new Error(build);
      const found = checkUniverse(id, build, search, machine.mustSee(usual));
      expect({ violated: found.violated, unseen: found.unseen, isShown: isShown(found) }).toEqual({
        ...{ violated: null, unseen: [], isShown: true },
      });
      expect(found.invariants.length).toBeGreaterThan(1);
      expect(found.states).toBe(states[id]);
    });

    test("every value of each parameter makes a machine, or says why it makes none", () => {
      for (const [name, { values }] of Object.entries(machine.parameters))
        for (const value of values) {
          const build = machine.build({ ...usual, [name]: value });
          expect(typeof build === "string" ? build.length > 20 : build().actors.length > 1, `${name}=${value}`).toBe(
            true,
          );
        }
    });
  },
);

test("something that must be seen and is not makes a complete search no proof", () => {
  const { machine } = protocols.find((p) => p.id === "ats-timeout")!;
  const build = machine!.build({ policy: "fence-then-free", device: "in-time", writes: "1" }) as () => never;
  const found = checkUniverse("own", build, search, ["the moon is full"]);
  expect([found.complete, found.violated, found.unseen, isShown(found)]).toEqual([
    true,
    null,
    ["the moon is full"],
    false,
  ]);
});

test("a search that is cut says by what, and is no proof", () => {
  const bug = historicBugs.find((b) => b.id === "lazy-window")!;
  const cut = checkBug(bug, false, { limits: { statesMax: 10, bytesMax: 2 ** 30 } });
  expect([cut.complete, cut.bounded, isShown(cut)]).toEqual([false, { by: "states", max: 10 }, false]);
  const late = checkBug(bug, false, { limits: { ...search.limits, secondsMax: 1e-9 } });
  expect([late.complete, late.bounded?.by]).toEqual([false, "seconds"]);
});

test("a bug is asked for with it and without it, own values alone; else all machines of the protocol", () => {
  const protocol = protocols.find((p) => p.id === "replace-amd")!;
  const usual = usualValues(protocol.machine!.parameters);
  const names = (plan: ReturnType<typeof planOf>) => (typeof plan === "string" ? plan : plan.map((p) => p.name));
  expect(names(planOf(protocol, usual, { bug: null, values: null }))).toEqual(["own", ...protocol.bugs]);
  expect(names(planOf(protocol, usual, { bug: null, values: usual }))).toEqual(["own"]);
  expect(names(planOf(protocol, usual, { bug: "id-shared", values: null }))).toEqual(["id-shared", "id-shared, off"]);
  expect(
    names(planOf(protocol, { ...usual, from: "nested", to: "nested", way: "xen" }, { bug: null, values: usual })),
  ).toMatch(/way xen is for|nested/);
});

// Each is also demonstrated by `run --bug`; here all rules of its machine are looked at.
test.skipIf(!long)("without its bug every rule of each machine holds, and with it its own breaks", () => {
  for (const bug of historicBugs) {
    expect(isShown(checkBug(bug, false, search)), bug.id).toBe(true);
    expect(checkBug(bug, true, search).violated?.steps.length, bug.id).toBeGreaterThan(0);
  }
});

test("a way that hardware's document does not allow is refused with its reason, whatever a search would find", () => {
  const { machine } = protocols.find((p) => p.id === "replace-vtd-pasid")!;
  const usual = usualValues(machine!.parameters);
  for (const way of ["same-did", "spare-did"])
    expect(machine!.build({ ...usual, from: "ss", to: "fs", way })).toMatch(/not allowed here.*VT-d 6\.2\.3\.1/);
  expect(machine!.build({ ...usual, from: "fs", to: "fs", way: "spare-did" })).toBeTypeOf("function");
});
