/** Recordings as people paste them: quoted, and broken at a column by mail. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { EventBatch, EventKind, memorySource, openFtraceText, type Unreadable } from "../../src/read/index.js";
import { createRandom } from "../random.js";

function eventsOf(text: string): { rows: string[]; warnings: readonly string[] } {
  const source = openFtraceText(memorySource("pasted", new TextEncoder().encode(text)));
  const batch = new EventBatch(256);
  const rows: string[] = [];
  while (source.next(batch)) {
    for (let i = 0; i < batch.count; i++) {
      const { kind, time, cpu, dma, phys, size, direction, attrs, dmaCount, physCount } = batch;
      const device = batch.device[i]! < 0 ? "" : source.devices.name(batch.device[i]!);
      rows.push(
        [kind, time, cpu, dma, phys, size, direction, attrs, dmaCount, physCount].map((c) => c[i]).join() + device,
      );
    }
  }
  return { rows, warnings: source.warnings.list.map((w) => w.what) };
}

/** A line as mail breaks it: at blanks, and behind commas, before `width`. */
function wrapped(line: string, width: number): string[] {
  const pieces = line.split(/(?<= )|(?<=,)/);
  const lines = [""];
  for (const piece of pieces) {
    if (lines.at(-1)!.trim() !== "" && lines.at(-1)!.length + piece.length > width) lines.push("");
    lines[lines.length - 1] += piece;
  }
  return lines.map((l) => l.trimEnd());
}

const recordings = ["swiotlb-32bit", "vtd-scalable", "swiotlb-full"].map((name) => {
  const text = gunzipSync(readFileSync(`fixtures/${name}/trace.txt.gz`)).toString();
  return text.split("\n").filter((line) => /: (?:dma_\w+|swiotlb_bounced|map|unmap): /.test(line));
});

test.each([
  [72, ""],
  [76, "> "],
  [80, "> > "],
  [60, ""],
])("broken at column %s, quoted with %j: the same events", (width, quote) => {
  const random = createRandom(width);
  for (const all of recordings) {
    const lines = all.filter(() => random() < 0.2);
    const broken = lines.flatMap((line) => wrapped(line, width).map((part) => quote + part));
    expect(broken.length).toBeGreaterThan(lines.length * 1.2);
    const pasted = eventsOf(`${broken.join("\n")}\n`);
    expect(pasted.rows).toEqual(eventsOf(`${lines.join("\n")}\n`).rows);
    expect(pasted.warnings).toEqual([]);
  }
});

test("prose between events is left out, and is no part of them", () => {
  const [line] = recordings[0]!;
  const text = ["The first one is here:", ...wrapped(line!, 72), "", "and then it fails.", line!, ""].join("\n");
  expect(eventsOf(text).rows).toEqual(eventsOf(`${line}\n${line}\n`).rows);
});

test.each([
  ["swiotlb_force=0", 0],
  ["swiotlb_force=1", 1],
  ["NORMAL", 0],
  ["FORCE", 1],
  ["NO_FORCE", 0],
])("swiotlb_bounced of every generation: %s", (said, forced) => {
  const text = `  <idle>-0     [000] d.h.   285.655295: swiotlb_bounced: dev_name: 0000:00:0a.0 dma_mask=ffffffff dev_addr=17c407000 size=256 ${said}\n`;
  const source = openFtraceText(memorySource("old", new TextEncoder().encode(text)));
  const batch = new EventBatch(4);
  expect(source.next(batch)).toBe(true);
  expect([batch.kind[0], batch.forced[0], batch.size[0], batch.dma[0]]).toEqual([
    EventKind.bounced,
    forced,
    256,
    0x17c407000,
  ]);
});

test.each([
  ["dma_unmap_page: 0000:00:01.0 dir=FROM_DEVICE dma_addr=7c605000 size=4096 attrs=", /context-info > trace_options/],
  ["0 2 3674316589 type: 379", /noraw > trace_options/],
  ["00000000 00000002 00000000db019f2d type: 379", /nohex > trace_options/],
])("options that leave out what is needed are named: %s", (line, says) => {
  expect(() => eventsOf(`# tracer: nop\n${`${line}\n`.repeat(5)}`)).toThrow(says);
});

test("events in a form that no kernel prints are named as such", () => {
  const text =
    "  kworker/u16:1-142 [002] d.s. 124.582910: swiotlb_bounced: dev_name: 0000:00:03.0 dma_addr: 0x38102000 size: 1514\n";
  let said = "";
  try {
    eventsOf(text.repeat(3));
  } catch (error) {
    said = (error as Unreadable).message;
  }
  expect(said).toMatch(
    /3 events in a form that is not known, the first with "dev_name: 0000:00:03.0 dma_addr: 0x38102000/,
  );
});
