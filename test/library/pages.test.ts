/** Pages, scenarios and descriptions as programs have them. */
import { expect, test } from "vitest";
import { checkMachine, machineJsonSchema, runMachine } from "../../src/doors/machine.js";
import { html } from "../../src/doors/pages.js";
import { BadOption, bugs, demonstrateBug, runScenario, scenarios } from "../../src/doors/scenario.js";
import { replay, Unreadable } from "../../src/index.js";
import { dmalab } from "../cli/called.js";
import { fixture, fixtureText } from "../read/fixture.js";

test("the page of a replay is the one that the command writes, also of a document that was sent as JSON", async () => {
  const name = "fixtures/swiotlb-force/trace.v6.dat.gz";
  const log = fixture("swiotlb-force/dmesg.txt.gz");
  const counters = fixtureText("swiotlb-force/swiotlb.txt");
  const document = await replay(fixture("swiotlb-force/trace.v6.dat.gz"), { name, log, counters, page: true });
  const page = html(document);
  expect(page).toBe((await dmalab(["run", name, "--html", "-"])).out);
  expect(html(JSON.parse(JSON.stringify(document)) as typeof document)).toBe(page);
});

test("a document without what a page shows has none", async () => {
  const document = await replay(fixture("swiotlb-force/trace.v6.dat.gz"));
  expect("page" in document).toBe(false);
  expect(() => html(document)).toThrow(BadOption);
});

test("scenarios and bugs are those of the command", async () => {
  const listed = JSON.parse((await dmalab(["run", "--scenarios", "--bugs", "--json"])).out);
  expect([scenarios, bugs]).toEqual([listed.scenarios, listed.bugs]);
  const printed = async (...args: string[]) => JSON.parse((await dmalab(["run", ...args, "--json"])).out);
  expect(runScenario("ring")).toEqual(await printed("--scenario", "ring"));
  const { id } = bugs[0]!;
  expect(demonstrateBug(id)).toEqual(await printed("--bug", id));
  const { id: scenario, bugs: taken } = scenarios.find((s) => s.id === "foreign-page")!;
  const both = runScenario(scenario, { seed: 3, bug: taken[0]! });
  expect(both).toEqual(await printed("--scenario", scenario, "--bug", taken[0]!, "--seed", "3"));
});

test.each<[string, () => unknown, RegExp]>([
  ["an unknown scenario", () => runScenario("rign"), /scenario rign: there is .*ring/],
  ["an unknown bug", () => demonstrateBug("x"), /bug x: there is /],
  ["a bug of another story", () => runScenario("ring", { bug: "x" }), /bug x: scenario ring does not show it/],
  ["a seed of every order", () => runScenario("lazy-window", { seed: 2 }), /seed 2: .* every order there is/],
  ["a seed of one order", () => runScenario("engine", { seed: 1 }), /seed 1: .* goes one way only/],
  ["half a seed", () => runScenario("ring", { seed: 0.5 }), /seed 0\.5: a whole number/],
])("%s is refused", (_, call, message) => {
  expect(call).toThrow(BadOption);
  expect(call).toThrow(message);
});

test("a machine as an object is the machine as text", async () => {
  const object = {
    memory: "64MiB",
    devices: [{ bdf: "0000:00:03.0", driver: "nvme" }],
    workload: [{ program: "disk", device: "0000:00:03.0", requests: 20 }],
  } as const;
  const text = fixtureText("../machines/sev-guest.yaml");
  expect((await runMachine(object)).run).toMatchObject({ complete: true, programs: [{ ended: 20, wrong: [] }] });
  expect(() => checkMachine(object)).not.toThrow();
  expect(() => checkMachine(text)).not.toThrow();
  expect(() => checkMachine({ ...object, cpus: 0 }, "mine")).toThrow(/^mine: cpus: expected a whole number/);
  await expect(runMachine({ ...object, cpus: 2048.5 })).rejects.toThrow(Unreadable);
  expect(machineJsonSchema()).toMatchObject({ title: "dmalab machine" });
});
