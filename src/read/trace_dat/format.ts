/**
 * The layout of an event's record, from the text the kernel gives of it.
 *
 * Source: tracing/events/SYSTEM/EVENT/format, described in Linux Documentation/trace/events.rst section 2.2; the file
 * carries the text of every event of the recorded kernel.
 */
import { probeNames } from "../probes/probes.js";
import { tracepoint } from "../tracepoints.js";

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  /** `__data_loc`: the field holds where in the record the value is. `__rel_loc`: counted from the field's end. */
  readonly where: "here" | "data_loc" | "rel_loc";
  /** Bytes of an element of a dynamic array; the field's size else. */
  readonly elementBytes: number;
}

export interface Format {
  readonly system: string;
  readonly name: string;
  readonly id: number;
  /** Empty for events that nothing reads. */
  readonly fields: readonly Field[];
}

/** Room for the lines "name:" and "ID:", which every format begins with. */
export const headBytes = 160;

/**
 * @param text the format file; of an event that nothing reads, its first `headBytes` do.
 * @returns null when the text is none.
 */
export function parseFormat(system: string, text: string, longBytes: number): Format | null {
  const end = text.indexOf("\nID: ");
  if (end < 0 || end > headBytes - 16 || !text.startsWith("name: ")) return null;
  const name = text.slice(6, end);
  const id = Number.parseInt(text.slice(end + 5, end + 11), 10);
  if (!(id >= 0 && id <= 0xffff)) return null;
  const isRead = tracepoint(system, name) !== undefined || probeNames.has(name);
  return { system, name, id, fields: isRead ? parseFields(text, longBytes) : [] };
}

/** @returns whether a format's first `headBytes` name a probe that is read, whatever its system is called. */
export function isProbe(head: string): boolean {
  return probeNames.has(/^name: (\w{1,64})\n/.exec(head)?.[1] ?? "");
}

/** Longest format text that is looked at: the longest of a kernel is some 30 KB, nearly all of it print format. */
export const mostFormatBytes = 1 << 20;

const declaration = /^\tfield:([^;]{1,300});\s*offset:(\d{1,6});\s*size:(\d{1,6});/;

function parseFields(text: string, longBytes: number): readonly Field[] {
  const fields: Field[] = [];
  const end = text.indexOf("\nprint fmt:");
  for (const line of text.slice(0, end < 0 ? undefined : end).split("\n")) {
    const m = declaration.exec(line);
    if (m === null) continue;
    const [, declared = "", offset, size] = m;
    const name = /(\w+)(?:\[[^\]]*\])?$/.exec(declared)?.[1] ?? "";
    const where = declared.startsWith("__data_loc ")
      ? "data_loc"
      : declared.startsWith("__rel_loc ")
        ? "rel_loc"
        : "here";
    const elementBytes = where === "here" ? Number(size) : elementSize(declared, longBytes);
    fields.push({ name, offset: Number(offset), size: Number(size), where, elementBytes });
  }
  return fields;
}

/** Bytes of an element of `__data_loc TYPE[] name`; 0 when the type is none that a list has. */
function elementSize(declared: string, longBytes: number): number {
  const type = /^__(?:data|rel)_loc (.*)\[\]/.exec(declared)?.[1] ?? "";
  if (/^(char|u8|s8|unsigned char)$/.test(type)) return 1;
  if (/^(int|u32|s32|unsigned int|unsigned|__u32)$/.test(type)) return 4;
  if (/^(u64|s64|__u64|unsigned long long|long long)$/.test(type)) return 8;
  return /^(unsigned long|long|size_t)$/.test(type) ? longBytes : 0;
}
