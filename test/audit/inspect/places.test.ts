/** What is no memory: by the firmware's tables, the bus, and where every PC has it; and how much RAM that leaves. */
import { describe, expect, test } from "vitest";
import { readHpet, readMadt, readTpm2 } from "../../../src/audit/inspect/acpi/places.js";
import { Gathered } from "../../../src/audit/inspect/acpi/reading.js";
import { reachedBy } from "../../../src/audit/inspect/facts/reached.js";
import { ReverseIndex } from "../../../src/audit/inspect/facts/reverse_index.js";
import { isWhole, ramOf } from "../../../src/audit/inspect/image/ram.js";
import { barsOf } from "../../../src/audit/inspect/pci/bars.js";
import { placesOf, without } from "../../../src/audit/inspect/places/places.js";
import { mfn } from "../../../src/base/frame.js";
import type { Image } from "../../../src/read/index.js";
import { device, type Row, ranges, unit } from "./machine.js";

/** [value, bytes] little-endian, after a table header of zeros. */
function table(...parts: readonly (readonly [value: number, bytes: number])[]): Uint8Array {
  const out = new Array<number>(36).fill(0);
  for (const [value, bytes] of parts) for (let n = 0; n < bytes; n++) out.push(Math.floor(value / 2 ** (8 * n)) % 256);
  return Uint8Array.from(out);
}
const spread = (places: readonly { kind: string; from: number; to: number }[]) =>
  places.map(({ kind, from, to }) => `${kind} ${from.toString(16)}-${to.toString(16)}`);

test("interrupt controllers of both architectures, timers and the TPM are read from the firmware's tables", () => {
  const out = new Gathered();
  const head = [0, 4] as const;
  const madt = table(
    ...[[0xfee00000, 4] as const, [1, 4] as const],
    ...[[1, 1] as const, [12, 1] as const, [0, 2] as const, [0xfec00000, 4] as const, [0, 4] as const],
    ...[[0x0d, 1] as const, [24, 1] as const, [0, 2] as const, head, [0x8020000, 8] as const, [0, 8] as const],
    ...[[0x0e, 1] as const, [16, 1] as const, [0, 2] as const, [0x80a0000, 8] as const, [0xf60000, 4] as const],
    ...[[0x0f, 1] as const, [20, 1] as const, [0, 2] as const, head, [0x8080000, 8] as const, [0, 4] as const],
    // A type that nobody knows, then one that is longer than the table.
    ...[[0x7f, 1] as const, [4, 1] as const, [0, 2] as const, [1, 1] as const, [12, 1] as const],
  );
  readMadt(madt, out);
  readHpet(table([0, 4], [0, 4], [0xfed00000, 8], [0, 4]), out);
  readHpet(table([0, 4], [1, 4], [0xfed00000, 8], [0, 4]), out);
  readTpm2(table([0, 4], [0xfed40040, 8], [7, 4]), out);
  readTpm2(table([0, 4], [0, 8], [6, 4]), out);
  expect(spread(out.places)).toEqual([
    "interrupts fee00000-fee01000",
    "interrupts fec00000-fec01000",
    "interrupts 8020000-8021000",
    "interrupts 80a0000-9000000",
    "translated interrupts 8080000-80a0000",
    "timer fed00000-fed01000",
    "tpm fed40000-fed41000",
  ]);
  expect(out.notes).toEqual([expect.stringMatching(/^MADT: entry 5 at byte 120/)]);
});

