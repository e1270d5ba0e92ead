import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/read/bytes.js";
import { EventKind } from "../../src/read/event.js";
import { openPerfScript } from "../../src/read/perf_script/perf_script.js";
import { tracepointNamed } from "../../src/read/tracepoints.js";
import { expectEqual } from "../equal.js";
import { eventRows } from "./event_rows.js";
import { fixtureText } from "./fixture.js";
import { textRows } from "./text_rows.js";

const open = (text: string) => openPerfScript(memorySource("perf.txt", new TextEncoder().encode(text)));

/** The same recording as `perf script` prints it: other columns, the same fields. */
function asPerf(text: string): string {
  const line = /^( *)(.+)-(\d+) +\[(\d+)\] \S+ +(\d+\.\d+): (\w+): (.*)$/;
  return text
    .split("\n")
    .filter((l) => l !== "" && !l.startsWith("#"))
    .map((l) => {
      const [, , comm, pid, cpu, time, name, body] = line.exec(l)!;
      return `${comm!.padStart(16)} ${pid!.padStart(7)} [${cpu}] ${time!.padStart(12)}: ${tracepointNamed(name!)?.system ?? "other"}:${name}: ${body}\n`;
    })
    .join("");
}

describe("perf script", () => {
  test.each(["swiotlb-force", "vtd-scalable"])("%s says the same as ftrace, but for the context", (name) => {
    const text = fixtureText(`${name}/trace.txt.gz`);
    const source = open(asPerf(text));
    expectEqual(
      eventRows(source),
      textRows(text).map((row) => ({ ...row, context: 255 })),
    );
    expect(source).toMatchObject({ format: "perf-script", cpus: 2 });
    expect(source.warnings.list).toEqual([]);
  });

  const bounced = "swiotlb:swiotlb_bounced: dev_name: 0000:00:03.0 dma_mask=ffffffff dev_addr=1000 size=64 FORCE";

  test.each([
    ["pid", "             dd   212 [003]   12.345678: ", "dd-212", 12345678],
    ["pid/tid", "             dd   212/213   [003]   12.345678: ", "dd-213", 12345678],
    ["blanks in the name", "  my own tool 5  212 [003]   12.345678: ", "my own tool 5-212", 12345678],
    ["nanoseconds", "             dd   212 [003]   12.345678500: ", "dd-212", 12345678.5],
    ["idle", "        swapper     0 [003]   12.345678: ", "swapper-0", 12345678],
  ])("%s", (_, head, task, time) => {
    expect(eventRows(open(`${head}${bounced}\n`))).toMatchObject([
      {
        kind: EventKind.bounced,
        task,
        time,
        cpu: 3,
        device: "0000:00:03.0",
        mask: 0xffffffff,
        dma: 4096,
        size: 64,
        forced: 1,
      },
    ]);
  });

  test("call chains between events are skipped", () => {
    const head = "             dd   212 [003]   12.345678: ";
    const chain = "\tffffffff811a2b3c swiotlb_map+0x1c ([kernel.kallsyms])\n\t    7f12 write (/usr/lib/libc.so.6)\n\n";
    const source = open(`${head}${bounced}\n${chain}${head}${bounced}\n${chain}`);
    expect(eventRows(source)).toHaveLength(2);
    expect(source.warnings.list).toEqual([]);
  });

  test("ftrace text is not perf's", () => {
    expect(() => eventRows(open(fixtureText("swiotlb-force/trace.txt.gz")))).toThrow(
      /^perf.txt: expected lines of perf script \(comm pid \[cpu\] time: system:event: ...\), found \d+ lines, none of them an event$/,
    );
  });
});
