/** Walks the event formats of a file: all are numbered, the few that are read are parsed whole. */
import { tracepoints } from "../tracepoints.js";
import type { Warnings } from "../unreadable.js";
import type { Cursor } from "./cursor.js";
import { type Format, headBytes, isProbe, mostFormatBytes, parseFormat } from "./format.js";

/** Of other systems only the number of each event is taken. */
const readSystems: ReadonlySet<string> = new Set(tracepoints.map((t) => t.system));
const mostSystems = 65536;

/** The formats of the tracers' own events: a 32-bit count, then size and text of each. */
export function walkFtraceFormats(c: Cursor, longBytes: number, into: Map<number, Format>, warnings: Warnings): void {
  walkEvents(c, "ftrace", c.u32(), longBytes, into, warnings);
}

/** The formats of all other events: a 32-bit count of systems, then name, count of events, and these, of each. */
export function walkFormats(c: Cursor, longBytes: number, into: Map<number, Format>, warnings: Warnings): void {
  const systems = c.u32();
  if (systems > mostSystems) throw c.wrong("a number of event systems", String(systems));
  for (let s = 0; s < systems; s++) {
    const system = c.string(255, "the name of an event system");
    walkEvents(c, system, c.u32(), longBytes, into, warnings);
  }
}

function walkEvents(
  c: Cursor,
  system: string,
  count: number,
  longBytes: number,
  into: Map<number, Format>,
  warnings: Warnings,
): void {
  for (let e = 0; e < count; e++) {
    const size = c.u64();
    if (size > mostFormatBytes) throw c.wrong(`a format of at most ${mostFormatBytes} bytes`, `one of ${size} bytes`);
    let taken = readSystems.has(system) ? size : Math.min(size, headBytes);
    let text = c.text(taken, "an event's format");
    if (taken < size && isProbe(text)) {
      text += c.text(size - taken, "an event's format");
      taken = size;
    }
    const format = parseFormat(system, text, longBytes);
    c.skip(size - taken);
    if (format === null)
      warnings.add(c.where(), `expected the format of an event of ${system}, found other text: left out`);
    else if (into.size < 65536) into.set(format.id, format);
  }
}
