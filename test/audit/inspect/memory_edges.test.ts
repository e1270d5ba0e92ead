/** Whether an image is whole, what of it is memory, and entries of interrupts that nobody checks: each number at its edge. */
import { expect, test } from "vitest";
import { isWhole, ramOf } from "../../../src/audit/inspect/image/ram.js";
import { uncheckedInterrupts } from "../../../src/audit/inspect/interrupts/vtd_interrupts.js";
import { mfn } from "../../../src/base/frame.js";
import type { Image } from "../../../src/read/index.js";
import { InterruptEntry } from "../../../src/spec/vtd/interrupt_entry.js";
import { Built, unit } from "../../table/device/built.js";
import { device, machine, type Row, ranges } from "./machine.js";

const mib = 2 ** 20;
const runsOf = (...rows: readonly (readonly [from: number, bytes: number])[]) =>
  rows.map(([from, bytes]) => ({ first: mfn(from / 4096), frameCount: bytes / 4096 }));

test("an image is whole when little that is mapped lies outside of it", () => {
  const one = (bytes: number) => runsOf([0, bytes]);
  const pieces = (count: number, each: number) =>
    runsOf(...Array.from({ length: count }, (_, n) => [n * 2 * each, each] as const));
  const beside = (small: number) => [
    ...one(90 * mib),
    ...runsOf(...Array.from({ length: small }, (_, n) => [(200 + n) * mib, 65536] as const)),
  ];
  const shapes = {
    ...{ "just below 64 MiB": one(64 * mib - 4096), "64 MiB": one(64 * mib), "pieces of 1 MiB": pieces(64, mib) },
    ...{ "pieces just below 1 MiB": pieces(65, mib - 4096), "a tenth in small pieces": beside(160), more: beside(161) },
  };
  const mappings: Readonly<Record<string, readonly Row[]>> = {
    nothing: [],
    "a page inside": [[0, 0, 4096]],
    "a page outside": [[0, 2 ** 40, 4096]],
    "many inside, one outside": [
      ...Array.from({ length: 99 }, (_, n): Row => [n * 8192, n * 4096, 4096]),
      [2 ** 30, 2 ** 40, 4096],
    ],
    "few inside, one outside": [
      [0, 0, 0x9000],
      [2 ** 30, 2 ** 40, 4096],
    ],
    "a large one inside": [[0, 0, 2 * mib]],
    "a large one outside": [[0, 2 ** 40, 2 * mib]],
    "1 MiB outside": [
      [0, 0, 4096],
      [2 ** 30, 2 ** 40, mib],
    ],
    "just below 1 MiB outside": [
      [0, 0, 4096],
      [2 ** 30, 2 ** 40, mib - 4096],
    ],
    "a larger one, half outside": [[0, 0, 2048 * mib]],
    "small inside, large outside": [
      [0, 0, 4096],
      [2 ** 30, 2 ** 40, 2 * mib],
    ],
    "what has a name": [
      [0, 0, 4096],
      [2 ** 30, 2 ** 41, 4096],
    ],
  };
  const named = [{ from: 2 ** 41, to: 2 ** 41 + 4096 }];
  const rows = Object.entries(shapes).map(([shape, runs]) => {
    const told = Object.entries(mappings).map(([name, own]) => {
      const { index } = machine([device(0x18, ranges(...own))]);
      const of = (format: string) => isWhole({ format, runs } as unknown as Image, index, named);
      return `${name} ${of("raw")}/${of("kdump")}`;
    });
    return `${shape}: ${told.join(", ")}`;
  });
  expect(rows.join("\n")).toMatchSnapshot();
});

test("memory is what the runs hold and no place is, but for the window of the graphics", () => {
  const place = (kind: "legacy" | "window" | "timer", from: number, to: number) => ({ kind, what: kind, from, to });
  const places = [
    place("legacy", 0xa0000, 0x100000),
    place("timer", 0x200000, 0x201000),
    place("window", 0x3ff000, 0x500000),
  ];
  expect(ramOf(runsOf([0, 0x400000], [0x600000, 0x1000]), places)).toEqual([
    { from: 0, to: 0x200000 },
    { from: 0x201000, to: 0x3ff000 },
    { from: 0x600000, to: 0x601000 },
  ]);
});

test("entries of interrupts: present, without a check, in frames that are missing", () => {
  const built = new Built();
  built.memory.write(0x5000, new Uint8Array(8192));
  const put = (n: number, p: number, svt: number) => built.put(0x5000 + 16 * n, InterruptEntry, { p, svt });
  put(0, 1, 1);
  const of = (to: number, more: object = {}, use: "interrupt table" | "queue" = "interrupt table") =>
    uncheckedInterrupts(
      built.memory,
      [unit("vtd", "legacy", { interruptRemapping: true, interruptTable: 0x5000, ...more })],
      [
        { use: "queue", from: 0x4000, to: 0x5000 },
        { use, from: 0x5000, to },
      ],
    );
  const count = (present: number, unchecked: number, missing: number | null) => [
    { unit: 0, present, unchecked, missing },
  ];
  expect(of(0x7000)).toEqual([]);
  put(255, 1, 0);
  put(256, 1, 0);
  put(511, 0, 0);
  put(300, 1, 2);
  expect(of(0x7000)).toEqual(count(4, 2, 0));
  expect(of(0x6000)).toEqual(count(2, 1, 0));
  expect(of(0x5ff0)).toEqual([]);
  expect(of(0x5000 + 0x800_0000).map(({ missing }) => (missing ?? 0) > 0x3000)).toEqual([true]);
  expect(of(0x7000, { interruptRemapping: null })).toEqual([]);
  expect(of(0x7000, { kind: "amdvi" })).toEqual([]);
  expect(of(0x7000, { interruptTable: 0x9000 })).toEqual(count(0, 0, null));
  expect(of(0x7000, {}, "queue")).toEqual(count(0, 0, null));
});
