/** A guest held still while it is read: it runs on afterwards whatever happens, unless it stood still before. */
import type { Host } from "../../host/host.js";
import type { Qmp } from "./qmp.js";

/**
 * Stop the guest, run `read`, let it run again: also when `read` throws and before a signal ends the process. A guest
 * that was not running stays as it was. A kill that no program sees (SIGKILL) leaves the guest stopped: `cont` in its
 * monitor resumes it.
 * @returns what `read` returned.
 * @throws what `read` threw; Unreadable when QEMU does not obey.
 */
export async function whilePaused<T>(
  qmp: Qmp,
  read: () => Promise<T>,
  { beforeEnd }: Pick<Host, "beforeEnd">,
): Promise<T> {
  if (!(await qmp.runState()).running) return read();
  let resumed: Promise<unknown> | null = null;
  const resume = () => (resumed ??= qmp.execute("cont"));
  const takeBack = beforeEnd(async () => void (await resume()));
  try {
    try {
      await qmp.execute("stop");
      return await read();
    } finally {
      await resume();
    }
  } finally {
    takeBack();
  }
}
