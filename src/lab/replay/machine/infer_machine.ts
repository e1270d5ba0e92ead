/**
 * The machine that a recording was made on: read from its log where the log says it, inferred from the addresses that
 * the kernel chose where it does not.
 */
import { hex } from "../../../base/hex.js";
import { alignmentOf } from "../../../spec/linux/driver_alignments.js";
import { pageBytes } from "../../../spec/swiotlb/sizes.js";
import { profileOf } from "../../../sw/swiotlb/index.js";
import type { FirstReading } from "./first_reading.js";
import { inferAlignments } from "./infer_alignments.js";
import { inferPool, knownPool } from "./infer_pool.js";
import type { LogFacts } from "./log_facts.js";
import { alignmentsBy, type KnownPool, type Machine } from "./machine.js";
import { maskWords } from "./masks.js";

/** @param names devices by number; @param cpus as the recording's header says */
export function inferMachine(o: {
  readonly firstReading: FirstReading;
  readonly log: LogFacts | null;
  readonly kernel: string | null;
  readonly cpus: number;
  /** Whether the recording is an excerpt, which does not state its CPUs. */
  readonly excerpt?: boolean;
  readonly deviceNames: readonly string[];
  readonly known?: KnownPool | null;
  /** Bytes that the pool's start is a multiple of. */
  readonly baseStep?: number;
}): Machine {
  const { firstReading, log, known = null, baseStep = pageBytes } = o;
  const kernel = log?.kernel ?? o.kernel;
  const inferred: string[] = [],
    evidence: string[] = [];
  const cpus = log?.cpus ?? Math.max(o.cpus, firstReading.cpuMax + 1);
  if (log?.cpus == null && o.excerpt === true) inferred.push("cpus");
  const drivers = o.deviceNames.map((name) => log?.drivers.get(name) ?? null);
  const table = drivers.map((driver) => alignmentOf(driver));
  const prior = alignmentsBy(
    (d) => table[d]?.minAlignMask ?? 0,
    (d) => table[d]?.boundary ?? 0,
  );
  const question = { firstReading, log, kernel, cpus, prior, baseStep, inferred, evidence };
  const pool = known === null ? inferPool(question) : knownPool(known, question);
  const devices = inferAlignments({ firstReading, pool, table, drivers, prior, count: o.deviceNames.length });
  devices.forEach((d, i) => {
    for (const { time, minAlignMask } of d.changes ?? []) {
      const when = `${(time / 1e6).toFixed(6)} s`;
      const what = `min_align_mask ${hex(minAlignMask)} from ${when} on`;
      evidence.push(`${o.deviceNames[i]}: ${what}, by the low bits that its bounces kept`);
    }
    for (const change of firstReading.masks.changes(i)) {
      evidence.push(
        `${o.deviceNames[i]}: a DMA mask of ${maskWords(change)} from ${(change.time / 1e6).toFixed(6)} s on`,
      );
    }
    if (d.from !== "driver" && (firstReading.devices[i]?.bounced ?? 0) > 0)
      inferred.push(`devices.${o.deviceNames[i]}.alignment`);
  });
  const profile = pool?.profile ?? profileOf(kernel, log?.pageBytes ?? null);
  const { pageBytes: page } = profile.rules;
  if (page !== pageBytes) evidence.push(`pages of ${page / 1024} KiB: the kernel's log or the name of its release`);
  return { kernel, cpus, pool, profile, devices, inferred, evidence };
}
