/**
 * DMA of a described machine's devices: 64 bytes to a page in turn, by the bus that the machine has. One device of each IOMMU,
 * with and without a TLB of its own, and one of each engine without.
 *
 * Few pages are those that caches hold (64 translations in a unit, 8 in a device); many are always missed. Where nothing is
 * cached, few and many differ by the processor's caches alone. Copying the bytes is included.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeMachine } from "../src/lab/machine/description/description.js";
import { buildDevices } from "../src/lab/machine/platform/devices.js";
import { buildHost } from "../src/lab/machine/platform/host.js";
import { Direction } from "../src/spec/dma/direction.js";
import type { Row } from "./row.js";

const [few, many] = [6, 1024];

const units = ["vtd", "vtd-scalable", "amdvi", "smmuv3"] as const;

export async function bench(o: { smoke: boolean }): Promise<Row[]> {
  const rows: Row[] = [];
  for (const kind of units) {
    for (const ats of [false, true]) {
      const text = [
        'kernel: "7.2"',
        `arch: ${kind === "smmuv3" ? "arm" : "x86"}`,
        "memory: 256MiB",
        `iommu: { kind: ${kind}, policy: strict }`,
        "devices:",
        `  - { bdf: "0000:00:03.0", driver: nvme, mask: 64, ats: ${ats} }`,
      ].join("\n");
      rows.push(row(`${kind}${ats ? ", translated by the device (ATS)" : ""}`, text, o.smoke));
    }
  }
  for (const file of readdirSync("machines")) {
    const text = file.endsWith(".yaml") ? readFileSync(join("machines", file), "utf8") : "";
    if (text.includes("workload:") && !text.includes("\niommu:"))
      rows.push(row(file.replace(".yaml", ""), text, o.smoke));
  }
  return rows;
}

function row(what: string, text: string, smoke: boolean): Row {
  const described = describeMachine(what, text);
  const host = buildHost(described.machine);
  const { api, requester, engine } = buildDevices(described, host, null)[0]!;
  const buses = Float64Array.from({ length: many }, () => {
    const { bus } = api.map(host.kernel.allocPages(0)! * 4096, 4096, Direction.bidirectional);
    if (api.mappingError(bus)) throw new Error(`${what}: a mapping of the benchmark was refused`);
    return bus;
  });
  const bytes = new Uint8Array(64);
  const round = (pages: number, count: number) => () => {
    for (let n = 0; n < count; n++) {
      const outcome = host.port.write(requester, buses[n % pages]!, bytes);
      if (outcome !== "done") throw new Error(`${what}: ${outcome}`);
    }
  };
  const count = smoke ? 100 : 5_000;
  const [hit, miss] = [few, many].map((pages) => count / least(round(pages, count), smoke ? 2 : 12));
  const million = (perSecond: number) => `${(perSecond / 1e6).toFixed(2)} M`;
  return {
    what: `DMA: ${what}`,
    measured: `${million(hit!)}/s of ${few} pages, ${million(miss!)}/s of ${many}`,
    target: "",
    note: `engine ${engine.name}`,
  };
}

/** Processor time in seconds, the least of several rounds. */
function least(run: () => void, rounds: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let r = 0; r < rounds; r++) {
    const begin = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(begin);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}
