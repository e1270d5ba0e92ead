/** Firmware tables: two real ones, made ones for what those do not have, and damaged ones. */
import { describe, expect, it } from "vitest";
import { type AcpiReading, acpiTables } from "../../../src/audit/inspect/acpi/acpi_tables.js";
import { Rng } from "../../../src/base/index.js";
import { Memory } from "../../../src/mem/index.js";
import { allFrames, inBlocks } from "../../read/image/in_blocks.js";

/** DMAR and IVRS as QEMU 11 gave them to a guest. */
const realDmar =
  "444d41528000000001e9424f4348532042585043202020200100000042585043010000002f000000000000000000000000005000000000000000d9fe" +
  "000000000308000000ff000001080000000000000108000000000100010800000000020001080000000003000108000000001f000108000000001f02" +
  "0108000000001f03";
const realIvrs =
  "49565253b000000001de424f43485320425850432020202001000000425850430100000001280000000000000000000010d138000800400000" +
  "00d8fe000000000000000044000000020000000208000002100000021800000220000002f8000002fa000002fb0000" +
  "11114800080040000000d8fe000000000000000000000000d3290000000000000000000000000000020000000208000002100000021800000220" +
  "000002f8000002fa000002fb0000";

const unhex = (text: string) => Uint8Array.from(text.match(/../g)!, (h) => Number.parseInt(h, 16));
type Part = number | readonly [value: number, bytes: number] | string;

/** Numbers of one byte, [value, bytes], or letters. */
function bytesOf(...parts: Part[]): Uint8Array {
  const out: number[] = [];
  for (const p of parts) {
    if (typeof p === "string") out.push(...new TextEncoder().encode(p));
    else {
      const [value, count] = typeof p === "number" ? [p, 1] : p;
      for (let n = 0; n < count; n++) out.push(Math.floor(value / 2 ** (8 * n)) % 256);
    }
  }
  return Uint8Array.from(out);
}

function table(signature: string, ...parts: Part[]): Uint8Array {
  const body = bytesOf(...parts);
  const whole = bytesOf(signature, [36 + body.length, 4], 1, 0, "TESTER", "TESTTABL", [1, 4], [1, 4], [1, 4]);
  const out = new Uint8Array(whole.length + body.length);
  out.set(whole);
  out.set(body, whole.length);
  return signed(out);
}

function signed(bytes: Uint8Array): Uint8Array {
  bytes[9] = 0;
  bytes[9] = (256 - (bytes.reduce((s, b) => s + b, 0) & 255)) & 255;
  return bytes;
}

const at = 0x5004;

/** Memory with tables, found through a root pointer or by their signatures. */
function imageOf(tables: readonly Uint8Array[], o: { readonly list?: "RSDT" | "XSDT" | null } = {}) {
  const memory = new Memory(0x200);
  const places: number[] = [];
  let next = at;
  for (const t of tables) {
    places.push(next);
    memory.write(next, t);
    next += (t.length + 3) & ~3;
  }
  const list = o.list === undefined ? "XSDT" : o.list;
  if (list !== null) {
    const width = list === "XSDT" ? 8 : 4;
    memory.write(0x4000, table(list, ...places.map((p) => [p, width] as const)));
    const pointer = bytesOf(
      "RSD PTR ",
      0,
      "TESTER",
      list === "XSDT" ? 2 : 0,
      [0x4000, 4],
      [36, 4],
      [list === "XSDT" ? 0x4000 : 0, 8],
      [0, 4],
    );
    pointer[8] = (256 - (pointer.subarray(0, 20).reduce((s, b) => s + b, 0) & 255)) & 255;
    memory.write(0xf5280, pointer);
  }
  return { memory, ...inBlocks(memory, allFrames(memory.frameCount)) };
}

/** The reading is also compared whole with the one that was written down. */
function read(...tables: Uint8Array[]): AcpiReading {
  const reading = acpiTables(imageOf(tables));
  expect(reading).toMatchSnapshot();
  return reading;
}
const names = (reading: AcpiReading) => reading.units.flatMap((u) => u.scopes.map((s) => `${s.what} ${s.name}`));

