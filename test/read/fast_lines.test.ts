/** What reads most lines fast, against the reader that it leaves the others to: the same of every text, whatever is in it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/read/bytes.js";
import type { EventSource } from "../../src/read/event.js";
import { FastLines } from "../../src/read/ftrace_text/fast_lines.js";
import { ftraceTask } from "../../src/read/ftrace_text/open_ftrace_text.js";
import type { TextForm } from "../../src/read/ftrace_text/text_form.js";
import { TextSource } from "../../src/read/ftrace_text/text_source.js";
import { perfTask } from "../../src/read/perf_script/perf_script.js";
import { Unreadable } from "../../src/read/unreadable.js";
import { amount } from "../tier.js";
import { eventRows } from "./event_rows.js";
import { fixtureText } from "./fixture.js";

const ftrace: TextForm = { format: "ftrace", line: "lines", task: ftraceTask };
const perf: TextForm = { format: "perf-script", line: "lines", task: perfTask };

/** All that a source says of a text. */
function said(text: string, form: TextForm, fast: FastLines | null) {
  const source = new TextSource(memorySource("text", Buffer.from(text, "latin1")), form, fast);
  const rows = rowsOf(source);
  const { lost, cpus, kernel, ticks, excerpt, warnings } = source;
  const names = (n: EventSource["tasks"]) => Array.from({ length: n.count }, (_, i) => n.name(i));
  return {
    rows,
    lost,
    cpus,
    kernel,
    ticks,
    excerpt,
    warnings,
    tasks: names(source.tasks),
    devices: names(source.devices),
  };
}

function rowsOf(source: EventSource) {
  try {
    return eventRows(source, 64);
  } catch (e) {
    if (!(e instanceof Unreadable)) throw e;
    return e.message;
  }
}

/** The same, and how many events were read fast. */
function saidFast(text: string, form: TextForm): { fast: ReturnType<typeof said>; events: number } {
  const lines = FastLines.start()!;
  const read = lines.read;
  let events = 0;
  lines.read = function (from, to, batch) {
    const count = read.call(this, from, to, batch);
    events += count - batch.count;
    return count;
  };
  const fast = said(text, form, lines);
  lines.read = read;
  return { fast, events };
}

const recordings = [
  ...["swiotlb-full", "swiotlb-force", "vtd-ats", "vtd-scalable", "amdvi", "swiotlb-32bit"],
  ...["bare-6.12", "bare-7.3", "preempt-rt-6.12", "pass-through-7.3", "identity-in-the-midst-7.3"],
].map((name) => `${name}/trace.txt.gz`);

/** As `perf script` prints it. */
const asPerf = (text: string) =>
  text.replace(/^( *.+)-(\d+) +(\[\d+\]) \S+ +(\d+\.\d+): (\w+): /gm, "$1 $2 $3 $4: dma:$5: ");

describe("whole recordings", () => {
  test.each(recordings)("%s", (path) => {
    const text = fixtureText(path);
    const { fast, events } = saidFast(text, ftrace);
    expect(fast).toEqual(said(text, ftrace, null));
    // Most lines are what it is for.
    expect(events).toBeGreaterThan(fast.rows.length * 0.9);
  });

  test("as perf prints them", () => {
    const text = asPerf(fixtureText("swiotlb-force/trace.txt.gz"));
    const { fast, events } = saidFast(text, perf);
    expect(fast).toEqual(said(text, perf, null));
    expect(events).toBeGreaterThan(fast.rows.length * 0.9);
  });

  test("as trace-cmd prints them", () => {
    const text = fixtureText("swiotlb-force/trace-cmd-report.txt.gz");
    const { fast, events } = saidFast(text, ftrace);
    expect(fast).toEqual(said(text, ftrace, null));
    expect(events).toBeGreaterThan(fast.rows.length * 0.5);
  });

  test("with lists larger than it has room for, and after them", () => {
    const list = `{${"0x1000,".repeat(3_000)}0x2000}`;
    const line = (s: number, fields: string) => `  a-1 [000] d.h1. ${s}.000000: ${fields}\n`;
    const one = (s: number) => line(s, "dma_unmap_phys: 0000:00:01.0 dir=TO_DEVICE dma_addr=1000 size=16 attrs=");
    const lists = (s: number) => line(s, `dma_unmap_sg: 0000:00:01.0 dir=TO_DEVICE phys_addrs=${list} attrs=`);
    let text = one(1);
    for (let s = 2; s < 130; s++) text += lists(s) + one(s);
    const { fast, events } = saidFast(text, ftrace);
    expect(fast).toEqual(said(text, ftrace, null));
    expect(events).toBeGreaterThan(150);
    expect(events).toBeLessThan(fast.rows.length - 20);
  });
});

