/** A kernel log as a replay needs it. */
import type { LogFacts, LogRefusal } from "../lab/replay/machine/log_facts.js";
import type { KernelLog } from "../read/index.js";

export function logFacts(log: KernelLog): LogFacts {
  const refusals: LogRefusal[] = [];
  let refusalsSuppressed = 0;
  for (const f of log.findings) {
    if (f.kind === "suppressed" && f.of.includes("swiotlb")) refusalsSuppressed += f.count;
    if (f.kind !== "pool-full" || f.time === null) continue;
    const { time, device, size, total, used } = f;
    refusals.push({ time, device, size, total, used });
  }
  return { ...log, refusals, refusalsSuppressed };
}
