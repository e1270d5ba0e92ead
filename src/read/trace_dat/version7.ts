/**
 * Version 7: sections anywhere in the file, found through chained sections of options.
 *
 * Only what is needed is decompressed: kernel symbols, type information and print formats are more than nine tenths of
 * a file and are never touched.
 *
 * Source: trace-cmd.dat.v7(5).
 */
import type { ByteSource } from "../bytes.js";
import { Unreadable, type Warnings } from "../unreadable.js";
import type { Decompress } from "../zstd.js";
import { checkedCpus } from "./cpu_table.js";
import type { Cursor } from "./cursor.js";
import { walkFormats, walkFtraceFormats } from "./event_formats.js";
import type { Format } from "./format.js";
import { readHeaderInfo } from "./header.js";
import { type Facts, mostOptionBytes, noFacts, OptionId, parseCommands, readFact, warnOverrun } from "./options.js";
import { type PageLayout, sensiblePage } from "./page_layout.js";
import type { Buffer, CpuData, Recording } from "./recording.js";
import { decompressor, openSection, readSection } from "./section.js";

/** A buffer as its option describes it. */
interface BufferOption {
  readonly offset: number;
  readonly name: string;
  readonly clock: string;
  readonly pageBytes: number;
  readonly cpus: readonly CpuData[];
}

/** Everything the options say. */
interface Contents {
  readonly facts: Facts;
  /** Section offsets by option number. */
  readonly sections: Map<number, number>;
  readonly buffers: BufferOption[];
  /** Why later options are not known: what is there may be in them. */
  damage: Unreadable | null;
}

export async function readVersion7(source: ByteSource, c: Cursor, warnings: Warnings): Promise<Recording> {
  const algorithm = c.string(64, "a compression algorithm");
  c.string(64, "a compression version");
  const first = c.u64();
  const decompress = await decompressor(c, algorithm);
  const contents = readContents(source, c, first, decompress, warnings);
  const { facts, sections } = contents;

  const open = (option: number, part: string): Cursor => {
    const offset = sections.get(option);
    if (offset === undefined) throw contents.damage ?? c.wrong(`a section of ${part}`, "none");
    return openSection(readSection(source, c.little, offset), source.name, part, decompress);
  };
  const layout = readHeaderInfo(open(OptionId.headerInfo, "header info"));
  const formats = new Map<number, Format>();
  walkFormats(open(OptionId.eventFormats, "event formats"), layout.longBytes, formats, warnings);
  orWarn(warnings, "the tracers' own events count as unknown", () =>
    walkFtraceFormats(open(OptionId.ftraceEvents, "ftrace event formats"), layout.longBytes, formats, warnings),
  );
  const commands = orWarn(warnings, "tasks are shown by number", () => {
    const lines = open(OptionId.commands, "saved command lines");
    return parseCommands(lines.text(lines.u64(), "saved command lines"));
  });
  warnOverrun(facts, warnings);
  const { buffer, pageLayout } = chooseBuffer(source, c, contents, layout, decompress, warnings);
  return {
    little: c.little,
    layout: pageLayout,
    formats,
    commands: commands ?? new Map(),
    kernel: facts.kernel,
    cpus: facts.cpus ?? buffer.cpus.reduce((most, { cpu }) => Math.max(most, cpu + 1), 0),
    buffer,
  };
}

/** Follow the chain of options to its end. A damaged later part leaves what came before. */
function readContents(
  source: ByteSource,
  c: Cursor,
  first: number,
  decompress: Decompress | null,
  warnings: Warnings,
): Contents {
  const contents: Contents = { facts: noFacts(), sections: new Map(), buffers: [], damage: null };
  const visited = new Set<number>();
  for (let at = first; at !== 0; ) {
    if (visited.has(at)) {
      warnings.add(c.where(at), "expected further options, found those already read: left out");
      break;
    }
    visited.add(at);
    try {
      at = readOptions(source, c.little, at, decompress, contents, warnings);
    } catch (e) {
      if (!(e instanceof Unreadable) || visited.size === 1) throw e;
      contents.damage = e;
      warnings.add("", `${e.message}; left out: later options`);
      break;
    }
  }
  return contents;
}

