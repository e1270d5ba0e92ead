/**
 * Version 6: one header after another, options, then the pages of each CPU, uncompressed.
 *
 * Source: trace-cmd.dat.v6(5).
 */
import type { Warnings } from "../unreadable.js";
import { checkedCpus } from "./cpu_table.js";
import type { Cursor } from "./cursor.js";
import { walkFormats, walkFtraceFormats } from "./event_formats.js";
import type { Format } from "./format.js";
import { readHeaderInfo } from "./header.js";
import { mostOptionBytes, noFacts, OptionId, parseCommands, readFact, warnOverrun } from "./options.js";
import type { CpuData, Recording } from "./recording.js";

const mostCommandBytes = 64 << 20;

export function readVersion6(c: Cursor, warnings: Warnings): Recording {
  const layout = readHeaderInfo(c);
  const formats = new Map<number, Format>();
  walkFtraceFormats(c, layout.longBytes, formats, warnings);
  walkFormats(c, layout.longBytes, formats, warnings);
  c.skip(c.u32()); // kernel symbols
  c.skip(c.u32()); // trace_printk formats
  const size = c.u64();
  if (size > mostCommandBytes) throw c.wrong("the saved command lines", `${size} bytes of them`);
  const commands = parseCommands(c.text(size, "saved command lines"));
  const cpuCount = c.u32();

  const facts = noFacts();
  const instances: string[] = [];
  let tag = c.text(10, "a section's name");
  if (tag === "options  \0") {
    readOptions(c, (id, bytes) => {
      if (id === OptionId.buffer) instances.push(instanceName(c, bytes));
      else readFact(facts, id, c, bytes, warnings);
    });
    tag = c.text(10, "a section's name");
  }
  if (tag === "latency  \0") throw c.wrong("ring-buffer pages", "a trace in text: give that text itself");
  if (tag !== "flyrecord\0") throw c.wrong('"flyrecord"', JSON.stringify(tag));

  warnOverrun(facts, warnings);
  for (const name of instances.filter((n) => n !== ""))
    warnings.add("", `the buffer of trace instance "${name}" is left out`);
  const cpus = checkedCpus(c, readCpus(c, cpuCount), layout.pageBytes, warnings);
  return {
    little: c.little,
    layout,
    formats,
    commands,
    kernel: facts.kernel,
    cpus: facts.cpus ?? cpuCount,
    buffer: { name: "", clock: facts.clock, cpus, decompress: null },
  };
}

/** Options until number 0, which has no size here. Each is passed whole, whatever `take` reads of it. */
function readOptions(c: Cursor, take: (id: number, bytes: number) => void): void {
  for (let id = c.u16(); id !== OptionId.done; id = c.u16()) {
    const bytes = c.u32();
    const end = c.at + bytes;
    if (bytes <= mostOptionBytes) take(id, bytes);
    c.skip(end - c.at);
  }
}

function instanceName(c: Cursor, bytes: number): string {
  if (bytes < 8) return "";
  c.skip(8);
  return c.text(bytes - 8, "a buffer's name").split("\0", 1)[0]!;
}

function readCpus(c: Cursor, count: number): readonly CpuData[] {
  if (count * 16 > c.left) c.short(`a table of ${count} CPUs`);
  return Array.from({ length: count }, (_, cpu) => ({ cpu, offset: c.u64(), size: c.u64() }));
}
