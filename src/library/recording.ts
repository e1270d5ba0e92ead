/** A recording of any of the forms that can be read, told apart by its content. */
import type { EventSource } from "../read/event.js";
import { openFtraceText, openPerfScript, openTraceDat, sniff, Unreadable } from "../read/index.js";
import type { Unpacked } from "../read/packed.js";

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
