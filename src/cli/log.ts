/** The machine's kernel log, as a replay and an explanation need it. */
import { type KernelLog, readKernelLog } from "../read/index.js";
import { openInput } from "./input.js";

/** @throws Unreadable when there is no readable log at `path`. */
export async function readLog(path: string): Promise<KernelLog> {
  const input = await openInput(path);
  try {
    return readKernelLog(input);
  } finally {
    input.close();
  }
}
