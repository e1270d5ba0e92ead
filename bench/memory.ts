/** The most memory that `dmalab run` takes on a long recording: a real one repeated. */
import { rmSync } from "node:fs";
import { runCommand } from "./command.js";
import { repeated } from "./repeated.js";
import type { Row } from "./row.js";

export async function bench(o: { smoke: boolean }): Promise<Row[]> {
  const r = repeated("fixtures/swiotlb-full/trace.txt.gz", { bytes: o.smoke ? 2 ** 23 : 2 ** 30 });
  try {
    const run = runCommand(["run", r.path, "--json"]);
    const document = JSON.parse(run.output) as { source: { events: number } };
    if (document.source.events !== r.events) throw new Error(`read ${document.source.events} of ${r.events} events`);
    const size = `${Math.round(r.bytes / 2 ** 20)} MiB of text`;
    return [
      {
        what: `run on ${size}, ${r.events} events: memory`,
        measured: `${Math.round(run.mebibytes)} MiB`,
        target: "<= 300 MiB",
      },
      {
        what: `run on ${size}: time of one core`,
        measured: `${run.cpuSeconds.toFixed(1)} s`,
        target: "<= 20 s",
        note: "a repeated recording contradicts itself at each seam, which is the slow case",
      },
    ];
  } finally {
    rmSync(r.folder, { recursive: true });
  }
}
