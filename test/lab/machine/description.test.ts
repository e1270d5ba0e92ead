import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { machineJsonSchema } from "../../../src/lab/machine/description/json_schema.js";

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
  [
    "an unknown key",
    "xen:\n  modle: p2m",
    "m.yaml: line 2, column 10: expected",
    "model, guests, passthrough, pageLifetime, domains",
  ],
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
    "tables of a stage for devices that pass",
    "iommu:\n  { kind: vtd-scalable, policy: pass-through, stage: first }\ndevices: [ { bdf: '0000:00:03.0' } ]",
    "line 2, column 54",
    "policy: strict or lazy, or for a device with untrusted: true",
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

/** Lines of what is said of a text. */
function said(text: string): string[] {
  try {
    machine(text);
  } catch (error) {
    return (error as Error).message.split("\n");
  }
  return [];
}

const device = "devices: [ { bdf: '0000:00:03.0' } ]\n";
const deviceWith = (what: string) => `devices:\n  - { bdf: '0000:00:03.0', ${what} }`;

test.each([
  [
    "a number below its least",
    deviceWith("boundary: 4095"),
    "devices[0].boundary to be a power of two of at least 4096, found 4095",
  ],
  [
    "a number that is no power of two",
    deviceWith("boundary: 5000"),
    "devices[0].boundary to be a power of two of at least 4096, found 5000",
  ],
  ["a number above its most", "cpus: 8193", "cpus to be a whole number from 1 to 8192, found 8193"],
  ["a fraction", "cpus: 1.5", "cpus to be a whole number from 1 to 8192, found 1.5"],
  ["text for a number", "cpus: two", 'cpus to be a whole number from 1 to 8192, found "two"'],
  ["a number for a switch", "encrypted: 1", "encrypted to be true or false, found 1"],
  ["a mask in hexadecimal", deviceWith("minAlignMask: 0x40000"), "such as 0xfff; at most 0x3ffff, found 0x40000"],
  ["a value of a list", "arch: risc", 'arch to be one of x86, arm, ia64, found "risc"'],
  ["a size", "memory: 65GiB", 'memory to be a multiple of 4KiB up to 64GiB such as 512MiB, found "65GiB"'],
  ["a kernel that loses its zero", "kernel: 6.10", "in quotes, found 6.10"],
  ["a kernel that there is not", 'kernel: "5.20"', 'a release of Linux from "2.6.0" to "7.3", in quotes, found "5.20"'],
  ["a kernel of the future", 'kernel: "8.0"', 'found "8.0"'],
  ["a list", "devices: 5", "devices to be a list of at most 256, found 5"],
  ["keys", "xen: 7", "xen to be keys with values (model, guests, passthrough, pageLifetime, domains), found 7"],
  ["what is missing", "devices: [ {} ]", "devices[0].bdf to be a device address such as 0000:00:03.0, found nothing"],
  ["a machine that is none", "[]", "a machine to be keys with values (kernel, cpus,"],
  [
    "an answer that no kernel waits for here",
    `iommu: { kind: vtd }\n${deviceWith("ats: true, answers: late")}`,
    "answers: in time, or xen: of the machine: only a hypervisor is answered otherwise here, found late, and no xen:",
  ],
  [
    "an answer without a TLB",
    `iommu: { kind: vtd }\nxen: { model: vp+iommu, domains: [ { id: 0, memory: 4MiB } ] }\n${deviceWith("answers: never")}`,
    "ats: true of the device: without a TLB it is asked nothing, found never, and no ats:",
  ],
  ["an alias", "cpus: &n 2\nseed: *n", "a value of its own, written out, found the alias *n"],
  [
    "what is not closed",
    "cpus: [1\n",
    "brackets that are closed, and what is in a key further in than the key, found the end of the line",
  ],
  ["a second machine", "cpus: 1\n---\ncpus: 2\n", "one machine in a file: give what follows --- a file of its own"],
  ["a key twice", "cpus: 1\ncpus: 2\n", "each key once: leave one of them out, found cpus: 2"],
  ["a tab", "xen:\n\tmodel: p2m", "YAML takes no tabs there, found a tab"],
])("%s: what is allowed and what was given, in one line", (_, text, what) => {
  const lines = said(text);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^m\.yaml: line \d+, column \d+: expected /);
  expect(lines[0]).toContain(what);
  expect(lines[0]).not.toMatch(/received|Too |Invalid|undefined/);
});

