/** What a file is, by its content and never by its name. */
import type { ByteSource } from "../bytes.js";
import { LineHead } from "../ftrace_text/line_head.js";
import { ftraceTask } from "../ftrace_text/open_ftrace_text.js";
import { findingOf } from "../kernel_log/finding.js";
import { splitLogLine } from "../kernel_log/log_line.js";
import { perfTask } from "../perf_script/perf_script.js";

export type Content =
  | "trace.dat"
  | "ftrace"
  | "perf-script"
  | "kernel-log"
  | "elf"
  | "gzip"
  | "zstd"
  | "empty"
  | "unknown";

const magics: readonly (readonly [Content, readonly number[]])[] = [
  ["trace.dat", [0x17, 0x08, 0x44, ...new TextEncoder().encode("tracing")]],
  ["elf", [0x7f, 0x45, 0x4c, 0x46]],
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];

/** Bytes looked at: enough for a log whose first lines say little. */
const looked = 65536;

/** @returns what the source is; text by what most of its first lines are. */
export function sniff(source: ByteSource): Content {
  const bytes = new Uint8Array(looked + 8);
  const length = source.read(0, bytes.subarray(0, looked));
  if (length === 0) return "empty";
  for (const [content, magic] of magics) if (magic.every((byte, i) => bytes[i] === byte)) return content;
  bytes[length] = 10;
  return sniffText(bytes, length + 1);
}

function sniffText(bytes: Uint8Array, length: number): Content {
  const head = new LineHead(bytes);
  const decoder = new TextDecoder();
  const seen = { ftrace: 0, "perf-script": 0, "kernel-log": 0 };
  for (let at = 0; at < length; ) {
    const end = bytes.indexOf(10, at);
    const text = decoder.decode(bytes.subarray(at, Math.min(end, at + 4096)));
    if (/^# tracer: \w/.test(text) || /^# entries-in-buffer\//.test(text)) return "ftrace";
    if (head.read(at)) {
      const before = decoder.decode(bytes.subarray(at, Math.min(head.taskEnd, at + 256)));
      if (ftraceTask(before) !== null) seen.ftrace++;
      else if (perfTask(before) !== null) seen["perf-script"]++;
    } else if (isLogLine(text)) seen["kernel-log"]++;
    at = end + 1;
  }
  const most = Math.max(seen.ftrace, seen["perf-script"], seen["kernel-log"]);
  if (most === 0) return "unknown";
  if (seen.ftrace === most) return "ftrace";
  return seen["perf-script"] === most ? "perf-script" : "kernel-log";
}

/** A line with the kernel's mark, or one that a console without clocks would show. */
function isLogLine(text: string): boolean {
  const line = splitLogLine(text.trimEnd());
  if (line === null || /[\0\ufffd]/.test(text)) return false;
  return line.marked || /^Linux version \d/.test(line.message) || findingOf(line, 1, "") !== null;
}
