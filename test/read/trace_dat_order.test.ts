/** Order over CPUs, clocks, contexts, losses and buffers. */
import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/read/bytes.js";
import { Context, EventKind } from "../../src/read/event.js";
import { Clock } from "../../src/read/trace_dat/clock.js";
import { openTraceDat } from "../../src/read/trace_dat/open.js";
import { eventRows } from "./event_rows.js";
import { attrs, bdf, device, dir, open, parts, repacked, size, u64 } from "./made_recording.js";
import { type FileShape, plainV7, writeTraceDat } from "./trace_dat_writer.js";
import { makeFormat, makeRecord } from "./trace_records.js";

const plain = makeFormat("dma_unmap_phys", 51, [device, u64("addr"), size, dir, attrs]);
const at = (time: bigint, flags = 0, pid = 7) => ({
  time,
  record: makeRecord(plain, pid, flags, [bdf, time, 1, 1, 0]),
});

describe("order and context", () => {
  test("CPUs are merged by full nanoseconds, of equal ones the lower first", async () => {
    const p = parts({ dma: [plain] }, [
      [at(1000n), at(2001n), at(9000n)],
      [at(1000n), at(2000n), at(2002n)],
      [at(999n), at(50_000_000_000n)],
    ]);
    const rows = eventRows(await open(p), 3);
    expect(rows.map((r) => [r.cpu, r.dma])).toEqual([
      [2, 999],
      [0, 1000],
      [1, 1000],
      [1, 2000],
      [0, 2001],
      [1, 2002],
      [0, 9000],
      [2, 50_000_000_000],
    ]);
    expect(rows.map((r) => r.time)).toEqual([1, 1, 1, 2, 2, 2, 9, 50_000_000]);
  });

  test("forty CPUs", async () => {
    const cpus = Array.from({ length: 40 }, (_, c) =>
      Array.from({ length: 50 }, (_, e) => at(BigInt(e * 4000 + ((c * 7919) % 4000)))),
    );
    const rows = eventRows(await open(parts({ dma: [plain] }, cpus)));
    expect(rows).toHaveLength(2000);
    for (let i = 1; i < rows.length; i++) expect(rows[i]!.dma).toBeGreaterThanOrEqual(rows[i - 1]!.dma);
  });

  test("microseconds are rounded half up, and exact for clocks that count from 1970", async () => {
    const base = 1_795_000_000_000_000_000n;
    const p = parts({ dma: [plain] }, [[at(base + 499n), at(base + 500n), at(base + 1499n), at(base + 1500n)]]);
    const source = await open(p, { ...repacked, clock: "tai" });
    expect(source.clock).toBe("tai");
    const us = Number(base / 1000n);
    expect(eventRows(source).map((r) => r.time)).toEqual([us, us + 1, us + 1, us + 2]);
  });

  test("a clock that counts no time is shown as it counts, with a warning", async () => {
    const source = await open(parts({ dma: [plain] }, [[at(5n), at(7n)]]), { ...repacked, clock: "counter" });
    expect(eventRows(source).map((r) => r.time)).toEqual([5, 7]);
    expect(source.warnings.list[0]!.what).toContain('"counter" does not count time');
  });

  test("hard interrupt, softirq, NMI, and tasks known and not", async () => {
    const events = [
      at(1n, 0x08),
      at(2n, 0x10),
      at(3n, 0x18),
      at(4n, 0x40, 0),
      at(5n, 1, 300),
      at(6n, 0, 70000),
      at(7n, 0, -5),
    ];
    const rows = eventRows(await open(parts({ dma: [plain] }, [events])));
    const { hardirq, softirq, nmi, task } = Context;
    expect(rows.map((r) => r.context)).toEqual([hardirq, softirq, hardirq, nmi, task, task, task]);
    expect(rows.slice(2).map((r) => r.task)).toEqual([
      "kworker/0:1-7",
      "<idle>-0",
      "a b-c-300",
      "<...>-70000",
      "<...>--5",
    ]);
  });
});

describe("losses", () => {
  const lost = (time: bigint, n: number) => ({ time, record: new Uint8Array(0), lost: n });
  const shapes: [string, FileShape][] = [
    ["64-bit, little endian", repacked],
    ["64-bit, big endian", { ...repacked, little: false }],
    ["32-bit, big endian, 64 KiB", { ...repacked, little: false, longBytes: 4, pageBytes: 65536 }],
  ];
  test.each(shapes)("of a known and of an unknown number: %s", async (_, shape) => {
    const p = parts({ dma: [plain] }, [
      [at(1000n), lost(3000n, 1234), at(3000n), lost(5000n, 0), at(5000n)],
      [at(2000n), at(4000n)],
    ]);
    const source = await open(p, shape);
    const rows = eventRows(source);
    expect(rows.map((r) => [r.kind === EventKind.lost ? r.size : "event", r.cpu, r.time])).toEqual([
      ["event", 0, 1],
      ["event", 1, 2],
      [1234, 0, 3],
      ["event", 0, 3],
      ["event", 1, 4],
      [0, 0, 5],
      ["event", 0, 5],
    ]);
    expect(source.lost).toBe(1235);
  });

  test("overwritten events that only the statistics tell of", async () => {
    const p = parts({ dma: [plain] }, [[at(1n)]]);
    const stat = "CPU: 0\nentries: 1\noverrun: 77\ncommit overrun: 0\ndropped events: 3\n\0";
    const source = await open({ ...p, options: [...p.options, { id: 2, data: Buffer.from(stat) }] });
    expect(source.warnings.list[0]!.what).toContain("80 events were overwritten");
  });
});

describe("buffers", () => {
  const p = parts({ dma: [plain] }, [[at(1000n)]]);
  test("that of an instance is read when it is the only one, and said", async () => {
    const source = await open(p, { ...plainV7, choices: {}, buffer: "mine" });
    expect(eventRows(source)).toHaveLength(1);
    expect(source.warnings.list[0]!.what).toContain('read trace instance "mine"');
  });

  test("a recording without events ends at once", async () => {
    const source = await open(parts({ dma: [plain] }, [[], []]));
    expect(eventRows(source)).toEqual([]);
    expect(source.progress).toBe(1);
  });

  test("options that lead back to themselves are read once", async () => {
    const bytes = writeTraceDat(p, { ...plainV7, choices: {} });
    const view = new DataView(bytes.buffer);
    const first = view.getBigUint64(Buffer.from(bytes).indexOf("none\0\0") + 6, true);
    view.setBigUint64(bytes.length - 8, first, true);
    const source = await openTraceDat(memorySource("f", bytes));
    expect(source.warnings.list[0]!.what).toContain("found those already read");
    expect(eventRows(source)).toHaveLength(1);
  });
});

test("microseconds of any time are those of exact integers", () => {
  let seed = 1;
  for (let i = 0; i < 200_000; i++) {
    seed = Math.imul(seed, 1103515245) + 12345;
    const clock = new Clock("local");
    const high = (seed >>> 8) & 0x1fffff;
    const low = Math.imul(seed, 2654435761) >>> 0;
    clock.since(high, low);
    const later = ((seed >>> 3) % 4000) * 1000 + ((seed >>> 5) % 1000) + 2 ** (i % 40);
    const exact = ((BigInt(high) << 32n) + BigInt(low) + BigInt(later) + 500n) / 1000n;
    if (BigInt(clock.microseconds(later)) !== exact) expect([high, low, later, clock.microseconds(later)]).toBe(exact);
  }
});
