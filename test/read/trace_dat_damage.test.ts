/** Damaged files: one clear refusal, or the readable part with warnings; never an endless loop, never another error. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/read/bytes.js";
import { EventKind } from "../../src/read/event.js";
import { openTraceDat } from "../../src/read/trace_dat/open.js";
import { Unreadable } from "../../src/read/unreadable.js";
import { amount } from "../tier.js";
import { eventRows } from "./event_rows.js";
import { fixture } from "./fixture.js";
import { type Parts, plainV6, plainV7, takeApart, writeTraceDat } from "./trace_dat_writer.js";

const whole = takeApart(fixture("swiotlb-force/trace.v6.dat.gz"));
/** A short recording: the first events of each CPU. */
const short: Parts = {
  ...whole,
  cpus: whole.cpus.map((c) => ({ ...c, pages: c.pages.slice(0, 8192), events: c.events.slice(0, 60) })),
};
const shortCount = short.cpus.reduce((sum, c) => sum + c.events.length, 0);
const shape6 = { ...plainV6, choices: { absolute: true } };
const files: Record<string, Uint8Array> = {
  "version 6": writeTraceDat(short, shape6),
  "version 7": writeTraceDat(short, { ...shape6, ...plainV7 }),
  "version 7, zlib": writeTraceDat(short, { ...plainV7, compression: "zlib" }),
  "version 7, zstd": fixture("amdvi/trace.dat"),
  "version 7, big endian": writeTraceDat(short, { ...plainV7, little: false }),
};

interface Outcome {
  events: number;
  warnings: number;
  refused: string | null;
}

async function read(bytes: Uint8Array): Promise<Outcome> {
  try {
    const source = await openTraceDat(memorySource("damaged.dat", bytes));
    const rows = eventRows(source, 512);
    for (const w of source.warnings.list) expect(`${w.where}${w.what}`).not.toMatch(/\n|undefined|NaN/);
    expect(source.progress).toBe(1);
    return { events: rows.length, warnings: source.warnings.total, refused: null };
  } catch (e) {
    if (!(e instanceof Unreadable)) throw e;
    expect(e.message).toMatch(/^damaged\.dat: .*expected .*, found [^\n]*$/);
    return { events: 0, warnings: 0, refused: e.message };
  }
}

describe.each(Object.entries(files))("%s", (_, bytes) => {
  test("undamaged, it is read without a warning", async () => {
    expect(await read(bytes)).toMatchObject({ warnings: 0, refused: null });
  });

  test("a version that is a line's end is told in one line", async () => {
    const copy = bytes.slice();
    copy[10] = 10;
    await read(copy);
  });

  test("any few bytes changed", async () => {
    const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const copy = bytes.slice();
        for (const { at, to } of changes) copy[at] = to;
        await read(copy);
      }),
      { numRuns: amount(30, 100) },
    );
  });

  test("any word overwritten by a large or small one", async () => {
    const words = fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0, 0x10000);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 9), words, async (at, word) => {
        const copy = bytes.slice();
        new DataView(copy.buffer).setUint32(at, word, true);
        await read(copy);
      }),
      { numRuns: amount(30, 100) },
    );
  });

  test("cut anywhere", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
        const { refused, warnings, events } = await read(bytes.slice(0, length));
        if (refused !== null && length >= 100) expect(refused).toContain("cut off or damaged");
        // What is cut off may be the padding behind the last event: then nothing is missing.
        if (refused === null && warnings === 0) expect(events).toBe((await read(bytes)).events);
      }),
      { numRuns: amount(20, 50) },
    );
  });
});

