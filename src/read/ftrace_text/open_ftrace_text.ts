/** ftrace text: the kernel's `trace` and `trace_pipe`, and what `trace-cmd report` prints. */
import type { ByteSource } from "../bytes.js";
import type { EventSource } from "../event.js";
import type { TextForm } from "./text_form.js";
import { TextSource } from "./text_source.js";

/** The task's name may hold anything, dashes and blanks included; after it come the pid and, if asked for, the tgid. */
const task = /^\s*(.*\S)-(\d+)\s*(?:\(\s*[\d-]+\)\s*)?$/s;

/** @returns "comm-pid" from what precedes `[cpu]`, null when that is no task of ftrace's. */
export function ftraceTask(text: string): string | null {
  const [, comm, pid] = task.exec(text) ?? [];
  return comm === undefined ? null : `${comm}-${pid}`;
}

const ftrace: TextForm = {
  format: "ftrace",
  line: "lines of ftrace text (task-pid [cpu] time: event: ...)",
  task: ftraceTask,
};

/**
 * Read ftrace text, merged by time over all CPUs. A line that is cut or damaged is left out with a warning.
 *
 * @returns a source whose `next` throws Unreadable when no line of the whole text is an event.
 */
export function openFtraceText(source: ByteSource): EventSource {
  return new TextSource(source, ftrace);
}
