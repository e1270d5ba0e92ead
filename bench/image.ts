/**
 * Memory images: sparse ones as big as machines are, of which some frames hold tables, and one packed by kdump.
 *
 * The big ones are files with holes; reading them costs what a dump full of zeros costs.
 */
import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeElf } from "../test/read/image/image_writer.js";
import { writeKdump } from "../test/read/image/kdump_writer.js";
import type { How, Look } from "./image_pass.js";
import type { Row } from "./row.js";

const pass = join(dirname(fileURLToPath(import.meta.url)), "image_pass.js");
const frameBytes = 4096;

export async function bench({ smoke }: { smoke: boolean }): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "dmalab-bench-"));
  try {
    return measure(folder, smoke ? 64 : 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param less divide all sizes by this */
function measure(folder: string, less: number): Row[] {
  const path = join(folder, "image");
  const every = 320;
  const small = 2 ** 20 / less;
  writeSparse(path, { head: elfHead(small), frames: small, every });
  const elf = lookAt(path, {}, { frames: Math.floor(small / every), every, each: true });
  const large = 2 ** 24 / less;
  writeSparse(path, { head: new Uint8Array(0), frames: large, every });
  const raw = lookAt(path, { format: "raw" }, { frames: Math.floor(large / every), every, each: false });
  const pages = Math.floor(20_000 / less) + 1000;
  const held = new Map(Array.from({ length: pages }, (_, f) => [f, table(f)]));
  writeFileSync(path, writeKdump(held, { bits: 64, packing: "zlib" }));
  const kdump = lookAt(path, {}, { frames: pages, every: 1, each: true });

  const gibibytes = (frames: number) => frames / 2 ** 18;
  const tables = `${Math.round((large / every) * (frameBytes / 2 ** 20))} MiB of tables`;
  return [
    {
      what: `open an ELF core of ${gibibytes(small)} GiB`,
      measured: `${elf.openMilliseconds.toFixed(1)} ms`,
      target: "<= 1000 ms",
    },
    {
      what: `all frames of ${gibibytes(small)} GiB, sparse`,
      measured: `${(gibibytes(small) / elf.eachSeconds).toFixed(2)} GiB/s`,
      target: "",
      note: "the kernel fills a page for each hole that is read",
    },
    { what: "a frame that was read before", measured: `${raw.hitNanoseconds.toFixed(0)} ns`, target: "<= 50 ns" },
    { what: "a frame that was not, raw", measured: `${raw.missMicroseconds.toFixed(1)} µs`, target: "" },
    { what: "a page that was not, kdump with zlib", measured: `${kdump.missMicroseconds.toFixed(1)} µs`, target: "" },
    {
      what: "all pages of kdump with zlib",
      measured: `${((kdump.eachSeconds * 1e6) / kdump.visited).toFixed(1)} µs a page`,
      target: "",
    },
    {
      what: `${gibibytes(large)} GiB, sparse, ${tables}: memory`,
      measured: `${Math.round(raw.peakMebibytes)} MiB`,
      target: "<= 500 MiB",
    },
  ];
}

/** A page table as Linux fills them: some entries, most of them near each other. */
function table(f: number): Uint8Array {
  const words = new Uint32Array(1024);
  for (let i = 0; i < 300; i += 2) words[i] = ((f * 512 + i) << 12) | 0x63;
  return new Uint8Array(words.buffer);
}

function elfHead(frames: number): Uint8Array {
  const head = writeElf([{ address: 0, bytes: new Uint8Array(0) }], { bits: 64 });
  const view = new DataView(head.buffer);
  for (const at of [32, 40]) view.setBigUint64(64 + 64 + 56 + at, BigInt(frames * frameBytes), true);
  return head;
}

function writeSparse(path: string, o: { head: Uint8Array; frames: number; every: number }): void {
  const fd = openSync(path, "w");
  writeSync(fd, o.head);
  ftruncateSync(fd, o.head.length + o.frames * frameBytes);
  for (let f = 0; f < o.frames; f += o.every) writeSync(fd, table(f), 0, frameBytes, o.head.length + f * frameBytes);
  closeSync(fd);
}

function lookAt(path: string, options: object, o: How): Look {
  const args = [pass, path, JSON.stringify(options), JSON.stringify(o)];
  const done = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout) as Look;
}
