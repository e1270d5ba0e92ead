/** What decodes and merges undamaged pages fast, against the reader that it leaves the rest to: the same of every file. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { memorySource } from "../../src/read/bytes.js";
import type { EventSource } from "../../src/read/event.js";
import { CpuStream } from "../../src/read/trace_dat/cpu_stream.js";
import { readHeader } from "../../src/read/trace_dat/header.js";
import { TraceDatSource } from "../../src/read/trace_dat/source.js";
import { readVersion6 } from "../../src/read/trace_dat/version6.js";
import { readVersion7 } from "../../src/read/trace_dat/version7.js";
import { Unreadable, Warnings } from "../../src/read/unreadable.js";
import { expectEqual } from "../equal.js";
import { amount, long } from "../tier.js";
import { eventRows } from "./event_rows.js";
import { fixture } from "./fixture.js";
import { attrs, bdf, device, dir, lengths, list, parts, repacked, size, u64 } from "./made_recording.js";
import { asRecorded, type RingChoices, ringPages } from "./ring_pages.js";
import { type Parts, plainV6, plainV7, takeApart, writeTraceDat } from "./trace_dat_writer.js";
import { type FieldLine, type MadeFormat, makeFormat, makeRecord } from "./trace_records.js";

/** All that a source says of a file; or why it says nothing. */
async function said(bytes: Uint8Array, quick: boolean) {
  try {
    const source = await open(bytes, quick);
    const rows = eventRows(source, 500);
    const { lost, cpus, kernel, ticks, clock, warnings, progress } = source;
    const names = (n: EventSource["tasks"]) => Array.from({ length: n.count }, (_, i) => n.name(i));
    return {
      rows,
      lost,
      cpus,
      kernel,
      ticks,
      clock,
      warnings,
      progress,
      tasks: names(source.tasks),
      devices: names(source.devices),
    };
  } catch (e) {
    if (!(e instanceof Unreadable)) throw e;
    return e.message;
  }
}

async function open(bytes: Uint8Array, quick: boolean): Promise<EventSource> {
  const source = memorySource("f", bytes);
  const warnings = new Warnings();
  const { version, rest } = readHeader(source);
  const recording = version === 6 ? readVersion6(rest, warnings) : await readVersion7(source, rest, warnings);
  return new TraceDatSource(source, recording, warnings, quick);
}

async function same(bytes: Uint8Array): Promise<number> {
  const fast = await said(bytes, true);
  expectEqual(fast, await said(bytes, false));
  return typeof fast === "string" ? 0 : fast.rows.length;
}

describe("whole recordings", () => {
  const files = [
    "swiotlb-force/trace.dat",
    "swiotlb-force/trace.v6.dat.gz",
    "swiotlb-full/trace.dat",
    "vtd-ats/trace.dat",
  ];
  test.each([...files, "amdvi/trace.dat"])("%s", async (path) => {
    const taken = vi.spyOn(CpuStream.prototype, "take");
    const fast = await said(fixture(path), true);
    const left = taken.mock.calls.length;
    taken.mockRestore();
    expectEqual(fast, await said(fixture(path), false));
    if (typeof fast === "string") throw new Error(fast);
    // Most records are what it is for.
    expect(left).toBeLessThan(fast.rows.length / 20);
  });

  test("one after another, in the same memory", async () => {
    for (const path of [files[0]!, files[3]!, files[0]!]) expect(await same(fixture(path))).toBeGreaterThan(4000);
  });

  test("where it is not for the recording, all is read by the other", async () => {
    const bytes = writeTraceDat(takeApart(fixture(files[1]!)), { ...plainV7, little: false });
    expect(await same(bytes)).toBe(4440);
  });
});

