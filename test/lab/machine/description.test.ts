import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description.js";
import { machineJsonSchema } from "../../../src/lab/machine/json_schema.js";

const machine = (text: string) => describeMachine("m.yaml", text).machine;

test("the schema for editors is the one that descriptions are held against", () => {
  const published = JSON.parse(readFileSync("machines/schema.json", "utf8"));
  expect(published).toEqual(machineJsonSchema());
  expect(published.properties.xen.properties.model.enum).toContain("vp+hypercall");
});

test("an empty description is a machine, and every field has its default", () => {
  expect(machine("")).toMatchObject({ arch: "x86", devices: [], workload: [], seed: 1, encrypted: false });
});

test("sizes are read as people write them", () => {
  const m = machine(
    "memory: 1GiB\nxen: { model: p2m, domains: [ { id: 0, memory: 512MiB }, { id: 1, memory: 65536KiB } ] }",
  );
  expect([m.memory, ...m.xen!.domains.map((d) => d.memory)]).toEqual([2 ** 30, 2 ** 29, 2 ** 26]);
});

test("a range of sizes is both ends, and one number is both", () => {
  const device = "devices: [ { bdf: '0000:00:03.0' } ]\n";
  const size = (s: string) =>
    machine(`${device}workload: [ { program: disk, device: '0000:00:03.0', size: ${s} } ]`).workload[0]!.size;
  expect(size("4096..131072")).toEqual({ from: 4096, to: 131072 });
  expect(size("512")).toEqual({ from: 512, to: 512 });
});

test.each([
  ["an unknown key", "xen:\n  modle: p2m", "m.yaml: line 2, column 10: expected", "model, guests, domains"],
  ["an unknown model", "xen:\n  model: q2m\n  domains: [ { id: 0, memory: 1MiB } ]", "line 2, column 10", '"q2m"'],
  ["an unknown engine", "devices:\n  - { bdf: '0000:00:03.0', engine: magic }", "line 2, column 36", "swiotlb-xen-x86"],
  [
    "two devices at one address",
    "devices:\n  - { bdf: '0000:00:03.0' }\n  - { bdf: '0000:00:03.0' }",
    "line 3, column 12",
    "two at",
  ],
  [
    "two domains of one number",
    "xen: { model: p2m, domains: [ { id: 0, memory: 1MiB }, { id: 0, memory: 1MiB } ] }",
    "line 1, column 62",
    "two numbered 0",
  ],
  ["no driver domain", "xen:\n  model: p2m\n  domains: [ { id: 1, memory: 1MiB } ]", "line 3", "domain 0"],
  [
    "more memory than frames",
    "memory: 1GiB\nxen:\n  model: p2m\n  domains:\n    - { id: 0, memory: 512MiB }\n    - { id: 1, memory: 513MiB }",
    "line 6, column 24",
    "1074790400 bytes",
  ],
  [
    "a mask above the address lines",
    "devices:\n  - { bdf: '0000:00:03.0', lines: 32, mask: 40 }",
    "line 2, column 45",
    "40 bits",
  ],
  [
    "a program of a device that is not there",
    "workload:\n  - { program: disk, device: '0000:00:09.0' }",
    "line 2, column 30",
    "0000:00:09.0",
  ],
  [
    "a program of a guest that is not there",
    "devices: [ { bdf: '0000:00:03.0' } ]\nworkload:\n  - { program: blkback, from: 3, device: '0000:00:03.0' }",
    "line 3, column 31",
    "a guest",
  ],
  [
    "a back end without a guest",
    "devices: [ { bdf: '0000:00:03.0' } ]\nworkload:\n  - { program: blkback, device: '0000:00:03.0' }",
    "line 3",
    "from: the guest",
  ],
  [
    "a size backwards",
    "devices: [ { bdf: '0000:00:03.0' } ]\nworkload:\n  - { program: disk, device: '0000:00:03.0', size: 9..3 }",
    "line 3, column 52",
    "from..to",
  ],
])("%s is refused where it stands", (_, text, where, what) => {
  expect(() => machine(text)).toThrow(where);
  expect(() => machine(text)).toThrow(what);
});
