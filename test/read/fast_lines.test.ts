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
import { expectEqual } from "../equal.js";
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
    expectEqual(fast, said(text, ftrace, null));
    // Most lines are what it is for.
    expect(events).toBeGreaterThan(fast.rows.length * 0.9);
  });

  test("as perf prints them", () => {
    const text = asPerf(fixtureText("swiotlb-force/trace.txt.gz"));
    const { fast, events } = saidFast(text, perf);
    expectEqual(fast, said(text, perf, null));
    expect(events).toBeGreaterThan(fast.rows.length * 0.9);
  });

  test("as trace-cmd prints them", () => {
    const text = fixtureText("swiotlb-force/trace-cmd-report.txt.gz");
    const { fast, events } = saidFast(text, ftrace);
    expectEqual(fast, said(text, ftrace, null));
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
    expectEqual(fast, said(text, ftrace, null));
    expect(events).toBeGreaterThan(150);
    expect(events).toBeLessThan(fast.rows.length - 20);
  });
});

/** Lines at the edges of what is read fast: what differs from a usual line in one thing. */
const usual =
  "              dd-203     [000] d.h1.    13.267372: dma_map_phys: 0000:00:03.0 dir=TO_DEVICE dma_addr=beb2000 size=4096 phys_addr=718e000 attrs=";
const bounce =
  "              dd-203     [000] d.h1.    13.267372: swiotlb_bounced: dev_name: 0000:00:03.0 dma_mask=ffffffffffffffff dev_addr=718d000 size=4096 FORCE";
const translated =
  "              dd-203     [000] d.h1.    13.267372: map: IOMMU: iova=0x00000000ffbc0000 - 0x00000000ffbe0000 paddr=0x0000000005fc0000 size=131072";
const lists =
  "              dd-203     [000] d.h1.    13.267372: dma_map_sg: 0000:00:01.0 dir=FROM_DEVICE nents=2/3 ents=2/2 dma_addrs={0x1000,0x2000} sizes={0xa000,0x6000} phys_addrs={0x1000,0x2000} attrs=NO_WARN";
const alloc =
  "              dd-203     [000] d.h1.    13.267372: dma_alloc_pages: 0000:00:03.0 dir=BIDIRECTIONAL dma_addr=3ec9000 size=512 virt_addr=0000000012b82b6d flags=GFP_KERNEL attrs=";
const submitted =
  "              dd-203     [000] d.h1.    13.267372: qi_submit: iotlb_inv dmar0: 0x700f2 0xfff3c041 0x0 0x0";
const assigned =
  "              dd-203     [000] d.h1.    13.267372: cache_tag_assign: dmar0/0000:01:00.0 type devtlb did 8 pasid 0 ref 1";
