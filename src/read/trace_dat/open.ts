/** The door of the trace.dat reader. */
import type { ByteSource } from "../bytes.js";
import type { EventSource } from "../event.js";
import { Warnings } from "../unreadable.js";
import { readHeader } from "./header.js";
import { TraceDatSource } from "./source.js";
import { readVersion6 } from "./version6.js";
import { readVersion7 } from "./version7.js";

/**
 * Read a recording of trace-cmd, version 6 or 7.
 *
 * Waits only to set up zstd; the events are then read as they are asked for, with a block of each CPU in memory.
 * @throws Unreadable when the file is none, or so damaged that no event can be found.
 */
export async function openTraceDat(source: ByteSource): Promise<EventSource> {
  const warnings = new Warnings();
  const { version, rest } = readHeader(source);
  const recording = version === 6 ? readVersion6(rest, warnings) : await readVersion7(source, rest, warnings);
  return new TraceDatSource(source, recording, warnings);
}
