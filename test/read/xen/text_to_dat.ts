/** A Xen recording's text written again as trace.dat: probes and single mappings, by formats as a kernel would give. */
import { parts, repacked } from "../made_recording.js";
import { writeTraceDat } from "../trace_dat_writer.js";
import { type FieldLine, type FieldValue, type MadeFormat, makeFormat, makeRecord } from "../trace_records.js";

const line = /^\s*(.+)-(\d+)\s+\[(\d+)\] (\S{5})\s+(\d+)\.(\d{6}): (\w+): (.*)$/;
const directions = ["BIDIRECTIONAL", "TO_DEVICE", "FROM_DEVICE", "NONE"];
const text = (name: string): FieldLine => [`__data_loc char[] ${name}`, 4];
const u64 = (name: string): FieldLine => [`u64 ${name}`, 8];

const mapped: readonly FieldLine[] = [
  ...[text("device"), u64("phys_addr"), u64("dma_addr"), u64("size")],
  ...([["enum dma_data_direction dir", 4], u64("attrs")] as const),
];
const unmapped: readonly FieldLine[] = mapped.filter(([d]) => !d.includes("phys_addr"));

interface Event {
  readonly name: string;
  readonly fields: readonly FieldLine[];
  readonly values: readonly FieldValue[];
}

/** @returns the bytes of a trace.dat with the events of these names; one CPU. */
export function textToDat(lines: string, names: ReadonlySet<string>): Uint8Array {
  const formats = new Map<string, MadeFormat>();
  const events: { time: bigint; record: Uint8Array }[] = [];
  const tasks = new Map<number, string>();
  for (const row of lines.split("\n")) {
    const m = line.exec(row);
    if (m === null || !names.has(m[7]!)) continue;
    const event = m[7]!.startsWith("dma_") ? tracepoint(m[7]!, m[8]!) : probe(m[7]!, m[8]!);
    let format = formats.get(event.name);
    if (format === undefined) {
      format = makeFormat(event.name, 1000 + formats.size, event.fields);
      formats.set(event.name, format);
    }
    const pid = Number(m[2]);
    tasks.set(pid, m[1]!);
    const flags = { h: 8, H: 24, s: 16 }[m[4]![2]!] ?? 0;
    const time = (BigInt(m[5]!) * 1_000_000n + BigInt(m[6]!)) * 1000n;
    events.push({ time, record: makeRecord(format, pid, flags, event.values) });
  }
  const systemOf = (name: string) => (name.startsWith("dma_") ? "dma" : "mine");
  const systems: Record<string, MadeFormat[]> = {};
  for (const [name, format] of formats) (systems[systemOf(name)] ??= []).push(format);
  const commands = [...tasks].map(([pid, name]) => `${pid} ${name}\n`).join("");
  return writeTraceDat({ ...parts(systems, [events]), commands }, repacked);
}

function tracepoint(name: string, args: string): Event {
  const get = (key: string) => new RegExp(`\\b${key}=(\\S*)`).exec(args)?.[1] ?? "";
  const common = [BigInt(`0x${get("dma_addr")}`), BigInt(get("size")), directions.indexOf(get("dir")), 0];
  const device = args.split(" ")[0]!;
  if (name === "dma_map_phys") {
    return { name, fields: mapped, values: [device, BigInt(`0x${get("phys_addr")}`), ...common] };
  }
  return { name, fields: unmapped, values: [device, ...common] };
}

/** A probe's arguments have the types that whoever recorded gave them: statuses 16 bits, the rest 64. */
function probe(name: string, args: string): Event {
  const pairs = [...args.matchAll(/(\w+)=("[^"]*"|-?\w+)/g)].filter(([, key]) => !/^\d/.test(key!));
  const fields: FieldLine[] = [u64("__probe_ip")];
  const values: FieldValue[] = [0];
  for (const [, key, value] of pairs) {
    if (value!.startsWith('"')) {
      fields.push(text(key!));
      values.push(value!.slice(1, -1));
    } else {
      fields.push(/^st\d/.test(key!) ? [`s16 ${key}`, 2] : u64(key!));
      values.push(value!.startsWith("-") ? -BigInt(value!.slice(1)) : BigInt(value!));
    }
  }
  return { name, fields, values };
}
