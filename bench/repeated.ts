/** A text recording repeated end to end, each time later, written to a file that its user removes. */
import { closeSync, mkdtempSync, openSync, readFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

export interface Repeated {
  readonly path: string;
  readonly folder: string;
  readonly bytes: number;
  readonly events: number;
}

/** @param enough stop after this many bytes or events, whichever is given */
export function repeated(fixture: string, enough: { bytes?: number; events?: number }): Repeated {
  const text = gunzipSync(readFileSync(fixture)).toString("latin1");
  const head = text.split("\n").filter((l) => l.startsWith("#"));
  const body = text.split("\n").filter((l) => l !== "" && !l.startsWith("#"));
  const parts = body.map((l) => /^(.*?\] +\S+ +)(\d+)(\.\d{6}: .*)$/.exec(l)!);
  const span = Number(parts.at(-1)![2]) - Number(parts[0]![2]) + 1;
  const folder = mkdtempSync(join(tmpdir(), "dmalab-bench-"));
  const path = join(folder, "trace.txt");
  const fd = openSync(path, "w");
  let bytes = writeSync(fd, `${head.join("\n")}\n`);
  let events = 0;
  for (
    let n = 0;
    bytes < (enough.bytes ?? Number.POSITIVE_INFINITY) && events < (enough.events ?? Number.POSITIVE_INFINITY);
    n++
  ) {
    const later = parts.map((m) => `${m[1]}${Number(m[2]) + n * span}${m[3]}`);
    bytes += writeSync(fd, `${later.join("\n")}\n`, null, "latin1");
    events += later.length;
  }
  closeSync(fd);
  return { path, folder, bytes, events };
}
