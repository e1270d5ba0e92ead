/** Walks the event formats of a file: all are numbered, the few that are read are parsed whole. */
import { tracepoint } from "../tracepoints.js";
import type { Warnings } from "../unreadable.js";
import type { Cursor } from "./cursor.js";
import { type Format, mostFormatBytes, parseFormat } from "./format.js";

/** Enough for "name:", "ID:" and the common fields. */
const headBytes = 256;
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
    const at = c.where();
    const size = c.u64();
    if (size > mostFormatBytes) throw c.wrong(`a format of at most ${mostFormatBytes} bytes`, `one of ${size} bytes`);
    const most = Math.min(size, headBytes);
    let text = c.text(most, "an event's format");
    const read = tracepoint(system, /^name: (.*)/.exec(text)?.[1] ?? "") !== undefined;
    if (read) text += c.text(size - most, "an event's format");
    else c.skip(size - most);
    const format = parseFormat(system, text, longBytes, read);
    if (format === null) warnings.add(at, `expected the format of an event of ${system}, found other text: left out`);
    else if (into.size < 65536) into.set(format.id, format);
  }
}
