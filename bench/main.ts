/**
 * `npm run bench [-- --smoke] [-- NAME ...]`: one table of what was measured. Nothing here passes or fails; the targets
 * stand beside the figures.
 */
import { cpus } from "node:os";
import type { Row } from "./row.js";

const benches = [
  "pool",
  "iova",
  "engines",
  "dma",
  "requests",
  "run",
  "what_if",
  "trace_dat",
  "ftrace_text",
  "kernel_log",
  "table",
  "mapper",
  "explore",
  "memory",
  "reverse",
  "image",
] as const;

const args = process.argv.slice(2);
const smoke = args.includes("--smoke");
const wanted = args.filter((a) => !a.startsWith("--"));

const rows: Row[] = [];
for (const name of benches) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`${name} ...\n`);
  const { bench } = (await import(`./${name}.js`)) as { bench(o: { smoke: boolean }): Promise<Row[]> };
  rows.push(...(await bench({ smoke })));
}

const model = cpus()[0]?.model.trim() ?? "unknown processor";
console.log(
  `${smoke ? "Smoke run: the figures mean nothing. " : ""}Node ${process.version}, ${model}, ${cpus().length} CPUs`,
);
const width = (column: (r: Row) => string) => Math.max(...rows.map((r) => column(r).length));
const what = width((r) => r.what);
const measured = width((r) => r.measured);
const target = width((r) => r.target);
for (const r of rows) {
  const note = r.note === undefined ? "" : `  ${r.note}`;
  console.log(`${r.what.padEnd(what)}  ${r.measured.padStart(measured)}  ${r.target.padEnd(target)}${note}`.trimEnd());
}
