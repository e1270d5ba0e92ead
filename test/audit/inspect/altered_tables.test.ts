/**
 * Firmware tables with every structure that is read, cut at each byte and with each byte changed: the whole reading of each is
 * compared by a hash of all that begin in the same eight bytes.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { acpiTables } from "../../../src/audit/inspect/acpi/acpi_tables.js";
import { treeIn } from "../../../src/audit/inspect/devicetree/blob.js";
import { Memory } from "../../../src/mem/index.js";
import { allFrames, inBlocks } from "../../read/image/in_blocks.js";
import * as t from "./firmware_tables.js";

const structures = {
  DMAR: t.dmarWith(
    { width: 48, flags: 5 },
    t.drhd(0xfed90000, { scopes: [t.endpoint("00:02.0"), t.scope(3, "f0:1f.0"), t.scope(4, "00:0f.0")] }),
    t.drhd(0xfed91000, { all: true, segment: 1, scopes: [t.bridge("00:1c.7 02.1"), t.namedScope(1, "00:15.0")] }),
    t.rmrr(0x7c000000, 0x7c7fffff, 0, t.endpoint("00:02.0"), t.endpoint("00:14.0")),
    t.atsr(0, t.bridge("00:01.0")),
    t.andd(1, "\\_SB.PCI0.I2C0"),
  ),
  IVRS: t.ivrs(
    t.ivhd(
      0xfeb80000,
      { features: 0x80048824 },
      ...[t.select("00:01.0"), t.range("00:02.0", "00:1f.7"), t.aliasSelect("05:00.0", "04:00.0")],
      ...[t.aliasRange("06:00.0", "06:1f.7", "06:00.0"), t.special(1, 9, "00:14.0"), t.special(2, 0, "00:14.0")],
    ),
    t.ivhd(0xfeb80000, { type: 0x10, flags: 0xff }, t.everything()),
    t.ivmd(0x20, 0x9f000000, 0x100000),
    t.ivmd(0x21, 0x9f200000, 0x1000, "00:02.0"),
    t.ivmd(0x22, 0x9f300000, 0x1000, "00:02.0", "00:03.7", 1),
  ),
  IORT: t.iort(
    t.its(),
    t.smmuv3(0x9050000, { from: 0, count: 0x10000, to: 0, node: 0 }),
    t.smmu(0x9090000),
    t.rootComplex(
      0,
      true,
      { from: 0, count: 0x8000, to: 0x100, node: 1 },
      { from: 0x8000, to: 7, node: 2, single: true },
    ),
    t.named("\\_SB_.DPU0", { from: 2, count: 3, to: 0x20000, node: 1 }, { to: 3, node: 1, single: true }),
    t.reserved(0x9d800000, 0x100000, { from: 0, to: 0x200, node: 1 }),
    t.counters(0x9060000),
  ),
  VIOT: t.tableOf(
    "VIOT",
    0,
    ...([
      [4, 2],
      [48, 2],
      [0, 8],
    ] as const),
    ...([3, 0, [16, 2], [0, 2], [0x10, 2], [0, 8]] as const),
    ...([1, 0, [24, 2], [0, 4], [0, 2], [0, 2], [0, 2], [0xff, 2], [48, 2], [0, 6]] as const),
    ...([4, 0, [16, 2], [0, 4], [0x0a000000, 8]] as const),
    ...([2, 0, [16, 2], [7, 4], [0x0b000000, 8]] as const),
  ),
  MCFG: t.mcfg([0xb0000000, 0, 0, 255], [0xc0000000, 1, 4, 9]),
  APIC: t.tableOf(
    "APIC",
    5,
    ...([
      [0xfee00000, 4],
      [1, 4],
    ] as const),
    ...([0, 8, 0, 0, [1, 4], 1, 12, 2, 0, [0xfec00000, 4], [0, 4]] as const),
    ...([2, 10, 0, 9, [9, 4], [13, 2], 5, 12, [0, 2], [0xfee01000, 8]] as const),
    ...([12, 24, [0, 2], [0, 4], [0x8000000, 8], [0, 4], 3, 0, [0, 2]] as const),
    ...([13, 24, [0, 2], [0, 4], [0x8020000, 8], [1, 4], [0, 2], [0, 2]] as const),
    ...([14, 16, [0, 2], [0x80a0000, 8], [0xf60000, 4], 15, 20, [0, 2], [0, 4], [0x8080000, 8], [0, 4]] as const),
  ),
  HPET: t.tableOf("HPET", 1, [0x8086a201, 4], 0, 64, 0, 0, [0xfed00000, 8], 0, [0, 2], 0),
  TPM2: t.tableOf("TPM2", 4, [0, 4], [0xfed40040, 8], [7, 4], [0, 12], [0x10000, 4], [0x7d000000, 8]),
} as const;

const at = 0x5000;

/** A memory with one table, through a list. */
function memoryWith(bytes: Uint8Array): Memory {
  const memory = new Memory(0x100);
  memory.write(at, bytes);
  memory.write(0x4000, t.tableOf("XSDT", 1, [at, 8]));
  const pointer = t.bytesOf("RSD PTR ", 0, "TESTER", 2, [0x4000, 4], [36, 4], [0x4000, 8], [0, 4]);
  pointer[8] = 256 - (pointer.subarray(0, 20).reduce((s, b) => s + b, 0) & 255);
  memory.write(0xf5280, pointer);
  return memory;
}

