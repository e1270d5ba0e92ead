/**
 * Reading ftrace text: against a plain reader that splits lines and takes them apart by regular expressions, in the
 * same process on the same bytes.
 *
 * The text is real recordings (fixtures/) repeated with their times advanced: bounces and single mappings in
 * swiotlb-full, IOMMU events beside them in vtd-ats, where lines are longer.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { type ByteSource, EventBatch, memorySource, openFtraceText } from "../src/read/index.js";
import type { Row } from "./row.js";

interface Pass {
  readonly lines: number;
  readonly bytes: number;
  /** Processor time, milliseconds. */
  readonly milliseconds: number;
  /** Sum of all sizes, which both readers must agree on. */
  readonly sum: number;
}

export async function bench({ smoke }: { smoke: boolean }): Promise<Row[]> {
  return [...measure("swiotlb-full", smoke ? 1 : 20, smoke), ...measure("vtd-ats", smoke ? 1 : 60, smoke)];
}

function measure(name: string, copies: number, smoke: boolean): Row[] {
  const text = repeated(recording(name), copies);
  const source = memorySource(name, text);
  const cold = timed(() => readColumns(source), text.length);
  let best = cold;
  for (let i = smoke ? 1 : 10; i > 0; i--)
    best = faster(
      best,
      timed(() => readColumns(source), text.length),
    );
  let plain = timed(() => readPlain(text), text.length);
  for (let i = smoke ? 0 : 2; i > 0; i--)
    plain = faster(
      plain,
      timed(() => readPlain(text), text.length),
    );
  if (plain.sum !== best.sum || plain.lines !== best.lines) throw new Error(`${name}: the two readers disagree`);
  const perLine = (p: Pass) => (p.milliseconds * 1e6) / p.lines;
  const what = `ftrace text, ${name}: ${best.lines} lines of ${Math.round(best.bytes / best.lines)} B to columns`;
  const gigabytes = best.bytes / best.milliseconds / 1e6;
  return [
    {
      what,
      measured: `${gigabytes.toFixed(2)} GB/s`,
      target: "0.4 GB/s on lines of 231 B",
      note: "processor time, warm",
    },
    {
      ...{ what: "the same for each line", measured: `${perLine(best).toFixed(0)} ns`, target: "490 ns" },
      note: `first pass ${perLine(cold).toFixed(0)} ns`,
    },
    {
      what: "the same against split and regular expressions",
      measured: `${(plain.milliseconds / best.milliseconds).toFixed(1)} times faster`,
      target: "5 times",
      note: `plain ${perLine(plain).toFixed(0)} ns a line; it knows fewer forms and checks nothing`,
    },
  ];
}

/** The repository's fixtures, from the source as from what is built of it. */
function recording(name: string): string {
  const path = ["..", "../.."].map((up) =>
    fileURLToPath(new URL(`${up}/fixtures/${name}/trace.txt.gz`, import.meta.url)),
  );
  return gunzipSync(readFileSync(path.find((p) => existsSync(p))!)).toString("latin1");
}

/** Copies of a recording one after another, each later by the recording's length. */
function repeated(text: string, copies: number): Uint8Array {
  const lines = text.split("\n").filter((l) => l !== "" && !l.startsWith("#"));
  const time = / (\d+)(?=\.\d{6}: )/;
  const length = Number(time.exec(lines.at(-1)!)![1]) + 1;
  const later = (line: string, by: number) => line.replace(time, (_, seconds: string) => ` ${Number(seconds) + by}`);
  const pieces = Array.from({ length: copies }, (_, i) =>
    Buffer.from(`${lines.map((l) => later(l, i * length)).join("\n")}\n`),
  );
  return Buffer.concat(pieces);
}

function timed(read: () => { lines: number; sum: number }, bytes: number): Pass {
  const before = process.cpuUsage();
  const { lines, sum } = read();
  const { user, system } = process.cpuUsage(before);
  return { lines, sum, bytes, milliseconds: (user + system) / 1000 };
}

function faster(a: Pass, b: Pass): Pass {
  return a.milliseconds < b.milliseconds ? a : b;
}

function readColumns(source: ByteSource): { lines: number; sum: number } {
  const events = openFtraceText(source);
  const batch = new EventBatch();
  let lines = 0;
  let sum = 0;
  while (events.next(batch)) {
    lines += batch.count;
    for (let i = 0; i < batch.count; i++) if (batch.size[i]! > 0) sum += batch.size[i]!;
  }
  return { lines, sum };
}

const head = /^\s*(.+)-(\d+)\s+\[(\d+)\] (\S+)\s+(\d+\.\d+): (\w+): (.*)$/;

const directions = ["BIDIRECTIONAL", "TO_DEVICE", "FROM_DEVICE", "NONE"];
const isOurs = /^(dma_|swiotlb_|map$|unmap$|attach_|detach_|add_device|remove_device)/;
const ofCache = / did (\d+)(?: \[(\w+)-(\w+)\])?/;

/** What a script would do: a megabyte of lines at a time, one object an event with the same values as our columns. */
function readPlain(text: Uint8Array): { lines: number; sum: number } {
  let lines = 0;
  let sum = 0;
  for (let from = 0; from < text.length; ) {
    const to = from + text.subarray(from, from + (1 << 20)).lastIndexOf(10) + 1;
    for (const line of Buffer.from(text.buffer, text.byteOffset + from, to - from)
      .toString("latin1")
      .split("\n")) {
      const event = plainEvent(line);
      if (event === null) continue;
      lines++;
      sum += event.size;
    }
    from = to;
  }
  return { lines, sum };
}

function plainEvent(line: string) {
  const m = head.exec(line);
  if (m === null) return null;
  const event = {
    task: `${m[1]}-${m[2]}`,
    cpu: Number(m[3]),
    context: m[4]![2],
    time: Number(m[5]) * 1e6,
    name: m[6]!,
    device: "",
    dma: Number.NaN,
    phys: Number.NaN,
    size: 0,
    mask: Number.NaN,
    direction: 255,
    attrs: noAttrs,
    lists: noLists,
  };
  if (event.name.startsWith("cache_tag_")) {
    const [, domain, first, last] = ofCache.exec(m[7]!)!;
    return { ...event, size: Number(domain), dma: Number(first), phys: Number(last) };
  }
  if (event.name === "qi_submit") return { ...event, size: Math.floor(Number(/ (0x\w+)/.exec(m[7]!)![1]) / 2 ** 32) };
  if (!isOurs.test(event.name)) return event;
  for (const word of m[7]!.split(" ")) {
    const at = word.indexOf("=");
    const value = word.slice(at + 1);
    if (at === -1) event.device ||= word;
    else if (value.startsWith("{")) event.lists = [...event.lists, value.slice(1, -1).split(",").map(Number)];
    else fillPlain(event, word.slice(0, at), value);
  }
  return event;
}

const noAttrs: string[] = [];
const noLists: number[][] = [];

function fillPlain(event: NonNullable<ReturnType<typeof plainEvent>>, key: string, value: string): void {
  if (key === "size") event.size = Number(value);
  else if (key === "dir") event.direction = directions.indexOf(value);
  else if (key === "attrs") event.attrs = value === "" ? noAttrs : value.split("|");
  else if (key === "device") event.device = value;
  else if (key === "dma_mask") event.mask = Number.parseInt(value, 16);
  else if (key === "dma_addr" || key === "dev_addr" || key === "iova") event.dma = Number.parseInt(value, 16);
  else if (key === "phys_addr" || key === "paddr") event.phys = Number.parseInt(value, 16);
}
