/** Recordings made from formats and records, to be written and opened. */
import { memorySource } from "../../src/read/bytes.js";
import type { EventSource } from "../../src/read/event.js";
import { openTraceDat } from "../../src/read/trace_dat/open.js";
import { type FileShape, type Parts, plainV6, writeTraceDat } from "./trace_dat_writer.js";
import type { FieldLine, MadeFormat } from "./trace_records.js";

export const device: FieldLine = ["__data_loc char[] device", 4];
export const dir: FieldLine = ["enum dma_data_direction dir", 4];
export const attrs: FieldLine = ["unsigned long attrs", 8];
export const size: FieldLine = ["size_t size", 8];
export const u64 = (name: string): FieldLine => [`u64 ${name}`, 8];
export const list = (name: string): FieldLine => [`__data_loc u64[] ${name}`, 4];
export const lengths: FieldLine = ["__data_loc unsigned int[] lengths", 4];
export const allOnes = 0xffff_ffff_ffff_ffffn;

const made = { pages: new Uint8Array(0) };

export function parts(
  systems: Record<string, MadeFormat[]>,
  cpus: { time: bigint; record: Uint8Array; lost?: number }[][],
): Parts {
  return {
    ftrace: [],
    systems: Object.entries(systems).map(([name, formats]) => ({ name, formats: formats.map((f) => f.text) })),
    commands: "7 kworker/0:1\n300 a b-c\n",
    options: [{ id: 4, data: Buffer.from("[local] global\n\0") }],
    cpus: cpus.map((events, cpu) => ({ cpu, ...made, events })),
  };
}

export const repacked = { ...plainV6, choices: {} };

export async function open(p: Parts, shape: FileShape = repacked): Promise<EventSource> {
  return openTraceDat(memorySource("made.dat", writeTraceDat(p, shape)));
}

export const bdf = "0000:00:03.0";
