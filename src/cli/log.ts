/** The machine's kernel log, as a replay and an explanation need it. */
import type { LogRefusal } from "../lab/replay/log_refusals.js";
import type { LogFacts } from "../lab/replay/machine.js";
import { type KernelLog, readKernelLog } from "../read/index.js";
import { refuseNoLog } from "./content.js";
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

/**
 * @param named whether the user named it as a log, so that another kind of file is a mistake
 * @throws Unreadable when there is no readable log at `path`; AskedWrongly for another kind of file that was named.
 */
export async function readLog(path: string, session: Session, named = false): Promise<KernelLog> {
  const input = await session.open(path);
  try {
    if (named) await refuseNoLog(input, path);
    return readKernelLog(input);
  } finally {
    input.close();
  }
}