const edges: [string, string, readonly string[]][] = [
  [
    usual,
    "              dd",
    ["> dd", ">dd", "# dd", "[000] dd", "d[000] 1.0: x", "dd", "a".repeat(300), "a".repeat(47), "-", "\tdd"],
  ],
  [usual, "dd-203     [", ["dd-203[", "dd-203 [", "dd [", "-203 [", "dd-203  [0] ["]],
  [usual, "[000] ", ["[65535] ", "[65536] ", "[99999] ", "[123456] ", "[] ", "[00a] ", "[000]", "[000]   ", "[000]\t"]],
  [
    usual,
    "d.h1.",
    [
      "",
      "d.",
      "d.h",
      "d.s",
      "d.H",
      "d.z",
      "d.Z",
      "d.x",
      "d.h123456789",
      "d.h1234567890",
      "123",
      "1.2",
      "d.h1.\t",
      "d\xffh",
    ],
  ],
  [
    usual,
    "13.267372:",
    [
      "999999999.267372:",
      "1234567890.267372:",
      "13.26737:",
      "13.2673725:",
      "13.267372999:",
      "13:",
      ".267372:",
      "13.267372",
      "13.267372::",
      "13.26737a:",
    ],
  ],
  [
    usual,
    " dma_map_phys:",
    [
      " dma_map_phys",
      "dma_map_phys:",
      " dma:dma_map_phys:",
      " dma::dma_map_phys:",
      " :",
      " x:",
      " sched_switch:",
      " xs_map:",
      " map_sg:",
      " io_page_fault:",
      " dma_map_sg_err:",
      " dma_map_phys:x:",
      " dma_map_phys:\t",
      ` ${"n".repeat(60)}:`,
    ],
  ],
  [
    usual,
    "0000:00:03.0",
    [
      "",
      "two words",
      "three words here",
      "device=x y",
      "dev=x",
      "device= device=",
      "a=b",
      "d".repeat(60),
      "[FAILED TO PARSE] device=x",
      "[x",
      "dev_name: x",
      "IOMMU: x",
      "\t",
    ],
  ],
  [
    usual,
    "TO_DEVICE",
    [
      "FROM_DEVICE",
      "BIDIRECTIONAL",
      "NONE",
      "TO_DEVICES",
      "FROM_DEVICE|",
      "BIDIRECTIONAX",
      "TO_DEVICX",
      "FROM_DEVICX",
      "2",
      "7",
      "",
    ],
  ],
  [
    usual,
    "dma_addr=beb2000",
    [
      "dma_addr=0xbeb2000",
      "dma_addr=0Xbeb2000",
      "dma_addr=0x",
      "dma_addr=",
      "dma_addr=BEB2000",
      "dma_addr=g",
      "dma_addr=beb2000g",
      "dma_addr=ffffffffffffffff",
      "dma_addr=fffffffffffffffe",
      "dma_addr=0ffffffffffffffff",
      "dma_addr=123456789abcdef",
      "dma_addr=123456789abcdef01",
      "dma_addr=ffffffff",
      "dma_addr=100000000",
      "dma_addr=20000000000001",
      "dma_addr=0:",
      "dma_addr=@`",
      "dev_addr=1",
      "iova=1",
      "dma_addr=1 dev_addr=2",
      "dma_addr=1 dma_addr=2",
      "addr=1",
      "dma_addrs=1",
      "DMA_addr=1",
    ],
  ],
  [
    usual,
    "size=4096",
    [
      "size=0",
      "size=",
      "size=-1",
      "size=999999999999999",
      "size=9999999999999999",
      "size=4096x",
      "size=4096\t",
      "size=0x10",
      "sizes=1",
      "size=1 size=2",
      "siz=1",
      "size =1",
    ],
  ],
  [
    usual,
    "phys_addr=718e000",
    [
      "phys_addr=1 paddr=2",
      "paddr=1",
      "phys_addrs={1}",
      "phys_addr=",
      "phys_add=1",
      "x=1 phys_addr=2",
      "=1 phys_addr=2",
      "full_nents=3 phys_addr=1",
      "swiotlb_force=1 phys_addr=1",
      "nents=1/2 phys_addr=1",
      "word phys_addr=1",
    ],
  ],
  [
    usual,
    "attrs=",
    [
      "",
      "attrs=NO_WARN",
      "attrs=NO_WARN|SKIP_CPU_SYNC",
      "attrs=|",
      "attrs=NO_WARN|",
      "attrs=|NO_WARN",
      "attrs=STRANGE",
      "attrs=0x20",
      "attrs=NO_WARN|0x4",
      "attrs=NO_WARN attrs=",
      "attrs= \r",
      "attrs=\r",
      "attrs= x",
      "attrs=\t",
      "attrs=WEAK_ORDERING|WEAK_ORDERING",
    ],
  ],
  [bounce, "dev_name: ", ["", "dev_name:", "dev_name  ", "dev_name: two ", "Dev_name: "]],
  [
    bounce,
    "dma_mask=ffffffffffffffff",
    [
      "dma_mask=ffffffff",
      "dma_mask=",
      "dma_mask=0xffffffffffffffff",
      "dma_mask=fffffffffffffffe",
      "dma_mask=1 dma_mask=2",
      "",
    ],
  ],
  [
    bounce,
    "FORCE",
    [
      "NORMAL",
      "NO_FORCE",
      "",
      "FORCE NORMAL",
      "FORCE FORCE",
      "swiotlb_force=1",
      "swiotlb_force=0",
      "FORCED",
      "NORMAX",
      "FORCX",
      "force",
    ],
  ],
  [bounce, "size=4096 FORCE", ["FORCE size=4096", "size=4096 NORMAL x"]],
  [translated, "IOMMU: ", ["IOMMU:", "", "IOMMU", "IOMMUX ", "IOMMU: dev ", "IOMMU: device=a "]],
  [translated, " - ", [" -- ", " ", " - - ", " -", "-"]],
  [translated, "0x00000000ffbe0000 ", ["0x0000000ffbe0000 ", "0x000000000ffbe0000 ", "", "word "]],
  [translated, "size=131072", ["size=131072 unmapped_size=131072", "size=131072 size=1", "unmapped_size=1"]],
  [
    lists,
    "nents=2/3",
    [
      "",
      "nents=2",
      "nents=2/",
      "nents=/3",
      "nents=2/4294967299",
      "nents=2/9999999999999999",
      "nents=2/3/4",
      "full_nents=9",
      "nents=2/3 nents=2/3",
      "nents=a/3",
    ],
  ],
  [
    lists,
    "dma_addrs={0x1000,0x2000}",
    [
      "dma_addrs={}",
      "dma_addrs={0x1000}",
      "dma_addrs={0x1000,}",
      "dma_addrs={,0x1000}",
      "dma_addrs={0x1000 0x2000}",
      "dma_addrs={0x1000,0x2000",
      "dma_addrs=0x1000",
      "dma_addrs={0x1000,0x2000}x",
      "dma_addrs={1000,2000}",
      "dma_addrs={ffffffffffffffff,0}",
      "dma_addrs={1} dma_addrs={2}",
      "",
    ],
  ],
  [
    lists,
    "sizes={0xa000,0x6000}",
    ["sizes={}", "sizes={1}", "sizes={1,2,3}", "lengths={1,2}", "sizes={1,2} sizes={1,2}", "sizes={1,x}", ""],
  ],
  [
    lists,
    "phys_addrs={0x1000,0x2000}",
    ["phys_addrs={}", "addrs={1}", "phys_addrs={1} addrs={2}", "phys_addrs={1} [TRUNCATED]", "phys_addrs={1} [OTHER]"],
  ],
  [lists, "sizes={0xa000,0x6000} phys_addrs={0x1000,0x2000}", ["phys_addrs={0x1000,0x2000} sizes={0xa000,0x6000}"]],
  [lists, "dma_addrs={0x1000,0x2000} sizes={0xa000,0x6000}", ["sizes={0xa000,0x6000} dma_addrs={0x1000,0x2000}"]],
  [alloc, "dma_alloc_pages", ["dma_alloc", "dma_alloc_sgt_err", "dma_free", "dma_free_pages"]],
  [alloc, "virt_addr=0000000012b82b6d", ["virt_addr=", "virt_addr=x\ty", "virt_addr", "=x"]],
  [submitted, "iotlb_inv", ["", "0xb", "a".repeat(16), "a".repeat(17), "iotlb-inv", "p_iotlb_inv"]],
  [submitted, "dmar0:", ["dmar0", ":", "::", "", `${"d".repeat(64)}:`, `${"d".repeat(65)}:`, "dmar0 :", "d\xffr:"]],
  [
    submitted,
    "0x700f2",
    ["", "0x", "700f2", "0XF", "0xfffffffffffffffe", "0xffffffffffffffff", "0x10000000000000000", "0x8000000080000001"],
  ],
  [submitted, " 0x0 0x0", ["", " 0x0", " 0x0 0x0 0x0", " 0x0  0x0", " 0x1 0xffffffffffffffff", " 0x0 0", " 0x0 0x0 "]],
  [assigned, "cache_tag_assign", ["cache_tag_unassign", "cache_tag_flush_all", "cache_tag_flush_range", "cache_tag_x"]],
  [assigned, "pasid 0", ["pasid 7", "pasid 1048575", "pasid", "pasid x", "pasid 1234567890123456"]],
  [assigned, "ref 1", ["ref 4294967295", "ref 4294967297", "ref", "ref -1", "ref 1 ", "ref 1234567890123456"]],
];

