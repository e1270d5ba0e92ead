/** A description laid over a recorded machine: its pool, its devices, and what no replay can follow. */
import { describe, expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import {
  describedPool,
  describeMasks,
  refuseTooLittleMemory,
  refuseWhatNoReplayFollows,
  withDescribedDevices,
} from "../../../src/lab/replay/described.js";
import type { DeviceAlignment, Machine } from "../../../src/lab/replay/machine/machine.js";
import { DeviceMasks } from "../../../src/lab/replay/machine/masks.js";
import { before2023, today } from "../../../src/sw/swiotlb/profile.js";

const said = (text: string) => describeMachine("m.yaml", text);
const device = (driver: string | null): DeviceAlignment => ({
  driver,
  minAlignMask: 0xfff,
  boundary: 0,
  from: "driver",
});
const pool = { base: 0x1000, slots: 4096, areas: 4, forced: true, late: false, profile: before2023 };
const recorded: Machine = {
  ...{ kernel: "6.2", cpus: 4, pool, profile: before2023, inferred: [], evidence: ["read"] },
  devices: [device("nvme"), device(null)],
};
const poolless: Machine = { ...recorded, pool: null };

describe("the pool", () => {
  const old = { forced: true, profile: before2023 };
  const rows: readonly (readonly [text: string, on: Machine, is: ReturnType<typeof describedPool>])[] = [
    ["devices: []", recorded, null],
    ["memory: 4GiB", recorded, null],
    ["swiotlb: {slots: 1024}", recorded, { slots: 1024, areas: 4, ...old, forced: false }],
    ["swiotlb: {slots: 1024, areas: 2, mode: force}", recorded, { slots: 1024, areas: 2, ...old }],
    ["swiotlb: {areas: 2}", recorded, { slots: 4096, areas: 2, ...old, forced: false }],
    ["swiotlb: {mode: off}", recorded, { slots: 0, areas: 1, ...old, forced: false }],
    ["cpus: 16", recorded, { slots: 4096, areas: 16, ...old }],
    ["cpus: 16", poolless, { slots: 32768, areas: 16, ...old, forced: false }],
    ['kernel: "6.12"', recorded, { slots: 4096, areas: 4, forced: true, profile: today }],
    ['kernel: "6.12"', poolless, { slots: 32768, areas: 4, forced: false, profile: today }],
    // Encrypted memory: 6 % of it between 64 MiB and 1 GiB, unless a size is asked for.
    ["{encrypted: true, memory: 4GiB}", recorded, { slots: 131072, areas: 4, ...old }],
    ["{encrypted: true, memory: 64GiB, cpus: 8}", poolless, { slots: 524288, areas: 8, ...old }],
    ["{encrypted: true, memory: 512MiB}", recorded, { slots: 32768, areas: 4, ...old }],
    ["encrypted: true", recorded, { slots: 32768, areas: 4, ...old }],
    ["{encrypted: true, memory: 4GiB, swiotlb: {slots: 1024}}", recorded, { slots: 1024, areas: 4, ...old }],
  ];
  for (const [text, on, is] of rows) {
    test(`${text}, on a machine with ${on.pool === null ? "none" : "one"}`, () => {
      expect(describedPool(said(text).machine, on)).toEqual(is);
    });
  }
});

describe("devices", () => {
  const names = ["0000:00:03.0", "0000:00:04.0"];
  const laid = (text: string) => withDescribedDevices(said(text).machine, recorded, names);

  test("what is said of one replaces what was inferred, and the others stay", () => {
    const { devices, kernel, evidence } = laid("devices: [{bdf: 0000:00:04.0, minAlignMask: 0x1ff}]");
    expect(devices).toEqual([device("nvme"), { driver: null, minAlignMask: 0x1ff, boundary: 0, from: "described" }]);
    expect([kernel, evidence]).toEqual(["6.2", ["read"]]);
    expect(laid("devices: [{bdf: 0000:00:03.0, boundary: 65536}]").devices[0]).toEqual({
      ...{ driver: "nvme", minAlignMask: 0xfff, boundary: 65536, from: "described" },
    });
    expect(laid("devices: [{bdf: 0000:00:03.0, driver: e1000e}]").devices[0]).toEqual(device("e1000e"));
  });

  test("the kernel that is said, and that a workload is not run", () => {
    const { kernel, evidence } = laid(
      '{kernel: "6.12", devices: [{bdf: 0000:00:03.0}], workload: [{program: disk, device: 0000:00:03.0}]}',
    );
    expect(kernel).toBe("6.12");
    expect(evidence).toEqual(["read", expect.stringContaining("workload is not run")]);
  });

  test("masks, as narrow as the driver's or the hardware's", () => {
    const bits = (about: string) => {
      const masks = new DeviceMasks();
      masks.printed(1, 5, 2 ** 40 - 1);
      describeMasks(said(`devices: [{bdf: 0000:00:04.0${about}}]`).machine, masks, names);
      return [0, 1].map((d) => Math.log2(masks.at(d, 9).mask + 1));
    };
    expect(bits("")).toEqual([Number.NaN, 40]);
    expect(bits(", mask: 32")).toEqual([Number.NaN, 32]);
    expect(bits(", mask: 30, lines: 36")).toEqual([Number.NaN, 30]);
    expect(bits(", lines: 64")).toEqual([Number.NaN, 64]);
    expect(bits(", mask: 36, lines: 36")).toEqual([Number.NaN, 36]);
  });
});

describe("what no replay follows", () => {
  const rows: readonly (readonly [text: string, where: RegExp | null])[] = [
    ["devices: [{bdf: 0000:00:03.0, coherent: true, engine: auto}]", null],
    ["arch: arm", /line 1, column 7.*arm: what it bounces beside masks/s],
    ["xen: {model: p2m, domains: [{id: 0, memory: 1GiB}]}", /a hypervisor/],
    ["devices:\n  - {bdf: 0000:00:03.0}\n  - {bdf: 0000:00:04.0, coherent: false}", /line 3.*not coherent/s],
    ["devices: [{bdf: 0000:00:03.0, engine: swiotlb}]", /only the native engine is replayed/],
  ];
  test.each(rows)("%s", (text, where) => {
    const check = () => refuseWhatNoReplayFollows(said(text));
    if (where === null) expect(check).not.toThrow();
    else expect(check).toThrow(where);
  });

  test("memory that the recording's buffers lie above; a hole below 4 GiB is not counted", () => {
    const check = (text: string, highest: number) => () => refuseTooLittleMemory(said(text), highest);
    const end = 2 ** 30 + 2 ** 32;
    expect(check("memory: 1GiB", end)).not.toThrow();
    expect(check("memory: 1GiB", end + 2 ** 20)).toThrow(/at least the 5121 MiB.*1024 MiB/s);
    expect(check("cpus: 1", 2 ** 50)).not.toThrow();
    expect(check("memory: 1GiB", Number.NaN)).not.toThrow();
  });
});