test.each([
  ["a key", "kernell: '7.2'", "kernel"],
  ["a key inside", "swiotlb: { slot: 5 }", "slots"],
  ["a program", `${device}workload: [ { program: blkbak, device: '0000:00:03.0', from: 1 } ]`, "blkback"],
  ["an engine", deviceWith("engine: swiotbl"), "swiotlb"],
  ["a driver", deviceWith("driver: nvmee"), "nvme"],
  ["a driver with a dash", deviceWith("driver: mlx5-cor"), "mlx5_core"],
  ["a device", `${device}workload: [ { program: disk, device: '0000:00:03.1' } ]`, "0000:00:03.0"],
  ["a mode", "swiotlb: { mode: forced }", "force"],
])("%s that is nearly right: what was meant", (_, text, meant) => {
  expect(said(text).join()).toContain(`(did you mean ${meant}?)`);
});

test.each(["nvme", "e1000e", "mlx5_core", "virtio-pci", "xhci_hcd", "ata_piix", "hv_storvsc", "snd_hda_intel", "ide"])(
  "%s is a driver",
  (driver) => expect(machine(deviceWith(`driver: ${driver}`)).devices[0]!.driver).toBe(driver),
);

test.each(["2.6.37", "3.10", "4.20", "5.15.0-91-generic", "6.1", "6.12.48+deb13-amd64", "6.19.3", "7.2.13"])(
  "%s is a kernel",
  (kernel) => expect(machine(`kernel: "${kernel}"`).kernel).toBe(kernel),
);

test("all mistakes are told at once, in the order of the text", () => {
  const lines = said(
    [
      "kernell: '7.2'",
      "memory: 5XiB",
      "xen:",
      "  modle: p2m",
      "  domains: [ { id: 1, memory: 1GiB } ]",
      "devices:",
      "  - { bdf: '0000:00:03.0', mask: 40, lines: 32 }",
      "  - { bdf: '0000:00:03.0', engine: swiotbl }",
      "workload:",
      "  - { program: blkbak, device: '0000:00:03.1', size: 5..3 }",
      "  - { program: blkback, device: '0000:00:03.0' }",
      "  - { program: net, device: '0000:00:03.0', from: 9 }",
    ].join("\n"),
  );
  const places = lines.map((line) => /^m\.yaml: line (\d+), column \d+: expected (.*?)[,(]/.exec(line)!.slice(1, 3));
  expect(places).toEqual([
    ["1", "one of the known keys "],
    ["2", "memory to be a multiple of 4KiB up to 64GiB such as 512MiB"],
    ["4", "one of the known keys "],
    ["5", "domain 0"],
    ["7", "a mask of at most the 32 address lines"],
    ["8", "each device once"],
    ["8", "devices[1].engine to be one of auto"],
    ["10", "workload[0].program to be one of disk"],
    ["10", "a device of the machine "],
    ["10", "workload[0].size to be bytes up to 1048576"],
    ["11", "from: the guest that it serves"],
    ["12", "a program that takes its device for a disk"],
    ["12", "a guest "],
  ]);
});

test("a part that is wrong by itself is not held against another", () => {
  expect(said("xen: { model: p2m, domains: [ { id: x, memory: 1GiB } ] }")).toHaveLength(1);
  expect(said(deviceWith("lines: 32, mask: 70"))).toHaveLength(1);
  expect(said("devices: [ { bdf: 3 } ]\nworkload: [ { program: disk, device: '0000:00:03.0' } ]")).toHaveLength(1);
  expect(said(`${device}workload: [ { program: blkback, from: -1, device: '0000:00:03.0' } ]`)).toHaveLength(1);
  expect(said(`xen: 4\n${deviceWith("engine: grant")}`)).toHaveLength(1);
});

test("of many mistakes the first are told and the others counted", () => {
  const lines = said(`devices:\n${"  - { bdf: x }\n".repeat(50)}`);
  expect(lines).toHaveLength(21);
  expect(lines[20]).toBe("m.yaml: and 30 more");
});