const signed = (bytes: Uint8Array): Uint8Array => {
  bytes[9] = 0;
  bytes[9] = (256 - (bytes.reduce((s, b) => s + b, 0) & 255)) & 255;
  return bytes;
};

/** One hash for what begins in the same eight bytes. */
function hashes(readings: readonly unknown[]): string {
  const words: string[] = [];
  for (let k = 0; k < readings.length; k += 8) {
    const all = JSON.stringify(readings.slice(k, k + 8), (_, v) => (typeof v === "bigint" ? `${v}n` : v));
    words.push(createHash("sha1").update(all).digest("hex").slice(0, 6));
  }
  return words.join(" ");
}

test.each(Object.entries(structures))("%s", (_name, whole) => {
  const memory = memoryWith(whole);
  const image = { memory, ...inBlocks(memory, allFrames(memory.frameCount)) };
  const read = (bytes: Uint8Array) => {
    memory.write(at, bytes);
    return acpiTables(image);
  };
  expect(read(whole).tables).toHaveLength(1);
  expect(read(whole)).toMatchSnapshot();
  const places = [...whole.keys()].slice(36);
  const changed = (by: (byte: number) => number) =>
    hashes(
      places.map((n) => {
        const bytes = whole.slice();
        bytes[n] = by(bytes[n]!);
        return read(signed(bytes));
      }),
    );
  const cut = hashes(
    places.map((length) => {
      const bytes = whole.slice(0, length);
      bytes.set([length & 255, length >> 8], 4);
      return read(signed(bytes));
    }),
  );
  const spoilt = whole.slice();
  spoilt[9]!++;
  expect({
    cut,
    more: changed((b) => b + 1),
    ones: changed(() => 255),
    // As the length of a structure: there are its first fields, and no more.
    eight: changed(() => 8),
    twenty: changed(() => 20),
    "a wrong sum": hashes([read(spoilt)]),
  }).toMatchSnapshot();
});

test("a device tree, cut and with each word changed", () => {
  const names = "compatible\0reg\0ranges\0";
  const property = (name: number, ...words: readonly number[]) => [3, 4 * words.length, name, ...words];
  const structure = [
    ...[1, 0, ...property(11, 0, 0x40000000), 1, 0x6d656d00, ...property(11, 0, 0x8000000, 0, 0x1000), 2, 4],
    ...[1, 0x75406100, ...property(0, 0x61726d2c, 0x736d6d75), 4, 2, 2, 9],
  ];
  const text = [...new TextEncoder().encode(names)];
  const size = 40 + 4 * structure.length + text.length;
  const words = [
    0xd00dfeed,
    size,
    40,
    40 + 4 * structure.length,
    0,
    17,
    16,
    0,
    text.length,
    4 * structure.length,
    ...structure,
  ];
  const blob = (all: readonly number[]) => {
    const bytes = new Uint8Array(4 * all.length + text.length);
    const view = new DataView(bytes.buffer);
    for (const [k, w] of all.entries()) view.setUint32(4 * k, w >>> 0);
    bytes.set(text, 4 * all.length);
    return bytes;
  };
  const read = (bytes: Uint8Array) => {
    const memory = new Memory(4);
    memory.write(0x1000, bytes);
    return treeIn(memory, [0, 9, 1]);
  };
  expect(read(blob(words))).toMatchSnapshot();
  const changed = (by: (word: number) => number) => hashes(words.map((w, k) => read(blob(words.with(k, by(w))))));
  expect({
    cut: hashes(words.map((_, k) => read(blob(words.with(1, 4 * k))))),
    zero: changed(() => 0),
    more: changed((w) => w + 1),
    less: changed((w) => w - 1),
    large: changed(() => 0x7fffffff),
    ones: changed(() => 0xffffffff),
  }).toMatchSnapshot();
});
