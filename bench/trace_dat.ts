/**
 * Reading trace.dat: against `trace-cmd report` on the same file, which formats text where we fill columns.
 *
 * The file is a real recording (fixtures/swiotlb-force) with its ring-buffer pages repeated and their time stamps
 * advanced, until it holds a million events.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { plainV6, plainV7, takeApart, writeTraceDat } from "../test/read/trace_dat_writer.js";
import type { Row } from "./row.js";
import { onePass, type Pass } from "./trace_dat_pass.js";

const pageBytes = 4096;

export async function bench({ smoke }: { smoke: boolean }): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "dmalab-bench-"));
  try {
    return await measure(folder, smoke);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measure(folder: string, smoke: boolean): Promise<Row[]> {
  const times = smoke ? 1 : 5;
  const plain = join(folder, "v6.dat");
  const packed = join(folder, "v7.dat");
  const parts = repeated(smoke ? 3 : 226);
  writeFileSync(plain, writeTraceDat(parts, plainV6));
  const converted = spawnSync("trace-cmd", ["convert", "-i", plain, "-o", packed, "--compression", "zstd"]);
  const zstd = converted.status === 0 && existsSync(packed);
  if (!zstd) writeFileSync(packed, writeTraceDat(parts, { ...plainV7, compression: "zlib" }));
  const compression = zstd ? "zstd" : "zlib (trace-cmd is not here to pack zstd)";

  const bytes = readFileSync(plain);
  let warm = await onePass(bytes);
  for (let i = 0; i < times * 3; i++) warm = faster(warm, await onePass(bytes));
  const cold = best(times, () => passInProcess(plain)[0]);
  const whole = best(times, () => passInProcess(packed)[1]);
  const report = best(times, () => reportMilliseconds(plain));
  const reportPacked = best(times, () => reportMilliseconds(packed));

  const each = (ms: number) => `${((ms * 1e6) / warm.events).toFixed(0)} ns/event`;
  const row = (what: string, ms: number, against: number, target: number, note?: string): Row => ({
    what: `trace.dat, ${warm.events} events, ${what}`,
    measured: Number.isNaN(against)
      ? each(ms)
      : `${each(ms)}; trace-cmd report ${each(against)}: ${(against / ms).toFixed(1)} times`,
    target: `${target} times trace-cmd report`,
    ...(Number.isNaN(against) ? { note: "trace-cmd is not installed" } : note === undefined ? {} : { note }),
  });
  return [
    row("version 6, bytes to columns, warm", warm.milliseconds, report, 50),
    row("version 6, bytes to columns, first pass of a process", cold, report, 17),
    row(`version 7, ${compression}, whole process`, whole, reportPacked, 6, "both with the start of the process"),
  ];
}

/** The recording with its pages n times, each time 30 seconds later. */
function repeated(n: number): ReturnType<typeof takeApart> {
  const fixture = new URL("fixtures/swiotlb-force/trace.v6.dat.gz", root());
  const parts = takeApart(gunzipSync(readFileSync(fixture)));
  for (const cpu of parts.cpus) {
    const once = cpu.pages;
    cpu.pages = new Uint8Array(once.length * n);
    const view = new DataView(cpu.pages.buffer);
    for (let r = 0; r < n; r++) cpu.pages.set(once, r * once.length);
    for (let page = 0; page < cpu.pages.length; page += pageBytes) {
      const later = BigInt(Math.floor(page / once.length)) * 30_000_000_000n;
      view.setBigUint64(page, view.getBigUint64(page, true) + later, true);
    }
  }
  return parts;
}

/** The package's folder, from here or from where this is compiled to. */
function root(): URL {
  const above = new URL("../", import.meta.url);
  return existsSync(new URL("fixtures/", above)) ? above : new URL("../../", import.meta.url);
}

const faster = (a: Pass, b: Pass): Pass => (b.milliseconds < a.milliseconds ? b : a);

function best(times: number, measured: () => number): number {
  return Math.min(...Array.from({ length: times }, measured));
}

/** @returns milliseconds of the pass within the process, and of the whole process. */
function passInProcess(path: string): [number, number] {
  const script = fileURLToPath(new URL("./trace_dat_pass.js", import.meta.url));
  const begin = performance.now();
  const { stdout } = spawnSync(process.execPath, [script, path], { encoding: "utf8" });
  const whole = performance.now() - begin;
  return [(JSON.parse(stdout) as Pass).milliseconds, whole];
}

/** @returns milliseconds of `trace-cmd report`, its text thrown away; NaN when it is not installed. */
function reportMilliseconds(path: string): number {
  const begin = performance.now();
  const done = spawnSync("trace-cmd", ["report", "-i", path], { stdio: "ignore" });
  return done.status === 0 ? performance.now() - begin : Number.NaN;
}
