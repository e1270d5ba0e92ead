/** What single programs promise: drivers around the DMA API, grants that stay, seeds, and machines that cannot be. */
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { isTrouble, outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { machineDocument, machineLines } from "../../../src/report/index.js";
import { runSchema } from "../../../src/report/schema/run.js";

const outcome = (yaml: string, seed?: number) =>
  outcomeOf(runMachine(describeMachine("m.yaml", yaml), seed === undefined ? {} : { seed }));

const xen = (model: string, arch = "x86") => `
arch: ${arch}
memory: 512MiB
swiotlb: { slots: 1024 }
xen: { model: ${model}, domains: [ { id: 0, memory: 64MiB }, { id: 1, memory: 64MiB } ] }
devices: [ { bdf: "0000:00:03.0" } ]
`;
const native = (memory: string) => `memory: ${memory}\ndevices: [ { bdf: "0000:00:03.0", mask: 32, lines: 32 } ]\n`;
const legacy = (program: string) =>
  `workload: [ { program: ${program}, device: "0000:00:03.0", requests: 40, size: 4096..32768 } ]\n`;

test("one bit is one", () => {
  expect(() => outcome(disks("mask: 1"))).toThrow(/bits or more, found 1 bit$/m);
});

test.each([
  ["without a hypervisor", true, native("1GiB")],
  ["where buffers lie above its 32 address lines", false, native("6GiB")],
  ["where pages are where they are numbered", true, xen("p==m", "arm")],
  ["where an IOMMU hides the difference", true, xen("vp+iommu")],
  ["where frames lie anywhere", false, xen("p2m")],
  ["where machine addresses are hidden", false, xen("vp+hypercall", "ia64")],
])("physical addresses as bus addresses, %s: right is %s", (_, right, machine) => {
  const o = outcome(machine + legacy("legacy-dma"));
  expect(isTrouble(o)).toBe(!right);
  expect(o.programs[0]!.ended === 40 && o.programs[0]!.wrong.length === 0).toBe(right);
  expect(o.devices[0]!.maps).toBe(0);
});

test.each([native("6GiB"), xen("p2m"), xen("vp+hypercall", "ia64")])(
  "a driver without DMA is right everywhere",
  (m) => {
    const o = outcome(m + legacy("legacy-pio"));
    expect(o.programs[0]).toMatchObject({ ended: 40, failed: 0, wrong: [] });
    expect([isTrouble(o), o.devices[0]!.maps]).toEqual([false, 0]);
  },
);

test("grants that stay are mapped once, and their bytes are right", () => {
  const mapped = (persistent: boolean) => {
    const load = `{ program: blkback, from: 1, device: "0000:00:03.0", requests: 100, persistent: ${persistent} }`;
    const o = outcome(`${xen("p2m")}workload: [ ${load} ]`);
    expect([isTrouble(o), o.programs[0]!.wrong]).toEqual([false, []]);
    return o.xen!.hypercalls["map_grant_ref"]!;
  };
  expect(mapped(true)).toBeLessThan(mapped(false) / 4);
});

const mixed = `${xen("p2m").replace('"0000:00:03.0" }', '"0000:00:03.0" }, { bdf: "0000:00:05.0" }')}
workload:
  - { program: blkback, from: 1, device: "0000:00:03.0", requests: 30 }
  - { program: netback, from: 1, device: "0000:00:05.0", requests: 30 }
  - { program: disk, device: "0000:00:03.0", requests: 20 }
`;

test("one seed is one report, byte for byte; another seed is another", () => {
  const text = (seed: number) => {
    const o = outcome(mixed, seed);
    return `${JSON.stringify(machineDocument(o))}\n${machineLines(o, { color: false, width: 100 }).join("\n")}`;
  };
  expect(text(5)).toBe(text(5));
  expect(text(6)).not.toBe(text(5));
});

test("the document is what its schema says, and counts what happened", () => {
  const o = outcome(mixed);
  const document = runSchema.parse(JSON.parse(JSON.stringify(machineDocument(o))));
  expect(document.source).toMatchObject({ format: "machine", kernel: null });
  const { total, direct, bounced, translated, foreign, failed } = document.maps;
  expect(total).toBe(o.devices.reduce((sum, d) => sum + d.maps, 0));
  expect(direct + bounced + translated + failed).toBe(total);
  expect(foreign).toBeGreaterThan(100);
  expect(document).toMatchObject({ violations: [], run: { complete: true } });
});

test("the lines name engines, causes, programs and the verdict", () => {
  const lines = machineLines(outcome(mixed), { color: false, width: 100 });
  for (const part of [
    "under Xen, memory model p2m; seed 1",
    "swiotlb-xen-x86, 64 address bits",
    "bounced: its pages are no neighbours on the bus",
    "netback for domain 1",
    "no rule was broken; nothing is left over",
  ])
    expect(lines.join("\n")).toContain(part);
  expect(lines.every((l) => l.length <= 100)).toBe(true);
});

const disks = (device: string, rest = "") =>
  `memory: 6GiB\ndevices:\n  - { bdf: "0000:00:03.0", ${device} }\nworkload: [ { program: disk, device: "0000:00:03.0" } ]\n${rest}`;

test.each([
  [
    "a bus mask below the pool",
    disks("mask: 24"),
    "m.yaml: line 3, column 34",
    "a mask that reaches the bounce pool: 27 bits or more, found 24 bits",
  ],
  [
    "a pool beyond memory",
    disks("mask: 32", "swiotlb: { slots: 4194304 }"),
    "m.yaml: line 5",
    "more memory for the bounce pool, or a smaller one",
  ],
  [
    "an engine that needs a hypervisor",
    disks("engine: swiotlb-xen-x86"),
    "m.yaml: line 3, column 36",
    "an engine that needs no hypervisor, found swiotlb-xen-x86",
  ],
  [
    "one device for disks and packets",
    disks("mask: 64").replace(" } ]", ' }, { program: net, device: "0000:00:03.0" } ]'),
    "m.yaml: line 4, column 67",
    "a program that takes its device for a disk, as the one before does",
  ],
])("%s is refused where it stands", (_, yaml, where, what) => {
  expect(() => outcome(yaml)).toThrow(where);
  expect(() => outcome(yaml)).toThrow(what);
});

test.each([4096, 16384, 65536])(
  "a disk whose segments cross no %d bytes: the block layer cuts what would",
  (boundary) => {
    const machine = native("1GiB").replace("mask: 32", `boundary: ${boundary}, mask: 32`);
    const o = outcome(machine + legacy("disk"));
    expect([isTrouble(o), o.violations]).toEqual([false, []]);
  },
);
