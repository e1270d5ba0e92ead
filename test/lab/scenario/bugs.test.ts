/** Every historic bug: on, a run breaks its rule; off, no order of the same steps does. */
import { expect, test } from "vitest";
import { demonstrate, historicBugs } from "../../../src/lab/scenario/bugs/registry.js";

for (const bug of historicBugs) {
  test(`${bug.id}: ${bug.rule}`, () => {
    const { on, off } = demonstrate(bug);
    expect(on.broken, `with it (${bug.source}, ${bug.year})`).not.toBeNull();
    expect(off.broken, "without it").toBeNull();
    expect(off.complete).toBe(true);
    expect(off.orders).toBeGreaterThan(0);
    expect(off.first.length).toBeGreaterThan(0);
    if (process.env["SHOW"]) console.log(JSON.stringify({ t: bug.title, on, off }, null, 1));
  });
}

test("there are more than twenty-five, each with a name of its own and a source", () => {
  expect(historicBugs.length).toBeGreaterThanOrEqual(25);
  expect(new Set(historicBugs.map((b) => b.id)).size).toBe(historicBugs.length);
  expect(new Set(historicBugs.map((b) => b.title)).size).toBe(historicBugs.length);
  for (const bug of historicBugs) expect([bug.id, bug.source !== "" && bug.year >= 2006]).toEqual([bug.id, true]);
});
