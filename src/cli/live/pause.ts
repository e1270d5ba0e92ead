/** A guest held still while it is read: it runs on afterwards whatever happens, unless it stood still before. */
import type { Qmp } from "./qmp.js";

/** Signals that end a program in the usual way; each of them resumes the guest first. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** How a pause ends. Other than the process itself, tests take the signals and the exit. */
export interface PauseHost {
  on(signal: string, handler: () => void): unknown;
  off(signal: string, handler: () => void): unknown;
  /** @param code 128 + the signal's number */
  exit(code: number): void;
}

const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Stop the guest, run `read`, let it run again: also when `read` throws and on SIGINT, SIGTERM and SIGHUP. A guest
 * that was not running stays as it was. A kill that no program sees (SIGKILL) leaves the guest stopped: `cont` in its
 * monitor resumes it.
 * @returns what `read` returned.
 * @throws what `read` threw; Unreadable when QEMU does not obey.
 */
export async function whilePaused<T>(qmp: Qmp, read: () => Promise<T>, host: PauseHost = process): Promise<T> {
  if (!(await qmp.runState()).running) return read();
  let resumed: Promise<unknown> | null = null;
  const resume = () => (resumed ??= qmp.execute("cont"));
  const handlers = signals.map((signal) => {
    const handler = () => {
      const leave = () => host.exit(codes[signal]);
      resume().then(leave, leave);
    };
    host.on(signal, handler);
    return [signal, handler] as const;
  });
  try {
    try {
      await qmp.execute("stop");
      return await read();
    } finally {
      await resume();
    }
  } finally {
    for (const [signal, handler] of handlers) host.off(signal, handler);
  }
}