describe("where tables are", () => {
  it.each(["XSDT", "RSDT", null] as const)("found through %s (null: by signature)", (list) => {
    const reading = acpiTables(imageOf([unhex(realDmar)], { list }));
    expect(reading.tables).toMatchObject([{ signature: "DMAR", address: at, bytes: 128 }]);
    expect(reading.units).toHaveLength(1);
  });

  it.each(["XSDT", null] as const)("a DMAR that Xen hides from its dom0: %s", (list) => {
    const hidden = unhex(realDmar);
    hidden.set(new TextEncoder().encode("RMAD"));
    const reading = acpiTables(imageOf([hidden], { list }));
    expect(reading.tables).toMatchObject([
      { signature: "DMAR", says: expect.arrayContaining([expect.stringMatching(/called RMAD by Xen/)]) },
    ]);
    expect(reading.units).toHaveLength(1);
    expect(reading.notes).toEqual([]);
  });

  const spoilt = (bytes: Uint8Array) => {
    const bad = Uint8Array.from(bytes);
    bad[9]! ^= 1;
    return bad;
  };

  it.each(["XSDT", null] as const)("a wrong checksum is said, and the table is taken as Linux does: %s", (list) => {
    const reading = acpiTables(imageOf([spoilt(unhex(realDmar))], { list }));
    expect(reading.units).toHaveLength(1);
    expect(reading.tables).toMatchObject([{ signature: "DMAR", wrongChecksum: true }]);
    expect(reading.notes).toEqual([
      "the DMAR table at 0x5004 is read although its checksum is wrong (0xe8, and 0xe9 would be right): Linux warns and takes it",
    ]);
  });

  it.each(["XSDT", null] as const)("of IVRS Linux asks that it be right: %s", (list) => {
    const reading = acpiTables(imageOf([spoilt(unhex(realIvrs))], { list }));
    expect(reading).toMatchObject({ units: [], tables: [] });
    expect(reading.notes).toEqual([
      "the IVRS table at 0x5004 is not read: its checksum is wrong (0xdf, and 0xde would be right), and Linux then leaves its units alone",
    ]);
  });

  it("where nobody says that a table lies, one with a right checksum comes first, and letters are asked for", () => {
    const both = acpiTables(imageOf([spoilt(unhex(realDmar)), unhex(realDmar)], { list: null }));
    expect(both.tables.map((t) => [t.address, t.wrongChecksum])).toEqual([[at + 128, undefined]]);
    const noise = spoilt(unhex(realDmar));
    noise[12] = 0xff;
    expect(acpiTables(imageOf([noise], { list: null })).tables).toEqual([]);
  });

  it("a list whose checksum is wrong is taken as well", () => {
    const image = imageOf([unhex(realDmar)]);
    image.memory.store32(0x4008, image.memory.load32(0x4008) ^ 0x100);
    const reading = acpiTables(image);
    expect(reading.units).toHaveLength(1);
    expect(reading.notes).toMatchObject([/^the table list at 0x4000 is read although its checksum is wrong/]);
  });

  it("what only looks like a root pointer is passed over: another word, or a wrong sum", () => {
    for (const spoil of [
      [0, 0x41],
      [4, 0x41],
      [10, 0x41],
    ] as const) {
      const image = imageOf([unhex(realDmar)]);
      const pointer = new Uint8Array(36);
      image.memory.read(0xf5280, pointer);
      pointer.set([0, 0, 0, 0], 16);
      pointer.set(new Array<number>(8).fill(0), 24);
      pointer[spoil[0]] = spoil[1];
      // Of another word the sum is right.
      if (spoil[0] < 8) pointer[8] = pointer[8]! - pointer.subarray(0, 20).reduce((s, b) => s + b, 0);
      image.memory.write(0xe0000, pointer);
      expect(acpiTables(image).isComplete, `byte ${spoil[0]}`).toBe(true);
    }
  });

  it("what a DMAR says of the machine, by its flags", () => {
    const said = [0, 1, 2, 3, 4, 5, 6, 7].map((flags) => {
      const bytes = unhex(realDmar);
      bytes[37] = flags;
      const { tables, interruptRemapping, x2apicOptOut, dmaOptIn } = acpiTables(imageOf([signed(bytes)]));
      return `${flags}: ${tables[0]!.says?.join("; ")} (${[interruptRemapping, x2apicOptOut, dmaOptIn].join(" ")})`;
    });
    expect(said.join("\n")).toMatchSnapshot();
  });

  it("an image without tables", () => {
    expect(acpiTables(imageOf([], { list: null }))).toMatchObject({ tables: [], units: [], addressBits: null });
  });
});

