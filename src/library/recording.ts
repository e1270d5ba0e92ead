/** A recording of any of the forms that can be read, told apart by its content. */
import type { EventSource } from "../read/event.js";
import { openFtraceText } from "../read/ftrace_text/open_ftrace_text.js";
import { sniff } from "../read/open/open.js";
import type { Unpacked } from "../read/packed.js";
import { openPerfScript } from "../read/perf_script/perf_script.js";
import { openTraceDat } from "../read/trace_dat/open.js";
import { Unreadable } from "../read/unreadable.js";

/** @throws Unreadable when the content is no recording. */
export async function openRecording(input: Unpacked): Promise<EventSource> {
  const source = await open(input);
  if (input.damage !== null) source.warnings.add("", input.damage);
  return source;
}

async function open(input: Unpacked): Promise<EventSource> {
  const form = sniff(input);
  switch (form) {
    case "trace.dat":
      return openTraceDat(input);
    case "ftrace":
      return openFtraceText(input);
    case "perf-script":
      return openPerfScript(input);
    default:
      throw new Unreadable(input.name, "", "trace.dat, ftrace text or perf script text", found(form));
  }
}

function found(form: string): string {
  if (form === "elf") return "an ELF file";
  return form === "kernel-log" ? "a kernel log" : "something else";
}
