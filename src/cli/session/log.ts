/** The machine's kernel log, as a file. */
import { type KernelLog, readKernelLog } from "../../read/kernel_log/read_kernel_log.js";
import { refuseNoLog } from "./content.js";
import type { Session } from "./session.js";

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