/** @returns where the next section of options is, 0 for none. */
function readOptions(
  source: ByteSource,
  little: boolean,
  offset: number,
  decompress: Decompress | null,
  contents: Contents,
  warnings: Warnings,
): number {
  const section = readSection(source, little, offset);
  if (section.id !== 0) throw section.body.wrong("a section of options", `section ${section.id}`);
  const c = openSection(section, source.name, "options", decompress);
  while (c.left >= 6) {
    const id = c.u16();
    const bytes = c.u32();
    const end = c.at + bytes;
    if (id === OptionId.done) return bytes >= 8 ? c.u64() : 0;
    if (bytes <= mostOptionBytes) takeOption(contents, id, c, bytes, warnings);
    if (c.at > end) throw c.wrong(`option ${id} in ${bytes} bytes`, "one that is longer");
    c.skip(end - c.at);
  }
  // Some option says where the last of them ends: without it what is missing may have followed.
  contents.damage = c.wrong("further options", "the end of the file: it is cut off or damaged");
  return 0;
}

function takeOption(contents: Contents, id: number, c: Cursor, bytes: number, warnings: Warnings): void {
  switch (id) {
    case OptionId.headerInfo:
    case OptionId.ftraceEvents:
    case OptionId.eventFormats:
    case OptionId.commands:
      contents.sections.set(id, c.u64());
      break;
    case OptionId.buffer:
      contents.buffers.push(bufferOption(c));
      break;
    case OptionId.bufferText:
      warnings.add(c.where(), "a trace in text within the file is left out");
      break;
    default:
      readFact(contents.facts, id, c, bytes, warnings);
  }
}

function bufferOption(c: Cursor): BufferOption {
  const offset = c.u64();
  const name = c.string(255, "a buffer's name");
  const clock = c.string(64, "a trace clock");
  const pageBytes = c.u32();
  const count = c.u32();
  if (count * 20 > c.left) c.short(`a table of ${count} CPUs`);
  const cpus = Array.from({ length: count }, () => ({ cpu: c.u32(), offset: c.u64(), size: c.u64() }));
  return { offset, name, clock, pageBytes, cpus };
}

/** The top buffer; that of an instance only when the top one is empty and there is no choice. */
function chooseBuffer(
  source: ByteSource,
  c: Cursor,
  { buffers, facts, damage }: Contents,
  layout: PageLayout,
  decompress: Decompress | null,
  warnings: Warnings,
): { buffer: Buffer; pageLayout: PageLayout } {
  const top = buffers.find((b) => b.name === "" && b.cpus.some((p) => p.size > 0));
  const chosen = top ?? buffers.find((b) => b.cpus.some((p) => p.size > 0)) ?? buffers[0];
  if (chosen === undefined) throw damage ?? new Unreadable(source.name, "", "a ring buffer", "none");
  for (const other of buffers) {
    if (other !== chosen && other.cpus.some((p) => p.size > 0)) {
      warnings.add(c.where(other.offset), `the buffer of trace instance "${other.name}" is left out`);
    }
  }
  if (chosen.name !== "") warnings.add(c.where(chosen.offset), `read trace instance "${chosen.name}", the only buffer`);

  // The header describes the top buffer's sub-buffers; an instance may have others.
  const pageBytes = sensiblePage(chosen.pageBytes) && chosen.name !== "" ? chosen.pageBytes : layout.pageBytes;
  if (chosen.pageBytes !== pageBytes) {
    const where = c.where(chosen.offset);
    warnings.add(
      where,
      `expected sub-buffers of ${pageBytes} bytes, found ${chosen.pageBytes} said: the first is used`,
    );
  }
  const { compressed } = readSection(source, c.little, chosen.offset);
  if (compressed && decompress === null)
    throw c.wrong("pages as they are", "compressed ones in a file of no compression");
  const cpus = checkedCpus(c, chosen.cpus, pageBytes, warnings);
  const clock = chosen.clock !== "" ? chosen.clock : facts.clock;
  return {
    buffer: { name: chosen.name, clock, cpus, decompress: compressed ? decompress : null },
    pageLayout: { ...layout, pageBytes },
  };
}

/** Do what can be done without: when its bytes make no sense, say so and go on. */
function orWarn<T>(warnings: Warnings, without: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (e) {
    if (!(e instanceof Unreadable)) throw e;
    warnings.add("", `${e.message}; left out: ${without}`);
    return undefined;
  }
}
