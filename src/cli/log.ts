/** The machine's kernel log, as a replay and an explanation need it. */
import { type KernelLog, readKernelLog } from "../read/index.js";
import type { Session } from "./session.js";

/** @throws Unreadable when there is no readable log at `path`. */
export async function readLog(path: string, session: Session): Promise<KernelLog> {
  const input = await session.open(path);
  try {
    return readKernelLog(input);
  } finally {
    input.close();
  }
}
