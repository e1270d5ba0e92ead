/** `dmalab inspect` on a machine whose memory holds firmware's tables: names, questions and exit codes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mfn } from "../../../src/base/frame.js";
import { buildMachine, type Machine } from "../../audit/inspect/firmware_machine.js";
import * as fw from "../../audit/inspect/firmware_tables.js";
import { dmalab } from "../called.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-firmware-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string) => join(folder, name);

const [one, two] = [0xfed90000, 0xfed91000];
const machine: Machine = {
  kind: "vtd",
  units: [
    { at: one, devices: ["00:0e.0"] },
    { at: two, devices: ["20:00.0"] },
  ],
  tables: [fw.dmar(fw.drhd(two, { segment: 1, all: true }), fw.drhd(one, { all: true }))],
};
const lspci = `> 0000:00:0e.0 RAID bus controller [0104]: Intel Corporation Volume Management Device NVMe RAID
> Controller [8086:9a0b]\r
> 10000:e1:00.0 Non-Volatile memory controller [0108]: Disk [144d:a80a]\r
> 0001:20:00.0 Ethernet controller [0200]: Card [8086:10fb]\r
`;

beforeAll(() => {
  const { memory, units } = buildMachine(machine);
  const bytes = new Uint8Array(0x900000);
  for (let m = 0; m < bytes.length / 4096; m++) {
    const words = memory.frame(mfn(m));
    if (words !== undefined) bytes.set(new Uint8Array(words.slice().buffer), m * 4096);
  }
  writeFileSync(path("ram.bin"), bytes);
  writeFileSync(path("pci.txt"), lspci);
  const wide = (n: number) => `0x${n.toString(16).padStart(16, "0")}`;
  const registers = Object.fromEntries(
    units.flatMap((u) => [
      [`0x${(u.registersAt! + 0x1c).toString(16)}`, "0xc7000000"],
      [`0x${(u.registersAt! + 0x20).toString(16)}`, wide(u.root)],
    ]),
  );
  writeFileSync(path("registers.json"), JSON.stringify({ kind: "vtd", registers }));
});

const inspect = (...args: readonly string[]) =>
  dmalab(["inspect", path("ram.bin"), "--raw", "--registers", path("registers.json"), ...args]);

it("lists the units as the kernel counts them, and devices with their segment", async () => {
  const { code, out, err } = await inspect("--pci", path("pci.txt"));
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/\n {2}0 vtd, dmar0 .*\n {2}1 vtd, dmar1 /);
  expect(out).toMatch(/\nFirmware\n {2}DMAR at 0x3f0000/);
  expect(out).toMatch(/\n {2}0000:00:0e\.0 .*\n {2}0001:20:00\.0 /);
  expect(out).toMatch(/1 device sends as 0000:00:0e\.0\n {4}10000:e1:00\.0/);
});

describe("questions", () => {
  it.each([
    ["0001:20:00.0:0x10000", /^0001:20:00\.0 at 0x10000\n[\s\S]*→ 0x101000, a page/],
    [
      "10000:e1:00.0:0x10000",
      /^0000:00:0e\.0 at 0x10000\n {2}10000:e1:00\.0 sends as 0000:00:0e\.0\n[\s\S]*→ 0x100000/,
    ],
  ])("--at %s", async (at, right) => {
    const { code, out } = await inspect("--pci", path("pci.txt"), "--at", at);
    expect(code).toBe(0);
    expect(out).toMatch(right);
  });

  it.each([
    ["--at", "0002:20:00.0:0x10000", /no unit serves segment 0002/],
    ["--at", "10000:e1:00.0:0x10000", /10000:e1:00\.0: as whom it sends is not known/],
    ["--device", "0000:20:00.0", /no unit has an entry/],
  ])("%s %s is refused in a line", async (option, what, line) => {
    const { code, out, err } = await inspect(option, what);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(line);
  });

  it("--device of what is behind a VMD endpoint shows the endpoint", async () => {
    const { out } = await inspect("--pci", path("pci.txt"), "--device", "10000:e1:00.0", "--json");
    expect(JSON.parse(out).devices.map((d: { bdf: string }) => d.bdf)).toEqual(["0000:00:0e.0"]);
  });
});

it("help names no form of a list that has no buses of bridges", async () => {
  const { out } = await dmalab(["inspect", "--help"]);
  const words = out.replaceAll(/\s+/g, " ");
  expect(words).toContain("of lspci -nnvv, or of lspci -nn and lspci -t");
});