describe("DMAR", () => {
  it("as recorded", () => {
    const reading = read(unhex(realDmar));
    expect(reading.units).toMatchObject([{ kind: "vtd", registersAt: 0xfed90000, segment: 0, includeAll: false }]);
    expect(names(reading)).toEqual([
      "io-apic ff:00.0",
      ...["00.0", "01.0", "02.0", "03.0", "1f.0", "1f.2", "1f.3"].map((d) => `device 00:${d}`),
    ]);
    expect(reading).toMatchObject({ addressBits: 48, interruptRemapping: false, notes: [] });
  });

  const made = table(
    "DMAR",
    ...([38, 1, [0, 8], [0, 2]] as Part[]),
    // A unit for all the rest of segment 3; one for a device behind a bridge; a bridge with all below.
    ...([[0, 2], [16, 2], 1, 0, [3, 2], [0xfed91000, 8]] as Part[]),
    ...([
      [0, 2],
      [34, 2],
      0,
      0,
      [0, 2],
      [0xfed90000, 8],
      1,
      10,
      0,
      0,
      0,
      0,
      0x1c,
      0,
      2,
      1,
      2,
      8,
      0,
      0,
      0,
      0x40,
      1,
      0,
    ] as Part[]),
    // Reserved memory for the graphics device, ATS for all root ports, and for one device.
    ...([[1, 2], [32, 2], 0, 0, [0, 2], [0x7f000000, 8], [0x7fffffff, 8], 1, 8, 0, 0, 0, 0, 2, 0] as Part[]),
    ...([[2, 2], [8, 2], 1, 0, [0, 2]] as Part[]),
    ...([[5, 2], [16, 2], 1, 0, [0, 2], 1, 8, 0, 0, 0, 0, 5, 0] as Part[]),
    ...([
      [3, 2],
      [20, 2],
      [0, 4],
      [0xfed90000, 8],
      [1, 4],
    ] as Part[]),
    ...([[4, 2], [13, 2], 0, 0, 0, 7, "SPI1", 0] as Part[]),
  );

  it("units, paths, reserved memory, ATS", () => {
    const reading = read(made);
    expect(reading.notes).toEqual([]);
    expect(reading.units.map((u) => [u.registersAt, u.segment, u.includeAll])).toEqual([
      [0xfed91000, 3, true],
      [0xfed90000, 0, false],
    ]);
    expect(reading.units[1]!.scopes).toMatchObject([
      { what: "device", name: "00:1c.0 → 02.1", first: null },
      { what: "bridge", name: "40:01.0", first: 0x4008, last: 0x4008 },
    ]);
    expect(reading.reserved).toMatchObject([
      { kind: "RMRR", first: 0x7f000000, last: 0x7fffffff, scopes: [{ first: 0x10 }] },
    ]);
    expect(reading.ats).toMatchObject({ all: true, scopes: [{ first: 0x28 }] });
    expect(reading).toMatchObject({ addressBits: 39, interruptRemapping: true });
  });

  it("a structure of no length ends the reading", () => {
    const reading = read(table("DMAR", 47, 0, [0, 8], [0, 2], [0, 2], [0, 2], [0, 2], [16, 2]));
    expect(reading.notes).toEqual(["DMAR: the structure at byte 48 has 0 bytes; the rest is left out"]);
  });
});

