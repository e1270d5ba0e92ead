/** The columns of trace.dat are those of the text of the same recording, event by event, in every shape of the file. */
import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/read/bytes.js";
import { openTraceDat } from "../../src/read/trace_dat/open.js";
import { eventRows } from "./event_rows.js";
import { fixture, fixtureText } from "./fixture.js";
import { type TextRow, textRows } from "./text_rows.js";
import { type FileShape, plainV6, plainV7, takeApart, writeTraceDat } from "./trace_dat_writer.js";

async function rowsOf(file: Uint8Array, capacity?: number): Promise<TextRow[]> {
  const source = await openTraceDat(memorySource("trace.dat", file));
  const rows = eventRows(source, capacity);
  expect(source.warnings.list).toEqual([]);
  return rows;
}

function expectSame(rows: readonly TextRow[], wanted: readonly TextRow[]): void {
  expect(rows.length).toBe(wanted.length);
  const different = wanted.findIndex((w, i) => !sameRow(w, rows[i]!));
  if (different >= 0) expect(rows[different]).toEqual(wanted[different]);
}

function sameRow(a: TextRow, b: TextRow): boolean {
  return (Object.keys(a) as (keyof TextRow)[]).every((k) => {
    const [x, y] = [a[k], b[k]];
    return Array.isArray(x)
      ? x.length === (y as number[]).length && x.every((v, i) => v === (y as number[])[i])
      : Object.is(x, y);
  });
}

const recordings = [
  { name: "swiotlb-force", events: 4440 },
  { name: "swiotlb-full", events: 36330 },
  { name: "vtd-ats", events: 11163 },
  { name: "amdvi", events: 2751 },
];

describe.each(recordings)("$name, version 7 with zstd", ({ name, events }) => {
  test("every column of every event is that of the text", async () => {
    const wanted = textRows(fixtureText(`${name}/trace.txt.gz`));
    expect(wanted.length).toBe(events);
    expectSame(await rowsOf(fixture(`${name}/trace.dat`)), wanted);
  });
});

describe("what the file says of itself", () => {
  test.each(["swiotlb-force/trace.dat", "swiotlb-force/trace.v6.dat.gz"])("%s", async (path) => {
    const source = await openTraceDat(memorySource(path, fixture(path)));
    expect(source).toMatchObject({
      format: "trace.dat",
      kernel: "7.2.13+deb14-amd64",
      cpus: 2,
      clock: "local",
      lost: 0,
    });
    expect(source.progress).toBeLessThan(0.99);
    const rows = eventRows(source);
    expect(source.progress).toBe(1);
    expect(new Set(rows.map((r) => r.device).filter((d) => d !== ""))).toContain("0000:00:03.0");
  });
});

describe("shapes of one recording", () => {
  const parts = takeApart(fixture("swiotlb-force/trace.v6.dat.gz"));
  const wanted = textRows(fixtureText("swiotlb-force/trace.txt.gz"));
  const big = { little: false };
  const shapes: [string, FileShape][] = [
    ["version 6", plainV6],
    ["version 7, not compressed", plainV7],
    ["version 7, zlib", { ...plainV7, compression: "zlib" }],
    ["version 6, big endian", { ...plainV6, ...big }],
    [
      "version 7, zlib, big endian, sub-buffers of 64 KiB",
      { ...plainV7, ...big, compression: "zlib", pageBytes: 65536 },
    ],
    ["sub-buffers of 8 KiB", { ...plainV6, pageBytes: 8192 }],
    ["sub-buffers of 64 KiB", { ...plainV6, pageBytes: 65536 }],
    ["a commit word of 32 bits", { ...plainV6, longBytes: 4 }],
    ["a commit word of 32 bits, big endian", { ...plainV7, ...big, longBytes: 4 }],
    ["absolute times", { ...plainV6, pageBytes: 65536, choices: { absolute: true } }],
    ["absolute times, big endian", { ...plainV6, ...big, pageBytes: 65536, choices: { absolute: true } }],
    ["lengths in words of their own", { ...plainV7, choices: { lengthWords: true } }],
    ["discarded events between", { ...plainV6, choices: { discarded: 24 } }],
  ];
  test.each(shapes)("%s", async (_, shape) => {
    expectSame(await rowsOf(writeTraceDat(parts, shape)), wanted);
  });

  test.each([1, 2, 7])("read %d events at a time", async (capacity) => {
    expectSame(await rowsOf(writeTraceDat(parts, plainV7), capacity), wanted);
  });

  const pieces: [string, FileShape][] = [
    ["version 6", plainV6],
    ["version 7", { ...plainV7, pageBytes: 65536 }],
  ];
  test.each(pieces)("%s, read piece by piece and not held in memory", async (_, shape) => {
    const { name, size, read } = memorySource("trace.dat", writeTraceDat(parts, shape));
    const source = await openTraceDat({ name, size, read });
    expectSame(eventRows(source), wanted);
    expect(source.warnings.list).toEqual([]);
  });
});
