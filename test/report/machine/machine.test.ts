/** What is said of a run of a described machine: the verdict first and true, refusals in groups, rows that add up. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { isTrouble, type MachineOutcome, outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { machineDocument, machineLines } from "../../../src/report/index.js";
import { runSchema } from "../../../src/report/schema/run.js";

function run(
  preset: string,
  o: { slots?: number; requests?: number; checks?: boolean; stepMax?: number; text?: string },
) {
  const described = describeMachine(preset, o.text ?? readFileSync(`machines/${preset}`, "utf8"));
  if (o.slots !== undefined) described.machine.swiotlb = { slots: o.slots, areas: 1, mode: "auto" };
  for (const w of described.machine.workload) w.requests = o.requests ?? 100;
  const { checks, stepMax } = o;
  return outcomeOf(
    runMachine(described, {
      ...(checks === undefined ? {} : { checks }),
      ...(stepMax === undefined ? {} : { stepMax }),
    }),
  );
}

const lines = (o: MachineOutcome) => machineLines(o, { color: false, width: 100 });

const full = run("sev-guest.yaml", { slots: 128, requests: 400 });

test("a machine that refused mappings is trouble, and the first line says so", () => {
  const failed = full.devices.reduce((sum, d) => sum + d.failed, 0);
  expect(failed).toBeGreaterThan(100);
  expect(isTrouble(full)).toBe(true);
  const [first, ...others] = lines(full);
  expect(first).toMatch(/^✗ .*[\d,]+ of [\d,]+ mappings were refused\.$/);
  // What held all the same comes after it.
  const held = others.slice(0, others.indexOf("")).map((line) => line.trim());
  expect(held.join(" ")).toMatch(
    /^Every one of [\d,]+ bytes that arrived is what was sent; no rule was broken; nothing is left over\.$/,
  );
  expect(lines(full).length).toBeLessThan(130);
});

test.each([
  ["all bounce", full],
  ["some bounce", run("xen-pv-dom0.yaml", { slots: 128, requests: 150 })],
  ["none is refused", run("bare-metal.yaml", {})],
  ["an IOMMU", run("xen-pvh.yaml", {})],
])("rows add up: %s", (_, o) => {
  for (const d of o.devices) {
    expect(d.direct + d.bounced + d.translated + d.failed).toBe(d.maps);
    expect(d.causes.reduce((sum, c) => sum + c.count, 0)).toBe(d.maps - d.failed);
    expect(d.refusals.reduce((sum, g) => sum + g.count, 0)).toBe(d.failed);
  }
  const { maps } = runSchema.parse(machineDocument(o));
  expect(maps.direct + maps.bounced + maps.translated + maps.failed).toBe(maps.total);
});

test("refusals are groups by device, reason and size, with at most three examples each", () => {
  const groups = full.devices.flatMap((d) => d.refusals.map((g) => ({ ...g, device: d.bdf })));
  const classOf = (size: number) => [4096, 65536, 262144].findIndex((most) => size <= most);
  const keys = groups.map((g) => `${g.device} ${g.reason} ${g.list} ${classOf(g.sizeMost)}`);
  expect(new Set(keys).size).toBe(keys.length);
  for (const g of groups) {
    expect(classOf(g.sizeLeast)).toBe(classOf(g.sizeMost));
    expect(g.examples.length).toBe(Math.min(3, g.count));
    for (const e of g.examples) expect(e.size >= g.sizeLeast && e.size <= g.sizeMost).toBe(true);
  }
  expect(groups.length).toBeLessThan(20);
  const text = lines(full).join("\n");
  expect(text).toMatch(/\n {2}pool fragmented: [\d,]+ refused lists of 0000:00:03\.0 \(nvme\), /);
  expect(text).toMatch(/\n {4}mapping [\d,]+, [\d.]+ KiB at 0x[0-9a-f]+: the pool has no place/);
  const { refusals } = runSchema.parse(machineDocument(full)).run!;
  expect(refusals.map((r) => [r.device, r.reason, r.count])).toEqual(groups.map((g) => [g.device, g.reason, g.count]));
});

test("what was not watched is not said to hold", () => {
  const [first] = lines(run("bare-metal.yaml", { checks: false }));
  expect(first).toMatch(/^✓ Every one of .* bytes is what was sent; the rules of the DMA API were not watched/);
});

test("a run that was cut is neither fine nor trouble", () => {
  const cut = run("bare-metal.yaml", { stepMax: 500 });
  expect(lines(cut)[0]).toBe("? The run was cut before its end: nothing is known of what came after.");
  expect(isTrouble(cut)).toBe(true);
});

test("a machine without a workload shows nothing", () => {
  const o = run("none.yaml", { text: 'devices: [ { bdf: "0000:00:03.0" } ]\n' });
  expect(lines(o)[0]).toBe("? No program ran: the description has no workload.");
});

test("accesses that an IOMMU refused and requests that failed are told apart, and why there are more of the one", () => {
  const text = readFileSync("machines/vtd-strict.yaml", "utf8").replace(
    'program: disk, device: "0000:00:04.0"',
    'program: legacy-dma, device: "0000:00:04.0"',
  );
  const o = run("vtd-strict.yaml", { text, requests: 20 });
  const accesses = o.iommu!.refused.reduce((n, r) => n + r.count, 0);
  expect([o.programs[1]!.failed, accesses < 20]).toEqual([20, true]);
  const said = lines(o).join(" ").replaceAll(/ +/g, " ");
  expect(said).toContain(
    `The IOMMU refused ${accesses} accesses of 0000:00:04.0 and 20 of 60 requests of the programs`,
  );
  expect(said).toContain(`0000:00:04.0: ${accesses} accesses refused, 20 requests failed: a request is many accesses`);
  expect(said).toContain("legacy-dma: 20 requests failed: the controller has stopped (CSTS.CFS) and was reset");
});
