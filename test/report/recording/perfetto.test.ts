/** The Perfetto trace, read back by a decoder of its own that shares nothing with the writer. */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { Lanes, lanesMax } from "../../../src/report/recording/perfetto/lanes.js";
import { PerfettoWriter } from "../../../src/report/recording/perfetto/perfetto_writer.js";
import { WireWriter } from "../../../src/report/recording/perfetto/wire.js";

type Value = bigint | Uint8Array | number;

/** Fields of one message by number, in order. Throws on anything that is no message. */
function decode(bytes: Uint8Array): Map<number, Value[]> {
  const fields = new Map<number, Value[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (at >= bytes.length || shift > 63n) throw new Error(`a varint is cut off at ${at}`);
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    let value: Value;
    if ((key & 7) === 0) value = varint();
    else if ((key & 7) === 1) {
      value = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getFloat64(0, true);
      at += 8;
    } else if ((key & 7) === 2) {
      const length = Number(varint());
      if (at + length > bytes.length) throw new Error(`a field is cut off at ${at}`);
      value = bytes.subarray(at, at + length);
      at += length;
    } else throw new Error(`wire type ${key & 7}`);
    const before = fields.get(key >>> 3);
    if (before === undefined) fields.set(key >>> 3, [value]);
    else before.push(value);
  }
  return fields;
}

const textOf = (value: Value | undefined): string | null =>
  value instanceof Uint8Array ? new TextDecoder().decode(value) : null;

interface Packet {
  time: number | null;
  track?: { uuid: number; name: string | null; parent: number | null; counter: number | null };
  event?: { type: number; track: number; name: string | null; value: number | null };
}

function packetsOf(trace: Uint8Array): Packet[] {
  return (decode(trace).get(1) ?? []).map((bytes): Packet => {
    const packet = decode(bytes as Uint8Array);
    expect(packet.get(10)).toEqual([1n]);
    const one = (fields: Map<number, Value[]>, number: number): number | null => {
      const value = fields.get(number)?.[0];
      return value === undefined ? null : Number(typeof value === "bigint" ? BigInt.asIntN(64, value) : value);
    };
    const time = one(packet, 8);
    const descriptor = packet.get(60)?.[0] as Uint8Array | undefined;
    if (descriptor !== undefined) {
      const d = decode(descriptor);
      const counter = d.get(8)?.[0] as Uint8Array | undefined;
      const unit = counter === undefined ? null : one(decode(counter), 3);
      return { time, track: { uuid: one(d, 1)!, name: textOf(d.get(2)?.[0]), parent: one(d, 5), counter: unit } };
    }
    const e = decode(packet.get(11)![0] as Uint8Array);
    const value = one(e, 30) ?? one(e, 44);
    return { time, event: { type: one(e, 9)!, track: one(e, 11)!, name: textOf(e.get(23)?.[0]), value } };
  });
}

test("varints, as the encoding's documentation gives them", () => {
  const wire = new WireWriter();
  wire.varint(1, 150);
  wire.varint(2, -2);
  wire.varint(3, Number.MAX_SAFE_INTEGER);
  expect([...wire.take().subarray(0, 3)]).toEqual([0x08, 0x96, 0x01]);
  expect([...wire.take().subarray(3, 14)]).toEqual([0x10, 0xfe, ...Array(8).fill(0xff), 0x01]);
  expect(decode(wire.take()).get(3)).toEqual([9007199254740991n]);
});

test("a device has a track, its mappings and failures tracks below it", () => {
  const writer = new PerfettoWriter();
  writer.slice("0000:00:03.0", "4096 bytes", 10, 20.5);
  writer.slice("0000:00:03.0", "512 bytes", 15, 30);
  writer.instant("0000:00:03.0", "pool exhausted", 16);
  writer.counter("slots in use", 10, 2);
  writer.counter("load", 11, -0.5, "bytes");
  const packets = packetsOf(writer.finish());
  const tracks = packets.flatMap((p) => p.track ?? []);
  expect(tracks).toEqual([
    { uuid: 1, name: "0000:00:03.0", parent: null, counter: null },
    { uuid: 2, name: "mappings", parent: 1, counter: null },
    { uuid: 3, name: "mappings", parent: 1, counter: null },
    { uuid: 4, name: "failures", parent: 1, counter: null },
    { uuid: 5, name: "slots in use", parent: null, counter: 2 },
    { uuid: 6, name: "load", parent: null, counter: 3 },
  ]);
  expect(packets.flatMap((p) => (p.event === undefined ? [] : [{ time: p.time, ...p.event }]))).toEqual([
    { time: 10_000, type: 1, track: 2, name: "4096 bytes", value: null },
    { time: 20_500, type: 2, track: 2, name: null, value: null },
    { time: 15_000, type: 1, track: 3, name: "512 bytes", value: null },
    { time: 30_000, type: 2, track: 3, name: null, value: null },
    { time: 16_000, type: 3, track: 4, name: "pool exhausted", value: null },
    { time: 10_000, type: 4, track: 5, name: null, value: 2 },
    { time: 11_000, type: 4, track: 6, name: null, value: -0.5 },
  ]);
});

/** Slices with random lives, and the most of them alive at once. */
function randomSlices(seed: number): { start: number; end: number }[] {
  const rng = new Rng(seed);
  return Array.from({ length: 2000 }, () => {
    const start = rng.below(10_000);
    return { start, end: start + rng.below(300) };
  });
}

test.each(["start", "end"] as const)(
  "slices in order of their %s never overlap on a lane, and lanes are few",
  (key) => {
    const slices = randomSlices(3).sort((a, b) => a[key] - b[key]);
    const lanes = new Lanes();
    const byLane: { start: number; end: number }[][] = [];
    for (const slice of slices) {
      const lane = lanes.place(slice.start, slice.end);
      for (const other of (byLane[lane] ??= [])) {
        if (slice.start < other.end && slice.end > other.start) expect.fail(`${slice.start} overlaps ${other.start}`);
      }
      byLane[lane].push(slice);
    }
    const alive = (time: number): number => slices.filter((s) => s.start <= time && time < s.end).length;
    expect(byLane.length).toBe(Math.max(...slices.map((s) => alive(s.start))));
  },
);

test("slices that find no lane and values that are no time are counted, not written", () => {
  const writer = new PerfettoWriter();
  for (let i = 0; i < lanesMax + 5; i++) writer.slice("d", "m", 0, 1);
  expect(writer.leftOut).toBe(5);
  writer.slice("d", "m", 5, 4);
  writer.slice("d", "m", -1, 4);
  writer.slice("d", "m", 0, Number.POSITIVE_INFINITY);
  writer.instant("d", "x", Number.NaN);
  writer.counter("c", 1, Number.NaN);
  expect(writer.leftOut).toBe(10);
  expect(packetsOf(writer.finish()).filter((p) => p.event !== undefined)).toHaveLength(2 * lanesMax);
});

test("a sink gets the same file in chunks, and nothing is kept", () => {
  const write = (writer: PerfettoWriter): Uint8Array => {
    for (let i = 0; i < 5000; i++) writer.slice("d", `mapping ${i}`, i, i + 3);
    return writer.finish();
  };
  const chunks: Uint8Array[] = [];
  expect(write(new PerfettoWriter((chunk) => chunks.push(chunk)))).toHaveLength(0);
  expect(chunks.length).toBeGreaterThan(2);
  expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(70_000);
  expect(Buffer.concat(chunks).equals(write(new PerfettoWriter()))).toBe(true);
});