describe("places of a machine", () => {
  const acpi = Object.assign(new Gathered(), {
    configuration: [{ segment: 0, base: 0xb0000000, firstBus: 0, lastBus: 255 }],
  });
  const nic = { segment: 0, requester: 0x18, about: "", bars: [{ from: 0xfeb00000, to: 0xfeb20000 }], buses: null };

  test("of a PC: each address once, the most exact source first", () => {
    const places = placesOf({ machine: "x86-64", units: [unit], acpi, bus: [nic] as never });
    for (const [n, place] of places.slice(1).entries()) expect(place.from).toBeGreaterThanOrEqual(places[n]!.to);
    const at = (address: number) => places.find((p) => p.from <= address && address < p.to)?.kind ?? null;
    expect([0xa0000, 0x9f000, 0x100000, 0xb0000000, 0xbfffffff].map(at)).toEqual([
      ...["legacy", null, null, "configuration", "configuration"],
    ]);
    expect([0xc0000000, 0xfeb00000, 0xfec00000, 0xfed00000, 0xfed40000].map(at)).toEqual([
      ...["window", "window", "interrupts", "timer", "tpm"],
    ]);
    expect([0xfed90000, 0xfed91000, 0xfee00000, 0xfeffffff, 0xffffffff, 2 ** 32].map(at)).toEqual([
      ...["unit", "chipset", "messages", "chipset", "flash", null],
    ]);
    expect(places.find((p) => p.from === 0xfeb00000)?.what).toBe("a window of 0000:00:03.0");
  });

  test("of an Arm machine nothing is where PCs have it", () => {
    const arm = { ...unit, kind: "smmuv3", registersAt: 0x9050000 } as const;
    const found = spread(placesOf({ machine: "aarch64", units: [arm], acpi: null, bus: null }));
    expect(found).toEqual(["unit 9050000-9070000"]);
    expect(placesOf({ machine: null, units: [{ ...arm, registersAt: null }], acpi: null, bus: null })).toEqual([]);
  });

  test.each([
    [
      0,
      10,
      [[2, 3]],
      [
        [0, 2],
        [3, 10],
      ],
    ],
    [2, 3, [[0, 5]], []],
    [
      0,
      4,
      [
        [0, 1],
        [3, 9],
      ],
      [[1, 3]],
    ],
    [
      5,
      6,
      [
        [0, 5],
        [6, 9],
      ],
      [[5, 6]],
    ],
  ])("%d to %d without %j", (from, to, places, left) => {
    const stretches = places.map(([a, b]) => ({ from: a!, to: b! }));
    expect(without({ from, to }, stretches).map((s) => [s.from, s.to])).toEqual(left);
  });
});

describe("windows by configuration space", () => {
  const header = (type: number, words: Readonly<Record<number, number>>, command = 6) => {
    const view = new DataView(new ArrayBuffer(4096));
    view.setUint32(0, 0x100e8086, true);
    view.setUint16(4, command, true);
    view.setUint8(0x0e, type);
    for (const [at, value] of Object.entries(words)) view.setUint32(Number(at), value, true);
    return new Uint8Array(view.buffer);
  };
  const bars = (bytes: Uint8Array) => barsOf(bytes).map((w) => `${w.from.toString(16)}-${w.to.toString(16)}`);

  test("of a device: memory of 32 and 64 bits, no ports, nothing where it does not answer", () => {
    const words = { 16: 0xfeb00000, 20: 0xc001, 24: 0x8000000c, 28: 0x90, 32: 0, 36: 0xfeb20008 };
    expect(bars(header(0, words))).toEqual(["feb00000-feb01000", "9080000000-9080001000", "feb20000-feb21000"]);
    expect(bars(header(0, words, 5))).toEqual([]);
  });

  test("of a bridge: what it forwards", () => {
    const both = { 32: 0xfeb0fea0, 36: 0x12f10001, 40: 0x80, 44: 0x80 };
    expect(bars(header(1, both))).toEqual(["fea00000-fec00000", "8000000000-8013000000"]);
    expect(bars(header(1, { 32: 0xfff0, 36: 0x0001fff1 }))).toEqual([]);
  });
});

const MiB = 2 ** 20;
const imageOf = (...runs: [from: number, bytes: number][]): Image =>
  ({
    format: "elf64",
    runs: runs.map(([from, bytes]) => ({ first: mfn(from / 4096), frameCount: bytes / 4096 })),
  }) as unknown as Image;

