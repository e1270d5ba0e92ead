/** The machine's kernel log, as a replay and an explanation need it. */
import type { LogRefusal } from "../lab/replay/log_refusals.js";
import type { LogFacts } from "../lab/replay/machine.js";
import { type KernelLog, readKernelLog } from "../read/index.js";
import type { Session } from "./session.js";

/** The log as a replay needs it. */
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

/** @throws Unreadable when there is no readable log at `path`. */
export async function readLog(path: string, session: Session): Promise<KernelLog> {
  const input = await session.open(path);
  try {
    return readKernelLog(input);
  } finally {
    input.close();
  }
}
