/**
 * Text of `perf script`: `comm pid [cpu] time: system:event: fields`, with `pid/tid` and nanoseconds when asked for.
 *
 * The fields are printed by the same formats as ftrace's. Source: Linux tools/perf/builtin-script.c as seen in output.
 */
import type { ByteSource } from "../bytes.js";
import type { EventSource } from "../event.js";
import type { TextForm } from "../ftrace_text/text_form.js";
import { TextSource } from "../ftrace_text/text_source.js";

const task = /^\s*(.*\S)\s+(?:-?\d+\/\s*)?(-?\d+)\s*$/s;

/** @returns "comm-pid" from what precedes `[cpu]`, the pid being the thread's; null when that is no task of perf's. */
export function perfTask(text: string): string | null {
  const [, comm, tid] = task.exec(text) ?? [];
  return comm === undefined ? null : `${comm}-${tid}`;
}

const perfScript: TextForm = {
  format: "perf-script",
  line: "lines of perf script (comm pid [cpu] time: system:event: ...)",
  task: perfTask,
};

/**
 * Read the text of `perf script`, merged by time over all CPUs. Call chains are skipped.
 *
 * @returns a source whose `next` throws Unreadable when no line of the whole text is an event.
 */
export function openPerfScript(source: ByteSource): EventSource {
  return new TextSource(source, perfScript);
}
