/** A machine whose memory is too small for what it is to do is refused, with its place and what was wanted. */
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";

const bdf = "0000:00:03.0";
const plain = (memory: string, program: string, size: number) =>
  `seed: 1\nmemory: ${memory}\ndevices: [ { bdf: '${bdf}' } ]\n` +
  `workload: [ { program: ${program}, device: '${bdf}', requests: 20, size: ${size} } ]`;
const served = (own: string, guest: string, program: string) =>
  `xen:\n  model: vp+iommu\n  domains: [ { id: 0, memory: ${own} }, { id: 1, memory: ${guest} } ]\n` +
  `devices: [ { bdf: '${bdf}' } ]\n` +
  `workload: [ { program: ${program}, from: 1, device: '${bdf}', requests: 20, size: 8192..9000 } ]`;

test.each([
  [
    "a disk's queues",
    plain("64KiB", "disk", 512),
    /line 2, column 9: expected more memory: .*131072 bytes.* found 65536 bytes$/,
  ],
  [
    "a card's rings",
    plain("4096", "net", 512),
    /line 2, column 9: expected more memory: .*1024 bytes.* found 4096 bytes$/,
  ],
  ["a request", plain("1MiB", "disk", 1048576), /line 2, column 9: expected more memory: disk 0 takes 10\d{5} bytes/],
  ["a packet", plain("16KiB", "net", 9000), /line 2, column 9: expected more memory: net 0 takes 9000 bytes/],
  ["a driver domain", served("64KiB", "4MiB", "blkback"), /line 3, column 12: expected more memory: a disk's driver/],
  ["a guest's ring", served("4MiB", "4096", "netback"), /line 3, column 12: expected more memory: domain 1 takes 4096/],
])("no room for %s", (_, text, words) => {
  expect(() => runMachine(describeMachine("m.yaml", text))).toThrow(words);
  expect(() => runMachine(describeMachine("m.yaml", text))).toThrow(expect.objectContaining({ name: "Unreadable" }));
});

const bouncing = (memory: string, more = "") =>
  `${memory}\niommu: { kind: vtd }\ndevices: [ { bdf: '${bdf}', untrusted: true } ]\n${more}`;
const isToldOf = (text: string, words: RegExp) =>
  expect(() => runMachine(describeMachine("m.yaml", text))).toThrow(words);

test("no room for a pool: what is written and too small, and a pool that there is room for", () => {
  const said =
    /line 1, column 9: expected more memory .*swiotlb: { slots: 16384 }, found .* 32,768 slots .* one piece$/;
  isToldOf(bouncing("memory: 64MiB"), said);
  isToldOf(bouncing("memory: 64MiB", "swiotlb: { slots: 32768 }"), /line 4, column 10: expected more memory/);
  isToldOf(bouncing("memory: 128KiB"), /line 1, column 9: expected more memory for the bounce pool, found/);
  runMachine(describeMachine("m.yaml", bouncing("memory: 64MiB", "swiotlb: { slots: 16384 }")));
});

test("behind an IOMMU a mask must reach an address of the kernel's, and no pool", () => {
  const masked = (bits: number) =>
    `iommu: { kind: vtd }\ndevices:\n  - { bdf: '${bdf}', untrusted: true, mask: ${bits} }`;
  isToldOf(
    masked(12),
    /line 3, column 51: expected a mask that reaches an address .* IOMMU, .*13 bits or more, found 12 bits$/,
  );
  runMachine(describeMachine("m.yaml", masked(13)));
});

test.each([`a: ${"[".repeat(5000)}`, `a:\n  ${"- ".repeat(5000)}1`, `a: ${"[".repeat(99)}${"]".repeat(99)}`])(
  "a text of thousands of levels is one mistake",
  (text) => {
    expect(() => describeMachine("m.yaml", text)).toThrow(
      /^m\.yaml: line \d, column \d+: expected values a few levels deep, .*another$/,
    );
  },
);