describe("how much RAM there is", () => {
  const flash = { kind: "flash", what: "", from: 0xff000000, to: 2 ** 32 } as const;
  const legacy = { kind: "legacy", what: "", from: 0xa0000, to: 0x100000 } as const;
  const pc = imageOf([0, 448 * MiB], [0xfffc0000, 256 * 1024]);

  test("what the image holds, without the flash; memory lies behind the window of the graphics", () => {
    const ram = ramOf(pc.runs, [legacy, flash]);
    expect(ram).toEqual([{ from: 0, to: 448 * MiB }]);
  });

  const scattered = imageOf(...Array.from({ length: 20_000 }, (_, n): [number, number] => [n * 16384, 4096]));
  const buffer: Row = [0xffff0000, 16 * MiB, 8192];
  const everything: Row = [0, 0, 0xfec00000];
  test.each([
    ["buffers that it holds", pc, [buffer], true],
    ["buffers that it lacks", imageOf([0, 4 * MiB]), [buffer], null],
    ["a map laid over everything, and buffers in memory", pc, [everything, buffer], true],
    ["a map laid over everything, and no buffer", pc, [everything], true],
    ["the same of a few tables by themselves", imageOf([32 * MiB, 2 * MiB]), [everything], null],
    ["a buffer, and next to nothing beside it", imageOf([16 * MiB, 2 * MiB]), [buffer], null],
    ["a map laid over everything, in pieces of a page", scattered, [everything], null],
    ["nothing mapped", pc, [], null],
  ])("an image with %s", (_, image, rows, whole) => {
    const index = new ReverseIndex([device(0x18, ranges(...rows))]);
    expect(isWhole(image, index, [])).toBe(whole);
  });

  test("what is known to be no memory counts neither way", () => {
    const index = new ReverseIndex([device(0x18, ranges(buffer, [0, 0xfffff000, 4096], [0x1000, 0xffffe000, 4096]))]);
    expect(isWhole(imageOf([0, 448 * MiB]), index, [])).toBeNull();
    expect(isWhole(imageOf([0, 448 * MiB]), index, [flash])).toBe(true);
  });
});

test("a page that is mapped twice, or by two tables, is one page of memory", () => {
  const a = ranges([0, 0x5000, 0x3000], [0x10000, 0x6000, 0x1000], [0x20000, 0x9000, 0x1000]);
  const b = ranges([0, 0x8000, 0x1000], [0x1000, 0x20000, 0x2000]);
  expect(reachedBy([a], null)).toEqual({ addresses: 0x5000, distinct: 0x4000, ram: null });
  const ram = [
    { from: 0, to: 0x6000 },
    { from: 0x7000, to: 0x8000 },
    { from: 0x21000, to: 0x30000 },
  ];
  expect(reachedBy([a, b, a], ram)).toEqual({ addresses: 0x8000, distinct: 0x7000, ram: 0x3000 });
  expect(reachedBy([], ram)).toEqual({ addresses: 0, distinct: 0, ram: 0 });
});

test("so do random tables, counted page by page", () => {
  let seed = 7;
  const next = (n: number) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % n;
  for (let round = 0; round < 200; round++) {
    const rows = Array.from({ length: next(12) }, (): Row => [next(99) * 4096, next(40) * 4096, (1 + next(9)) * 4096]);
    const ram = [0, 1, 2].map((n) => ({ from: (n * 16 + next(5)) * 4096, to: (n * 16 + 5 + next(9)) * 4096 }));
    const pages = new Set(
      rows.flatMap(([, at, bytes]) => Array.from({ length: bytes / 4096 }, (_, n) => at + n * 4096)),
    );
    const inRam = [...pages].filter((p) => ram.some((r) => r.from <= p && p < r.to));
    expect(reachedBy([ranges(...rows)], ram)).toMatchObject({ distinct: pages.size * 4096, ram: inRam.length * 4096 });
  }
});