/** What is put into lines, or in the place of what is there: parts of lines, and what looks like them. */
const pieces = [
  ...[
    "\n",
    "\r",
    "\r\n",
    " ",
    "  ",
    "\t",
    "\0",
    "\xff",
    "[",
    "]",
    " [001] ",
    "{",
    "}",
    ",",
    "|",
    "=",
    ":",
    ": ",
    "-",
    "#",
    "> ",
  ],
  ...[
    "0x",
    "0X",
    "0",
    "f",
    "ffffffffffffffff",
    "fffffffffffffffe",
    "10000000000000000",
    "0xffffffffffffffff",
    "1234567",
  ],
  ...["12345678", "123456789012345", "1234567890123456", "4294967296", ".123456", ".123", ".123456789", "9.999999: "],
  ...[
    "dma_addr=",
    "dev_addr=",
    "dma_mask=",
    "size=",
    "dir=",
    "dir=NONE",
    "dir=3",
    "attrs=",
    "phys_addr=",
    "iova=",
    "paddr=",
  ],
  ...[
    "device=",
    "dev=",
    "nents=",
    "nents=1/2 ",
    "full_nents=3 ",
    "dma_addrs={",
    "sizes={",
    "phys_addrs={0x1,0x2} ",
    "ents=1/1 ",
  ],
  ...[
    "attrs=NO_WARN",
    "|SKIP_CPU_SYNC",
    "|0x8000",
    "FORCE",
    "NORMAL",
    "NO_FORCE",
    "swiotlb_force=1",
    "[TRUNCATED]",
    "key=x",
  ],
  ...[
    "IOMMU:",
    "IOMMU: ",
    "dev_name: ",
    "dma_map_sg_err: ",
    "dma_alloc: ",
    "dma_free: ",
    "io_page_fault: ",
    "map_sg: ",
    "swiotlb_bounced: ",
  ],
  ...[
    "dma:dma_map_page: ",
    "sched_switch: ",
    "xs_map: ",
    "d.h1.",
    "d..",
    "....z",
    "CPU:1 [LOST 5 EVENTS]\n",
    "# x\n",
    "[FAILED TO PARSE] ",
  ],
  ...["0000:00:03.0", "FROM_DEVICE", "TO_DEVICE", "BIDIRECTIONAL", "  kworker/1:1H-164     ", "a b c-12 ", "=>"],
];

const edit = fc.record({
  /** Where, as a part of the whole: what is left after a multiple of this large prime spreads evenly. */
  at: fc.nat(),
  put: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...pieces) },
    { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
  ),
  instead: fc.oneof(fc.constant(0), fc.nat(20)),
  /** At the beginning of a word, where most of them stand. */
  word: fc.boolean(),
});

/** Some lines of each kind of event, of several recordings: their clocks run back where one follows another. */
function excerpt(form: TextForm): string {
  const taken: string[] = [];
  for (const path of recordings) {
    const count = new Map<string, number>();
    for (const line of fixtureText(path).split("\n")) {
      const name = /: (\w+): /.exec(line)?.[1] ?? "";
      if (name === "" || line.length > 600) continue;
      const n = count.get(name) ?? 0;
      count.set(name, n + 1);
      if (n < 6) taken.push(line);
    }
  }
  const text = `${taken.join("\n")}\n`;
  return form === perf ? asPerf(text) : text;
}

test.each([ftrace, perf])("$format, changed at random", (form) => {
  const text = excerpt(form);
  const starts = [...text.matchAll(/(?<=[\s=:,{[|])\S/g)].map((m) => m.index);
  let events = 0;
  let rows = 0;
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 60 }), fc.boolean(), (edits, ended) => {
      let changed = text;
      for (const { at, put, instead, word } of edits) {
        const spread = (at * 7919) % text.length;
        const from = word ? starts[spread % starts.length]! : spread;
        changed = changed.slice(0, from) + put + changed.slice(from + instead);
      }
      if (!ended) changed = changed.slice(0, -1 - (edits[0]!.at % 200));
      const result = saidFast(changed, form);
      const slow = said(changed, form, null);
      expect(result.fast).toEqual(slow);
      events += result.events;
      rows += slow.rows.length;
    }),
    { numRuns: amount(150, 20_000), endOnFailure: true, interruptAfterTimeLimit: amount(20_000, 60_000) },
  );
  expect(events).toBeGreaterThan(rows / 2);
});
