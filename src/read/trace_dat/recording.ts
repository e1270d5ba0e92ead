/** What a trace.dat file says beside its events: the same for version 6 and version 7. */
import type { Decompress } from "../zstd.js";
import type { Format } from "./format.js";
import type { PageLayout } from "./page_layout.js";

/** The ring-buffer pages of one CPU. */
export interface CpuData {
  readonly cpu: number;
  /** In the file. */
  readonly offset: number;
  /** Bytes in the file: whole sub-buffers, or a chunk count and chunks. */
  readonly size: number;
}

/** One ring buffer: the top one, or that of a trace instance. */
export interface Buffer {
  /** "" for the top one. */
  readonly name: string;
  readonly clock: string | null;
  readonly cpus: readonly CpuData[];
  /** How chunks are decompressed; null when pages are stored as they are. */
  readonly decompress: Decompress | null;
}

export interface Recording {
  readonly little: boolean;
  readonly layout: PageLayout;
  /** By event number: every event the file describes. */
  readonly formats: ReadonlyMap<number, Format>;
  /** Lines "pid comm" of saved_cmdlines. */
  readonly commands: ReadonlyMap<number, string>;
  /** Release of the kernel, from the uname option. */
  readonly kernel: string | null;
  readonly cpus: number;
  readonly buffer: Buffer;
}