/** Formats of many generations: all widths, arrays, single values that are lists, a probe, an event that nothing reads. */
const u32 = (name: string): FieldLine => [`u32 ${name}`, 4];
const formats = {
  dma: [
    makeFormat("dma_map_phys", 11, [device, u64("phys_addr"), u64("dma_addr"), size, dir, attrs]),
    makeFormat("dma_unmap_phys", 12, [device, u32("addr"), ["u16 size", 2], dir, ["unsigned int attrs", 4]]),
    makeFormat("dma_map_sg", 13, [
      device,
      ["int full_nents", 4],
      list("phys_addrs"),
      list("dma_addrs"),
      lengths,
      dir,
      attrs,
    ]),
    makeFormat("dma_unmap_sg", 14, [device, ["__data_loc unsigned int[] addrs", 4], dir, attrs]),
    makeFormat("dma_alloc", 15, [device, u64("phys_addr"), u64("dma_addr"), size, dir, attrs]),
    makeFormat("dma_map_sg_err", 16, [device, list("phys_addrs"), dir, attrs]),
    makeFormat("dma_sync_sg_for_cpu", 17, [device, list("dma_addrs"), lengths, dir]),
  ],
  swiotlb: [
    makeFormat("swiotlb_bounced", 21, [
      ["__data_loc char[] dev_name", 4],
      u64("dma_mask"),
      u64("dev_addr"),
      size,
      ["bool force", 1],
    ]),
  ],
  iommu: [
    makeFormat("map", 31, [u64("iova"), u64("paddr"), size]),
    makeFormat("io_page_fault", 32, [device, u64("iova"), ["int flags", 4]]),
  ],
  intel_iommu: [
    makeFormat("map_sg", 41, [
      ["__data_loc char[] dev_name", 4],
      ["u32 dev_addr", 4],
      ["u64 phys_addr", 8],
      ["u16 size", 2],
    ]),
  ],
  kprobes: [makeFormat("xs_region", 51, [u64("phys"), u32("order"), u32("bits")])],
  sched: [makeFormat("sched_switch", 61, [u64("x")])],
};
const all = Object.values(formats).flat();

const value = fc.oneof(
  { weight: 3, arbitrary: fc.bigInt({ min: 0n, max: 0xffffn }) },
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(
    0n,
    1n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 53n + 1n,
    2n ** 63n,
    2n ** 64n - 1024n,
    2n ** 64n - 1025n,
    2n ** 64n - 1n,
  ),
);
const name = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(bdf, "0000:00:1f.2", "a", "", "12345678", "123456789012345", "1234567890123456"),
  },
  fc.constantFrom("0000:00:03.0/virtio0/with/a/name/longer/than/any/table/keeps/of/it", "xe\0hidden"),
  fc.string({ maxLength: 20 }),
);
const many = fc.array(value, { maxLength: 6 });
const pid = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0, 7, 300, 32775) },
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
);

const made = fc
  .record({
    format: fc.constantFrom(...all),
    pid,
    flags: fc.nat(255),
    // Often none, so that CPUs have events at one time.
    step: fc.oneof(fc.nat(1), fc.nat(3000), fc.nat(2 ** 31)),
    cut: fc.nat(40),
  })
  .chain((e) => {
    const own = e.format.fields
      .slice(4)
      .map(([declared]) => (declared.includes("char[]") ? name : declared.includes("[]") ? many : value));
    return fc
      .record({ values: fc.tuple(...own), lost: fc.option(fc.nat(9), { freq: 30 }) })
      .map((v) => ({ ...e, ...v }));
  });

/** Records of some CPUs; of few the end is cut off, so that they are shorter than their format says. */
function recording(cpus: readonly (readonly (typeof made extends fc.Arbitrary<infer E> ? E : never)[])[]): Parts {
  return parts(
    formats,
    cpus.map((events) => {
      let time = 1_000_000n;
      return events.map(({ format, pid, flags, values, step, cut, lost }) => {
        time += BigInt(step);
        const record = makeRecord(format, pid, flags, values);
        const bytes = cut < 2 ? Math.max(4, record.length - 4 * (cut + 1)) : record.length;
        return { time, record: record.slice(0, bytes), ...(lost === null ? {} : { lost }) };
      });
    }),
  );
}

const shape = fc.record({
  version: fc.constantFrom(6 as const, 7 as const),
  compression: fc.constantFrom("none" as const, "zlib" as const),
  longBytes: fc.constantFrom(4 as const, 8 as const),
  pageBytes: fc.constantFrom(4096, 8192),
  clock: fc.constantFrom("local", "counter"),
  choices: fc.record({ absolute: fc.boolean(), lengthWords: fc.boolean() }),
});
const runs = (short: number, thorough: number) => ({
  numRuns: amount(short, thorough),
  endOnFailure: true,
  interruptAfterTimeLimit: amount(20_000, 60_000),
});