describe("IVRS", () => {
  it("as recorded: one unit, though it is described twice", () => {
    const reading = read(unhex(realIvrs));
    expect(reading.units).toMatchObject([
      { kind: "amdvi", registersAt: 0xfed80000, segment: 0, includeAll: false, requester: 8 },
    ]);
    expect(names(reading)).toEqual(
      ["00.0", "01.0", "02.0", "03.0", "04.0", "1f.0", "1f.2", "1f.3"].map((d) => `device 00:${d}`),
    );
  });

  it("the newest form of a unit counts, wherever it stands", () => {
    const head = (type: number, entries: number): Part[] => [
      type,
      0,
      [entries, 2],
      [2, 2],
      [0x40, 2],
      [0xfd000000, 8],
      [0, 2],
      [0, 2],
      [0, 4],
    ];
    const reading = read(
      table("IVRS", [0, 4], [0, 8], ...head(0x11, 44), [0, 16], 2, [0x18, 2], 0, ...head(0x10, 28), 1, [0, 2], 0),
    );
    expect(reading.units).toMatchObject([{ includeAll: false, scopes: [{ first: 0x18 }] }]);
  });

  it("ranges, aliases, special devices, memory", () => {
    const entries: Part[] = [
      ...[3, [0x100, 2], 0, 4, [0x1ff, 2], 0],
      ...[0x42, [0x210, 2], 0, 0, [0x208, 2], 0],
      ...[0x43, [0x300, 2], 0, 0, [0x2f8, 2], 0, 4, [0x307, 2], 0],
      ...[0x48, [0, 2], 0xd7, 9, [0xa0, 2], 1],
      ...[0xf0, [0xa5, 2], 0, "AMDI0020", "        ", 0, 2, "ab"],
      ...[0, [0, 2], 0],
    ] as Part[];
    const size = bytesOf(...entries).length;
    const reading = read(
      table(
        "IVRS",
        ...([
          [0, 4],
          [0, 8],
        ] as Part[]),
        ...([
          0x10,
          0x10,
          [24 + size, 2],
          [2, 2],
          [0x40, 2],
          [0xfd000000, 8],
          [1, 2],
          [0, 2],
          [0, 4],
          ...entries,
        ] as Part[]),
        ...([0x22, 7, [32, 2], [0x100, 2], [0x1ff, 2], [0, 8], [0x7a000000, 8], [0x2000, 8]] as Part[]),
        ...([0x20, 8, [32, 2], [0, 2], [0, 2], [0, 8], [0x7c000000, 8], [0x1000, 8]] as Part[]),
      ),
    );
    expect(reading.notes).toEqual([]);
    expect(names(reading)).toEqual([
      ...["range 01:00.0 to 01:1f.7", "device 02:02.0", "device 02:01.0", "range 03:00.0 to 03:00.7", "device 02:1f.0"],
      ...["io-apic io-apic 9 as 00:14.0", "named AMDI0020"],
    ]);
    expect(reading.aliases).toEqual([
      { segment: 1, first: 0x210, last: 0x210, source: 0x208 },
      { segment: 1, first: 0x300, last: 0x307, source: 0x2f8 },
    ]);
    expect(reading.reserved).toMatchObject([
      { kind: "IVMD", first: 0x7a000000, last: 0x7a001fff, allow: 3, scopes: [{ first: 0x100, last: 0x1ff }] },
      { kind: "IVMD", first: 0x7c000000, last: 0x7c000fff, allow: 3, scopes: [{ what: "all", last: 0xffff }] },
    ]);
  });
});