describe("at the edges", () => {
  const times = (lines: readonly string[]) =>
    lines.map((l, i) => l.replace("13.267372", `${13 + i}.267372`).replace(" 13:", ` ${13 + i}:`));
  const all = edges.flatMap(([line, part, others]) => others.map((o) => [line, line.replace(part, () => o)]));

  test.each([
    ["each once", (pairs: readonly (readonly string[])[]) => pairs.flatMap(([line, edge]) => [line!, edge!])],
    ["each between two of the same", (pairs) => pairs.flatMap(([line, edge]) => [line!, edge!, line!, edge!, line!])],
    ["after a list whose kernel sets directions", (pairs) => [lists, ...pairs.flatMap(([l, e]) => [l!, e!, alloc])]],
  ] as [string, (pairs: readonly (readonly string[])[]) => string[]][])("%s", (_, order) => {
    for (const end of ["\n", "\r\n"]) {
      const lines = times(order(all));
      for (const text of [lines.join(end) + end, lines.join(end), lines.reverse().join(end)]) {
        expectEqual(saidFast(text, ftrace).fast, said(text, ftrace, null));
      }
    }
  });

  test.each(edges.map(([line, part, others]) => [part, line, others] as const))(
    "in the place of %j",
    (part, line, others) => {
      for (const other of others) {
        const edge = line.replace(part, () => other);
        // What follows one that is read in another way is what it was, and a part cut off at the end is told.
        for (const text of [`${line}\n${edge}\n${line}\n`, `${edge}\n${line}\n`, `${line}\n${line}\n${edge}`]) {
          expectEqual(saidFast(text, ftrace).fast, said(text, ftrace, null), edge);
        }
      }
    },
  );

  test("what one recording taught means nothing in the next", () => {
    const other = `${lists}\n${alloc}\n`.replaceAll("dd-203", "xx-1").replaceAll("0000:00:0", "0001:00:0");
    for (const text of [`${lists}\n${alloc}\n${usual}\n`, `${alloc}\n${alloc}\n`, other, `${usual}\n${alloc}\n`]) {
      expectEqual(saidFast(text, ftrace).fast, said(text, ftrace, null));
    }
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

/** A change of a text, which takes its words from `words`. */
const edit = (words: readonly string[]) =>
  fc.record({
    at: fc.nat(),
    put: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...pieces) },
      { weight: 3, arbitrary: fc.nat().map((n) => `${words[spread(n, words.length)]} `) },
      { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
    ),
    /** How many bytes go, -1 for those to the next blank. */
    instead: fc.oneof(fc.constant(0), fc.constant(-1), fc.nat(20)),
    /** At the beginning of a word, where most of them stand. */
    word: fc.boolean(),
  });

/** A number below `limit`: large multiples spread small numbers evenly. */
const spread = (n: number, limit: number) => (n * 7919) % limit;

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
  const words = text.split(/\s+/);
  fc.assert(
    fc.property(fc.array(edit(words), { minLength: 1, maxLength: 60 }), fc.boolean(), (edits, ended) => {
      let changed = text;
      for (const { at, put, instead, word } of edits) {
        const from = word ? starts[spread(at, starts.length)]! : spread(at, changed.length);
        const to = instead >= 0 ? from + instead : changed.indexOf(" ", from);
        changed = changed.slice(0, from) + put + changed.slice(to);
      }
      if (!ended) changed = changed.slice(0, -1 - (edits[0]!.at % 200));
      const result = saidFast(changed, form);
      const slow = said(changed, form, null);
      expectEqual(result.fast, slow);
      events += result.events;
      rows += slow.rows.length;
    }),
    { numRuns: amount(12, 20_000), endOnFailure: true, interruptAfterTimeLimit: amount(20_000, 60_000) },
  );
  expect(events).toBeGreaterThan(rows / 2);
});