test("records of any formats, values and sizes", async () => {
  let rows = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(made, { maxLength: 60 }), { minLength: 1, maxLength: 5 }),
      shape,
      async (cpus, s) => {
        rows += await same(writeTraceDat(recording(cpus), { ...repacked, ...s }));
      },
    ),
    runs(15, 3000),
  );
  expect(rows).toBeGreaterThan(amount(50, 1000));
});

describe("every word of its pages, a little more or less than it is", () => {
  const [mapped, , listed, unlisted] = all as [MadeFormat, MadeFormat, MadeFormat, MadeFormat];
  const records = [
    makeRecord(mapped, 7, 8, [bdf, 0x1000, 0x2000, 512, 1, 0]),
    makeRecord(listed, 7, 16, [bdf, 3, [0x1000, 0x2000], [0x3000, 0x4000], [16, 32], 2, 0]),
    makeRecord(unlisted, 300, 64, [bdf, [0x3000, 0x4000, 0x5000], 2, 0]),
  ];
  const empty = parts(formats, []);
  /** Two CPUs, each with a page that begins its stream and one that follows it. */
  const two = (choices: RingChoices) => {
    const page = (time: bigint) =>
      ringPages(
        records.map((record, i) => ({ time: time + BigInt(i >> 1), record })),
        asRecorded,
        choices,
      );
    const pages = Uint8Array.from([...page(1_000_000n), ...page(2_000_000n)]);
    return writeTraceDat({ ...empty, cpus: [0, 1].map((cpu) => ({ cpu, pages, events: [] })) }, plainV6);
  };
  test.each([{}, { absolute: true, lengthWords: true }])("pages with %o", async (choices) => {
    const bytes = two(choices);
    let rows = 0;
    const page = bytes.length - 4096;
    const held = new DataView(bytes.buffer).getUint32(page + 8, true);
    for (let at = page; at < page + 16 + held; at += 4) {
      for (const [i, by] of [-4, -1, 1, 4, 8, 0x10000, 0x80000000].entries()) {
        // In the first tier each word meets every fifth, and each of them every fifth word.
        if (!long && (i + at / 4) % 5 !== 0) continue;
        const copy = bytes.slice();
        const view = new DataView(copy.buffer);
        view.setUint32(at, view.getUint32(at, true) + by, true);
        rows += await same(copy);
      }
    }
    expect(rows).toBeGreaterThan(amount(held / 5, held));
  });

  test("pages that say they hold as much as fits, a little less and a little more", async () => {
    const bytes = two({});
    const page = bytes.length - 4096;
    for (let held = 4096 - 16 - 8; held <= 4096 + 16; held++) {
      const copy = bytes.slice();
      new DataView(copy.buffer).setUint32(page + 8, held, true);
      expect(await same(copy)).toBeGreaterThan(0);
    }
  });
});

describe("damaged", () => {
  const whole = takeApart(fixture("swiotlb-force/trace.v6.dat.gz"));
  const short: Parts = {
    ...whole,
    cpus: whole.cpus.map((c) => ({ ...c, pages: c.pages.slice(0, 12288), events: c.events.slice(0, 90) })),
  };
  const files = {
    "version 6": writeTraceDat(short, { ...plainV6, choices: { absolute: true } }),
    "version 7": writeTraceDat(short, plainV7),
    "version 7, zlib": writeTraceDat(short, { ...plainV7, compression: "zlib" }),
  };
  test.each(Object.entries(files))("%s", async (_, bytes) => {
    // Most of the damage is to the pages, which are most of the file's end.
    const at = fc.oneof(
      { weight: 4, arbitrary: fc.nat(30_000).map((n) => bytes.length - 1 - n) },
      fc.nat(bytes.length - 1),
    );
    const to = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x1d, 0x1e, 0x1f, 0x3d, 0x7f, 0x80, 0xff));
    const change = fc.record({ at: at.filter((n) => n >= 0), to, times: fc.constantFrom(1, 1, 4, 8) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), fc.nat(20), async (changes, cut) => {
        const copy = bytes.slice(0, cut === 0 ? bytes.length - (changes[0]!.at % 9000) : bytes.length);
        for (const { at, to, times } of changes) copy.fill(to, at, at + times);
        await same(copy);
      }),
      runs(15, 3000),
    );
  });
});