describe("IORT, VIOT, MCFG", () => {
  it("an SMMUv3, the root complex before it, a device, reserved memory", () => {
    const reading = read(
      table(
        "IORT",
        ...([
          [4, 4],
          [48, 4],
          [0, 4],
        ] as Part[]),
        // 48: the unit; 116: a root complex; 172: a named device; 230: reserved memory.
        ...([4, [68, 2], 4, [0, 4], [0, 4], [0, 4], [0x9050000, 8], [1, 4], [0, 40]] as Part[]),
        ...([
          2,
          [56, 2],
          1,
          [1, 4],
          [1, 4],
          [36, 4],
          [0, 8],
          [1, 4],
          [2, 4],
          [0, 4],
          [0, 4],
          [0xffff, 4],
          [0x10000, 4],
          [48, 4],
          [0, 4],
        ] as Part[]),
        ...([
          1,
          [58, 2],
          1,
          [2, 4],
          [1, 4],
          [38, 4],
          [0, 4],
          [0, 8],
          40,
          "\\_SB.DMA",
          0,
          [0, 4],
          [0, 4],
          [7, 4],
          [48, 4],
          [1, 4],
        ] as Part[]),
        ...([
          6,
          [68, 2],
          1,
          [3, 4],
          [1, 4],
          [48, 4],
          [0, 4],
          [1, 4],
          [28, 4],
          [0x80000000, 8],
          [0x10000, 8],
          [0, 4],
          [0, 4],
          [0, 4],
          [7, 4],
          [48, 4],
          [1, 4],
        ] as Part[]),
      ),
    );
    expect(reading.notes).toEqual([]);
    expect(reading.units).toMatchObject([
      {
        kind: "smmuv3",
        registersAt: 0x9050000,
        segment: 2,
        scopes: [
          { what: "range", first: 0, last: 0xffff, stream: 0x10000 },
          { what: "named", name: "\\_SB.DMA", stream: 7 },
        ],
      },
    ]);
    expect(reading.reserved).toMatchObject([
      { kind: "RMR", first: 0x80000000, last: 0x8000ffff, scopes: [{ what: "stream", first: 7, last: 7, unit: 0 }] },
    ]);
  });

  it("a paravirtual unit and its devices; configuration space", () => {
    const reading = read(
      table(
        "VIOT",
        ...([
          [2, 2],
          [48, 2],
          [0, 8],
        ] as Part[]),
        ...([3, 0, [16, 2], [0, 2], [0x10, 2], [0, 8]] as Part[]),
        ...([1, 0, [24, 2], [0, 4], [0, 2], [0, 2], [0, 2], [0xff, 2], [48, 2], [0, 6]] as Part[]),
      ),
      table("MCFG", [0, 8], [0xb0000000, 8], [0, 2], 0, 255, [0, 4]),
    );
    expect(reading.units).toMatchObject([
      { kind: "virtio-iommu", registersAt: null, requester: 0x10, scopes: [{ first: 0, last: 0xff }] },
    ]);
    expect(reading.configuration).toEqual([{ segment: 0, base: 0xb0000000, firstBus: 0, lastBus: 255 }]);
  });
});

describe("damaged tables", () => {
  it("any bytes: no crash, no endless reading", () => {
    const rng = new Rng(11);
    const sources = [
      unhex(realDmar),
      unhex(realIvrs),
      table("IORT", [200, 4], [48, 4], [0, 4], [0, 200]),
      table("VIOT", [9, 2], [48, 2], [0, 8], [0, 90]),
    ];
    let noted = 0;
    for (let n = 0; n < 3000; n++) {
      const bytes = Uint8Array.from(sources[rng.below(sources.length)]!);
      for (let k = 0; k <= rng.below(6); k++)
        bytes[36 + rng.below(bytes.length - 36)] = rng.below(2) === 0 ? rng.below(256) : 255 * rng.below(2);
      const reading = acpiTables(imageOf([signed(bytes)]));
      noted += reading.notes.length;
      expect(reading.tables).toHaveLength(1);
      expect(reading.notes.length).toBeLessThanOrEqual(50);
    }
    expect(noted).toBeGreaterThan(200);
  });

  // Every table, with as many bytes as it says, ends within a structure or between two.
  it.each([
    ["DMAR", unhex(realDmar)],
    ["IVRS", unhex(realIvrs)],
  ])("%s cut short at each byte", (_name, whole) => {
    const readings = Array.from({ length: whole.length - 36 }, (_, n) => {
      const bytes = whole.slice(0, 36 + n);
      bytes.set([bytes.length & 255, bytes.length >> 8], 4);
      const { units, reserved, notes } = acpiTables(imageOf([signed(bytes)]));
      const listed = units.map((u) => u.scopes.map((s) => `${s.what} ${s.name}`).join(", "));
      return `${bytes.length}: ${listed.join("; ")}; ${reserved.length}; ${notes.join("; ")}`;
    });
    expect(readings.join("\n")).toMatchSnapshot();
  });

  it("a length beyond memory", () => {
    const bytes = unhex(realDmar);
    bytes.set([0xff, 0xff, 0xff, 0x7f], 4);
    expect(read(signed(bytes)).units).toEqual([]);
  });
});