describe("what is said of it", () => {
  const refusals: [string, Uint8Array, RegExp][] = [
    ["nothing", new Uint8Array(0), /^damaged\.dat: offset 0x0: expected the first bytes of a trace\.dat file, found/],
    ["another file", Buffer.from("PERFILE2 and more"), /expected the first bytes of a trace\.dat file, found others/],
    ["a later version", edited("version 6", 10, 0x39), /expected trace\.dat of version 6 or 7, found version "9"/],
    ["no byte order", edited("version 6", 12, 7), /expected 0 \(little endian\) or 1 \(big endian\), found 7/],
    [
      "an unknown compression",
      Buffer.concat([files["version 7"]!.subarray(0, 18), Buffer.from("lz9\0\0")]),
      /found the end/,
    ],
    [
      "half a header",
      files["version 6"]!.slice(0, 200),
      /offset 0x[0-9a-f]+: expected .* found .*the end of the file at 0x[0-9a-f]+: it is cut off or damaged/,
    ],
  ];
  test.each(refusals)("%s", async (_, bytes, message) => {
    expect((await read(bytes)).refused).toMatch(message);
  });

  test("a version 7 that is cut between two options is called cut off, too", async () => {
    const file = files["version 7, big endian"]!;
    const refusals = new Set<string | null>();
    for (let length = file.length - 1; length > 200; length -= amount(211, 3))
      refusals.add((await read(file.slice(0, length))).refused);
    refusals.delete(null);
    expect(refusals.size).toBeGreaterThan(1);
    expect([...refusals].filter((r) => !r!.includes("cut off or damaged"))).toEqual([]);
  });

  test("pages that are cut off are events that may be missing, and the file is called cut off", async () => {
    const file = files["version 6"]!;
    const source = await openTraceDat(memorySource("damaged.dat", file.slice(0, file.length - 5000)));
    expect(eventRows(source, 512).length).toBeGreaterThan(0);
    expect(source.holes).toContain("events are missing");
    expect(source.warnings.list.map((w) => w.what).join()).toMatch(
      /expected \d+ bytes of CPU 1, found \d+ and the end of the file: it is cut off or damaged/,
    );
  });

  test("a page that says more bytes than it has is left out, the others are read", async () => {
    const bytes = writeTraceDat(whole, plainV6);
    const pages = pagesOf(bytes);
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(pages + 8, 5000, true);
    const source = await openTraceDat(memorySource("f", bytes));
    const rows = eventRows(source);
    expect(rows.length).toBeGreaterThan(4200);
    expect(rows.length).toBeLessThan(4440);
    expect(source.warnings.list).toHaveLength(1);
    expect(source.warnings.list[0]!.what).toMatch(/expected at most 4080 bytes of events of CPU 0, found 5000/);
  });

  test("an event that leaves its page ends that page only", async () => {
    const bytes = writeTraceDat(whole, plainV6);
    const at = pagesOf(bytes) + 16;
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, 0, true);
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(at + 4, 4100, true);
    const source = await openTraceDat(memorySource("f", bytes));
    const count = eventRows(source).length;
    expect(count).toBeGreaterThan(4200);
    expect(count).toBeLessThan(4440);
    expect(source.warnings.list[0]!.what).toMatch(/found an event of 4100 bytes: the rest of its page is left out/);
  });

  test("events of no known format are counted as other, and said once for each", async () => {
    const without = { ...short, systems: short.systems.filter((s) => s.name !== "swiotlb") };
    const source = await openTraceDat(memorySource("f", writeTraceDat(without, plainV6)));
    const rows = eventRows(source);
    expect(source.warnings.total).toBe(1);
    expect(source.warnings.list[0]!.what).toMatch(/of event \d+, found its format is not in the file/);
    const others = rows.filter((r) => r.kind === EventKind.other);
    expect(others.length).toBeGreaterThan(0);
    expect(others.every((r) => r.time > 0 && r.task !== "" && Number.isNaN(r.dma))).toBe(true);
  });

  test("a damaged chunk is left out, those behind it are read", async () => {
    const bytes = fixture("swiotlb-force/trace.dat").slice();
    // A chunk of ten pages, then the first bytes of zstd.
    const at = Buffer.from(bytes).lastIndexOf(Buffer.from([0x00, 0xa0, 0x00, 0x00, 0x28, 0xb5, 0x2f, 0xfd]));
    bytes.fill(0xaa, at + 20, at + 60);
    const { events, warnings } = await read(bytes);
    expect(warnings).toBe(1);
    expect(events).toBeGreaterThan(2000);
    expect(events).toBeLessThan(4440);
  });
});

/** Where in a file of version 6 the pages of the first CPU begin. */
function pagesOf(bytes: Uint8Array): number {
  const table = Buffer.from(bytes).indexOf("flyrecord\0") + 10;
  return Number(Buffer.from(bytes).readBigUInt64LE(table));
}

function edited(name: string, at: number, to: number): Uint8Array {
  const copy = files[name]!.slice();
  copy[at] = to;
  return copy;
}

test("the short recordings hold what they should", async () => {
  expect((await read(files["version 6"]!)).events).toBe(shortCount);
  expect((await read(files["version 7, big endian"]!)).events).toBe(shortCount);
});
